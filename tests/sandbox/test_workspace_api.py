"""The Web API of the local workspace, as the real slack_sdk client sees it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace.client import WorkspaceClient, WorkspaceError, running

SECTION = [{"type": "section", "text": {"type": "mrkdwn", "text": "*Hello*"}}]


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceClient]:
    async with running() as started:
        yield started


@pytest.fixture
async def slack(workspace: WorkspaceClient) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


async def test_who_am_i_and_who_else(slack: AsyncWebClient) -> None:
    me = await slack.auth_test()
    assert (me["user_id"], me["team_id"], me["bot_id"]) == ("U0BOT", "T0LOCAL", "B0BOT")
    people = {p["id"]: p for p in (await slack.users_list())["members"]}
    assert people["U0GUEST"]["is_restricted"] is True
    assert (await slack.users_info(user="U0ANA"))["user"]["real_name"] == "Ana Ortiz"
    assert await refusal(slack.users_info(user="U0NOBODY")) == "user_not_found"
    groups = {g["handle"]: g for g in (await slack.usergroups_list(include_users=True))["usergroups"]}
    assert groups["upgrade-approvers"]["users"] == ["U0ANA", "U0BEN", "U0CHLOE"]
    assert (await slack.usergroups_users_list(usergroup="S0ONCALL"))["users"] == ["U0SAM"]
    assert await refusal(slack.usergroups_users_list(usergroup="S0NONE")) == "no_such_subteam"


async def test_tokens(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    async with aiohttp.ClientSession() as session:
        wrong = AsyncWebClient("xoxb-other", base_url=workspace.api, session=session)
        assert await refusal(wrong.auth_test()) == "invalid_auth"
        none = AsyncWebClient(base_url=workspace.api, session=session)
        assert await refusal(none.auth_test()) == "not_authed"
    assert (
        await refusal(slack.apps_connections_open(app_token=workspace.bot_token)) == "not_allowed_token_type"
    )
    assert await refusal(slack.auth_test(token=workspace.app_token)) == "not_allowed_token_type"
    assert (await slack.apps_connections_open(app_token=workspace.app_token))["url"].startswith(
        "ws://127.0.0.1"
    )
    assert await refusal(slack.api_call("chat.shout")) == "unknown_method"


@pytest.mark.parametrize("how", ["query", "form", "json", "multipart", "json in a string"])
async def test_arguments_arrive_in_every_form(workspace: WorkspaceClient, how: str) -> None:
    plain = {"token": workspace.bot_token, "channel": workspace.channel, "blocks": json.dumps(SECTION)}
    structured = {**plain, "blocks": SECTION}
    form = aiohttp.FormData(default_to_multipart=True)
    for name, value in plain.items():
        form.add_field(name, value)
    kinds: dict[str, dict[str, Any]] = {
        "query": {"params": plain},
        "form": {"data": plain},
        "json": {"json": structured},
        "multipart": {"data": form},
        "json in a string": {"json": json.dumps(structured)},
    }
    method = "GET" if how == "query" else "POST"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, f"{workspace.api}chat.postMessage", **kinds[how]) as response,
    ):
        assert (await response.json())["ok"] is True
    (message,) = await workspace.messages()
    assert message.words == "*Hello*"


async def test_post_update_delete(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    posted = await slack.chat_postMessage(channel="#identity-ops", text="Hello", blocks=SECTION)
    where: dict[str, Any] = {"channel": posted["channel"], "ts": posted["ts"]}
    await slack.chat_update(**where, text="Changed", blocks=SECTION)
    assert (await workspace.messages())[0].blocks
    await slack.chat_update(**where, text="Without blocks")
    (message,) = await workspace.messages()
    assert (message.text, message.blocks) == ("Without blocks", [])
    assert [before["text"] for before in message.raw["earlier"]] == ["Hello", "Changed"]
    assert message.raw["edited"]["user"] == "U0BOT"
    link = await slack.chat_getPermalink(channel=where["channel"], message_ts=where["ts"])
    assert link["permalink"].startswith(workspace.address)
    await slack.chat_delete(**where)
    assert (await slack.conversations_history(channel=where["channel"]))["messages"] == []
    assert await refusal(slack.chat_update(**where, text="Late")) == "message_not_found"


async def test_what_is_refused(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    channel = workspace.channel
    assert await refusal(slack.chat_postMessage(channel="C0NONE", text="x")) == "channel_not_found"
    assert await refusal(slack.api_call("chat.postMessage", json={"channel": channel})) == "no_text"
    assert await refusal(slack.chat_postMessage(channel=channel, text="x" * 40_001)) == "msg_too_long"
    assert (
        await refusal(slack.chat_postMessage(channel=channel, text="x", thread_ts="1.0"))
        == "thread_not_found"
    )
    assert await refusal(slack.chat_update(channel=channel, ts="1.0", text="x")) == "message_not_found"
    ts = await workspace.say("U0ANA", "Mine")
    assert await refusal(slack.chat_update(channel=channel, ts=ts, text="x")) == "cant_update_message"
    shown = await slack.chat_postEphemeral(channel=channel, user="U0ANA", text="Psst")
    assert (
        await refusal(slack.chat_update(channel=channel, ts=shown["message_ts"], text="x"))
        == "message_not_found"
    )
    await workspace.control("channel", id=channel, members=["U0ANA"])
    assert await refusal(slack.chat_postMessage(channel=channel, text="x")) == "not_in_channel"


async def test_bad_blocks_are_named(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    long = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    with pytest.raises(SlackApiError) as caught:
        await slack.chat_postMessage(channel=workspace.channel, text="x", blocks=long)
    assert caught.value.response["error"] == "invalid_blocks"
    assert caught.value.response["response_metadata"]["messages"] == [
        "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
    ]
    assert await workspace.messages() == []


async def test_history_threads_and_metadata(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    channel = workspace.channel
    metadata = {"event_type": "announced", "event_payload": {"event": 7}}
    first = await slack.chat_postMessage(channel=channel, text="first", metadata=metadata)
    second = await slack.chat_postMessage(channel=channel, text="second")
    await slack.chat_postMessage(channel=channel, text="reply", thread_ts=first["ts"])
    await slack.chat_postEphemeral(channel=channel, user="U0ANA", text="unseen")
    plain = (await slack.conversations_history(channel=channel))["messages"]
    assert [m["text"] for m in plain] == ["second", "first"]
    assert all("metadata" not in m for m in plain)
    full = (await slack.conversations_history(channel=channel, include_all_metadata=True))["messages"]
    assert full[1]["metadata"] == metadata
    assert full[1]["reply_count"] == 1
    replies = (await slack.conversations_replies(channel=channel, ts=first["ts"]))["messages"]
    assert [m["text"] for m in replies] == ["first", "reply"]
    later = await slack.conversations_history(channel=channel, oldest=first["ts"])
    assert [m["text"] for m in later["messages"]] == ["second"]
    both = await slack.conversations_history(channel=channel, oldest=first["ts"], inclusive=True)
    assert len(both["messages"]) == 2
    page = await slack.conversations_history(channel=channel, limit=1)
    assert page["has_more"] is True
    rest = await slack.conversations_history(
        channel=channel, limit=1, cursor=page["response_metadata"]["next_cursor"]
    )
    assert [m["text"] for m in rest["messages"]] == ["first"]
    await slack.chat_update(channel=channel, ts=first["ts"], text="edited")
    kept = (await slack.conversations_history(channel=channel, include_all_metadata=True))["messages"]
    assert kept[1]["metadata"] == metadata
    bad = {"event_type": "announced"}
    assert (
        await refusal(slack.chat_postMessage(channel=channel, text="x", metadata=bad))
        == "invalid_metadata_format"
    )
    assert second["ts"] > first["ts"]


async def test_direct_messages_and_deactivated_people(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    opened = (await slack.conversations_open(users="U0BEN"))["channel"]["id"]
    await slack.chat_postMessage(channel=opened, text="To Ben")
    await slack.chat_postMessage(channel="U0BEN", text="Again")
    assert [m.text for m in await workspace.seen_by("U0BEN")] == ["To Ben", "Again"]
    assert await workspace.seen_by("U0ANA") == []
    await workspace.control("people", id="U0BEN", deactivated=True)
    assert (await slack.users_info(user="U0BEN"))["user"]["deleted"] is True
    assert await refusal(slack.conversations_open(users="U0BEN")) == "user_disabled"
    with pytest.raises(WorkspaceError, match="deactivated"):
        await workspace.command("U0BEN", "/upgrade")


async def test_free_plan_has_no_user_groups(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    await workspace.control("plan", free=True)
    assert await refusal(slack.usergroups_list()) == "plan_upgrade_required"
    await workspace.control("plan", free=False)
    await workspace.control("group", id="S0APPROVE", users=["U0ANA"])
    assert (await slack.usergroups_users_list(usergroup="S0APPROVE"))["users"] == ["U0ANA"]


async def test_429_is_waited_out_by_the_sdk(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    await workspace.control("limit", method="chat.postMessage", times=1, retry_after=1)
    assert await refusal(slack.chat_postMessage(channel=workspace.channel, text="x")) == "ratelimited"
    await workspace.control("limit", method="chat.postMessage", times=1, retry_after=1)
    slack.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await slack.chat_postMessage(channel=workspace.channel, text="x"))["ok"]
    posts = await workspace.calls("chat.postMessage")
    assert [call["error"] for call in posts] == ["ratelimited", "ratelimited", None]
    assert posts[2]["at"] - posts[1]["at"] >= 1


async def test_slacks_own_limits(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    await workspace.control("limit", real=True)
    await slack.chat_postMessage(channel=workspace.channel, text="x")
    with pytest.raises(SlackApiError) as caught:
        await slack.chat_postMessage(channel=workspace.channel, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "1"
    await slack.chat_postMessage(channel="U0ANA", text="another channel")


async def test_a_lost_answer_is_a_message_all_the_same(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    await workspace.control("outage", mode="lost-answers", method="chat.postMessage", times=1)
    slack.retry_handlers.clear()
    with pytest.raises(aiohttp.ClientError):
        await slack.chat_postMessage(channel=workspace.channel, text="Once")
    assert [m.text for m in await workspace.messages()] == ["Once"]
    assert (await workspace.calls("chat.postMessage"))[0]["lost"] is True
    assert (await slack.chat_postMessage(channel=workspace.channel, text="Twice"))["ok"]


async def test_an_outage_ends(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    await workspace.control("outage", on=True)
    with pytest.raises(SlackApiError) as caught:
        await slack.chat_postMessage(channel=workspace.channel, text="x")
    assert caught.value.response.status_code == 503
    await workspace.control("outage", on=False)
    assert (await slack.chat_postMessage(channel=workspace.channel, text="x"))["ok"]
    assert len(await workspace.messages()) == 1


async def test_files_go_up_in_two_steps(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    evidence = b"evidence" * 10_000
    parent = await slack.chat_postMessage(channel=workspace.channel, text="Failed")
    await slack.files_upload_v2(
        channel=workspace.channel, content=evidence, filename="pack.zip", thread_ts=parent["ts"]
    )
    shared = (await workspace.messages())[1]
    assert shared.thread_ts == parent["ts"]
    (file,) = shared.raw["files"]
    assert (file["name"], file["size"]) == ("pack.zip", len(evidence))
    async with aiohttp.ClientSession() as session, session.get(file["url_private"]) as response:
        assert await response.read() == evidence


async def test_reactions_pins_and_validation(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    posted = await slack.chat_postMessage(channel=workspace.channel, text="x")
    where: dict[str, Any] = {"channel": posted["channel"], "timestamp": posted["ts"]}
    await slack.reactions_add(**where, name="eyes")
    await slack.pins_add(**where)
    assert await refusal(slack.reactions_add(**where, name="eyes")) == "already_reacted"
    (message,) = await workspace.messages()
    assert message.raw["reactions"][0]["name"] == "eyes"
    assert message.raw["pinned_to"] == [workspace.channel]
    assert (await slack.api_call("blocks.validate", json={"blocks": SECTION}))["ok"]
    assert (
        await refusal(slack.api_call("blocks.validate", json={"blocks": [{"type": "x"}]})) == "invalid_blocks"
    )


async def test_waiting_ends_with_the_change_and_with_the_time(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    waiting = asyncio.create_task(workspace.wait_for_message(lambda m: m.text == "Now"))
    await slack.chat_postMessage(channel=workspace.channel, text="Now")
    assert (await waiting).text == "Now"
    with pytest.raises(WorkspaceError, match=r"within 0\.05 s"):
        await workspace.wait_for_message(lambda m: m.text == "Never", timeout=0.05)


async def test_people_command_and_ready_file_are_given(tmp_path: Path) -> None:
    people = tmp_path / "people.json"
    people.write_text(json.dumps({"people": [{"id": "U1", "name": "ida", "real_name": "Ida"}], "groups": []}))
    ready = tmp_path / "ready"
    async with running("--command", "/hotfix", "--ready-file", str(ready), people=people) as started:
        assert json.loads(ready.read_text())["address"] == started.address
        screen = await started.screen("U1")
        assert screen["command"] == "/hotfix"
        assert [p["real_name"] for p in screen["people"]] == ["Ida", "Keyturn"]


async def test_a_bad_people_file_is_one_clear_message(tmp_path: Path) -> None:
    people = tmp_path / "people.json"
    people.write_text('{"persons": []}')
    command = [sys.executable, "-m", "bot.sandbox.workspace", "--people", str(people)]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 1
    assert str(people) in said.decode()
    assert "Traceback" not in said.decode()


async def test_other_sites_pages_are_not_answered(workspace: WorkspaceClient) -> None:
    async with aiohttp.ClientSession(headers={"Origin": "https://example.org"}) as session:
        body = {"user": "U0ANA", "text": "Not mine"}
        async with session.post(f"{workspace.address}/people/message", json=body) as response:
            assert response.status == 403
    assert await workspace.messages() == []
