"""A request is held where a test says, and let go: dropped, handled for nobody, or answered late."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import aiohttp
import pytest

from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.holds import Moment
from bot.sandbox.workspace.client import WorkspaceClient, running

POINT = "slack chat.postMessage"


async def post(workspace: WorkspaceClient, **metadata: str) -> dict[str, Any]:
    payload: dict[str, Any] = {"channel": workspace.channel, "text": "hello"}
    if metadata:
        payload["metadata"] = {"event_type": "keyturn", "event_payload": metadata}
    headers = {"Authorization": f"Bearer {workspace.bot_token}"}
    url = f"{workspace.api}chat.postMessage"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json=payload) as answer,
    ):
        body: dict[str, Any] = await answer.json()
        return body


async def standing(workspace: WorkspaceClient) -> int:
    return len([m for m in await workspace.messages() if m.text == "hello"])


async def begun(work: Coroutine[Any, Any, Any], held: Coroutine[Any, Any, bool]) -> asyncio.Task[Any]:
    """The request, once it is held."""
    task = asyncio.create_task(work)
    assert await asyncio.wait_for(held, 10)
    assert not task.done()
    return task


@pytest.mark.parametrize(
    ("moment", "while_held", "afterwards"),
    [(Moment.BEFORE, 0, 0), (Moment.UNHEARD, 0, 1), (Moment.AFTER, 1, 1)],
)
async def test_a_call_is_held(moment: Moment, while_held: int, afterwards: int) -> None:
    async with running() as workspace:
        await workspace.hold(POINT, moment)
        call = await begun(post(workspace), workspace.held())
        assert await standing(workspace) == while_held
        await workspace.control("let_go")
        if moment is Moment.BEFORE:
            with pytest.raises(aiohttp.ClientError):
                await call
        else:
            assert (await call)["ok"]
        assert await standing(workspace) == afterwards


async def test_the_second_of_a_family_is_held() -> None:
    async with running() as workspace:
        await workspace.hold(f"{POINT} card", Moment.BEFORE, 2)
        assert (await post(workspace, key="card:U-1"))["ok"]
        assert (await post(workspace, key="finish:U-1"))["ok"]
        call = await begun(post(workspace, key="card:U-2"), workspace.held())
        await workspace.control("let_go")
        await asyncio.gather(call, return_exceptions=True)
        assert [p.point for p in await workspace.points()] == [
            f"{POINT} card",
            f"{POINT} finish",
            f"{POINT} card",
        ]


async def test_a_hold_that_nothing_comes_to_is_let_go() -> None:
    async with running() as workspace:
        await workspace.hold("slack chat.update card", Moment.AFTER)
        held = asyncio.create_task(workspace.held())
        while not held.done():
            await workspace.control("let_go")
        assert not await held


async def test_a_console_request_is_held() -> None:
    async with EnterpriseProcess(Settings()) as enterprise:
        address = (await enterprise.connection()).appliances[0].address
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
            await enterprise.hold("console POST /sign-in", Moment.BEFORE)
            look = await begun(session.post(f"{address}/sign-in").__aenter__(), enterprise.held())
            assert [r for r in await enterprise.requests() if r.path == "/sign-in"] == []
            await enterprise.let_go()
            with pytest.raises(aiohttp.ClientError):
                await look
            assert [p.point for p in await enterprise.points()] == ["console POST /sign-in"]
            assert await enterprise.requests() == []
