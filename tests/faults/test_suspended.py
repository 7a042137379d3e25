"""Stopped (SIGSTOP) right after its install intent and woken more than 30 s later, a bot sends nothing (law 1)."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.sight import Press
from bot.upgrade.steps import INTENT_LIFE
from tests.kill.relay import Place
from tests.kill.scene import Scene, scene

ASLEEP = INTENT_LIFE + 1
"""Real seconds; the age of an intent is not measured with the clock that a demonstration runs faster."""

REACHED = 3.0
"""Real seconds in which the bot has come from a page that it has kept to the append; SQLite would wait five."""


async def test_it_sends_nothing(tmp_path: Path) -> None:
    """Both at once: the suite waits for half a minute only once."""
    for name in ("connecting", "appending"):
        (tmp_path / name).mkdir()
    await asyncio.gather(
        stopped_while_connecting(tmp_path / "connecting"), stopped_while_appending(tmp_path / "appending")
    )


async def stopped_while_connecting(directory: Path) -> None:
    """The intent is on disk, and the connection of the one click stands half."""
    async with scene(directory) as here:
        there = here.relay.hold(Place.OPENING, lambda _: here.has(e.InstallIntended))
        await here.approved()
        await here.reached(there)
        here.bot.send_signal(signal.SIGSTOP)
        here.relay.release()
        await asyncio.sleep(ASLEEP)
        here.bot.send_signal(signal.SIGCONT)
        await nothing_was_sent(here)


async def stopped_while_appending(directory: Path) -> None:
    """The intent reaches the disk only after the sleep: no time limit of a connection has run meanwhile."""
    async with scene(directory) as here:

        async def shown(_: int) -> bool:
            return any(r.path.startswith("/ipm") for r in await here.demo.enterprise.requests())

        there = here.relay.hold(Place.ANSWERING, shown)
        await here.approved()
        await here.reached(there)
        pages = directory / "state" / "evidence" / "pages"
        other = sqlite3.connect(directory / "state" / "ledger.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        kept = set(pages.iterdir())
        here.relay.release()
        await here.until(lambda: grown(pages, kept))
        await asyncio.sleep(REACHED)
        here.bot.send_signal(signal.SIGSTOP)
        other.execute("ROLLBACK")
        other.close()
        await asyncio.sleep(ASLEEP)
        assert not await here.has(e.InstallIntended)
        here.bot.send_signal(signal.SIGCONT)
        await nothing_was_sent(here)
        assert "nothing is sent after 30 s" in (await here.request()).reason


async def grown(pages: Path, kept: set[Path]) -> bool:
    return set(pages.iterdir()) > kept


async def nothing_was_sent(here: Scene) -> None:
    await here.ended(Phase.STOPPED)
    [pressed] = await here.facts(e.InstallPressed)
    assert pressed.outcome.press is Press.NOT_SENT
    assert (await here.demo.enterprise.state()).install_clicks == 0
    state = await here.state()
    assert state.quarantine is None
    assert state.lockout is None
