"""`decide(state, command, now) -> events`: the one place that refuses. Pure.

People's commands are decided here, the run's in `decide_run`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.domain import commands as c
from bot.domain import decide_run as run
from bot.domain import epoch
from bot.domain import events as e
from bot.domain.alarms import fallen_due
from bot.domain.approval import Authority, counted, eligible, regular
from bot.domain.enterprise import Enterprise, Request, same_statement
from bot.domain.events import Event, Phase, Statement
from bot.domain.plan import ATTESTATIONS
from bot.domain.progress import shows_level
from bot.domain.refusal import Refusal

Events = list[Event]


def decide(state: Enterprise, command: c.Command, now: datetime) -> Events:
    """The events that `command` causes at `now`; empty when it changes nothing. Raises `Refusal`."""
    match command:
        case c.Ask():
            return _ask(state, command, now)
        case c.Approve():
            return _approve(state, command, now)
        case c.Decline():
            return _decline(state, command)
        case c.Withdraw():
            return _withdraw(state, command)
        case c.Cancel():
            return _cancel(state, command)
        case c.Attest():
            return _attest(state, command)
        case c.Acknowledge():
            return _acknowledge(state, command)
        case c.BeginEpoch():
            return epoch.begin(state, command)
        case c.Compare():
            return epoch.compare(state, command)
        case c.LookAgain():
            return fallen_due(state, now)
    return run.decide_run(state, command, now)


def _ask(state: Enterprise, command: c.Ask, now: datetime) -> Events:
    regular(command.by)
    if command.by.id not in command.authority.requesters:
        raise Refusal("you are not among those who may ask for upgrades of this enterprise")
    epoch.refuse_held(state)
    if state.quarantine:
        raise Refusal(
            f"this enterprise is in quarantine since the run of {state.quarantine.request}. "
            "Nothing can be asked for until two approvers release it with the vendor's case number"
        )
    if running := state.running:
        raise Refusal(f"run {running.id} is under way on this enterprise; ask again when it has ended")
    if command.request in state.requests:
        raise Refusal(f"request {command.request} exists already")
    missing = [text for key, text in ATTESTATIONS.items() if key not in command.draft.attestations]
    if missing:
        raise Refusal("not yet confirmed: " + "; ".join(missing))
    start = max(command.draft.start, now)
    if command.draft.window.left(start) < timedelta(minutes=command.needs_minutes):
        raise Refusal(f"the start does not lie in a window with {command.needs_minutes} minutes left")
    return [e.UpgradeRequested(request=command.request, by=command.by.id, draft=command.draft)]


def _approve(state: Enterprise, command: c.Approve, now: datetime) -> Events:
    request = _known(state, command.request)
    regular(command.by)
    epoch.refuse_held(state)
    if request.phase is Phase.APPROVED:
        raise Refusal(f"{request.id} is already approved by {_mentions(request.approvals)}")
    if request.phase is not Phase.REQUESTED:
        raise Refusal(f"{request.id} {ended(request)}; there is nothing to approve")
    if request.plan is None:
        raise Refusal(f"the preflight of {request.id} is still running; approve when the card shows its rows")
    if command.by.id not in command.authority.approvers:
        raise Refusal("you are not among the approvers of this enterprise")
    rules = request.plan.rules
    if command.by.id == request.by and not rules.requester_may_approve:
        raise Refusal("you asked for this yourself; other people must approve it")
    if command.by.id in request.approvals:
        raise Refusal(f"your approval counts already; {_awaited(request, command.authority)}")
    if now > request.plan.latest_start:
        return [e.Expired(request=request.id)]
    if reason := run.void_reason(state, request, command.plan):
        return [e.Voided(request=request.id, reason=reason)]
    approved: Events = [e.Approved(request=request.id, by=command.by.id, digest=request.plan.digest)]
    by = counted(rules, command.authority, request.by, [*request.approvals, command.by.id])
    if len(by) >= rules.quorum:
        approved.append(e.QuorumReached(request=request.id, by=tuple(by)))
    return approved


def _decline(state: Enterprise, command: c.Decline) -> Events:
    request = _known(state, command.request)
    regular(command.by)
    if command.by.id not in command.authority.approvers:
        raise Refusal("you are not among the approvers of this enterprise")
    _not_begun(request, "declined")
    return [e.Declined(request=request.id, by=command.by.id, reason=command.reason)]


def _withdraw(state: Enterprise, command: c.Withdraw) -> Events:
    request = _known(state, command.request)
    if command.by.id != request.by:
        raise Refusal(
            f"only <@{request.by}>, who asked, can withdraw {request.id}; an approver can decline it"
        )
    _not_begun(request, "withdrawn")
    return [e.Withdrawn(request=request.id, by=command.by.id)]


def _cancel(state: Enterprise, command: c.Cancel) -> Events:
    request = _known(state, command.request)
    regular(command.by)
    if command.by.id != request.by and command.by.id not in command.authority.approvers:
        raise Refusal("only the requester and the approvers of this enterprise can cancel")
    if request.is_open:
        return [e.Cancelled(request=request.id, by=command.by.id)]
    if request.phase is Phase.PREPARING and request.run:
        if request.run.cancel_asked:
            raise Refusal(f"<@{request.run.cancel_asked}> has cancelled already; the current step ends first")
        return [e.CancelAsked(request=request.id, by=command.by.id)]
    if request.is_running:
        raise Refusal(
            f"{request.id} is past the point of no return: Install has been pressed, and the vendor's "
            "procedure has no way back. It is being watched until its end"
        )
    raise Refusal(f"{request.id} {ended(request)}; there is nothing to cancel")


def _attest(state: Enterprise, command: c.Attest) -> Events:
    request = _known(state, command.request)
    regular(command.by)
    if command.by.id not in command.authority.approvers:
        raise Refusal("you are not among the approvers of this enterprise")
    _may_state(state, request, command)
    stated_by = same_statement(request, command.statement, command.value)
    said = tuple(user for user in stated_by if user in command.authority.approvers)
    if command.by.id in said:
        raise Refusal("you have stated this already; a second approver has to state the same")
    stated: Events = [
        e.Stated(request=request.id, by=command.by.id, statement=command.statement, value=command.value)
    ]
    people = (*said, command.by.id)
    return stated + _act(state, request, command, people) if len(people) >= 2 else stated


def _may_state(state: Enterprise, request: Request, command: c.Attest) -> None:
    value, held = command.value, state.quarantine is not None and state.quarantine.request == request.id
    match command.statement:
        case Statement.RELEASE | Statement.CANNOT_TELL:
            if not held:
                raise Refusal(f"{request.id} holds no quarantine")
            if command.statement is Statement.CANNOT_TELL and request.phase is not Phase.UNKNOWN:
                raise Refusal(f"{request.id} is not in the state unknown; there is nothing to attest")
            if not value.strip():
                raise Refusal("give the vendor's case number; a release needs it")
        case Statement.NOT_STARTED | Statement.INSTALLING:
            if not held or request.phase is not Phase.UNKNOWN:
                raise Refusal(f"{request.id} is not in the state unknown; there is nothing to attest")
            if command.statement is Statement.INSTALLING:
                epoch.refuse_held(state)
            begun = request.run is not None and request.run.install_intended is not None
            if command.statement is Statement.INSTALLING and not begun:
                raise Refusal(f"{request.id} never came to Install; an installation would be somebody else's")
        case Statement.LEVEL:
            level = request.run.unexpected_level if request.run and request.is_running else None
            if level is None or value != level:
                raise Refusal(f"{request.id} does not wait for the confirmation of that level")
            assert request.run is not None
            assert request.plan is not None
            if not shows_level(request.plan, request.run.last_seen, level):
                raise Refusal(
                    "the newest look does not show that level on every appliance; wait for the next"
                )
        case Statement.FAILURE:
            flagged = request.run and (request.run.overdue or request.run.unexpected_level)
            if not request.is_running or not flagged:
                raise Refusal(f"{request.id} is neither overdue nor at an unexpected level")


def _act(state: Enterprise, request: Request, command: c.Attest, people: tuple[str, ...]) -> Events:
    id_, value = request.id, command.value
    match command.statement:
        case Statement.RELEASE | Statement.CANNOT_TELL:
            released: Events = [e.Released(request=id_, by=people, case=value)]
            return released + run.close_lockout(state, id_, "two people released the enterprise")
        case Statement.NOT_STARTED:
            stopped: Events = [
                e.Stopped(request=id_, reason="two people saw on the console that nothing was started"),
                e.Released(request=id_, by=people, case=""),
            ]
            return stopped + run.close_lockout(state, id_, "nothing was started")
        case Statement.INSTALLING:
            return [e.WatchResumed(request=id_, by=people)]
        case Statement.LEVEL:
            confirmed: Events = [e.Succeeded(request=id_, level=value)]
            return confirmed + run.close_lockout(state, id_, "the installation is complete")
        case Statement.FAILURE:
            failed = e.Failed(request=id_, words=value, declared_by=people)
            return run.quarantine(state, failed, failed.words)


def _acknowledge(state: Enterprise, command: c.Acknowledge) -> Events:
    request = _known(state, command.request)
    regular(command.by)
    if request.trouble is None:
        raise Refusal(f"nothing about {request.id} waits to be acknowledged")
    if request.trouble.acknowledged:
        raise Refusal(f"<@{request.trouble.acknowledged}> has acknowledged already")
    return [e.Acknowledged(request=request.id, by=command.by.id)]


def _known(state: Enterprise, id_: str) -> Request:
    if id_ not in state.requests:
        raise Refusal(
            f"there is no request {id_} among the newest of this enterprise; keyturn ledger show has all"
        )
    return state.requests[id_]


def _not_begun(request: Request, what: str) -> None:
    if request.is_running:
        raise Refusal(f"the run of {request.id} is under way; it can be cancelled until Install, not {what}")
    if not request.is_open:
        raise Refusal(f"{request.id} {ended(request)}; it cannot be {what}")


def ended(request: Request) -> str:
    """What became of a request, as the second half of a sentence."""
    who = f" by <@{request.ended_by}>" if request.ended_by else ""
    return f"is {request.phase.value}{who}"


def _mentions(people: Iterable[str]) -> str:
    return " and ".join(f"<@{p}>" for p in people)


def _awaited(request: Request, authority: Authority) -> str:
    assert request.plan is not None
    rules = request.plan.rules
    missing = [u for u in eligible(rules, authority, request.by) if u not in request.approvals]
    return "still awaited: " + (" or ".join(f"<@{u}>" for u in missing) or "nobody is left who may")
