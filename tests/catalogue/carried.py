"""Carrying one fault out: a whole run against a simulated enterprise of its own, in a few seconds.

The domain, the ledger's file, the run and the driver are the real ones. There is no Slack: `tests.support.house`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from bot.console.reading import Timeouts
from bot.domain import events as e
from bot.domain.enterprise import Request
from bot.domain.events import Event, Phase, Step
from bot.domain.progress import Budgets
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.report import EnterpriseReport
from bot.sandbox.enterprise.settings import Settings
from tests.catalogue.fault import End, Fault
from tests.catalogue.relay import APPROVED, Relay
from tests.console.console_server import Identity, make_identity
from tests.support.forked import ForkedEnterprise
from tests.support.house import BEN, CHLOE, Driver, House, http_console, open_house

QUICK = Settings(rate=500, appliances=2, distribution_seconds=100, install_seconds=240)
BUDGETS = Budgets(distribute=7, settle=5, expected=6, overdue=9)
POLL_SECONDS = 25
SECONDS = 40.0
"""Real seconds after which a run that has come to no end is none of the catalogue's."""

PATIENT = Timeouts(connect=10, page=10, stall=10, upload=10, install=10)
BRIEF = Timeouts(connect=2, page=1, stall=1, upload=1, install=1)
"""Where the fault is that no answer comes."""


@dataclass(frozen=True)
class Outcome:
    """What came of a run. `told`: what the ledger says in words. `hits`: how often the fault did something."""

    end: End | None
    quarantined: bool
    lockout: bool
    foreign: bool
    installs: int
    told: str
    hits: int
    console: EnterpriseReport


PENDING_SECONDS = 10.0
"""The same for a run that is known to come to no end."""


async def carry_out(fault: Fault, driver: Driver | None = None) -> Outcome:
    """Ask, approve and run under `fault`. `driver` makes the console sessions; None: the http driver."""
    driver = driver or partial(http_console, timeouts=BRIEF if fault.is_waited_for else PATIENT)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        directory = Path(name)
        own, other = (make_identity(directory, whose) for whose in ("own", "other"))
        faults = (fault.besides,) if fault.besides else ()
        async with ForkedEnterprise(QUICK.model_copy(update={"faults": faults})) as sandbox:
            return await _under(fault, driver, sandbox, directory, own, other)


async def _under(
    fault: Fault, driver: Driver, sandbox: EnterpriseProcess, directory: Path, own: Identity, other: Identity
) -> Outcome:
    straight = await sandbox.connection()
    first, *others = straight.appliances
    relay = Relay(sandbox, first.address, fault, own, other)
    async with relay.open():
        relayed = first.model_copy(update={"address": relay.address, "fingerprint": own.pin})
        connection = straight.model_copy(update={"appliances": [relayed, *others]})
        async with open_house(
            directory,
            sandbox,
            connection=connection,
            driver=driver,
            budgets=BUDGETS,
            poll_seconds=POLL_SECONDS,
        ) as house:
            id_ = await house.ask()
            if (await house.request(id_)).is_open:
                await relay.reach(APPROVED)
                await house.desk.approve(id_, BEN)
                await house.desk.approve(id_, CHLOE)
            request = await _at_its_end(house, id_, fault)
            state = await house.state()
            return Outcome(
                end=_end(request),
                quarantined=state.quarantine is not None,
                lockout=state.lockout is not None,
                foreign=state.lockout is not None and state.lockout.foreign,
                installs=relay.installs,
                told="\n".join(_told(await house.events())),
                hits=relay.hits,
                console=await sandbox.state(),
            )


async def _at_its_end(house: House, id_: str, fault: Fault) -> Request:
    """The request once it is over, with its logs when it ended badly; or flagged and watched on, if it has to be."""

    def over(r: Request) -> bool:
        if r.phase in (Phase.FAILED, Phase.UNKNOWN):
            return r.run is not None and Step.COLLECT_LOGS in r.run.finished
        # A slow machine may be overdue in the distribution already; Install takes the flag back.
        come_to = not fault.installs or (r.run is not None and r.run.install_intended is not None)
        return r.ended is not None or (fault.end.goes_on and come_to and _end(r) is fault.end)

    request = await house.until(over, id_, PENDING_SECONDS if fault.pending else SECONDS)
    if request.ended is None:
        # That it does not end is only seen by waiting.
        await house.clock.sleep(timedelta(minutes=BUDGETS.settle))
    return await house.request(id_)


def _end(request: Request) -> End | None:
    """None while it goes on and nobody was told anything."""
    if request.ended is not None:
        return End(request.phase.value)
    run = request.run
    if run is not None and run.unexpected_level:
        return End.HELD
    return End.OVERDUE if run is not None and run.overdue else None


def _told(events: Sequence[Event]) -> list[str]:
    """What the ledger's reader finds: reasons, the console's words, what became of each step."""
    words: list[str] = []
    for event in events:
        match event:
            case e.Stopped() | e.Voided() | e.BecameUnknown() | e.BecameOverdue() | e.LogsRefused():
                words.append(event.reason)
            case e.Failed():
                words.append(event.words)
            case e.LevelUnexpected():
                words.append(event.level)
            case e.InstallPressed():
                words.append(f"{event.outcome.press.value}: {event.outcome.words}")
            case e.StepFinished():
                words.append(event.detail)
            case e.Observed():
                words.append(event.observation.reason)
            case e.LogsCollected():
                words.append(f"logs collected: {event.file}")
    return [w for w in words if w]
