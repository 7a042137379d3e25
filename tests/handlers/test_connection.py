"""The connection to Slack: tokens at start, lost and spent sockets, one shared session, an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from bot.sandbox.workspace.client import WorkspaceClient
from handlers.connection import SlackRefused, SlackUnreachable, connect
from tests.handlers.conftest import PING_SECONDS, Side, listening
from tests.support.desk import ANA, BEN, MemoryDesk


async def test_a_bad_bot_token_is_one_clear_line(
    workspace: WorkspaceClient, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(SlackRefused, match=r"refuses the bot token: invalid_auth; .*xoxb-") as refused:
        await connect(session, "xoxb-wrong", workspace.app_token, workspace.api)

    assert "\n" not in str(refused.value)
    assert "xoxb-wrong" not in str(refused.value)


async def test_a_bad_app_token_is_one_clear_line(
    workspace: WorkspaceClient, session: aiohttp.ClientSession
) -> None:
    with pytest.raises(SlackRefused, match="refuses the app token: invalid_auth"):
        await connect(session, workspace.bot_token, "xapp-wrong", workspace.api)


async def test_slack_out_of_reach_is_another_line(
    workspace: WorkspaceClient, session: aiohttp.ClientSession
) -> None:
    tokens = workspace.bot_token, workspace.app_token
    with pytest.raises(SlackUnreachable, match="check the network"):
        await connect(session, *tokens, "http://127.0.0.1:1/api/")
    await workspace.control("outage", on=True)
    with pytest.raises(SlackUnreachable, match="HTTP 503"):
        await connect(session, *tokens, workspace.api)


@pytest.mark.parametrize("mode", ["refresh", "close", "abort"])
async def test_a_socket_that_ends_is_replaced(side: Side, mode: str) -> None:
    tickets = len(await side.workspace.calls("apps.connections.open"))

    await side.workspace.control("disconnect", mode=mode)

    async def replaced() -> bool:
        return len(await side.workspace.calls("apps.connections.open")) > tickets

    await side.workspace.wait_for(replaced, what="a new ticket")
    await side.workspace.wait_for_connections(1)
    await side.type(ANA, "/upgrade help", "/upgrade list")


@contextlib.asynccontextmanager
async def tickets_spent_once(workspace: WorkspaceClient) -> AsyncIterator[str]:
    """An API address in front of the workspace's that spends the first ticket before it hands it over."""
    async with aiohttp.ClientSession() as session:
        spent: list[str] = []

        async def forward(request: web.Request) -> web.Response:
            headers = {k: v for k, v in request.headers.items() if k in ("Authorization", "Content-Type")}
            url = f"{workspace.api}{request.match_info['method']}"
            async with session.post(url, data=await request.read(), headers=headers) as answer:
                body = await answer.json()
            if request.match_info["method"] == "apps.connections.open" and not spent:
                spent.append(body["url"])
                async with session.ws_connect(body["url"]):
                    pass
            return web.json_response(body)

        app = web.Application()
        app.add_routes([web.route("*", "/api/{method}", forward)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
        finally:
            await runner.cleanup()
            assert spent, "no ticket was spent"


async def test_a_failed_handshake_does_not_leave_the_bot_deaf(
    workspace: WorkspaceClient, session: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """The SDK alone tries the spent ticket for ever (trap 4)."""
    desk, tokens = MemoryDesk(), (workspace.bot_token, workspace.app_token)
    async with tickets_spent_once(workspace) as api:
        slack = await connect(session, *tokens, api, ping_seconds=PING_SECONDS)
        try:
            async with asyncio.timeout(10):
                await slack.listen(desk)
            await Side(workspace, desk, session).type(ANA, "/upgrade help", "/upgrade list")
        finally:
            await slack.close()

    assert "ticket=…" in caplog.text
    assert "Traceback" not in caplog.text


async def test_a_proxy_of_the_environment_is_not_used_for_this_machine(
    workspace: WorkspaceClient, session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    async with listening(Side(workspace, MemoryDesk(), session)) as side:
        await side.type(ANA, "/upgrade help", "/upgrade list")
        await side.workspace.command(ANA, "/upgrade")
        await side.modal(ANA)


async def test_all_calls_share_one_connection(workspace: WorkspaceClient) -> None:
    opened: list[int] = []

    async def count(*_: object) -> None:
        opened.append(1)

    trace = aiohttp.TraceConfig()
    trace.on_connection_create_start.append(count)
    async with (
        aiohttp.ClientSession(trace_configs=[trace]) as session,
        listening(Side(workspace, MemoryDesk(), session)) as side,
    ):
        for _ in range(20):
            await side.type(ANA, "/upgrade help", "/upgrade list")

    assert 1 <= len(opened) <= 3


async def test_closing_finishes_what_has_begun_and_leaves(
    workspace: WorkspaceClient, session: aiohttp.ClientSession
) -> None:
    async with listening(Side(workspace, MemoryDesk(), session)) as side:
        id_ = await side.desk.asked()
        side.desk.gate.clear()
        assert (await workspace.command(BEN, f"/upgrade approve {id_}"))["ok"]
        closing = asyncio.create_task(side.slack.close())
        done, _ = await asyncio.wait([closing], timeout=0.3)
        assert not done, "left with an approval under way"
        side.desk.gate.set()
        await closing

        assert ["Your approval of U-1 counts" in m.text for m in await side.answers()] == [True]
        await workspace.wait_for_connections(0)


async def test_a_rate_limit_is_waited_out(side: Side) -> None:
    await side.workspace.control("limit", method="views.open", times=1, retry_after=0)

    await side.workspace.command(ANA, "/upgrade")

    await side.modal(ANA)
