"""The wall clock is set by hours in the middle of things, and by daylight saving in the middle of a window.

What decides by the time of day follows the new time: starts, windows, overdue, pages. What was not watched is never
concluded from, and the age of the install intent is not the wall clock's at all (tests/upgrade/test_intent_life.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.clock import Clock
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Event, Phase, Step
from bot.domain.ledger import Entry
from bot.domain.plan import ATTESTATIONS
from bot.domain.sight import Activity
from bot.domain.windows import WeeklyWindow
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.holds import Moment
from bot.upgrade.desk import OutsideWindow
from storage.sqlite import SqliteLedger
from tests.support.house import ANA, BEN, CHLOE, MAIN, House, open_house

RATE = 600.0
HOURS = timedelta(hours=3)
A_DAY = timedelta(hours=24)
"""More real seconds, at the rate, than a test waits for an end."""
SETTLE = 15 * 60 / RATE
"""The settle budget in real seconds."""

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY_NIGHT = (
    WeeklyWindow.model_validate({"day": "sunday", "start": "01:00", "end": "05:00", "zone": BERLIN.key}),
)


def nothing() -> None:
    pass


class Settable(Clock):
    """A clock whose time of day can be set; the boot clock goes on as it is."""

    def __init__(self) -> None:
        super().__init__(RATE, datetime.now(UTC))
        self.ahead = timedelta()
        self.before_sleep: Callable[[], None] = nothing

    def now(self) -> datetime:
        return super().now() + self.ahead

    def set(self, moment: datetime) -> None:
        self.ahead += moment - self.now()

    async def sleep(self, span: timedelta) -> None:
        self.before_sleep()
        await super().sleep(span)


class Noticing(SqliteLedger):
    """A ledger that says when it is read, as it is before each decision."""

    before_read: Callable[[], None] = staticmethod(nothing)

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        self.before_read()
        return await super().read(stream, after, limit)


def simulated(*faults: str) -> Settings:
    return Settings(rate=RATE, appliances=2, distribution_seconds=600, install_seconds=1200, faults=faults)


async def entered(house: House, kind: type[Event], holds: str = "") -> Event:
    """The first event of that kind that is, in words, `holds`."""
    async with asyncio.timeout(20):
        async for entry in house.ledger.subscribe():
            if isinstance(entry.event, kind) and holds in str(entry.event):
                return entry.event
    raise AssertionError("the ledger was closed")


@pytest.mark.parametrize("jump", [HOURS, -HOURS], ids=["forward and back", "back and forward"])
async def test_set_to_and_fro_in_every_phase_a_run_still_succeeds(tmp_path: Path, jump: timedelta) -> None:
    clock = Settable()
    clock.set(clock.now().replace(hour=12))  # both times of day lie in one day's window
    noon = clock.ahead
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock) as house,
    ):
        running = asyncio.create_task(house.approved())
        for moment in (
            entered(house, e.RunStarted),
            entered(house, e.StepIntended, repr(Step.UPLOAD)),
            entered(house, e.StepIntended, repr(Step.DISTRIBUTE)),
            entered(house, e.Observed, repr(Activity.DISTRIBUTING)),
            entered(house, e.StepFinished, repr(Step.DISTRIBUTE)),
            entered(house, e.InstallPressed),
            entered(house, e.Observed, repr(Activity.INSTALLING)),
        ):
            await moment
            clock.ahead = noon + jump - (clock.ahead - noon)
        await house.ends(await running, Phase.SUCCEEDED)
        state = await sandbox.state()
        assert (state.install_clicks, state.sends) == (1, 1)
        assert not await house.events(e.Quarantined)


@pytest.mark.parametrize("jump", [A_DAY, -A_DAY], ids=["forward", "back"])
@pytest.mark.parametrize("when", ["between looks", "in a look", "before the decision"])
async def test_an_idle_console_is_watched_for_the_whole_settle_budget(
    tmp_path: Path, jump: timedelta, when: str
) -> None:
    """Neither too early nor as much too late as the clock was set back."""
    clock = Settable()
    began = 0.0
    jumped = asyncio.Event()

    def set_once() -> None:
        nonlocal began
        if not jumped.is_set():
            began = time.monotonic()
            clock.ahead += jump
            jumped.set()

    async with (
        EnterpriseProcess(simulated("ignored-install")) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, ledgers=Noticing) as house,
    ):
        id_ = await house.approved()
        await entered(house, e.InstallPressed)
        await looked(sandbox, len(await sandbox.requests()), 2)
        if when == "between looks":
            clock.before_sleep = set_once
        else:
            await sandbox.hold("console GET /packages", Moment.AFTER)
            assert await sandbox.held()
            if when == "in a look":
                set_once()
            else:
                assert isinstance(house.ledger, Noticing)
                house.ledger.before_read = set_once
            await sandbox.let_go()
        async with asyncio.timeout(20):
            await jumped.wait()
        await house.ends(id_, Phase.UNKNOWN)
        assert time.monotonic() - began > SETTLE * 0.9


async def test_a_page_that_cannot_be_read_for_a_moment_is_no_quarantine(tmp_path: Path) -> None:
    """After Send, before Install: the clock is set forward while the Packages page is unknown."""
    clock = Settable()
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, announces=False) as house,
    ):
        id_ = await house.approved()
        await entered(house, e.StepFinished, repr(Step.DISTRIBUTE))
        await sandbox.fault("unknown-page")
        before = len(await sandbox.requests())
        told = c.ReportLockoutAnnounced(request=id_, channel="C0IDENTITY", ts="1.0")
        await house.handler.handle(MAIN, told)
        await looked(sandbox, before, 2)
        clock.ahead += HOURS
        await looked(sandbox, len(await sandbox.requests()), 3)
        await sandbox.clear("unknown-page")
        await house.ends(id_, Phase.SUCCEEDED)


async def looked(sandbox: EnterpriseProcess, before: int, times: int) -> None:
    """The Packages page was asked for so many times more."""
    async with asyncio.timeout(20):
        while sum(r.path == "/packages" for r in (await sandbox.requests())[before:]) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_clock_that_was_ahead_keeps_no_page_waiting(tmp_path: Path) -> None:
    clock = Settable()
    clock.ahead = 2 * HOURS
    async with (
        EnterpriseProcess(simulated("install-error")) as sandbox,
        open_house(tmp_path, sandbox, clock=clock) as house,
    ):
        await house.ends(await house.approved(), Phase.FAILED)
        await entered(house, e.Paged)
        paged = len(await house.events(e.Paged))
        clock.ahead -= 2 * HOURS
        await entered(house, e.Paged, f"count={paged + 1}")


async def test_a_forward_jump_in_a_blackout_pages_and_concludes_nothing(tmp_path: Path) -> None:
    clock = Settable()
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock) as house,
    ):
        id_ = await house.approved()
        await entered(house, e.InstallPressed)
        await sandbox.fault("unreachable")
        await entered(house, e.Observed, "answered=False")
        clock.ahead += HOURS
        await entered(house, e.BecameOverdue)
        await entered(house, e.Paged)
        assert (await house.request(id_)).phase is Phase.INSTALLING
        clock.ahead -= HOURS
        await sandbox.clear("unreachable")
        await house.ends(id_, Phase.SUCCEEDED)


async def waiting(house: House, clock: Settable, start: datetime) -> str:
    """An approved request for that start, asked for the evening before."""
    clock.set(start - timedelta(hours=5))
    id_, _ = await house.desk.ask(
        MAIN,
        ANA,
        package=house.package.name,
        start=start,
        reason="monthly hotfix",
        change="CHG-1",
        attestations=tuple(ATTESTATIONS),
    )
    await house.until(lambda r: r.plan is not None, id_)
    await house.desk.approve(id_, BEN)
    await house.desk.approve(id_, CHLOE)
    return id_


@pytest.mark.parametrize(
    ("start", "set_to", "starts"),
    [
        ("2026-11-22T01:10+01:00", "2026-11-22T02:10+01:00", True),
        ("2026-11-22T01:10+01:00", "2026-11-22T02:40+01:00", False),
        ("2026-11-22T01:10+01:00", "2026-11-22T08:00+01:00", False),
        # Clocks go forward at 2026-03-29 02:00: the window is an hour shorter than the wall says.
        ("2026-03-29T01:10+01:00", "2026-03-29T01:20+01:00", True),
        ("2026-03-29T01:10+01:00", "2026-03-29T01:45+01:00", False),
        # Clocks go back at 2026-10-25 03:00: it is an hour longer, and 02:50 comes twice.
        ("2026-10-25T01:10+02:00", "2026-10-25T02:50+02:00", True),
        ("2026-10-25T01:10+02:00", "2026-10-25T02:20+01:00", True),
        ("2026-10-25T01:10+02:00", "2026-10-25T02:50+01:00", False),
    ],
)
async def test_a_start_follows_the_time_of_day_and_has_enough_of_the_window_left(
    tmp_path: Path, start: str, set_to: str, starts: bool
) -> None:
    """150 minutes are needed of Sunday 01:00 to 05:00 in Berlin."""
    clock = Settable()
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, heartbeat=0.1, windows=SUNDAY_NIGHT) as house,
    ):
        id_ = await waiting(house, clock, datetime.fromisoformat(start))
        clock.set(datetime.fromisoformat(set_to))
        request = await house.until(lambda r: r.phase is not Phase.APPROVED, id_)
        assert request.phase is (Phase.PREPARING if starts else Phase.EXPIRED)


async def test_set_back_in_the_first_look_a_run_waits_for_its_start(tmp_path: Path) -> None:
    clock = Settable()
    start = datetime(2026, 11, 22, 1, 10, tzinfo=BERLIN)
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, heartbeat=0.1, windows=SUNDAY_NIGHT) as house,
    ):
        id_ = await waiting(house, clock, start)
        await sandbox.hold("console GET /packages", Moment.AFTER)
        clock.set(start)
        assert await sandbox.held()
        clock.ahead -= HOURS
        await sandbox.let_go()

        # It looks once more where it is refused, and then leaves the console alone.
        await signed_out(sandbox)
        assert (await house.request(id_)).phase is Phase.APPROVED
        clock.set(start + timedelta(minutes=1))
        await house.until(lambda r: r.is_running, id_)
        [started] = [x.at for x in await house.ledger.read_all() if isinstance(x.event, e.RunStarted)]
        assert started >= start


async def signed_out(sandbox: EnterpriseProcess) -> None:
    async with asyncio.timeout(20):
        while (await sandbox.state()).sessions:  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.02)


async def test_a_start_that_the_change_of_clocks_leaves_too_little_for_is_refused(tmp_path: Path) -> None:
    clock = Settable()
    async with (
        EnterpriseProcess(simulated()) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, heartbeat=0.1, windows=SUNDAY_NIGHT) as house,
    ):
        with pytest.raises(OutsideWindow, match=r"next start that fits is Sun 05 Apr 2026 01:00"):
            await waiting(house, clock, datetime.fromisoformat("2026-03-29T01:45+01:00"))
        await waiting(house, clock, datetime.fromisoformat("2026-10-25T02:50+02:00"))
