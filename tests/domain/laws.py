"""The laws as statements about what was appended, and nothing else: neither the state nor `decide` is asked.

Each law takes everything appended so far and looks at the newest append against what came before it. It is called
after each append, so that every append has once been the newest. Raises `AssertionError` naming the law.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Event, Statement, Step
from bot.domain.plan import Plan
from bot.domain.sight import Activity, Observation, PackageState, Press, ServerState
from tests.domain.log import (
    ENDS,
    Log,
    flat,
    held_by,
    lockout_of,
    new,
    of,
    plan_of,
    quarantined_by,
    request_of,
    still_open,
    this_epoch,
    two_stated,
    under_way,
    was_sent,
)

# --- law 1


def install_is_intended_at_most_once(log: Log) -> None:
    events = flat(log)
    for intent in new(log, e.InstallIntended):
        assert len(of(events, e.InstallIntended, intent.request)) == 1
    for press in new(log, e.InstallPressed):
        assert len(of(events, e.InstallPressed, press.request)) == 1
        assert len(of(events, e.InstallIntended, press.request)) == 1
        stopped = bool(of(log[-1].events, e.Stopped, press.request))
        assert stopped is (press.outcome.press is Press.NOT_SENT)


def an_epoch_voids_everything(log: Log) -> None:
    before, newest = flat(log[:-1]), log[-1].events
    for began in new(log, e.EpochBegan):
        assert began is newest[0]
        assert began.epoch == 1 + max((b.epoch for b in before if isinstance(b, e.EpochBegan)), default=0)
        voided = [event.request for event in newest[1:] if isinstance(event, e.Voided)]
        assert len(voided) == len(newest) - 1
        assert sorted(voided) == sorted([*still_open(before), *under_way(before)])
        assert lockout_of(before) == lockout_of(flat(log)), "the lockout stays until the comparison"
        assert quarantined_by(before) == quarantined_by(flat(log))


def no_request_survives_an_epoch(log: Log) -> None:
    asked = {event.request for event in this_epoch(flat(log)) if isinstance(event, e.UpgradeRequested)}
    going_on = (e.PreflightDone, e.Approved, e.QuorumReached, e.RunStarted, e.StepIntended, e.InstallIntended)
    for event in log[-1].events:
        if isinstance(event, going_on):
            assert event.request in asked


def nothing_begins_while_held(log: Log) -> None:
    begins = (e.UpgradeRequested, e.PreflightDone, e.Approved, e.QuorumReached, e.RunStarted, e.WatchResumed)
    for i, event in enumerate(log[-1].events):
        if held_by([*flat(log[:-1]), *log[-1].events[:i]]) is not None:
            assert not isinstance(event, (*begins, e.StepIntended, e.InstallIntended, e.InstallPressed))


def two_people_compare(log: Log) -> None:
    before, command = flat(log[:-1]), log[-1].command
    for stated in new(log, e.ComparisonStated):
        assert isinstance(command, c.Compare)
        assert command.by.barred() is None
        assert stated.by == command.by.id
        assert stated.by in command.authority.approvers
        assert stated.epoch == held_by(before)
        assert 8 <= len(stated.head) <= 64
    for compared in new(log, e.Compared):
        assert isinstance(command, c.Compare)
        assert compared.epoch == held_by(before)
        assert len(set(compared.by)) == len(compared.by) >= 2
        assert set(compared.by) <= command.authority.approvers
        said = {
            event.by: event.head for event in this_epoch(flat(log)) if isinstance(event, e.ComparisonStated)
        }
        assert compared.head in {said[by] for by in compared.by}
        assert all(compared.head.startswith(said[by]) for by in compared.by)


# --- law 2


def two_people_one_exact_thing(log: Log) -> None:
    before, command = flat(log[:-1]), log[-1].command
    for approval in new(log, e.Approved):
        plan = plan_of(before, approval.request)
        assert isinstance(command, c.Approve)
        assert command.plan is not None
        assert approval.digest == plan.digest == command.plan.digest
        assert approval.by == command.by.id
        assert approval.by in command.authority.approvers
        assert command.by.barred() is None
        assert approval.by not in {a.by for a in of(before, e.Approved, approval.request)}
    for quorum in new(log, e.QuorumReached):
        assert isinstance(command, c.Approve)
        _quorum(flat(log), quorum.request, quorum.by, command.authority.approvers)
    for started in new(log, e.RunStarted):
        assert isinstance(command, c.Start)
        assert command.plan is not None
        assert started.digest == command.plan.digest == plan_of(before, started.request).digest
        assert of(before, e.QuorumReached, started.request)
        _quorum(before, started.request, started.approvers, command.authority.approvers)
    for intent in new(log, e.InstallIntended):
        assert isinstance(command, c.IntendInstall)
        assert command.plan is not None
        assert intent.digest == command.plan.digest == plan_of(before, intent.request).digest
        _quorum(before, intent.request, intent.approvers, command.authority.approvers)


def _quorum(
    events: Sequence[Event], request: str, approvers: Sequence[str], authority: frozenset[str]
) -> None:
    plan = plan_of(events, request)
    (asked,) = of(events, e.UpgradeRequested, request)
    approved = {a.by for a in of(events, e.Approved, request) if a.digest == plan.digest}
    assert len(approvers) == len(set(approvers)) >= max(2, plan.rules.quorum)
    assert set(approvers) <= approved & authority
    assert plan.rules.requester_may_approve or asked.by not in approvers


def the_window_has_enough_left(log: Log) -> None:
    events, at = flat(log), log[-1].at
    for started in new(log, e.RunStarted):
        plan = plan_of(events, started.request)
        assert plan.start <= at
        _left(plan, at, plan.needs_minutes)
    for step in new(log, e.StepIntended):
        plan = plan_of(events, step.request)
        _left(plan, at, plan.install_minutes)
    for intent in new(log, e.InstallIntended):
        plan = plan_of(events, intent.request)
        _left(plan, at, plan.install_minutes)


def _left(plan: Plan, at: datetime, minutes: int) -> None:
    assert plan.window.opens <= at < plan.window.closes
    assert plan.window.closes - at >= timedelta(minutes=minutes)


# --- law 4


def failure_quarantines_in_the_same_append(log: Log) -> None:
    before, newest = flat(log[:-1]), list(log[-1].events)
    for i, event in enumerate(newest):
        if isinstance(event, (e.Failed, e.BecameUnknown)):
            assert was_sent(before, event.request), "before Send a fault stops"
            quarantined = newest[i + 1]
            assert isinstance(quarantined, e.Quarantined)
            assert quarantined.request == event.request
            voided = {v.request for v in newest[i + 2 :] if isinstance(v, e.Voided)}
            assert voided == still_open(before)
        elif isinstance(event, e.Quarantined):
            assert isinstance(newest[i - 1], (e.Failed, e.BecameUnknown))
    command = log[-1].command
    if isinstance(command, c.Fault) and was_sent(before, command.request):
        if command.console_error:
            assert of(newest, e.Failed, command.request)
        elif command.unreadable:
            assert of(newest, e.BecameUnknown, command.request)
    if isinstance(command, (c.Observe, c.Intend, c.IntendInstall)) and command.observation.errors:
        assert was_sent(before, command.request) is bool(of(newest, e.Failed, command.request))


def nothing_begins_in_quarantine(log: Log) -> None:
    for i, event in enumerate(log[-1].events):
        if quarantined_by([*flat(log[:-1]), *log[-1].events[:i]]):
            begun = (e.UpgradeRequested, e.PreflightDone, e.Approved, e.QuorumReached, e.RunStarted)
            assert not isinstance(event, (*begun, e.StepIntended, e.InstallIntended, e.InstallPressed))


def what_has_ended_stays_ended(log: Log) -> None:
    before = flat(log[:-1])
    ended: dict[str, Event] = {}
    for event in before:
        if isinstance(event, ENDS):
            ended[request_of(event)] = event
        elif isinstance(event, e.WatchResumed):
            del ended[event.request]
    for event in log[-1].events:
        if request_of(event) not in ended:
            continue
        last = ended[request_of(event)]
        after = (
            *(e.LockoutOpened, e.LockoutAnnounced, e.LockoutClosed),
            *(e.Stated, e.Released, e.Acknowledged, e.EvidenceLost),
        )
        if isinstance(last, e.BecameUnknown) and isinstance(event, (e.Stopped, e.WatchResumed)):
            statement = Statement.NOT_STARTED if isinstance(event, e.Stopped) else Statement.INSTALLING
            assert two_stated([*before, *new(log, e.Stated)], event.request, statement, None)
        elif isinstance(last, (e.Failed, e.BecameUnknown)):
            assert isinstance(event, (*after, e.Paged, e.LogsCollected, e.LogsRefused))
        else:
            assert isinstance(event, after)


def two_people_release(log: Log) -> None:
    before = flat(log[:-1])
    for released in new(log, e.Released):
        assert quarantined_by(before) == released.request
        assert len(set(released.by)) >= 2
        events = [*before, *new(log, e.Stated)]
        if released.case:
            assert two_stated(events, released.request, Statement.RELEASE, released.case) or two_stated(
                events, released.request, Statement.CANNOT_TELL, released.case
            )
        else:
            assert of(log[-1].events, e.Stopped, released.request)
            assert two_stated(events, released.request, Statement.NOT_STARTED, None)
    for resumed in new(log, e.WatchResumed):
        assert quarantined_by(before) == resumed.request
        assert of(before, e.InstallIntended, resumed.request)
        assert len(set(resumed.by)) >= 2


# --- law 5


def silence_never_ends_a_watch(log: Log) -> None:
    command = log[-1].command
    if isinstance(command, c.Observe) and not command.observation.answered:
        allowed = (e.Observed, e.BecameOverdue)
        assert all(isinstance(event, allowed) for event in log[-1].events)


def success_is_seen_everywhere(log: Log) -> None:
    events = flat(log)
    for done in new(log, e.Succeeded):
        plan = plan_of(events, done.request)
        assert of(events, e.InstallIntended, done.request)
        seen = of(events, e.Observed, done.request)[-1].observation
        listed = seen.package(plan.package.name)
        assert listed is not None
        assert listed.state is PackageState.INSTALLED
        assert seen.activity is Activity.IDLE
        assert not seen.locked
        assert not seen.errors
        shown = {a.name: a for a in seen.appliances}
        assert {shown[a.appliance].level for a in plan.appliances} == {done.level}
        assert done.level != plan.from_level
        if done.level == plan.package.level and not new(log, e.Stated):
            assert all(shown[a.appliance].server is ServerState.RUNNING for a in plan.appliances)
        else:
            assert two_stated(events, done.request, Statement.LEVEL, done.level)


# --- law 6


def one_run_and_nobody_else_at_work(log: Log) -> None:
    before, command = flat(log[:-1]), log[-1].command
    for started in new(log, e.RunStarted):
        assert isinstance(command, c.Start)
        assert under_way(before) == []
        assert all(row.ok for row in command.rows)
        assert len({a.level for a in plan_of(before, started.request).appliances}) == 1
    for step in new(log, e.StepIntended):
        assert isinstance(command, c.Intend)
        ours = plan_of(before, step.request).package.name if was_sent(before, step.request) else None
        _free(command.observation, ours)
    for intent in new(log, e.InstallIntended):
        assert isinstance(command, c.IntendInstall)
        _free(command.observation, None)
        assert command.observation.activity is Activity.IDLE
        shown = [(a.name, a.level) for a in command.observation.appliances]
        plan = plan_of(before, intent.request)
        assert sorted(shown) == sorted((a.appliance, a.level) for a in plan.appliances)
        assert command.information.all_selected
        assert command.information.package == plan.package.name
        assert command.information.level in (None, plan.package.level)
    if isinstance(command, (c.Intend, c.IntendInstall)) and new(log, e.Stopped):
        busy = command.observation.activity in (Activity.DISTRIBUTING, Activity.INSTALLING)
        if command.observation.recognized and (busy or command.observation.locked) and _in_window(log):
            assert lockout_of(flat(log)) == (command.request, True)


def _in_window(log: Log) -> bool:
    """A window that is over is told before anybody else's work is; then only the lockout of the run ends."""
    return not any("left of the window" in stopped.reason for stopped in new(log, e.Stopped))


