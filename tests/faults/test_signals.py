"""SIGTERM and SIGINT: no new click, no new step; what is in hand is finished; the ledger says what goes on."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.sight import Press
from bot.drain import UNCUT, uncut
from bot.sandbox import person
from tests.kill.relay import Place
from tests.kill.scene import Scene, scene

GOES_ON = "goes on when Keyturn is started again"


async def install_held(here: Scene) -> None:
    """The console has taken the one click, and its answer is held on the wire."""

    async def clicked(_: int) -> bool:
        pressed = (await here.demo.enterprise.state()).install_clicks == 1
        return pressed and await here.has(e.InstallIntended)

    there = here.relay.hold(Place.ANSWERING, clicked)
    await here.approved()
    await here.reached(there)


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
async def test_an_install_in_hand_is_finished(tmp_path: Path, told: signal.Signals) -> None:
    async with scene(tmp_path) as here:
        await install_held(here)
        here.bot.send_signal(told)
        await here.said("is finished first")
        await here.demo.workspace.wait_for_connections(0)
        assert here.bot.returncode is None, "Slack is left before the run is"
        here.relay.release()
        assert await here.gone() == 0

        [pressed] = await here.facts(e.InstallPressed)
        assert pressed.outcome.press is Press.ANSWERED
        request = await here.request()
        assert request.phase is Phase.INSTALLING
        assert f"run {request.id} {GOES_ON}" in here.words()
        await here.restart()
        await here.ended(Phase.SUCCEEDED)


async def test_just_before_its_intent_install_is_left_to_the_next_process(tmp_path: Path) -> None:
    """The IPM Information page is on its way to the bot: the next thing would be the intent."""
    async with scene(tmp_path) as here:

        async def shown(_: int) -> bool:
            return any(r.path.startswith("/ipm") for r in await here.demo.enterprise.requests())

        there = here.relay.hold(Place.ANSWERING, shown)
        await here.approved()
        await here.reached(there)
        here.bot.send_signal(signal.SIGTERM)
        await here.said("no new step begins")
        here.relay.release()
        assert await here.gone() == 0
        assert not await here.has(e.InstallIntended)
        assert (await here.request()).phase is Phase.PREPARING

        await here.restart()
        await here.ended(Phase.SUCCEEDED)


async def test_a_click_in_hand_is_answered_and_begins_no_run(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        slack = here.demo.workspace
        await person.ask(slack)
        card = await person.card(slack, person.BEN)
        await person.approve(slack, person.BEN, card)
        await here.fact(e.Approved)

        # Chloe's click is acknowledged, and Slack has the bot wait for who she is.
        await slack.control("limit", method="users.info", times=1, retry_after=1)
        await person.approve(slack, person.CHLOE, card)
        here.bot.send_signal(signal.SIGTERM)
        assert await here.gone() == 0

        request = await here.request()
        assert set(request.approvals) == {person.BEN, person.CHLOE}
        assert [m for m in await slack.messages() if m.raw["only_for"] == person.CHLOE], "she was answered"
        assert request.phase is Phase.APPROVED
        assert not await here.has(e.RunStarted)
        assert f"{request.id} is approved and starts in its window if Keyturn runs again" in here.words()
        await here.restart()
        await here.ended(Phase.SUCCEEDED)


async def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await install_held(here)
        here.bot.send_signal(signal.SIGTERM)
        await here.said("is finished first")
        began = time.monotonic()
        here.bot.send_signal(signal.SIGTERM)
        assert await here.gone() == -signal.SIGTERM
        assert time.monotonic() - began < UNCUT, "nothing is waited for"

        await here.restart()
        await here.ended(Phase.SUCCEEDED)
        [pressed] = await here.facts(e.InstallPressed)
        assert pressed.outcome.press is Press.IN_DOUBT


async def test_it_ends_while_slack_keeps_it_waiting_at_the_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.end()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            api = f"http://127.0.0.1:{silent.getsockname()[1]}/api/"
            deaf = tmp_path / "deaf.toml"
            deaf.write_text(here.demo.config.read_text().replace(here.demo.workspace.api, api))
            starting = asyncio.create_task(dataclasses.replace(here.demo, config=deaf).keyturn("serve"))
            async with asyncio.timeout(30):
                called, _ = await asyncio.get_running_loop().sock_accept(silent)
            os.kill(int((tmp_path / "state" / "bot.lock").read_text()), signal.SIGTERM)
            async with asyncio.timeout(10):
                assert "keyturn has stopped" in await starting
            called.close()


async def test_work_that_is_not_finished_in_time_is_cut() -> None:
    cut = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.set()
            raise

    task = asyncio.create_task(uncut(endless(), "it", seconds=0.05))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        await asyncio.wait([task])
    assert task.cancelled()
    assert cut.is_set()


STUBBORN = """
import asyncio, logging, os, signal
from bot.drain import draining

async def main():
    with draining(longest=0.5):
        os.kill(os.getpid(), signal.SIGTERM)
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                print("told, and stays", flush=True)

asyncio.run(main())
"""


async def test_what_does_not_end_is_ended(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STUBBORN), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 1
    assert out == b"told, and stays\n"
    assert b"Timeout" in err
    assert b"most recent call first" in err
