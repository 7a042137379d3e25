"""The state of one enterprise, computed from its events alone: `evolve(state, event)` (law 7).

It stays small however long the ledger grows: requests that ended long ago leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from bot.domain import events as e
from bot.domain.events import Draft, Event, Phase, Statement, Step
from bot.domain.plan import Plan
from bot.domain.progress import Seen
from bot.domain.sight import InstallOutcome, Observation, PackageState

K = TypeVar("K")
V = TypeVar("V")

OPEN = frozenset({Phase.REQUESTED, Phase.APPROVED})
"""Asked for, not begun: what expires, and what a quarantine voids."""
RUNNING = frozenset({Phase.PREPARING, Phase.INSTALLING, Phase.VERIFYING})

KEPT = 50
"""How many ended requests of an enterprise the state keeps, beside those that hold something: the newest."""


@dataclass(frozen=True)
class Trouble:
    """What people are paged about, until somebody acknowledges."""

    kind: str
    since: datetime
    paged: int = 0
    last_paged: datetime | None = None
    acknowledged: str | None = None


@dataclass(frozen=True)
class Run:
    """A run from RunStarted on. `seen` holds the looks since Send, each unlike the one before."""

    started: datetime
    intended: Mapping[Step, datetime] = field(default_factory=lambda: MappingProxyType({}))
    finished: Mapping[Step, datetime] = field(default_factory=lambda: MappingProxyType({}))
    sent: int = 0
    """Bytes of the package, as last told while it was uploaded."""
    install_intended: datetime | None = None
    pressed: InstallOutcome | None = None
    seen: tuple[Seen, ...] = ()
    overdue: bool = False
    unexpected_level: str | None = None
    level: str | None = None
    cancel_asked: str | None = None
    evidence_lost: str = ""
    """Why the evidence is not complete; empty when it is."""

    @property
    def last_seen(self) -> Observation | None:
        return self.seen[-1].observation if self.seen else None

    @property
    def uploading(self) -> bool:
        return Step.UPLOAD in self.intended and Step.UPLOAD not in self.finished


@dataclass(frozen=True)
class Request:
    """One request and all that became of it."""

    id: str
    by: str
    asked: datetime
    draft: Draft
    phase: Phase = Phase.REQUESTED
    rows: tuple[e.Check, ...] = ()
    plan: Plan | None = None
    approvals: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    quorum_at: datetime | None = None
    notices: frozenset[int] = frozenset()
    run: Run | None = None
    ended: datetime | None = None
    ended_by: str | None = None
    reason: str = ""
    declared_by: tuple[str, ...] = ()
    """Who declared the failure; empty where the console showed it."""
    trouble: Trouble | None = None
    statements: tuple[e.Stated, ...] = ()
    epoch: int | None = None
    """The epoch whose beginning voided it: what became of it after the copy was made is not known."""

    @property
    def is_open(self) -> bool:
        return self.phase in OPEN

    @property
    def is_running(self) -> bool:
        return self.phase in RUNNING


@dataclass(frozen=True)
class Lockout:
    """Nobody uses the Admin Console or the Packages page (law 8)."""

    request: str
    since: datetime
    foreign: bool
    announced: tuple[str, str] | None = None
    """Channel and ts of the delivered notice."""


@dataclass(frozen=True)
class Quarantine:
    request: str
    since: datetime
    reason: str


@dataclass(frozen=True)
class Hold:
    """A new epoch holds the enterprise until two people have compared (law 1)."""

    epoch: int
    since: datetime
    reason: str
    stated: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The head that each person stated last, in the order of their first statements."""


@dataclass(frozen=True)
class Enterprise:
    """One enterprise: its requests, run, lockout, quarantine and hold. `levels` are the newest seen, by appliance.

    `requests` are the open and running ones, those that hold a quarantine or a lockout, and the newest `KEPT` ended
    ones; an ended one stands behind those whose newest event is older.
    """

    requests: Mapping[str, Request] = field(default_factory=lambda: MappingProxyType({}))
    quarantine: Quarantine | None = None
    lockout: Lockout | None = None
    levels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    epoch: int = 0
    hold: Hold | None = None

    @property
    def running(self) -> Request | None:
        """The one request whose run is under way."""
        return next((r for r in self.requests.values() if r.is_running), None)

    @property
    def is_held(self) -> bool:
        """Whether something is under way or holds the enterprise: a run, a lockout, a quarantine, a new epoch."""
        return bool(self.running or self.lockout or self.quarantine or self.hold)

    def due(self, now: datetime) -> Request | None:
        """The approved request to start now, if any, and nothing runs and no new epoch holds the enterprise."""
        if self.running or self.hold:
            return None
        waiting = [
            r
            for r in self.requests.values()
            if r.phase is Phase.APPROVED and r.plan and r.plan.start <= now and r.plan.window.contains(now)
        ]
        return min(waiting, key=lambda r: (r.quorum_at or r.asked, r.id), default=None)