def _free(seen: Observation, ours: str | None) -> None:
    assert seen.answered
    assert seen.recognized
    assert not seen.errors
    assert not seen.locked
    assert seen.activity is not Activity.INSTALLING
    assert seen.activity is not Activity.DISTRIBUTING or (ours is not None and seen.subject == ours)


def the_steps_come_in_order(log: Log) -> None:
    before = flat(log[:-1])
    for step in new(log, e.StepIntended):
        finished = {f.step for f in of(before, e.StepFinished, step.request)}
        assert step.step not in finished
        assert step.step is not Step.DISTRIBUTE or Step.UPLOAD in finished
        assert under_way(before) == [step.request]
    for intent in new(log, e.InstallIntended):
        assert Step.DISTRIBUTE in {f.step for f in of(before, e.StepFinished, intent.request)}
        assert under_way(before) == [intent.request]
        assert not of(before, e.CancelAsked, intent.request)


# --- law 8


def install_waits_for_the_announced_lockout(log: Log) -> None:
    before = flat(log[:-1])
    for intent in new(log, e.InstallIntended):
        opened = [i for i, event in enumerate(before) if isinstance(event, e.LockoutOpened)][-1]
        since = before[opened:]
        assert request_of(since[0]) == intent.request
        assert not of(since, e.LockoutClosed, intent.request)
        assert [a.ts for a in of(since, e.LockoutAnnounced, intent.request)] == [intent.lockout_ts]


