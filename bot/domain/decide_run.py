"""The run's commands: every gate between an approved plan and the one Install click. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Authority, counted
from bot.domain.enterprise import Enterprise, Request, evolve
from bot.domain.epoch import refuse_held
from bot.domain.events import Event, Phase, Step
from bot.domain.plan import Plan, drift
from bot.domain.progress import (
    Budgets,
    Judgement,
    Verdict,
    errors,
    foreign,
    judge_distribution,
    judge_install,
    not_begun,
)
from bot.domain.refusal import Refusal
from bot.domain.sight import Activity, Observation, Press

Events = list[Event]

FRESH = timedelta(minutes=15)
"""How old the look before the install intent may be: what was idle an hour ago says nothing (law 6)."""


def decide_run(state: Enterprise, command: c.Command, now: datetime) -> Events:
    """The events of a command of the run. Raises `Refusal`."""
    match command:
        case c.ReportPreflight():
            return _preflight(state, command)
        case c.Start():
            return _start(state, command, now)
        case c.Intend():
            return _intend(state, command, now)
        case c.Finish():
            return _finish(state, command)
        case c.ReportUpload():
            return _uploading(state, command)
        case c.IntendInstall():
            return _intend_install(state, command, now)
        case c.ReportPress():
            return _pressed(state, command)
        case c.Observe():
            return _observe(state, command)
        case c.Fault():
            return _fault(state, command)
        case c.ReportForeignIdle():
            return _foreign_idle(state, command)
        case c.ReportLogs():
            return _logs(state, command)
        case c.ReportEvidenceLost():
            return _evidence_lost(state, command)
        case c.ReportLockoutAnnounced():
            return _announced(state, command)
    raise TypeError(f"no rule for {type(command).__name__}")


def _preflight(state: Enterprise, command: c.ReportPreflight) -> Events:
    request = _in(state, command.request, Phase.REQUESTED)
    if request.plan is not None:
        raise Refusal(f"the preflight of {request.id} is already done")
    bad = _bad(command.rows)
    plan = None if bad else command.plan
    done: Events = [e.PreflightDone(request=request.id, rows=command.rows, plan=plan)]
    if plan is None:
        done.append(e.Stopped(request=request.id, reason=f"preflight: {bad or 'no plan could be made'}"))
    return done


def _start(state: Enterprise, command: c.Start, now: datetime) -> Events:
    request = _in(state, command.request, Phase.APPROVED)
    refuse_held(state)
    plan = _plan(request)
    if state.quarantine or state.running:
        raise Refusal(f"{request.id} cannot start: the enterprise is not free")
    if now < plan.start:
        raise Refusal(f"{request.id} is not due yet")
    if now > plan.latest_start:
        return [e.Expired(request=request.id)]
    if command.foreign:
        return _stop(state, request, f"somebody else is at work on the console: {command.foreign}", True)
    if reason := void_reason(state, request, command.plan):
        return [e.Voided(request=request.id, reason=reason)]
    by = counted(plan.rules, command.authority, request.by, request.approvals)
    if reason := _quorum_lost(request, command.authority):
        return [e.Voided(request=request.id, reason=reason)]
    if bad := _bad(command.rows):
        return [e.Stopped(request=request.id, reason=f"preflight: {bad}")]
    return [
        e.RunStarted(request=request.id, digest=plan.digest, approvers=tuple(by), rows=command.rows),
        e.LockoutOpened(request=request.id),
    ]


def _intend(state: Enterprise, command: c.Intend, now: datetime) -> Events:
    request = _in(state, command.request, Phase.PREPARING)
    refuse_held(state)
    assert request.run is not None
    if trouble := _trouble_since_send(state, request, command.observation):
        return trouble
    if request.run.cancel_asked:
        return _cancelled(state, request)
    if command.step is Step.DISTRIBUTE and Step.UPLOAD not in request.run.finished:
        raise Refusal("nothing is distributed before it was uploaded")
    if command.step in request.run.finished:
        raise Refusal(f"{command.step.value} is done already")
    plan = _plan(request)
    if Step.DISTRIBUTE in request.run.intended and not not_begun(command.observation, plan.package.name):
        raise Refusal("Send was intended already, and the console does not show that nothing came of it")
    if stop := _not_free(command.observation, plan.package.name):
        return _stop(state, request, stop, bool(foreign(command.observation)))
    if plan.window.left(now) < timedelta(minutes=plan.install_minutes):
        return _stop(state, request, _window_over(plan))
    return [e.StepIntended(request=request.id, step=command.step)]


def _finish(state: Enterprise, command: c.Finish) -> Events:
    request = _in(state, command.request, Phase.PREPARING)
    assert request.run is not None
    if command.step not in request.run.intended:
        raise Refusal(f"{command.step.value} was never intended")
    if command.step in request.run.finished:
        return []
    done: Events = [e.StepFinished(request=request.id, step=command.step, detail=command.detail)]
    return done + (_cancelled(state, request) if request.run.cancel_asked else [])


def _uploading(state: Enterprise, command: c.ReportUpload) -> Events:
    """Refuses nothing: a word that comes late, or says nothing new, is no event. The end is `StepFinished`."""
    request = state.requests.get(command.request)
    run = request.run if request and request.phase is Phase.PREPARING else None
    if request is None or run is None or not run.uploading:
        return []
    if command.sent == run.sent or not 0 < command.sent < request.draft.package.size:
        return []
    return [e.UploadProgressed(request=request.id, sent=command.sent)]


def _intend_install(state: Enterprise, command: c.IntendInstall, now: datetime) -> Events:
    request = _in(state, command.request, Phase.PREPARING)
    refuse_held(state)
    run, plan = request.run, _plan(request)
    assert run is not None
    if run.install_intended is not None:
        raise Refusal("Install was intended already: never twice (law 1)")
    if trouble := _trouble_since_send(state, request, command.observation):
        return trouble
    if run.cancel_asked:
        return _cancelled(state, request)
    if Step.DISTRIBUTE not in run.finished:
        raise Refusal("nothing is installed before it was distributed")
    if state.lockout is None or state.lockout.announced is None or state.lockout.request != request.id:
        raise Refusal("the lockout notice of this run has not been delivered (law 8)")
    if reason := void_reason(state, request, command.plan) or _quorum_lost(request, command.authority):
        voided: Events = [e.Voided(request=request.id, reason=reason)]
        return voided + close_lockout(state, request.id, "Install was not pressed")
    if plan.window.left(now) < timedelta(minutes=plan.install_minutes):
        return _stop(state, request, _window_over(plan))
    if now - command.seen_at > FRESH:
        raise Refusal("the look before Install is too old; look again")
    if stop := _not_free(command.observation, plan.package.name):
        return _stop(state, request, stop, bool(foreign(command.observation)))
    if stop := _levels_differ(plan, command.observation) or _information_differs(plan, command):
        return _stop(state, request, stop)
    by = counted(plan.rules, command.authority, request.by, request.approvals)
    return [
        e.InstallIntended(
            request=request.id,
            digest=plan.digest,
            approvers=tuple(by),
            information=command.information,
            lockout_ts=state.lockout.announced[1],
        )
    ]


def _pressed(state: Enterprise, command: c.ReportPress) -> Events:
    request = _in(state, command.request, Phase.INSTALLING)
    assert request.run is not None
    if request.run.pressed is not None:
        raise Refusal("the outcome of Install is recorded already")
    pressed: Events = [e.InstallPressed(request=request.id, outcome=command.outcome)]
    if command.outcome.press is Press.NOT_SENT:
        return pressed + _stop(state, request, f"Install was not sent: {command.outcome.words}")
    return pressed


def verdict(request: Request, watching: datetime, budgets: Budgets, now: datetime) -> Verdict:
    """What the looks so far say. `request` is running and has been looked at."""
    run, plan = request.run, _plan(request)
    assert run is not None
    if run.install_intended is not None:
        return judge_install(plan, run.seen, run.install_intended, watching, budgets, now)
    sent = run.intended[Step.DISTRIBUTE]
    return judge_distribution(plan, run.seen, sent, watching, budgets, now)


def _observe(state: Enterprise, command: c.Observe) -> Events:
    request = _in(state, command.request, Phase.PREPARING, Phase.INSTALLING, Phase.VERIFYING)
    assert request.run is not None
    if request.run.install_intended is None and Step.DISTRIBUTE not in request.run.intended:
        raise Refusal("there is nothing to watch before Send was intended")
    observed: Events = []
    if not command.observation.same_as(request.run.last_seen):
        event = e.Observed(request=request.id, observation=command.observation)
        observed, state = [event], evolve(state, event, command.seen_at)
        request = state.requests[request.id]
    assert request.run is not None
    judged = verdict(request, command.watching, command.budgets, command.seen_at)
    match judged.judgement:
        case Judgement.FAILED:
            return observed + quarantine(
                state, e.Failed(request=request.id, words=judged.words), judged.words
            )
        case Judgement.UNKNOWN:
            return observed + quarantine(
                state, e.BecameUnknown(request=request.id, reason=judged.words), judged.words
            )
        case Judgement.FOREIGN:
            reason = f"somebody else is at work on the console: {judged.words}"
            return observed + _stop(state, request, reason, someone_else=True)
        case Judgement.SUCCEEDED:
            done: Events = [*observed, e.Succeeded(request=request.id, level=judged.words)]
            return done + close_lockout(state, request.id, "the installation is complete")
        case Judgement.UNEXPECTED_LEVEL if request.run.unexpected_level != judged.words:
            return [*observed, e.LevelUnexpected(request=request.id, level=judged.words)]
    if judged.overdue and not request.run.overdue:
        return [*observed, e.BecameOverdue(request=request.id, reason=judged.words)]
    return observed


def _fault(state: Enterprise, command: c.Fault) -> Events:
    request = _in(state, command.request, Phase.APPROVED, Phase.PREPARING)
    if request.run and Step.DISTRIBUTE in request.run.intended:
        if command.console_error:
            return quarantine(state, e.Failed(request=request.id, words=command.words), command.words)
        if command.unreadable:
            return quarantine(state, e.BecameUnknown(request=request.id, reason=command.words), command.words)
        if Step.DISTRIBUTE not in request.run.finished:
            raise Refusal("the distribution has begun and is watched to its end: only a verdict ends the run")
    return _stop(state, request, command.words, command.foreign)


def _foreign_idle(state: Enterprise, command: c.ReportForeignIdle) -> Events:
    lockout = state.lockout
    if lockout is None or not lockout.foreign:
        return []
    return close_lockout(state, command.request, "nobody is at work on the console any more")


def _logs(state: Enterprise, command: c.ReportLogs) -> Events:
    request = _in(state, command.request, Phase.FAILED, Phase.UNKNOWN)
    if command.file:
        return [e.LogsCollected(request=request.id, file=command.file, sha256=command.sha256)]
    return [e.LogsRefused(request=request.id, reason=command.refused)]


def _evidence_lost(state: Enterprise, command: c.ReportEvidenceLost) -> Events:
    request = state.requests.get(command.request)
    if request is None or request.run is None or request.run.evidence_lost:
        return []
    return [e.EvidenceLost(request=request.id, reason=command.reason)]


def _announced(state: Enterprise, command: c.ReportLockoutAnnounced) -> Events:
    lockout = state.lockout
    if lockout is None or lockout.request != command.request or lockout.announced is not None:
        return []
    return [e.LockoutAnnounced(request=command.request, channel=command.channel, ts=command.ts)]


# --- gates


def void_reason(state: Enterprise, request: Request, now: Plan | None) -> str | None:
    """Why the approved plan is not what would be done now; None when it still is (law 2)."""
    plan = _plan(request)
    if now is None:
        return "the plan can no longer be made: its package or its enterprise is gone from this host"
    if now.digest != plan.digest:
        return "the plan has changed: " + "; ".join(drift(plan, now))
    moved = [a for a in plan.appliances if state.levels.get(a.appliance, a.level) != a.level]
    if moved:
        seen = ", ".join(f"{a.appliance} is at {state.levels[a.appliance]}" for a in moved)
        return f"the plan has changed: {seen}, not {plan.from_level}"
    return None


def _quorum_lost(request: Request, authority: Authority) -> str | None:
    plan = _plan(request)
    if len(counted(plan.rules, authority, request.by, request.approvals)) >= plan.rules.quorum:
        return None
    lost = [u for u in request.approvals if u not in authority.approvers]
    return "no quorum any more: " + ", ".join(f"<@{u}>" for u in lost) + " may no longer approve"


def _trouble_since_send(state: Enterprise, request: Request, seen: Observation) -> Events:
    """From Send on, an error quarantines, whatever else is asked (law 4); an unreadable page has to be read again."""
    if request.run is None or Step.DISTRIBUTE not in request.run.intended:
        return []
    if words := "; ".join(errors(seen, request.draft.package.name)):
        return quarantine(state, e.Failed(request=request.id, words=words), words)
    if not seen.recognized:
        raise Refusal("the profile does not recognize a page of the console; look again")
    return []


def _not_free(seen: Observation, package: str) -> str | None:
    if not seen.answered:
        return f"the console does not answer: {seen.reason}"
    if not seen.recognized:
        return f"the profile does not recognize a page of the console: {seen.reason}"
    if other := foreign(seen):
        return f"somebody else is at work on the console: {other}"
    if shown := errors(seen, package):
        return f"the console shows an error: {shown[0]}"
    return None


def _levels_differ(plan: Plan, seen: Observation) -> str | None:
    shown = {a.name: a.level for a in seen.appliances}
    if shown == {a.appliance: a.level for a in plan.appliances} and seen.activity is Activity.IDLE:
        return None
    listing = ", ".join(f"{name} {level or 'no level'}" for name, level in sorted(shown.items()))
    return f"the appliances are not those of the plan at {plan.from_level}: {listing or 'none is listed'}"


def _information_differs(plan: Plan, command: c.IntendInstall) -> str | None:
    shown = command.information
    if not shown.all_selected:
        return '"Install IPM on all appliances" is not selected on the IPM Information page'
    if shown.package != plan.package.name:
        return f"the IPM Information page shows {shown.package}, not {plan.package.name}"
    if shown.level not in (None, plan.package.level):
        return f"the IPM Information page shows {shown.level}, the plan says {plan.package.level}"
    return None


def _window_over(plan: Plan) -> str:
    return f"less than {plan.install_minutes} minutes are left of the window"


# --- endings


def quarantine(state: Enterprise, end: e.Failed | e.BecameUnknown, reason: str) -> Events:
    """The run's end, the quarantine and the voiding of every open request: one append (law 4)."""
    voided: Events = [
        e.Voided(request=r.id, reason=f"the enterprise is in quarantine after {end.request}")
        for r in state.requests.values()
        if r.is_open
    ]
    return [end, e.Quarantined(request=end.request, reason=reason), *voided]


