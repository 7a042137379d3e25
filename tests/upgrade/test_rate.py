"""How often Keyturn asks: counted in the consoles' own logs over real runs; the table of docs/console.md says it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from bot.clock import Clock
from bot.domain.events import Phase
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.report import RequestReport
from bot.sandbox.enterprise.settings import Settings
from bot.upgrade.runner import FOREIGN_EVERY
from bot.upgrade.steps import UPLOAD_TOLD_EVERY
from tests.kill.relay import Place, relay_to
from tests.support.house import BEN, CHLOE, open_house

RATE = 600
POLL = 30
"""Seconds between two looks at least, the default of the settings."""
ENOUGH = 3
"""Looks of a phase to count in."""
FIRST, OTHER = "appliance-1", "appliance-2"
DOCS = Path("docs/console.md")

Count = tuple[int, int]
"""Requests to the first console, and to each other one."""


class Noted(Clock):
    """Notes every pause."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.slept: list[timedelta] = []

    async def sleep(self, span: timedelta) -> None:
        self.slept.append(span)
        await super().sleep(span)


class Log:
    """What the consoles have been asked."""

    def __init__(self, sandbox: EnterpriseProcess) -> None:
        self._sandbox = sandbox

    async def until(self, holds: Callable[[Sequence[RequestReport]], bool]) -> Sequence[RequestReport]:
        """All requests, as soon as `holds`."""
        async with asyncio.timeout(20):
            while not holds(requests := await self._sandbox.requests()):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.02)
        return requests

    async def more_looks(self) -> Sequence[RequestReport]:
        """The requests from now on until there are enough looks."""
        before = len(await self._sandbox.requests())
        return (await self.until(lambda r: len(looks(r[before:])) >= ENOUGH))[before:]


def looks(requests: Sequence[RequestReport]) -> list[int]:
    """Where each look is in its middle: at the one page that nothing but a look opens."""
    return [i for i, r in enumerate(requests) if r.path == "/enterprise"]


def ways(requests: Sequence[RequestReport]) -> list[str]:
    return [f"{r.method} {r.path}" for r in requests]


def count(requests: Iterable[RequestReport]) -> Count:
    asked = [r.appliance for r in requests]
    return asked.count(FIRST), asked.count(OTHER)


def of_a_look(requests: Sequence[RequestReport]) -> Count:
    """The most that a look asks without signing in again; none comes sooner than the settings allow."""
    never_sooner([requests[i].at for i in looks(requests)], POLL)
    parts = [requests[a:b] for a, b in pairwise(looks(requests))]
    return max(count(part) for part in parts if "POST /sign-in" not in ways(part))


def never_sooner(moments: Iterable[str], seconds: float) -> None:
    at = [datetime.fromisoformat(moment) for moment in moments]
    assert len(at) >= ENOUGH - 1
    assert min((b - a).total_seconds() * RATE for a, b in pairwise(at)) >= seconds


def in_no_step(slept: Sequence[timedelta], least: timedelta) -> None:
    """Each pause is its own: at least that long, and at most a fifth longer."""
    pauses = [pause for pause in slept if pause != UPLOAD_TOLD_EVERY]
    assert len(pauses) >= ENOUGH
    assert len(set(pauses)) == len(pauses)
    assert least <= min(pauses)
    assert max(pauses) <= 1.2 * least


def row(phase: str, asked: Count, times: float | None) -> str:
    """A row of the table; `times` a minute, None for once."""
    words = [f"{n} once" if times is None else f"{n * times:g} a minute" for n in asked]
    return f"| {phase} | {' | '.join(words)} |"


def documented(*rows: str) -> None:
    text = DOCS.read_text()
    assert not [r for r in rows if r not in text], rows


