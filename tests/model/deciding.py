"""The model's `decide`: which commands are refused, and what events the others cause."""

from __future__ import annotations

from typing import NamedTuple

from tests.model.ledger import (
    BUSY,
    IDLE,
    NEW_LEVELS,
    Command,
    Event,
    Events,
    Ledger,
    evolve,
)


class Rules(NamedTuple):
    """`without`: the rule of the protocol that a mutant leaves out; empty for the protocol itself."""

    without: str = ""


WHOLE = Rules()


def decide(s: Ledger, c: Command, rules: Rules = WHOLE) -> Events | None:
    """The events that `c` causes; None when it is refused."""
    r, request = s.requests[c.request], c.request
    match c.kind:
        case "ask":
            if not s.free or s.running is not None or r.phase != "none":
                return None
            return (Event("UpgradeRequested", request), Event("PreflightDone", request))
        case "approve":
            return _approve(s, c)
        case "start":
            return _start(s, c, rules)
        case "intend":
            return _intend(s, c, rules)
        case "finish":
            if r.phase != "preparing" or c.what not in r.intended:
                return None
            if c.what in r.finished:
                return ()
            finished = (Event("StepFinished", request, c.what),)
            return finished + (_cancelled(s, request) if r.cancel else ())
        case "install":
            return _install(s, c, rules)
        case "press":
            if r.phase != "installing" or r.pressed:
                return None
            pressed = (Event("InstallPressed", request, c.what),)
            return pressed + (_stopped(s, request) if c.what == "not sent" else ())
        case "observe":
            return _observe(s, c, rules)
        case "fault":
            return _fault(s, c, rules)
        case "cancel":
            if r.open:
                return (Event("Cancelled", request),)
            return (Event("CancelAsked", request),) if r.phase == "preparing" and not r.cancel else None
        case "attest":
            return _attest(s, c, rules)
        case "announced":
            mine = s.lockout is not None and s.lockout.request == request and not s.lockout.announced
            return (Event("LockoutAnnounced", request),) if mine else ()
        case "foreign idle":
            return _close(s, request) if s.lockout and s.lockout.foreign else ()
        case "begin epoch":
            return _begin_epoch(s, rules)
        case "compare":
            return _compare(s, c)
    raise ValueError(c.kind)


def _approve(s: Ledger, c: Command) -> Events | None:
    r = s.requests[c.request]
    if r.phase != "requested" or c.who in r.approved:
        return None
    if c.spent:
        return (Event("Expired", c.request),)
    if c.drift or s.moved:
        return (Event("Voided", c.request),)
    approved = (Event("Approved", c.request, c.who),)
    return (*approved, Event("QuorumReached", c.request)) if r.approved else approved


def _start(s: Ledger, c: Command, rules: Rules) -> Events | None:
    if s.requests[c.request].phase != "approved" or s.running is not None:
        return None
    if not s.free and rules.without != "quarantine bars every start":
        return None
    if c.spent:
        return (Event("Expired", c.request),)
    if c.look in BUSY:
        return _stopped(s, c.request, foreign=True)
    if c.drift or s.moved:
        return (Event("Voided", c.request),)
    if c.look != "absent":
        return (Event("Stopped", c.request),)
    return (Event("RunStarted", c.request), Event("LockoutOpened", c.request))


def _intend(s: Ledger, c: Command, rules: Rules) -> Events | None:
    r = s.requests[c.request]
    if r.phase != "preparing" or s.held:
        return None
    sent = "D" in r.intended
    if sent and c.look == "error":
        return _failed(s, c.request, rules)
    if sent and c.look == "unreadable":
        return None
    if r.cancel:
        return _cancelled(s, c.request)
    if (c.what == "D" and "U" not in r.finished) or c.what in r.finished:
        return None
    if sent and c.look != "uploaded":
        return None
    if stop := _not_free(s, c, rules):
        return stop
    return _stopped(s, c.request) if c.spent else (Event("StepIntended", c.request, c.what),)


def _install(s: Ledger, c: Command, rules: Rules) -> Events | None:
    r = s.requests[c.request]
    if r.phase != "preparing" or s.held:
        return None
    if "D" in r.intended and c.look == "error":
        return _failed(s, c.request, rules)
    if "D" in r.intended and c.look == "unreadable":
        return None
    if r.cancel:
        return _cancelled(s, c.request)
    if "D" not in r.finished:
        return None
    announced = s.lockout is not None and s.lockout.request == c.request and s.lockout.announced
    if not announced and rules.without != "the lockout is announced first":
        return None
    if (c.drift or s.moved) and rules.without != "drift voids the approvals":
        return (Event("Voided", c.request), *_close(s, c.request))
    if c.spent:
        return _stopped(s, c.request)
    if stop := _not_free(s, c, rules):
        return stop
    if c.look in NEW_LEVELS:
        return _stopped(s, c.request)
    return (Event("InstallIntended", c.request),)


