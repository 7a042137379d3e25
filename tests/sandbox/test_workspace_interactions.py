"""Commands, clicks and modals over Socket Mode, with the real Bolt app on the other side."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace.client import Message, View, WorkspaceClient, WorkspaceError, running


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "request",
    "title": plain("Request an upgrade"),
    "submit": plain("Request"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text"},
        },
        {
            "type": "actions",
            "block_id": "more",
            "elements": [{"type": "button", "action_id": "deeper", "text": plain("More")}],
        },
    ],
}
CARD: list[dict[str, Any]] = [
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": plain("Approve"),
                "value": "R-1",
                "confirm": {"title": plain("Approve?"), "text": plain("This is one of two keys.")},
            }
        ],
    }
]


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceClient]:
    async with running() as started:
        yield started


class Bot:
    """A Bolt app that keeps what it was sent."""

    def __init__(self, client: AsyncWebClient) -> None:
        self.app = AsyncApp(client=client)
        self.client = client
        self.got: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.app.command("/upgrade")(self.command)
        self.app.action("approve")(self.action)
        self.app.action("deeper")(self.action)
        self.app.view("request")(self.view)
        self.app.view_closed("request")(self.closed)
        self.app.event("app_mention")(self.event)
        self.app.event("app_home_opened")(self.event)

    async def command(self, ack: Any, body: dict[str, Any]) -> None:
        if body["text"] == "modal":
            await ack()
            await self.client.views_open(trigger_id=body["trigger_id"], view=MODAL)
        elif body["text"] == "bad":
            await ack(blocks=[{"type": "nonsense"}])
        else:
            await ack(f"You said {body['text']}")
        await self.got.put(body)

    async def action(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await self.got.put(body)

    async def view(self, ack: Any, body: dict[str, Any]) -> None:
        reason = body["view"]["state"]["values"]["reason"]["text"]["value"]
        if reason == "short":
            await ack(response_action="errors", errors={"reason": "Say more."})
        elif reason == "wrong":
            await ack(response_action="errors", errors={"elsewhere": "Say more."})
        elif reason == "update":
            await ack(response_action="update", view={**MODAL, "title": plain("Second")})
        elif reason == "push":
            await ack(response_action="push", view={**MODAL, "title": plain("On top")})
        elif reason == "clear":
            await ack(response_action="clear")
        else:
            await ack()
        await self.got.put(body)

    async def closed(self, ack: Any, body: dict[str, Any]) -> None:
        await ack()
        await self.got.put(body)

    async def event(self, body: dict[str, Any]) -> None:
        await self.got.put(body)

    async def sent(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.got.get()


@pytest.fixture
async def bot(workspace: WorkspaceClient) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        started = Bot(AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session))
        handler = AsyncSocketModeHandler(started.app, workspace.app_token)
        # The default of five seconds is how late the SDK notices a connection that was broken off.
        handler.client.ping_interval = 0.2
        await handler.connect_async()
        await workspace.wait_for_connections()
        yield started
        await handler.close_async()


async def opened(workspace: WorkspaceClient, user: str = "U0ANA") -> View:
    assert (await workspace.command(user, "/upgrade modal"))["ok"]
    return await workspace.wait_for(lambda: workspace.view(user))


async def card(workspace: WorkspaceClient, bot: Bot) -> Message:
    await bot.client.chat_postMessage(channel=workspace.channel, text="Approve?", blocks=CARD)
    return (await workspace.messages())[-1]


async def test_command_and_its_answer(workspace: WorkspaceClient, bot: Bot) -> None:
    answer = await workspace.command("U0ANA", "/upgrade ask @ben & #identity-ops <b>")
    assert answer["ok"]
    body = await bot.sent()
    assert body["text"] == "ask <@U0BEN|ben> &amp; <#C0IDENTITY|identity-ops> &lt;b&gt;"
    assert (body["user_id"], body["channel_name"], body["command"]) == ("U0ANA", "identity-ops", "/upgrade")
    (message,) = await workspace.seen_by("U0ANA")
    assert message.text.startswith("You said ask")
    assert message.raw["ephemeral"] is True
    assert await workspace.seen_by("U0BEN") == []


async def test_command_that_is_not_one(workspace: WorkspaceClient, bot: Bot) -> None:
    assert (await workspace.command("U0ANA", "/downgrade"))["error"] == "/downgrade is not a valid command."
    assert "invalid_command_response" in (await workspace.command("U0ANA", "/upgrade bad"))["error"]
    notices = (await workspace.screen("U0ANA"))["notices"]
    assert len(notices) == 2
    assert (await workspace.screen("U0BEN"))["notices"] == []


async def test_click(workspace: WorkspaceClient, bot: Bot) -> None:
    message = await card(workspace, bot)
    answer = await workspace.click("U0BEN", message, "approve")
    assert answer["confirm"]["title"]["text"] == "Approve?"
    body = await bot.sent()
    (action,) = body["actions"]
    assert (action["action_id"], action["block_id"], action["value"], action["type"]) == (
        "approve",
        "decision",
        "R-1",
        "button",
    )
    assert float(action["action_ts"]) > float(message.ts)
    assert body["container"] == {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": workspace.channel,
        "is_ephemeral": False,
    }
    assert body["message"]["blocks"][0]["block_id"] == "decision"
    assert (body["user"]["id"], body["team"]["id"], body["channel"]["id"]) == (
        "U0BEN",
        "T0LOCAL",
        workspace.channel,
    )


async def test_click_on_what_is_not_there(workspace: WorkspaceClient, bot: Bot) -> None:
    message = await card(workspace, bot)
    with pytest.raises(WorkspaceError, match="nothing 'decline' to use here; there is approve"):
        await workspace.click("U0BEN", message, "decline")
    await bot.client.chat_postEphemeral(channel=workspace.channel, user="U0ANA", text="Hers", blocks=CARD)
    hers = (await workspace.seen_by("U0ANA"))[-1]
    with pytest.raises(WorkspaceError, match="Ben Adler sees no message"):
        await workspace.click("U0BEN", hers, "approve")
    await workspace.click("U0ANA", hers, "approve")
    assert (await bot.sent())["container"]["is_ephemeral"] is True
    await bot.client.chat_update(channel=workspace.channel, ts=message.ts, text="Decided")
    with pytest.raises(WorkspaceError, match="nothing 'approve'"):
        await workspace.click("U0BEN", message, "approve")


async def test_modal_from_errors_to_submission(workspace: WorkspaceClient, bot: Bot) -> None:
    view = await opened(workspace)
    await bot.sent()
    empty = await workspace.submit("U0ANA", view, {})
    assert empty == {"ok": False, "errors": {"reason": "Please complete this required field."}}
    short = await workspace.submit("U0ANA", view, {"reason": {"text": "short"}})
    assert short["errors"] == {"reason": "Say more."}
    assert (await bot.sent())["type"] == "view_submission"
    assert (await workspace.submit("U0ANA", view, {"reason": {"text": "A hotfix"}}))["ok"]
    sent = await bot.sent()
    assert sent["view"]["state"]["values"]["reason"]["text"] == {
        "type": "plain_text_input",
        "value": "A hotfix",
    }
    assert sent["view"]["callback_id"] == "request"
    assert await workspace.view("U0ANA") is None


async def test_modal_response_actions(workspace: WorkspaceClient, bot: Bot) -> None:
    view = await opened(workspace)
    wrong = await workspace.submit("U0ANA", view, {"reason": {"text": "wrong"}})
    assert "We had some trouble connecting" in wrong["error"]
    await workspace.submit("U0ANA", view, {"reason": {"text": "update"}})
    second = await workspace.view("U0ANA")
    assert second is not None
    assert (second.id, second.title) == (view.id, "Second")
    await workspace.submit("U0ANA", view, {"reason": {"text": "push"}})
    top = await workspace.view("U0ANA")
    assert top is not None
    assert (top.title, top.raw["previous_view_id"], top.raw["root_view_id"]) == ("On top", view.id, view.id)
    await workspace.submit("U0ANA", top, {"reason": {"text": "clear"}})
    assert await workspace.view("U0ANA") is None


async def test_views_are_updated_pushed_and_closed(workspace: WorkspaceClient, bot: Bot) -> None:
    view = await opened(workspace)
    await bot.sent()
    await workspace.use("U0ANA", view, "deeper", values={"reason": {"text": "typed"}})
    body = await bot.sent()
    assert body["container"] == {"type": "view", "view_id": view.id}
    assert body["view"]["state"]["values"]["reason"]["text"]["value"] == "typed"
    updated = await bot.client.views_update(view_id=view.id, hash=view.raw["hash"], view=MODAL)
    assert updated["view"]["state"]["values"]["reason"]["text"]["value"] == "typed"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await bot.client.views_update(view_id=view.id, hash=view.raw["hash"], view=MODAL)
    await bot.client.views_push(trigger_id=body["trigger_id"], view=MODAL)
    top = await workspace.view("U0ANA")
    assert top is not None
    assert top.id != view.id
    await workspace.close("U0ANA", top)
    assert (await bot.sent())["type"] == "view_closed"
    below = await workspace.view("U0ANA")
    assert below is not None
    assert below.id == view.id
    with pytest.raises(SlackApiError, match="not_found"):
        await bot.client.views_update(view_id="V0NONE", view=MODAL)


async def test_triggers_are_spent_once_and_die(workspace: WorkspaceClient, bot: Bot) -> None:
    trigger = (await workspace.control("trigger", user="U0ANA"))["trigger_id"]
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await bot.client.views_open(trigger_id=trigger, view={**MODAL, "title": plain("x" * 25)})
    await bot.client.views_open(trigger_id=trigger, view=MODAL)
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await bot.client.views_open(trigger_id=trigger, view=MODAL)
    late = (await workspace.control("trigger", user="U0ANA", seconds=0))["trigger_id"]
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        await bot.client.views_open(trigger_id=late, view=MODAL)


async def test_response_url_works_five_times(workspace: WorkspaceClient, bot: Bot) -> None:
    await workspace.command("U0ANA", "/upgrade status")
    url = (await bot.sent())["response_url"]
    async with aiohttp.ClientSession() as session:
        statuses = []
        for number in range(6):
            kind = "in_channel" if number == 0 else "ephemeral"
            body = {"text": f"Answer {number}", "response_type": kind}
            async with session.post(url, json=body) as response:
                statuses.append(response.status)
    assert statuses == [200] * 5 + [404]
    assert [m.text for m in await workspace.seen_by("U0BEN")] == ["Answer 0"]
    assert len(await workspace.seen_by("U0ANA")) == 6


async def test_response_url_replaces_even_an_ephemeral(workspace: WorkspaceClient, bot: Bot) -> None:
    await bot.client.chat_postEphemeral(channel=workspace.channel, user="U0ANA", text="Hers", blocks=CARD)
    (hers,) = await workspace.seen_by("U0ANA")
    await workspace.click("U0ANA", hers, "approve")
    url = (await bot.sent())["response_url"]
    async with aiohttp.ClientSession() as session:
        await session.post(url, json={"text": "Done", "replace_original": True})
        assert [m.text for m in await workspace.seen_by("U0ANA")] == ["Done"]
        await session.post(url, json={"delete_original": True})
    assert await workspace.seen_by("U0ANA") == []


async def test_what_people_see_when_the_app_is_silent(workspace: WorkspaceClient) -> None:
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
        assert "dispatch_failed" in (await workspace.command("U0ANA", "/upgrade"))["error"]
        await slack.chat_postMessage(channel=workspace.channel, text="Approve?", blocks=CARD)
        trigger = (await workspace.control("trigger", user="U0ANA"))["trigger_id"]
        await slack.views_open(trigger_id=trigger, view=MODAL)
        (message,), view = await workspace.messages(), await workspace.view("U0ANA")
        assert view is not None
        url = (await slack.apps_connections_open(app_token=workspace.app_token))["url"]
        async with session.ws_connect(url):
            await workspace.wait_for_connections()
            command, click, submission = await asyncio.gather(
                workspace.command("U0ANA", "/upgrade"),
                workspace.click("U0ANA", message, "approve"),
                workspace.submit("U0ANA", view, {"reason": {"text": "A hotfix"}}),
            )
    assert command["error"] == '/upgrade failed with the error "operation_timeout"'
    assert click["error"] == "operation_timeout"
    assert "We had some trouble connecting" in submission["error"]
    screen = await workspace.screen("U0ANA")
    assert [n.get("action_id") for n in screen["notices"]] == [None, None, "approve"]
    assert screen["views"][0]["notice"].startswith("We had some trouble connecting")


async def test_a_ticket_opens_one_connection(workspace: WorkspaceClient) -> None:
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
        url = (await slack.apps_connections_open(app_token=workspace.app_token))["url"]
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json(timeout=5))["type"] == "hello"
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)


@pytest.mark.parametrize("mode", ["refresh", "close", "abort"])
async def test_connections_come_back(workspace: WorkspaceClient, bot: Bot, mode: str) -> None:
    tickets = len(await workspace.calls("apps.connections.open"))
    await workspace.control("disconnect", mode=mode)

    async def reconnected() -> bool:
        fresh = len(await workspace.calls("apps.connections.open")) > tickets
        return fresh and (await workspace.screen("U0ANA"))["connections"] == 1

    await workspace.wait_for(reconnected)
    assert (await workspace.command("U0ANA", "/upgrade again"))["ok"]


async def test_ten_connections_are_the_most(workspace: WorkspaceClient) -> None:
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
        sockets = []
        for _ in range(11):
            url = (await slack.apps_connections_open(app_token=workspace.app_token))["url"]
            sockets.append(await session.ws_connect(url))
        hellos = [await socket.receive_json(timeout=5) for socket in sockets]
    assert [hello["type"] for hello in hellos] == ["hello"] * 10 + ["disconnect"]
    assert hellos[10]["reason"] == "too_many_websockets"


async def test_raw_envelopes(workspace: WorkspaceClient, bot: Bot) -> None:
    await workspace.command("U0ANA", "/upgrade first")
    payload = await bot.sent()
    forged = {**payload, "text": "forged", "user_id": "U0MALLORY"}
    answer = await workspace.control("envelope", type="slash_commands", payload=forged)
    assert answer["ack"] == {"text": "You said forged"}
    assert (await bot.sent())["user_id"] == "U0MALLORY"


async def test_events_and_the_app_home(workspace: WorkspaceClient, bot: Bot) -> None:
    await workspace.say("U0DAN", "@keyturn hello")
    mention = (await bot.sent())["event"]
    assert (mention["type"], mention["user"], mention["text"]) == (
        "app_mention",
        "U0DAN",
        "<@U0BOT|keyturn> hello",
    )
    await workspace.post("/people/home", user="U0DAN")
    assert (await bot.sent())["event"]["type"] == "app_home_opened"
    home = {"type": "home", "blocks": [{"type": "section", "text": plain("Nothing runs.")}]}
    await bot.client.views_publish(user_id="U0DAN", view=home)
    assert (await workspace.screen("U0DAN"))["home"]["blocks"][0]["text"]["text"] == "Nothing runs."
    assert (await workspace.screen("U0ANA"))["home"] is None