async def test_a_run_asks_as_often_as_the_docs_say(tmp_path: Path) -> None:
    simulated = Settings(
        rate=RATE,
        appliances=2,
        distribution_seconds=400,
        install_seconds=600,
        idle_minutes=600,
        blackout=0,
        faults=("lock-stays",),
    )
    clock, attempts = Noted(RATE), list[str]()
    dark, enough = False, asyncio.Event()

    async def in_the_dark(asked: int) -> bool:
        if dark:
            if asked == 0:
                attempts.append(datetime.now(UTC).isoformat(timespec="milliseconds"))
            if len(attempts) >= ENOUGH:
                enough.set()
            raise ConnectionResetError
        return False

    async with EnterpriseProcess(simulated) as sandbox:
        straight, log = await sandbox.connection(), Log(sandbox)
        first, *others = straight.appliances
        async with relay_to(first.address) as relay:
            relay.hold(Place.ASKING, in_the_dark)
            through = first.model_copy(update={"address": relay.address})
            connection = straight.model_copy(update={"appliances": [through, *others]})
            async with open_house(
                tmp_path, sandbox, connection=connection, clock=clock, poll_seconds=POLL
            ) as house:
                id_ = await house.ask()
                preflight = await log.until(lambda r: ways(r).count("GET /sign-in") == 2)  # after signing out
                assert (await sandbox.state()).sessions == 0, "nobody is signed in while people decide"
                await house.desk.approve(id_, BEN)
                await house.desk.approve(id_, CHLOE)

                await house.until(lambda r: r.run is not None and r.run.pressed is not None, id_)
                installation = await log.more_looks()
                dark = True
                await asyncio.wait_for(enough.wait(), 20)
                in_vain = [r for r in await sandbox.requests() if r.at > attempts[0]]
                dark = False
                await house.until(lambda r: r.phase is Phase.VERIFYING, id_)
                verifying = await log.more_looks()
                await sandbox.clear("lock-stays")
                await house.ends(id_, Phase.SUCCEEDED)
                ended = await sandbox.until(lambda s: s.sessions == 0)
                # The preflight, the run, and once more after the restart that ends an installation.
                assert ended.sign_ins == 3 * len(straight.appliances)
                all_ = await sandbox.requests()
                sent, done = (ways(all_).index(way) for way in ("POST /distribute", "POST /done"))
                distribution = all_[sent:done]
                after = next(all_[i] for i in looks(all_) if i > done)
    assert in_vain == [], "the others are not asked while the first one is silent"
    never_sooner(attempts, POLL)
    never_sooner([all_[done].at, after.at], POLL)  # a Done that does nothing is not pressed in a loop
    documented(
        row("preflight, when it is asked for", count(preflight), None),
        row("distribution", of_a_look(distribution), 60 / POLL),
        row("installation", of_a_look(installation), 60 / POLL),
        row("blackout", (1, 0), 60 / POLL),
        row("verifying", of_a_look(verifying), 60 / POLL),
    )
    in_no_step(clock.slept, timedelta(seconds=POLL))


async def test_somebody_elses_work_is_looked_at_as_often_as_the_docs_say(tmp_path: Path) -> None:
    clock = Noted(RATE)
    async with (
        EnterpriseProcess(Settings(rate=RATE, appliances=2)) as sandbox,
        open_house(tmp_path, sandbox, clock=clock, poll_seconds=POLL) as house,
    ):
        id_, log = await house.ask(), Log(sandbox)
        await sandbox.fault("foreign-install")
        await house.desk.approve(id_, BEN)
        await house.desk.approve(id_, CHLOE)
        await house.ends(id_, Phase.STOPPED)
        requests = await log.until(lambda r: len(looks(r)) > 2 + ENOUGH)
    began = [i for i, r in enumerate(requests) if r.appliance == FIRST and r.path == "/"][2:]
    [each] = {count(requests[a:b]) for a, b in pairwise(began)}
    never_sooner([requests[i].at for i in began], FOREIGN_EVERY.total_seconds())
    documented(row("somebody else's work", each, timedelta(minutes=1) / FOREIGN_EVERY))
    in_no_step(clock.slept, FOREIGN_EVERY)
