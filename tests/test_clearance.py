"""What may begin, by what Slack shows: over a real stand-in for Slack and a real ledger (law 1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.book import Place
from bot.announce.heads import look_back
from bot.clearance import Clearance
from bot.clock import Clock
from bot.domain.enterprise import Enterprise
from bot.domain.events import Withdrawn
from bot.domain.handle import Handler
from storage.sqlite import SqliteLedger
from tests.support import values as v

ONE, TWO = "C0ONE", "C0TWO"


class Slack:
    """Answers auth.test, and conversations.history with what a test puts into `shows`."""

    def __init__(self) -> None:
        self.shows: dict[str, web.Response | list[dict[str, object]]] = {}

    async def history(self, request: web.Request) -> web.Response:
        shown = self.shows.get(request.query["channel"], [])
        if isinstance(shown, web.Response):
            # A response is sent once.
            return web.Response(status=shown.status, body=shown.body, content_type=shown.content_type)
        return web.json_response({"ok": True, "messages": shown})

    async def test(self, _: web.Request) -> web.Response:
        return web.json_response({"ok": True, "bot_id": "B0KEYTURN"})


def said(ts: str, key: str, position: int, head: str, bot: str = "B0KEYTURN") -> dict[str, object]:
    payload = {"key": key, "position": position, "head": head}
    return {"ts": ts, "bot_id": bot, "metadata": {"event_type": "keyturn", "event_payload": payload}}


@asynccontextmanager
async def clearing(
    tmp_path: Path, slack: Slack, states: dict[str, Enterprise] | None = None
) -> AsyncIterator[tuple[Clearance, Handler, SqliteLedger]]:
    app = web.Application()
    app.router.add_post("/api/auth.test", slack.test)
    app.router.add_get("/api/conversations.history", slack.history)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        async with (
            SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger,
            aiohttp.ClientSession() as session,
        ):
            client = AsyncWebClient(
                "xoxb-1", base_url=f"http://127.0.0.1:{port}/api/", session=session, retry_handlers=[]
            )
            handler = Handler(ledger, Clock())
            channels = {"one": ONE, "two": TWO}
            clearance = Clearance(ledger, handler, client, channels, states or {}, {})
            clearance.unverified(None)
            task = asyncio.create_task(clearance.compare())
            try:
                async with asyncio.timeout(10):
                    await clearance.tried.wait()
                assert not task.done() or task.exception() is None, "an answer of Slack's never ends the bot"
                yield clearance, handler, ledger
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
    finally:
        await runner.cleanup()


BROKEN_ANSWERS = [
    web.Response(status=503, text='{"ok": fal', content_type="application/json"),
    web.Response(status=503, text="", content_type="application/json"),
    web.Response(status=503, text="upstream", content_type="text/plain"),
    web.Response(status=200, text="<html>sign in</html>", content_type="text/html"),
    web.Response(
        status=200, text='{"ok": false, "error": "not_in_channel"}', content_type="application/json"
    ),
]


@pytest.mark.parametrize("answer", BROKEN_ANSWERS, ids=["cut", "empty", "text", "portal", "refused"])
async def test_a_channel_that_cannot_be_read_waits_alone(tmp_path: Path, answer: web.Response) -> None:
    slack = Slack()
    slack.shows = {ONE: answer, TWO: []}
    async with clearing(tmp_path, slack) as (clearance, handler, _):
        assert f"channel {ONE}" in str(clearance.missing("one"))
        assert clearance.missing("two") is None
        assert (await handler.state("one")).hold is None


async def test_a_lost_head_in_one_channel_holds_every_enterprise(tmp_path: Path) -> None:
    slack = Slack()
    slack.shows = {TWO: [said("2.0", "finish:U-1", 9, "5" * 64)]}
    async with clearing(tmp_path, slack) as (clearance, handler, _):
        for name in ("one", "two"):
            assert (await handler.state(name)).hold
            assert clearance.missing(name) is None


async def test_what_stands_before_the_last_hold_has_been_told(tmp_path: Path) -> None:
    slack = Slack()
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        [known] = await ledger.append("other", 0, [Withdrawn(request="1", by="a")], v.T0)
    slack.shows = {ONE: [said("3.0", "hold:one:1", 1, known.hash), said("2.0", "finish:U-1", 9, "5" * 64)]}
    async with clearing(tmp_path, slack) as (_, handler, _):
        assert (await handler.state("one")).hold is None


async def test_a_hold_that_this_ledger_does_not_hold_is_no_boundary(tmp_path: Path) -> None:
    slack = Slack()
    slack.shows = {ONE: [said("3.0", "hold:one:1", 9, "5" * 64)]}
    async with clearing(tmp_path, slack) as (_, handler, _):
        assert (await handler.state("one")).hold


async def test_another_app_proves_nothing(tmp_path: Path) -> None:
    slack = Slack()
    slack.shows = {ONE: [said("2.0", "finish:U-1", 9, "5" * 64, bot="B0OTHER")]}
    async with clearing(tmp_path, slack) as (_, handler, _):
        assert (await handler.state("one")).hold is None


def test_one_looks_back_to_the_messages_of_a_run_that_is_under_way() -> None:
    places = {f"finish:U-{n}": Place(ONE, f"{n}.0") for n in range(10, 60)}
    assert look_back({}, ONE, {"U-1"}) is None
    assert look_back(places, TWO, set()) is None
    assert look_back(places, ONE, set()) == "40.0"
    assert look_back({"progress:U-1": Place(ONE, "5.0"), **places}, ONE, {"U-1"}) == "5.0"
