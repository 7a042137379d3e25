"""The engine: what falls due is seen to, also after an alarm that broke."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import Clock
from bot.domain.commands import Command
from bot.domain.enterprise import Enterprise, stream
from bot.domain.handle import Decision, Handler
from bot.domain.ledger import Entry
from bot.engine.embedded import Engine
from storage.errors import DiskRefused
from storage.sqlite import SqliteLedger
from tests.support import story as s


class Breaking(Handler):
    """A handler whose first `times` decisions break, as a locked database would make them."""

    def __init__(self, ledger: SqliteLedger, clock: Clock, times: int) -> None:
        super().__init__(ledger, clock)
        self.left = times

    async def handle(self, enterprise: str, command: Command) -> Decision:
        if self.left:
            self.left -= 1
            raise OSError("database is locked")
        return await super().handle(enterprise, command)


async def test_an_alarm_that_breaks_is_not_the_last(tmp_path: Path) -> None:
    """An approved request whose start has come is begun by the next heartbeat."""
    begun = asyncio.Event()

    async def run(_enterprise: str, _request: str) -> None:
        begun.set()

    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        recorded = s.approved().recorded
        start = s.approved().request().draft.start
        for version, (at, event) in enumerate(recorded):
            await ledger.append(stream("main"), version, [event], at)
        clock = Fixed(start)
        engine = Engine(
            ["main"],
            ledger,
            Breaking(ledger, clock, times=1),
            clock,
            preflight=run,
            run=run,
            has_work=_none,
            heartbeat=0.05,
        )
        serving = asyncio.create_task(engine.serve())
        async with asyncio.timeout(10):
            await begun.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_a_clock_that_is_set_is_noticed_by_the_heartbeat(tmp_path: Path) -> None:
    """The alarm was set for an hour later, by the clock as it was then."""
    begun = asyncio.Event()

    async def run(_enterprise: str, _request: str) -> None:
        begun.set()

    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        for version, (at, event) in enumerate(s.approved().recorded):
            await ledger.append(stream("main"), version, [event], at)
        start = s.approved().request().draft.start
        clock = Fixed(start - timedelta(hours=1))
        looked = asyncio.Event()
        engine = Engine(
            ["main"],
            ledger,
            Telling(ledger, clock, looked),
            clock,
            preflight=run,
            run=run,
            has_work=_none,
            heartbeat=0.05,
        )
        serving = asyncio.create_task(engine.serve())
        async with asyncio.timeout(10):
            await looked.wait()
            assert not begun.is_set()
            clock.moment = start
            await begun.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def test_an_alarm_that_the_end_cuts_short_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        for version, (at, event) in enumerate(s.approved().recorded):
            await ledger.append(stream("main"), version, [event], at)
        clock = Fixed(s.approved().request().draft.start - timedelta(milliseconds=1))
        handler = Waiting(ledger, clock)
        engine = Engine(["main"], ledger, handler, clock, preflight=_nothing, run=_nothing, has_work=_none)
        serving = asyncio.create_task(engine.serve())
        async with asyncio.timeout(10):
            await handler.waits.wait()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await handler.over.wait()
        await asyncio.sleep(0)
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


class Waiting(Handler):
    """A handler whose second decision does not come to an end."""

    def __init__(self, ledger: SqliteLedger, clock: Clock) -> None:
        super().__init__(ledger, clock)
        self.first = True
        self.waits, self.over = asyncio.Event(), asyncio.Event()

    async def handle(self, enterprise: str, command: Command) -> Decision:
        if self.first:
            self.first = False
            return await super().handle(enterprise, command)
        self.waits.set()
        try:
            return await asyncio.get_running_loop().create_future()
        finally:
            self.over.set()


class Telling(Handler):
    """A handler that tells when something has been decided."""

    def __init__(self, ledger: SqliteLedger, clock: Clock, looked: asyncio.Event) -> None:
        super().__init__(ledger, clock)
        self.looked = looked

    async def handle(self, enterprise: str, command: Command) -> Decision:
        decision = await super().handle(enterprise, command)
        self.looked.set()
        return decision


class Fixed(Clock):
    """Stands at one moment."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


def _none(_state: Enterprise, _request: object) -> bool:
    return False


async def _nothing(_enterprise: str, _request: str) -> None:
    return None


class Unread(SqliteLedger):
    """A ledger whose next `failures` subscriptions break at their first entry."""

    failures = 0

    async def subscribe(self, after: int = 0) -> AsyncGenerator[Entry, None]:
        async for entry in super().subscribe(after):
            if self.failures:
                self.failures -= 1
                raise DiskRefused("disk I/O error")
            yield entry


async def test_a_ledger_that_cannot_be_read_for_a_moment_is_followed_on(tmp_path: Path) -> None:
    """Another process's entry, whose reading broke, still begins what it calls for."""
    begun = asyncio.Event()

    async def run(_enterprise: str, _request: str) -> None:
        begun.set()

    async with Unread.open(tmp_path / "ledger.sqlite", poll=0.01) as ledger:
        ledger.failures = 2
        clock = Fixed(s.approved().request().draft.start)
        engine = Engine(
            ["main"],
            ledger,
            Handler(ledger, clock),
            clock,
            preflight=run,
            run=run,
            has_work=_none,
            restart_after=0.01,
        )
        serving = asyncio.create_task(engine.serve())
        for version, (at, event) in enumerate(s.approved().recorded):
            await ledger.append(stream("main"), version, [event], at)
        async with asyncio.timeout(10):
            await begun.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        assert ledger.failures == 0