_STREAM = "enterprise:"


def stream(enterprise: str) -> str:
    """The name of an enterprise's stream in the ledger."""
    return _STREAM + enterprise


def enterprise_of(stream: str) -> str | None:
    """The enterprise that a stream of the ledger belongs to; None for the other streams."""
    return stream.removeprefix(_STREAM) if stream.startswith(_STREAM) else None


def replay(recorded: Iterable[tuple[datetime, Event]], state: Enterprise | None = None) -> Enterprise:
    """The state after `recorded`, on top of `state`."""
    state = state or Enterprise()
    for at, event in recorded:
        state = evolve(state, event, at)
    return state


def evolve(state: Enterprise, event: Event, at: datetime) -> Enterprise:
    """The state after one more event that happened at `at`. Total: refuses nothing, decides nothing."""
    return _bounded(_evolve(state, event, at))


def _evolve(state: Enterprise, event: Event, at: datetime) -> Enterprise:
    match event:
        case e.UpgradeRequested():
            asked = Request(id=event.request, by=event.by, asked=at, draft=event.draft)
            return replace(state, requests=_with(state.requests, event.request, asked))
        case e.LockoutOpened():
            opened = state.lockout
            if opened is None or opened.request != event.request:
                opened = Lockout(request=event.request, since=at, foreign=event.foreign)
            return replace(state, lockout=replace(opened, foreign=event.foreign or opened.foreign))
        case e.LockoutAnnounced():
            if state.lockout is None:
                return state
            return replace(state, lockout=replace(state.lockout, announced=(event.channel, event.ts)))
        case e.LockoutClosed():
            state = replace(state, lockout=None)
        case e.Quarantined():
            return replace(state, quarantine=Quarantine(event.request, at, event.reason))
        case e.Released():
            state = replace(state, quarantine=None)
            return _update(state, event.request, lambda r: replace(r, trouble=None, statements=()))
        case e.WatchResumed():
            return _update(replace(state, quarantine=None), event.request, _resume)
        case e.EpochBegan():
            # What was stated about a console before the copy was made says nothing about it now.
            unsaid = {id_: replace(r, statements=()) for id_, r in state.requests.items()}
            hold = Hold(event.epoch, at, event.reason)
            return replace(state, requests=MappingProxyType(unsaid), epoch=event.epoch, hold=hold)
        case e.ComparisonStated() if state.hold:
            stated = _with(state.hold.stated, event.by, event.head)
            return replace(state, hold=replace(state.hold, stated=stated))
        case e.Compared():
            return replace(state, hold=None)
        case e.Voided() if state.hold:
            state = _update(state, event.request, lambda r: replace(r, epoch=state.epoch))
        case e.PreflightDone() if event.plan:
            levels = {a.appliance: a.level for a in event.plan.appliances}
            state = replace(state, levels=MappingProxyType({**state.levels, **levels}))
        case e.Observed():
            shown = {a.name: a.level for a in event.observation.appliances if a.level}
            state = replace(state, levels=MappingProxyType({**state.levels, **shown}))
    request = getattr(event, "request", None)
    if isinstance(request, str) and request in state.requests:
        return _update(state, request, lambda r: _evolve_request(r, event, at))
    return state


def _evolve_request(r: Request, event: Event, at: datetime) -> Request:
    match event:
        case e.PreflightDone():
            return replace(r, rows=event.rows, plan=event.plan)
        case e.Approved():
            return replace(r, approvals=_with(r.approvals, event.by, at))
        case e.QuorumReached():
            return replace(r, phase=Phase.APPROVED, quorum_at=at)
        case e.NoticeRaised():
            return replace(r, notices=r.notices | {event.minutes})
        case e.Declined():
            return _end(r, Phase.DECLINED, at, event.reason, event.by)
        case e.Withdrawn():
            return _end(r, Phase.WITHDRAWN, at, "", event.by)
        case e.Cancelled():
            return _end(r, Phase.CANCELLED, at, "", event.by)
        case e.Expired():
            return _end(r, Phase.EXPIRED, at, "not enough of the window was left")
        case e.Voided():
            return _end(r, Phase.VOID, at, event.reason)
        case e.Stopped():
            return _end(r, Phase.STOPPED, at, event.reason)
        case e.Succeeded():
            done = _end(r, Phase.SUCCEEDED, at, "")
            return replace(_run(done, level=event.level), statements=())
        case e.Failed():
            ended = replace(_end(r, Phase.FAILED, at, event.words), declared_by=event.declared_by)
            return replace(ended, trouble=Trouble("failed", at))
        case e.BecameUnknown():
            return replace(_end(r, Phase.UNKNOWN, at, event.reason), trouble=Trouble("unknown", at))
        case e.BecameOverdue():
            return replace(_run(r, overdue=True), trouble=Trouble("overdue", at))
        case e.LevelUnexpected():
            return replace(_run(r, unexpected_level=event.level), trouble=Trouble("level", at))
        case e.Stated():
            return replace(r, statements=(*r.statements, event))
        case e.Paged() if r.trouble:
            return replace(r, trouble=replace(r.trouble, paged=event.count, last_paged=at))
        case e.Acknowledged() if r.trouble:
            return replace(r, trouble=replace(r.trouble, acknowledged=event.by))
        case e.RunStarted():
            return replace(r, phase=Phase.PREPARING, rows=event.rows, run=Run(started=at))
        case e.InstallIntended():
            pressed = _run(r, install_intended=at, seen=(), overdue=False)
            return replace(pressed, phase=Phase.INSTALLING, trouble=None, statements=())
    return _evolve_run(r, event, at) if r.run else r


