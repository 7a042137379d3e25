"""Reading what was appended: the questions that the laws ask of it, answered from the events alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Event, Statement, Step
from bot.domain.plan import Plan

E = TypeVar("E", bound=Event)


class Append(NamedTuple):
    """What one command caused."""

    at: datetime
    command: c.Command
    events: Sequence[Event]


Log = Sequence[Append]

HARMLESS = (e.Declined, e.Withdrawn, e.Expired, e.Voided, e.Cancelled, e.Stopped)
ENDS = (*HARMLESS, e.Failed, e.BecameUnknown, e.Succeeded)


def flat(log: Log) -> list[Event]:
    return [event for append in log for event in append.events]


def of(events: Sequence[Event], kind: type[E], request: str) -> list[E]:
    return [event for event in events if isinstance(event, kind) and request_of(event) == request]


def request_of(event: Event) -> str:
    found = getattr(event, "request", "")
    assert isinstance(found, str)
    return found


def new(log: Log, kind: type[E]) -> list[E]:
    return [event for event in log[-1].events if isinstance(event, kind)]


def plan_of(events: Sequence[Event], request: str) -> Plan:
    (plan,) = [done.plan for done in of(events, e.PreflightDone, request) if done.plan]
    return plan


def still_open(events: Sequence[Event]) -> set[str]:
    """Requests asked for and neither begun nor ended."""
    found: set[str] = set()
    for event in events:
        if isinstance(event, e.UpgradeRequested):
            found.add(event.request)
        elif isinstance(event, (e.RunStarted, *ENDS)):
            found.discard(request_of(event))
    return found


def under_way(events: Sequence[Event]) -> list[str]:
    """Requests whose run has begun and not ended."""
    found: list[str] = []
    for event in events:
        if isinstance(event, (e.RunStarted, e.WatchResumed)):
            found.append(event.request)
        elif isinstance(event, ENDS) and request_of(event) in found:
            found.remove(request_of(event))
    return found


def quarantined_by(events: Sequence[Event]) -> str | None:
    holder: str | None = None
    for event in events:
        if isinstance(event, e.Quarantined):
            holder = event.request
        elif isinstance(event, (e.Released, e.WatchResumed)):
            holder = None
    return holder


def held_by(events: Sequence[Event]) -> int | None:
    """The epoch that holds the enterprise."""
    epoch: int | None = None
    for event in events:
        if isinstance(event, e.EpochBegan):
            epoch = event.epoch
        elif isinstance(event, e.Compared):
            epoch = None
    return epoch


def this_epoch(events: Sequence[Event]) -> Sequence[Event]:
    """What was appended since the newest epoch began; everything, when none ever did."""
    begun = [i for i, event in enumerate(events) if isinstance(event, e.EpochBegan)]
    return events[begun[-1] :] if begun else events


def lockout_of(events: Sequence[Event]) -> tuple[str, bool] | None:
    """Whose lockout is on, and whether it is because of somebody else's work."""
    found: tuple[str, bool] | None = None
    for event in events:
        if isinstance(event, e.LockoutOpened):
            found = (event.request, event.foreign)
        elif isinstance(event, e.LockoutClosed):
            found = None
    return found


def was_sent(events: Sequence[Event], request: str) -> bool:
    return any(step.step is Step.DISTRIBUTE for step in of(events, e.StepIntended, request))


def two_stated(events: Sequence[Event], request: str, statement: Statement, value: str | None) -> bool:
    """Whether two people stated this since the newest quarantine of the request and the newest epoch, if any."""
    begins = (e.Quarantined, e.EpochBegan) if quarantined_by(events) == request else (e.EpochBegan,)
    marks = [i for i, event in enumerate(events) if isinstance(event, begins)]
    said = of(events[marks[-1] :] if marks else events, e.Stated, request)
    return len({s.by for s in said if s.statement is statement and value in (None, s.value)}) >= 2
