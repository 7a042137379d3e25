"""The announcer over real sockets: once, in order, through crashes, lost answers, rate limits and outages."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce import blocks
from bot.announce.blocks import Json
from bot.announce.book import Book, Place
from bot.announce.poster import Poster
from bot.clock import Clock
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.handle import Handler
from bot.domain.ledger import Conflict
from bot.sandbox.workspace.client import WorkspaceClient
from storage.ledger import Broken, Head
from tests.announce.flow import ANA, AUTHORITY, BEN, CHLOE, Flow, MovedClock, eventually, key, no_more
from tests.support import values as v


async def test_from_the_question_to_the_finish(flow: Flow) -> None:
    async with flow.announcing():
        await flow.asked()
        await flow.message("ask:KT-1:U0BEN")
        await flow.message("ask:KT-1:U0CHLOE")
        await flow.approve(BEN)
        await flow.reads("ask:KT-1:U0BEN", "Your approval counts")
        await flow.reads("approved:KT-1:U0BEN", "1 more approval is needed, from <@U0CHLOE>.")
        await flow.approve(CHLOE)
        await flow.reads("ask:KT-1:U0CHLOE", "Your approval counts since")
        await flow.do(c.Start(request="KT-1", authority=AUTHORITY, rows=(v.row(),), plan=await flow.plan()))
        announced = await flow.until(e.LockoutAnnounced)
        lockout = await flow.message("lockout:KT-1")
        assert (announced.channel, announced.ts) == (flow.workspace.channel, lockout.ts)
        await flow.sent()
        await flow.reads("progress:KT-1", "db-1: ████░░░░░░ distributing, 40%")
        await flow.pressed()
        await flow.observe(v.installing(60))
        await flow.observe(v.silent("connection error"))
        await flow.reads("progress:KT-1", "This is expected during an installation.")
        await flow.observe(v.installed())
        await flow.reads("progress:KT-1", "Succeeded")
        card = await flow.reads("card:KT-1", "Succeeded")
        await flow.reads("lockout:KT-1", "is over")
        await flow.message("unlocked:KT-1")
    assert card.actions == []
    asks = {"ask:KT-1:U0BEN", "ask:KT-1:U0CHLOE"}
    keys = await flow.keys()
    assert set(keys) & asks == asks, "the requester is not asked: the rules do not let her approve"
    assert [k for k in keys if k not in asks] == [
        "card:KT-1",
        "approved:KT-1:U0BEN",
        "approved:KT-1:U0CHLOE",
        "progress:KT-1",
        "lockout:KT-1",
        "finish:KT-1",
        "unlocked:KT-1",
    ]
    for message in await flow.posted():
        said = [message.text, *(earlier["text"] for earlier in message.raw["earlier"])]
        for bad in ("failed", "error", "unknown", "quarantine"):
            assert not any(bad in words.lower() for words in said)


async def test_its_own_entries_do_not_keep_it_busy(flow: Flow) -> None:
    async with flow.announcing():
        await flow.asked()
        await flow.message("ask:KT-1:U0CHLOE")
        await no_more(flow)
        await no_more(flow, "KT-8")
    kinds = [type(event) for event in await flow.book()]
    assert kinds.count(e.Posted) == 5
    assert kinds.count(e.PostIntended) == 5
    assert 1 <= kinds.count(e.Announced) <= 5


async def test_a_post_killed_before_its_answer_is_not_repeated(flow: Flow) -> None:
    await flow.workspace.control("outage", mode="lost-answers", method="chat.postMessage", times=1)
    async with flow.announcing() as first:
        await flow.ask()
        await flow.message("card:KT-1")
        first.cancel()
    assert [type(event) for event in await flow.book()] == [e.PostIntended]
    async with flow.announcing():
        await no_more(flow)
    assert await flow.keys() == ["card:KT-1", "card:KT-9"]
    posted = [event for event in await flow.book() if isinstance(event, e.Posted)]
    assert [event.ts for event in posted] == [m.ts for m in await flow.posted()]


async def test_an_intended_post_that_slack_never_got_is_posted(flow: Flow) -> None:
    await flow.ask()
    await flow.note(e.PostIntended(key="card:KT-1", channel=flow.workspace.channel))
    async with flow.announcing():
        await no_more(flow)
    assert await flow.keys() == ["card:KT-1", "card:KT-9"]


async def test_another_messages_metadata_is_not_taken_for_it(flow: Flow, slack: AsyncWebClient) -> None:
    for event_type, payload in (("keyturn", {"key": "card:KT-10"}), ("other", {"key": "card:KT-1"})):
        await slack.chat_postMessage(
            channel=flow.workspace.channel,
            text="Hello",
            metadata={"event_type": event_type, "event_payload": payload},
        )
    await flow.ask()
    await flow.note(e.PostIntended(key="card:KT-1", channel=flow.workspace.channel))
    async with flow.announcing():
        await no_more(flow)
    assert [key(m) for m in await flow.posted() if m.blocks] == ["card:KT-1", "card:KT-9"]


async def test_another_apps_message_is_not_taken_for_it(flow: Flow) -> None:
    """Any app in the channel can write our metadata; only our own message opens the gate (law 8)."""
    metadata = {"event_type": "keyturn", "event_payload": {"key": "lockout:KT-1"}}
    forged: Json = {"bot_id": "B0OTHER", "user": "U0OTHER", "ts": "1763755200.000100", "metadata": metadata}
    own: Json = {"bot_id": "B0BOT", "user": "U0BOT", "ts": "1763755200.000200", "metadata": metadata}
    history = [forged]
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.match_info["method"])
        return web.json_response(
            {
                "auth.test": {"ok": True, "bot_id": "B0BOT", "user_id": "U0BOT"},
                "conversations.history": {"ok": True, "messages": history},
                "chat.postMessage": {"ok": True, "channel": "C0IDENTITY", "ts": "1763755200.000300"},
            }[asked[-1]]
        )

    async def render() -> blocks.Message:
        return blocks.message(blocks.small("Locked"))

    keys = "lockout:KT-1", "lockout:KT-2"
    await flow.note(*(e.PostIntended(key=key, channel="C0IDENTITY") for key in keys))
    book = Book(flow.ledger, flow.clock)
    await book.open()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", answer)
    async with TestServer(app) as server:
        client = AsyncWebClient("xoxb-test", base_url=str(server.make_url("/api/")))
        poster = Poster(client, book, lambda: Head(7, "a" * 64))
        posted = await poster.post("lockout:KT-1", "C0IDENTITY", render)
        assert posted == Place("C0IDENTITY", "1763755200.000300")
        metadata["event_payload"] = {"key": "lockout:KT-2"}
        history.append(own)
        found = await poster.post("lockout:KT-2", "C0IDENTITY", render)
        assert found == Place("C0IDENTITY", "1763755200.000200")
    assert asked.count("auth.test") == 1
    assert asked.count("chat.postMessage") == 1


async def test_lost_answers_double_nothing(flow: Flow) -> None:
    await flow.workspace.control("outage", mode="lost-answers", method="chat.postMessage", times=3)
    async with flow.announcing():
        await flow.asked()
        await flow.approve(BEN)
        await flow.approve(CHLOE)
        await no_more(flow)
    keys = [k for k in await flow.keys() if not k.startswith("ask:")]
    assert keys == ["card:KT-1", "approved:KT-1:U0BEN", "approved:KT-1:U0CHLOE", "card:KT-9"]


async def test_the_in_doubt_message_is_found_behind_others(flow: Flow, slack: AsyncWebClient) -> None:
    async with flow.announcing():
        await flow.ask()
        await flow.until(e.Posted)
    await slack.chat_postMessage(
        channel=flow.workspace.channel,
        text="The notice",
        metadata={"event_type": "keyturn", "event_payload": {"key": "card:KT-2"}},
    )
    for number in range(210):
        await flow.workspace.say("U0DAN", f"Something else {number}")
    await flow.ask("KT-2")
    await flow.note(e.PostIntended(key="card:KT-2", channel=flow.workspace.channel))
    async with flow.announcing():
        await no_more(flow)
    assert await flow.keys() == ["card:KT-1", "card:KT-2", "card:KT-9"]


async def test_a_rate_limit_is_waited_for(flow: Flow) -> None:
    await flow.workspace.control("limit", method="chat.postMessage", times=1, retry_after=1)
    async with flow.announcing():
        await flow.asked()
        await no_more(flow)
    calls = await flow.workspace.calls("chat.postMessage")
    assert calls[0]["error"] == "ratelimited"
    assert calls[1]["at"] - calls[0]["at"] >= 1.0
    assert await flow.workspace.calls("conversations.history") == [], "429 leaves nothing in doubt"
    assert (await flow.keys())[0] == "card:KT-1"


async def test_after_an_outage_it_catches_up_in_order(flow: Flow) -> None:
    async with flow.announcing():
        await flow.asked(start=timedelta(minutes=30))
        await flow.reads("card:KT-1", "Waiting for approval")
        await flow.workspace.control("outage", on=True)
        await flow.approve(BEN)
        await flow.approve(CHLOE)
        await flow.ask("KT-2")
        await eventually(lambda: _refused(flow.workspace))
        await flow.workspace.control("outage", on=False)
        await flow.message("card:KT-2")
    keys = [k for k in await flow.keys() if not k.startswith("ask:")]
    assert keys == ["card:KT-1", "approved:KT-1:U0BEN", "approved:KT-1:U0CHLOE", "card:KT-2"]


async def _refused(workspace: WorkspaceClient) -> bool:
    return any(call["error"] == "HTTP 503" for call in await workspace.calls())


async def test_a_late_notice_is_folded(flow: Flow) -> None:
    await flow.asked()
    await flow.approve(BEN)
    await flow.approve(CHLOE)
    await flow.ledger.append(
        "enterprise:main",
        len(await flow.ledger.read("enterprise:main")),
        [e.NoticeRaised(request="KT-1", minutes=60)],
        flow.clock.now(),
    )
    async with flow.announcing():
        await no_more(flow)
    assert "notice:KT-1:60" not in await flow.keys()


async def test_a_notice_that_became_late_while_slack_was_gone_is_given_up(flow: Flow) -> None:
    clock = MovedClock()
    flow = Flow(flow.workspace, flow.ledger, Handler(flow.ledger, clock), clock, flow.slack)
    async with flow.announcing():
        await flow.asked(start=timedelta(minutes=61))
        await flow.approve(BEN)
        await flow.approve(CHLOE)
        await flow.message("approved:KT-1:U0CHLOE")
        await flow.workspace.control("outage", on=True)
        clock.ahead = timedelta(minutes=2)
        await flow.do(c.LookAgain())
        await flow.until(e.PostIntended, lambda event: event.key == "notice:KT-1:60")
        await eventually(lambda: _refused(flow.workspace))
        clock.ahead = timedelta(minutes=62)
        await flow.workspace.control("outage", on=False)
        abandoned = await flow.until(e.PostAbandoned)
    assert abandoned.key == "notice:KT-1:60"
    assert "moment has passed" in abandoned.reason
    assert "notice:KT-1:60" not in await flow.keys()


async def test_the_end_is_not_overwritten_by_late_progress(flow: Flow) -> None:
    async with flow.announcing():
        await flow.started()
        await flow.until(e.LockoutAnnounced)
        await flow.sent()
        await flow.pressed()
        for percent in range(10, 100, 10):
            await flow.observe(v.installing(percent))
        await flow.observe(v.installed())
        await flow.reads("progress:KT-1", "Succeeded")
        await no_more(flow)
        progress = await flow.message("progress:KT-1")
    assert "Succeeded" in progress.text
    assert len(progress.raw["earlier"]) <= 3, "edits of one message are coalesced"


async def test_progress_is_refreshed_every_minute(flow: Flow) -> None:
    fast = Clock(rate=120)
    flow = Flow(flow.workspace, flow.ledger, Handler(flow.ledger, fast), fast, flow.slack)
    async with flow.announcing():
        await flow.started()
        await flow.reads("progress:KT-1", "3 min so far")
        await flow.reads("progress:KT-1", "6 min so far")


async def test_a_refused_lockout_notice_is_given_up_and_opens_no_gate(flow: Flow) -> None:
    await flow.workspace.control("channel", id=flow.workspace.channel, members=[ANA, BEN])
    async with flow.announcing():
        await flow.started()
        abandoned = await flow.until(e.PostAbandoned, lambda event: event.key == "lockout:KT-1")
    assert "not_in_channel" in abandoned.reason
    state = await flow.handler.state("main")
    assert state.lockout
    assert state.lockout.announced is None


async def test_a_delivered_lockout_notice_is_reported_after_a_crash(flow: Flow) -> None:
    await flow.started()
    place = Place(flow.workspace.channel, "1763755200.000100")
    end = len(await flow.ledger.read("enterprise:main"))
    await flow.note(
        e.Posted(key="lockout:KT-1", channel=place.channel, ts=place.ts), e.Announced(position=end)
    )
    async with flow.announcing():
        announced = await flow.until(e.LockoutAnnounced)
    assert (announced.channel, announced.ts) == place


async def test_a_bad_token_loses_nothing(flow: Flow, slack: AsyncWebClient) -> None:
    good, slack.token = slack.token, "xoxb-revoked"
    async with flow.announcing():
        await flow.ask()
        await flow.until(e.PostIntended)
    assert not [event for event in await flow.book() if isinstance(event, e.PostAbandoned)]
    slack.token = good
    async with flow.announcing():
        await flow.message("card:KT-1")


async def test_who_left_is_not_asked_and_holds_up_nobody(flow: Flow) -> None:
    await flow.workspace.control("people", id=CHLOE, deactivated=True)
    async with flow.announcing():
        await flow.asked()
        await flow.message("ask:KT-1:U0BEN")
        await flow.reads("card:KT-1", "not enough people are left who may approve")
        await no_more(flow)
    assert "ask:KT-1:U0CHLOE" not in await flow.keys()


@pytest.mark.parametrize("method", ["conversations.open", "chat.getPermalink"])
async def test_a_question_that_slack_does_not_take_holds_up_no_post(flow: Flow, method: str) -> None:
    await flow.workspace.control("limit", method=method, times=2, retry_after=600)
    async with flow.announcing():
        await flow.asked()
        await eventually(lambda: _limited(flow.workspace, 2))
        await flow.approve(BEN)
        await flow.approve(CHLOE)
        await flow.do(c.Start(request="KT-1", authority=AUTHORITY, rows=(v.row(),), plan=await flow.plan()))
        await flow.until(e.LockoutAnnounced)
    assert not [k for k in await flow.keys() if k.startswith("ask:")]


async def _limited(workspace: WorkspaceClient, times: int) -> bool:
    return [call["error"] for call in await workspace.calls()].count("ratelimited") >= times


async def test_an_edit_that_slack_does_not_take_holds_up_no_post(flow: Flow) -> None:
    await flow.workspace.control("limit", method="chat.update", times=1, retry_after=600)
    async with flow.announcing():
        await flow.ask()
        await flow.message("card:KT-1")
        await flow.preflight()
        await eventually(lambda: _limited(flow.workspace, 1))
        await flow.approve(BEN)
        await flow.message("approved:KT-1:U0BEN")
        await no_more(flow)


async def test_a_question_that_was_put_off_is_asked_as_soon_as_slack_takes_it(flow: Flow) -> None:
    await flow.workspace.control("limit", method="conversations.open", times=2, retry_after=1)
    async with flow.announcing():
        await flow.asked()
        await flow.message("ask:KT-1:U0BEN")
        await flow.message("ask:KT-1:U0CHLOE")
    assert not [event for event in await flow.book() if isinstance(event, e.PostAbandoned)]


async def test_a_question_in_doubt_is_found_behind_one_that_overtook_it(flow: Flow) -> None:
    async with flow.announcing():
        await flow.ask("KT-1")
        await flow.ask("KT-2")
        await flow.until(e.Posted, lambda posted: posted.key == "card:KT-2")
        await flow.workspace.control("limit", method="conversations.history", times=1, retry_after=1)
        await flow.workspace.control("outage", mode="lost-answers", method="chat.postMessage", times=1)
        await flow.preflight("KT-1")
        first = key(await flow.message("ask:KT-1"))
        await flow.preflight("KT-2")
        await flow.until(e.Posted, lambda posted: posted.key == first.replace("KT-1", "KT-2"))
        assert first not in [event.key for event in await flow.book() if isinstance(event, e.Posted)]
        await flow.until(e.Posted, lambda posted: posted.key == first)
    assert (await flow.keys()).count(first) == 1


async def test_the_end_carries_the_ledgers_head(flow: Flow) -> None:
    async with flow.announcing():
        await flow.asked()
        await flow.do(c.Withdraw(request="KT-1", by=v.person(ANA)))
        finish = await flow.message("finish:KT-1")
    said = re.search(r"Ledger entry (\d+), head ([0-9a-f]{64})", finish.words)
    assert said
    entry = (await flow.ledger.read_all(after=int(said[1]) - 1, limit=1))[0]
    assert (entry.hash, type(entry.event)) == (said[2], e.Withdrawn)
    await flow.ledger.verify(said[2])
    with pytest.raises(Broken):
        await flow.ledger.verify(said[2][::-1])


async def test_a_page_is_repeated_until_somebody_acknowledges(flow: Flow) -> None:
    async with flow.announcing():
        await flow.started()
        await flow.until(e.LockoutAnnounced)
        await flow.sent()
        await flow.pressed()
        await flow.observe(v.console_error())
        await flow.do(c.LookAgain())
        failure = await flow.message("failure:KT-1")
        assert "Upgrade failed: 0x17" in failure.text
        page = await flow.message("page:KT-1")
        assert page.actions == ["acknowledge"]
        await flow.do(c.Acknowledge(request="KT-1", by=v.person("U0SAM")))
        page = await flow.reads("page:KT-1", "<@U0SAM> has acknowledged")
        assert page.actions == []


async def test_a_second_announcer_is_found_out(flow: Flow) -> None:
    with pytest.RaisesGroup(Conflict):
        async with flow.announcing() as task:
            await flow.ask("KT-1")
            await flow.until(e.Posted)
            await flow.note(e.Announced(position=1))
            await flow.ask("KT-2")
            await asyncio.wait([task], timeout=10)