def _evolve_run(r: Request, event: Event, at: datetime) -> Request:
    assert r.run is not None
    match event:
        case e.StepIntended():
            return _run(r, intended=_with(r.run.intended, event.step, at), sent=0)
        case e.StepFinished():
            return _run(r, finished=_with(r.run.finished, event.step, at))
        case e.LogsCollected() | e.LogsRefused():
            return _run(r, finished=_with(r.run.finished, Step.COLLECT_LOGS, at))
        case e.UploadProgressed():
            return _run(r, sent=event.sent)
        case e.CancelAsked():
            return _run(r, cancel_asked=event.by)
        case e.EvidenceLost():
            return _run(r, evidence_lost=event.reason)
        case e.InstallPressed():
            return _run(r, pressed=event.outcome)
        case e.Observed():
            r = _run(r, seen=(*r.run.seen, Seen(at, event.observation)))
            listed = event.observation.package(r.draft.package.name)
            installed = listed is not None and listed.state is PackageState.INSTALLED
            if r.phase is Phase.INSTALLING and installed:
                return replace(r, phase=Phase.VERIFYING)
    return r


def _resume(r: Request) -> Request:
    """Two people saw it installing: back to the watch, with a fresh eye."""
    r = replace(r, phase=Phase.INSTALLING, ended=None, reason="", trouble=None, statements=())
    assert r.run is not None
    finished = {step: at for step, at in r.run.finished.items() if step is not Step.COLLECT_LOGS}
    return _run(r, seen=(), overdue=False, unexpected_level=None, finished=MappingProxyType(finished))


def _end(r: Request, phase: Phase, at: datetime, reason: str, by: str | None = None) -> Request:
    """The last look alone is kept: the others have been judged."""
    r = _run(r, seen=r.run.seen[-1:]) if r.run else r
    return replace(r, phase=phase, ended=at, reason=reason, ended_by=by, trouble=None)


def _run(r: Request, **changes: Any) -> Request:
    return replace(r, run=replace(r.run, **changes)) if r.run else r


def _update(state: Enterprise, request: str, change: Callable[[Request], Request]) -> Enterprise:
    if request not in state.requests:
        return state
    changed = change(state.requests[request])
    if changed.is_open or changed.is_running:
        return replace(state, requests=_with(state.requests, request, changed))
    others = {id_: r for id_, r in state.requests.items() if id_ != request}
    return replace(state, requests=MappingProxyType({**others, request: changed}))


def _bounded(state: Enterprise) -> Enterprise:
    """Without the ended requests beyond the newest; a quarantine or a lockout keeps its request."""
    if len(state.requests) <= KEPT:
        return state
    holders = {held.request for held in (state.quarantine, state.lockout) if held}
    ended = [
        id_ for id_, r in state.requests.items() if not r.is_open and not r.is_running and id_ not in holders
    ]
    gone = set(ended[: max(0, len(ended) - KEPT)])
    kept = {id_: r for id_, r in state.requests.items() if id_ not in gone}
    return replace(state, requests=MappingProxyType(kept)) if gone else state


def _with(mapping: Mapping[K, V], key: K, value: V) -> Mapping[K, V]:
    return MappingProxyType({**mapping, key: value})


def same_statement(request: Request, statement: Statement, value: str) -> tuple[str, ...]:
    """The distinct people who have stated this, in order: the same case or level; what was seen is in own words."""
    exact = statement in (Statement.RELEASE, Statement.CANNOT_TELL, Statement.LEVEL)
    said = (s.by for s in request.statements if s.statement is statement and (s.value == value or not exact))
    return tuple(dict.fromkeys(said))