def _observe(s: Ledger, c: Command, rules: Rules) -> Events | None:
    r = s.requests[c.request]
    if not r.running or not (r.install or "D" in r.intended):
        return None
    observed: Events = () if c.look == r.seen else (Event("Observed", c.request, c.look),)
    after = s
    for event in observed:
        after = evolve(after, event)
    judged = judge(r.install, r.seen, c.look, c.spent)
    if rules.without == "success is installed everywhere" and r.install and c.look == "mixed":
        judged = "succeeded"
    match judged:
        case "failed":
            return observed + _failed(after, c.request, rules)
        case "unknown":
            return observed + _quarantine(after, Event("BecameUnknown", c.request), rules)
        case "foreign":
            return observed + _stopped(after, c.request, foreign=True)
        case "succeeded":
            return (*observed, Event("Succeeded", c.request), *_close(after, c.request))
        case "other level" if not r.other_level:
            return (*observed, Event("LevelUnexpected", c.request))
    # While Done is offered the distribution is finished, and its last step is not.
    waits = judged != "finished" or c.look == "done"
    overdue = c.spent == "overdue" and waits and not r.overdue
    return (*observed, Event("BecameOverdue", c.request)) if overdue else observed


def judge(install: bool, before: str, look: str, spent: str) -> str:
    """The verdict on `look`, `before` being the look before it (laws 4, 5 and 6)."""
    if look == "error":
        return "failed"
    if look == "unreadable":
        long = spent == "overdue" if install else spent != ""
        return "unknown" if long and before == "unreadable" else "watch"
    if not install:
        if look in ("foreign", "installing"):
            return "foreign"
        return "finished" if look in ("done", "distributed") else "watch"
    if look == "installed":
        return "succeeded"
    if look == "other":
        return "other level"
    return "unknown" if look in IDLE and before in IDLE and spent else "watch"


def _fault(s: Ledger, c: Command, rules: Rules) -> Events | None:
    r = s.requests[c.request]
    if r.phase not in ("approved", "preparing"):
        return None
    if "D" in r.intended:
        if c.what == "error":
            return _failed(s, c.request, rules)
        if c.what == "unreadable":
            return _quarantine(s, Event("BecameUnknown", c.request), rules)
        if "D" not in r.finished:
            return None
    return _stopped(s, c.request, foreign=c.what == "foreign")


def _attest(s: Ledger, c: Command, rules: Rules) -> Events | None:
    r, held = s.requests[c.request], s.quarantine == c.request
    match c.what:
        case "release":
            may = held
        case "cannot tell" | "not started":
            may = held and r.phase == "unknown"
        case "installing":
            may = held and r.phase == "unknown" and r.install and not s.held
        case "level":
            may = r.running and r.other_level and r.seen == "other"
        case _:
            may = r.running and (r.overdue or r.other_level)
    if not may or (c.what, c.who) in r.said:
        return None
    stated = (Event("Stated", c.request, f"{c.what} {c.who}"),)
    alone = rules.without == "two people release" and c.what == "release"
    if not alone and not any(what == c.what for what, _ in r.said):
        return stated
    match c.what:
        case "release" | "cannot tell":
            return (*stated, Event("Released", c.request), *_close(s, c.request))
        case "not started":
            stopped = (Event("Stopped", c.request), Event("Released", c.request))
            return (*stated, *stopped, *_close(s, c.request))
        case "installing":
            return (*stated, Event("WatchResumed", c.request))
        case "level":
            return (*stated, Event("Succeeded", c.request), *_close(s, c.request))
    return stated + _failed(s, c.request, WHOLE)


def _begin_epoch(s: Ledger, rules: Rules) -> Events:
    if s.held and not s.compared:
        return ()
    running = rules.without != "an epoch voids the run under way"
    voided = tuple(Event("Voided", i) for i, r in enumerate(s.requests) if r.open or (running and r.running))
    return (Event("EpochBegan"), *voided)


def _compare(s: Ledger, c: Command) -> Events | None:
    others = [(who, head) for who, head in s.compared if who != c.who]
    if not s.held or (c.who, c.what) in s.compared or any(head != c.what for _, head in others):
        return None
    stated = (Event("ComparisonStated", 0, f"{c.what} {c.who}"),)
    if not others:
        return stated
    left = s.lockout is not None and s.requests[s.lockout.request].phase == "void"
    over = (Event("LockoutClosed", s.lockout.request),) if left and s.lockout else ()
    return (*stated, Event("Compared"), *over)


# --- endings


def _not_free(s: Ledger, c: Command, rules: Rules) -> Events:
    """How the run ends when the console is not free; nothing when it is."""
    if c.look in BUSY and rules.without != "foreign work is never adopted":
        return _stopped(s, c.request, foreign=True)
    return _stopped(s, c.request) if c.look in ("silent", "unreadable", "error") else ()


def _failed(s: Ledger, request: int, rules: Rules) -> Events:
    if rules.without == "failure is terminal":
        return _stopped(s, request)
    return _quarantine(s, Event("Failed", request), rules)


def _quarantine(s: Ledger, end: Event, rules: Rules) -> Events:
    if rules.without == "quarantine in the same append":
        return (end,)
    bars = rules.without != "quarantine bars every start"
    voided = tuple(Event("Voided", i) for i, r in enumerate(s.requests) if r.open and bars)
    return (end, Event("Quarantined", end.request), *voided)


def _stopped(s: Ledger, request: int, foreign: bool = False) -> Events:
    stopped = (Event("Stopped", request),)
    if foreign and s.running in (None, request):
        return (*stopped, Event("LockoutOpened", request, "foreign"))
    return stopped + _close(s, request)


def _cancelled(s: Ledger, request: int) -> Events:
    return (Event("Cancelled", request), *_close(s, request))


def _close(s: Ledger, request: int) -> Events:
    mine = s.lockout is not None and s.lockout.request == request
    return (Event("LockoutClosed", request),) if mine else ()
