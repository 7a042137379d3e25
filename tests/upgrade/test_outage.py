"""A ledger that cannot be written while a run is under way: what is known is kept, what was missed is not made up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from bot.domain import events as e
from bot.domain.events import Event, Phase
from bot.domain.ledger import Entry
from bot.domain.progress import Budgets
from bot.domain.sight import Activity, Press
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from storage.errors import DiskRefused
from storage.sqlite import SqliteLedger
from tests.support.house import House, open_house

BUDGETS = Budgets(distribute=30, settle=40, expected=60, overdue=240)


class Disk(SqliteLedger):
    """Takes no entry while it is `full`, as it is after the first event like `last`; `forgets` says of one append that
    it failed, which it has not."""

    full: ClassVar[bool]
    last: ClassVar[type[Event] | None]
    forgets: ClassVar[type[Event] | None]
    refused: ClassVar[list[type[Event]]]

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        if Disk.full:
            Disk.refused += [type(event) for event in events]
            raise DiskRefused("the disk is full")
        entries = await super().append(stream, expected, events, at)
        if Disk.last and any(isinstance(event, Disk.last) for event in events):
            Disk.last, Disk.full = None, True
        if Disk.forgets and any(isinstance(event, Disk.forgets) for event in events):
            Disk.forgets = None
            raise DiskRefused("the disk did not say")
        return entries

    async def try_write(self) -> None:
        if Disk.full:
            raise DiskRefused("the disk is full")
        await super().try_write()


@pytest.fixture(autouse=True)
def _disk() -> None:
    Disk.full, Disk.last, Disk.forgets, Disk.refused = False, None, None, []


def simulated(*faults: str) -> EnterpriseProcess:
    return EnterpriseProcess(
        Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=600, faults=faults)
    )


async def test_an_intent_that_stands_after_all_was_not_sent(tmp_path: Path) -> None:
    """Its append failed, so nothing was sent; that it is there is read, and said as it is."""
    async with simulated() as sandbox, open_house(tmp_path, sandbox, ledgers=Disk) as house:
        Disk.forgets = e.InstallIntended
        id_ = await house.approved()
        request = await house.ends(id_, Phase.STOPPED)
        assert "did not take its intent" in request.reason
        [pressed] = await house.events(e.InstallPressed)
        assert isinstance(pressed, e.InstallPressed)
        assert pressed.outcome.press is Press.NOT_SENT
        assert (await sandbox.state()).install_clicks == 0
        assert (await house.state()).quarantine is None


async def test_full_between_two_steps_not_even_a_dialog_is_opened(tmp_path: Path) -> None:
    async with simulated() as sandbox, open_house(tmp_path, sandbox, ledgers=Disk) as house:
        Disk.last = e.StepFinished
        id_ = await house.approved()
        await house.until(lambda r: bool(r.run and r.run.finished), id_)
        await looked(sandbox, 20)
        posts = [r.path for r in await sandbox.requests() if r.method == "POST" and "sign" not in r.path]
        assert posts == ["/packages", "/upload"], "the upload page and the upload, and then nothing"
        Disk.full = False
        await house.ends(id_, Phase.SUCCEEDED)


async def test_an_outage_is_no_gap_in_the_watch(tmp_path: Path) -> None:
    """Nothing is installed for the whole settle budget, the ledger being full at its end: seen is seen."""
    async with (
        simulated("ignored-install") as sandbox,
        open_house(tmp_path, sandbox, ledgers=Disk, budgets=BUDGETS) as house,
    ):
        id_ = await pressed(house)
        Disk.full = True
        await until_refused(e.BecameUnknown)
        await looked(sandbox, 20)
        back = house.clock.now()
        Disk.full = False
        ended = (await house.ends(id_, Phase.UNKNOWN)).ended
        assert ended
        assert ended - back < timedelta(minutes=BUDGETS.settle)


async def test_what_was_seen_in_an_outage_breaks_the_row_of_equal_looks(tmp_path: Path) -> None:
    """Idle, then at work, which the ledger has not got, then idle: the settle budget begins with the last."""
    async with (
        simulated("ignored-install") as sandbox,
        open_house(tmp_path, sandbox, ledgers=Disk, budgets=BUDGETS) as house,
    ):
        id_ = await pressed(house)
        Disk.full = True
        await sandbox.fault("foreign-install")
        await until_refused(e.Observed)
        at_work = house.clock.now()
        await sandbox.clear("foreign-install")
        Disk.full = False
        request = await house.ends(id_, Phase.UNKNOWN)
        assert request.ended
        assert request.ended - at_work >= timedelta(minutes=BUDGETS.settle)
        assert request.run
        assert all(seen.observation.activity is Activity.IDLE for seen in request.run.seen), (
            "the ledger has it not"
        )


async def pressed(house: House) -> str:
    """A request whose Install was answered, and which was looked at since."""
    id_ = await house.approved()
    await house.until(lambda r: bool(r.run and r.run.pressed and r.run.seen), id_)
    return id_


async def until_refused(kind: type[Event]) -> None:
    """The ledger has refused such an event."""
    async with asyncio.timeout(20):
        while kind not in Disk.refused:  # noqa: ASYNC110 - another task appends
            await asyncio.sleep(0.01)


async def looked(sandbox: EnterpriseProcess, times: int) -> None:
    """The consoles have had so many requests more."""
    enough = len(await sandbox.requests()) + times
    async with asyncio.timeout(20):
        while len(await sandbox.requests()) < enough:  # noqa: ASYNC110 - another process's log
            await asyncio.sleep(0.02)