def close_lockout(state: Enterprise, request: str, reason: str) -> Events:
    """The end of this request's lockout, when it is the one that is open."""
    mine = state.lockout is not None and state.lockout.request == request
    return [e.LockoutClosed(request=request, reason=reason)] if mine else []


def _stop(state: Enterprise, request: Request, reason: str, someone_else: bool = False) -> Events:
    """Ends without harm. The lockout goes on while somebody else is at work (law 6), or another run is."""
    stopped: Events = [e.Stopped(request=request.id, reason=reason)]
    running = state.running
    if someone_else and (running is None or running.id == request.id):
        return [*stopped, e.LockoutOpened(request=request.id, foreign=True)]
    return stopped + close_lockout(state, request.id, "Install was not pressed")


def _cancelled(state: Enterprise, request: Request) -> Events:
    assert request.run is not None
    assert request.run.cancel_asked is not None
    cancelled: Events = [e.Cancelled(request=request.id, by=request.run.cancel_asked)]
    return cancelled + close_lockout(state, request.id, "the run was cancelled before Install")


def _in(state: Enterprise, id_: str, *phases: Phase) -> Request:
    request = state.requests.get(id_)
    if request is None or request.phase not in phases:
        found = "is not among the newest requests" if request is None else f"is {request.phase.value}"
        raise Refusal(f"{id_} {found}")
    return request


def _plan(request: Request) -> Plan:
    assert request.plan is not None, "a request past its preflight has a plan"
    return request.plan


def _bad(rows: tuple[e.Check, ...]) -> str:
    return "; ".join(f"{r.name}: {r.detail}" for r in rows if not r.ok)
