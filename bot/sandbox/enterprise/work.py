"""A distribution or an installation: how far each appliance is follows from when it was started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from bot.sandbox.enterprise.faults import STOPS, Fault, WorkKind

STAGGER = 0.2  # the part of the whole duration by which the appliances begin and end apart
FOREIGN_LIMIT = 90.0  # somebody else's work stays below this until its fault is cleared
SESSIONS_LOST_AT = 0.5
BLACKOUT_ALL = (0.3, 0.7)
BLACKOUT_OTHERS_FROM = 0.45


class Work(BaseModel):
    """One distribution or installation. Times in simulated seconds; `failed` holds percent and words."""

    kind: WorkKind
    package: str
    appliances: list[str]
    started: float
    duration: float
    foreign: bool = False
    failed: dict[str, tuple[float, str]] = {}

    def elapsed(self, now: float) -> float:
        """The part of the planned duration that has gone by; above 1 when it is over."""
        return (now - self.started) / self.duration

    def planned(self, index: int, now: float) -> float | None:
        """Percent of the appliance at that index when nothing goes wrong; None while it waits."""
        count = len(self.appliances)
        begin = STAGGER * index / count
        end = 1 - STAGGER * (count - 1 - index) / count
        elapsed = self.elapsed(now)
        return None if elapsed < begin else min(100.0, 100.0 * (elapsed - begin) / (end - begin))


@dataclass(frozen=True)
class Row:
    """One appliance's progress: `percent` is None while it waits; `error` is the console's message, or empty."""

    appliance: str
    percent: float | None
    error: str = ""

    @property
    def complete(self) -> bool:
        """Whether the appliance has finished well."""
        return self.percent is not None and self.percent >= 100 and not self.error


def rows(work: Work, faults: Mapping[str, Fault], now: float) -> list[Row]:
    """How far each appliance is, with what the faults do to it."""
    return [_row(work, index, faults, now) for index in range(len(work.appliances))]


def _row(work: Work, index: int, faults: Mapping[str, Fault], now: float) -> Row:
    name = work.appliances[index]
    if name in work.failed:
        return Row(name, *work.failed[name])
    percent, error = work.planned(index, now), ""
    if percent is None:
        return Row(name, None)
    if work.foreign:
        return Row(name, min(percent, FOREIGN_LIMIT))
    if "progress-backwards" in faults and work.kind == "installation" and 60 <= percent < 90:
        percent -= 30
    for fault, stop in STOPS.items():
        if fault not in faults or stop.kind != work.kind:
            continue
        if not stop.everywhere and index != min(1, len(work.appliances) - 1):
            continue
        # A fault that comes late stops the appliance where it then is, not before.
        at = max(stop.percent, work.planned(index, faults[fault].since) or 0.0)
        if at < 100 and percent >= at:
            percent, error = at, stop.words
    return Row(name, percent, error)


def dark(work: Work, first: bool, blackout: float, faults: Mapping[str, Fault], now: float) -> bool:
    """Whether an installation keeps a console from answering; `first` says whether it is the first appliance's."""
    if work.kind != "installation":
        return False
    elapsed = work.elapsed(now)
    if "blackout" in faults and BLACKOUT_ALL[0] <= elapsed < BLACKOUT_ALL[1]:
        return True
    return not first and BLACKOUT_OTHERS_FROM <= elapsed < BLACKOUT_OTHERS_FROM + blackout