def the_lockout_closes_only_at_an_end(log: Log) -> None:
    before, newest = flat(log[:-1]), log[-1].events
    for closed in new(log, e.LockoutClosed):
        on = lockout_of([*before, *new(log, e.LockoutOpened)])
        assert on is not None
        assert on[0] == closed.request
        if isinstance(log[-1].command, c.ReportForeignIdle):
            assert on[1]
        elif isinstance(log[-1].command, c.Compare):
            assert new(log, e.Compared)
            assert not on[1]
            assert of(before, e.Voided, closed.request), (
                "in this epoch, or in one whose comparison the copy lacks"
            )
        else:
            ends = (e.Succeeded, e.Released, e.Stopped, e.Voided, e.Cancelled)
            assert any(isinstance(event, ends) and request_of(event) == closed.request for event in newest)
    events = flat(log)
    held = [*under_way(events), *([quarantined] if (quarantined := quarantined_by(events)) else [])]
    for request in held:
        on = lockout_of(events)
        assert on is not None, "a run or a quarantine without a lockout"
        assert on[0] == request


LAWS: list[Callable[[Log], None]] = [
    install_is_intended_at_most_once,
    an_epoch_voids_everything,
    no_request_survives_an_epoch,
    nothing_begins_while_held,
    two_people_compare,
    two_people_one_exact_thing,
    the_window_has_enough_left,
    failure_quarantines_in_the_same_append,
    nothing_begins_in_quarantine,
    what_has_ended_stays_ended,
    two_people_release,
    silence_never_ends_a_watch,
    success_is_seen_everywhere,
    one_run_and_nobody_else_at_work,
    the_steps_come_in_order,
    install_waits_for_the_announced_lockout,
    the_lockout_closes_only_at_an_end,
]


def check(log: Log) -> None:
    """Hold the newest append to every law."""
    for law in LAWS:
        law(log)
