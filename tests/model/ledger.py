"""The ledger of the model: commands, events, and the state that the events add up to.

Written from the design and independent of `bot/domain`; `conformance` holds the two together. Time and content are
left out: a look is a word, and that a budget is spent or the window over is said with the command.
"""

from __future__ import annotations

from typing import NamedTuple

ENDED = frozenset({"succeeded", "void", "expired", "cancelled", "stopped", "failed", "unknown"})
BUSY = frozenset({"distributing", "done", "installing", "foreign"})
"""Looks that show work going on; before our own Send, somebody else's."""
NEW_LEVELS = frozenset({"installed", "mixed", "other"})
"""Looks that list the package as installed: at the stated level, at several levels, at another one."""
IDLE = frozenset({"absent", "uploaded", "distributed", "error"})
"""Looks that show nobody at work and our package not installed."""
LOOKS = ("silent", "unreadable", *sorted(IDLE), *sorted(BUSY), *sorted(NEW_LEVELS))
OF_QUARANTINE = ("release", "cannot tell", "not started", "installing")
STATEMENTS = (*OF_QUARANTINE, "level", "failure")
PEOPLE = ("Anna", "Ben")


class Request(NamedTuple):
    """One request, its approvals and its run. What no longer matters after the end is forgotten (`_ended`)."""

    phase: str = "none"
    approved: tuple[str, ...] = ()
    intended: str = ""
    """The steps intended so far: U for the upload, D for the distribution."""
    finished: str = ""
    install: bool = False
    pressed: str = ""
    """`answered`, `not sent`, `in doubt`, or nothing yet."""
    seen: str = ""
    overdue: bool = False
    other_level: bool = False
    cancel: bool = False
    said: tuple[tuple[str, str], ...] = ()
    """Statement and person, sorted."""

    @property
    def running(self) -> bool:
        return self.phase in ("preparing", "installing", "verifying")

    @property
    def open(self) -> bool:
        return self.phase in ("requested", "approved")


class Lockout(NamedTuple):
    request: int
    foreign: bool = False
    announced: bool = False


class Ledger(NamedTuple):
    """The fold of the events. `moved`: the newest levels seen are not those that the plans were made from."""

    requests: tuple[Request, ...]
    quarantine: int | None = None
    lockout: Lockout | None = None
    moved: bool = False
    held: bool = False
    compared: tuple[tuple[str, str], ...] = ()
    """Person and head, while the enterprise is held."""

    @property
    def running(self) -> int | None:
        return next((i for i, r in enumerate(self.requests) if r.running), None)

    @property
    def free(self) -> bool:
        return self.quarantine is None and not self.held


class Command(NamedTuple):
    """`what`: a step, an outcome, a kind of fault, a statement. `spent`: a budget that is over by now."""

    kind: str
    request: int = 0
    look: str = ""
    what: str = ""
    who: str = ""
    spent: str = ""
    drift: bool = False


class Event(NamedTuple):
    """`name` is that of the event's class in `bot/domain/events.py`."""

    name: str
    request: int = 0
    detail: str = ""


Events = tuple[Event, ...]


ENDS = {
    "Expired": "expired",
    "Voided": "void",
    "Cancelled": "cancelled",
    "Stopped": "stopped",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "BecameUnknown": "unknown",
}


def evolve(s: Ledger, e: Event) -> Ledger:
    """The state after one more event."""
    match e.name:
        case "LockoutOpened":
            same = s.lockout is not None and s.lockout.request == e.request
            lockout = s.lockout if same and s.lockout else Lockout(e.request)
            s = s._replace(lockout=lockout._replace(foreign=lockout.foreign or e.detail == "foreign"))
        case "LockoutAnnounced":
            s = s._replace(lockout=s.lockout and s.lockout._replace(announced=True))
        case "LockoutClosed":
            s = s._replace(lockout=None)
        case "Quarantined":
            s = s._replace(quarantine=e.request)
        case "Released" | "WatchResumed":
            s = s._replace(quarantine=None)
        case "EpochBegan":
            unsaid = tuple(r._replace(said=()) for r in s.requests)
            return s._replace(requests=unsaid, held=True, compared=())
        case "ComparisonStated":
            head, _, who = e.detail.rpartition(" ")
            return s._replace(compared=tuple(sorted({**dict(s.compared), who: head}.items())))
        case "Compared":
            return s._replace(held=False, compared=())
        case "PreflightDone":
            s = s._replace(moved=False)
        case "Observed" if e.detail not in ("silent", "unreadable"):
            s = s._replace(moved=e.detail in NEW_LEVELS)
    after = _evolve_request(s.requests[e.request], e)
    return s._replace(requests=(*s.requests[: e.request], after, *s.requests[e.request + 1 :]))


def _evolve_request(r: Request, e: Event) -> Request:
    if e.name in ENDS:
        return _ended(r, ENDS[e.name])
    match e.name:
        case "UpgradeRequested":
            return r._replace(phase="requested")
        case "Approved":
            return r._replace(approved=(*r.approved, e.detail))
        case "QuorumReached":
            return r._replace(phase="approved", approved=())
        case "RunStarted":
            return r._replace(phase="preparing")
        case "StepIntended":
            return r._replace(intended="".join(sorted({*r.intended, e.detail}, reverse=True)))
        case "StepFinished":
            return r._replace(finished=r.finished + e.detail)
        case "CancelAsked":
            return r._replace(cancel=True)
        case "InstallIntended":
            return Request(phase="installing", intended="UD", finished="UD", install=True)
        case "InstallPressed":
            return r._replace(pressed=e.detail)
        case "Observed":
            verifying = r.phase == "installing" and e.detail in NEW_LEVELS
            return r._replace(seen=e.detail, phase="verifying" if verifying else r.phase)
        case "BecameOverdue":
            return r._replace(overdue=True)
        case "LevelUnexpected":
            return r._replace(other_level=True)
        case "Stated":
            what, _, who = e.detail.rpartition(" ")
            return r._replace(said=tuple(sorted((*r.said, (what, who)))))
        case "Released":
            return r._replace(said=())
        case "WatchResumed":
            return Request("installing", intended="UD", finished="UD", install=True, pressed=r.pressed)
    return r


def _ended(r: Request, phase: str) -> Request:
    """Of a run that quarantines, what people may still state about it; of another nothing."""
    if phase not in ("failed", "unknown"):
        return Request(phase)
    said = tuple(stated for stated in r.said if stated[0] in OF_QUARANTINE)
    return Request(phase, install=r.install, pressed=r.pressed, said=said)
