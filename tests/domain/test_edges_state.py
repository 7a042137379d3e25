"""What the state keeps of each event: what became of a request, when, by whom and why (law 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import events as e
from bot.domain.enterprise import Lockout, Quarantine, Request, Trouble, enterprise_of, evolve, stream
from bot.domain.events import Phase, Statement, Step
from bot.domain.sight import InstallOutcome, Press
from tests.support import story as s
from tests.support import values as v

LATER = v.T0 + timedelta(minutes=7)


def after(story: s.Story, *events: e.Event) -> Request:
    """KT-1 after some more events, seven minutes past the beginning."""
    for event in events:
        story.state = evolve(story.state, event, LATER)
    return story.request()


@pytest.mark.parametrize(
    ("event", "phase", "by", "reason"),
    [
        (e.Declined(request="KT-1", by=v.ANNA, reason="not today"), Phase.DECLINED, v.ANNA, "not today"),
        (e.Withdrawn(request="KT-1", by=v.ASKER), Phase.WITHDRAWN, v.ASKER, ""),
        (e.Cancelled(request="KT-1", by=v.BEN), Phase.CANCELLED, v.BEN, ""),
        (e.Expired(request="KT-1"), Phase.EXPIRED, None, "not enough of the window was left"),
        (e.Voided(request="KT-1", reason="drift"), Phase.VOID, None, "drift"),
        (e.Stopped(request="KT-1", reason="no route"), Phase.STOPPED, None, "no route"),
        (e.Succeeded(request="KT-1", level=v.NEW), Phase.SUCCEEDED, None, ""),
        (e.Failed(request="KT-1", words="0x17"), Phase.FAILED, None, "0x17"),
        (e.BecameUnknown(request="KT-1", reason="no heading"), Phase.UNKNOWN, None, "no heading"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, e.Event) else "",
)
def test_an_end_keeps_when_by_whom_and_why(event: e.Event, phase: Phase, by: str | None, reason: str) -> None:
    ended = after(s.asked(), event)
    assert (ended.phase, ended.ended, ended.ended_by, ended.reason) == (phase, LATER, by, reason)


@pytest.mark.parametrize(
    ("event", "trouble"),
    [
        (e.Failed(request="KT-1", words="0x17"), Trouble("failed", LATER)),
        (e.BecameUnknown(request="KT-1", reason="no heading"), Trouble("unknown", LATER)),
        (e.BecameOverdue(request="KT-1", reason="no answer"), Trouble("overdue", LATER)),
        (e.LevelUnexpected(request="KT-1", level="HF 8"), Trouble("level", LATER)),
        (e.Stopped(request="KT-1", reason="no route"), None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, e.Event) else "",
)
def test_what_people_are_paged_about(event: e.Event, trouble: Trouble | None) -> None:
    assert after(s.pressed(), event).trouble == trouble


def test_a_page_and_an_acknowledgement_are_kept_with_the_trouble() -> None:
    paged = after(s.failed(), e.Paged(request="KT-1", count=3), e.Acknowledged(request="KT-1", by=v.CARLA))
    assert paged.trouble is not None
    assert (paged.trouble.paged, paged.trouble.last_paged) == (3, LATER)
    assert paged.trouble.acknowledged == v.CARLA


def test_every_event_carries_its_own_moment_into_the_state() -> None:
    story = s.Story()
    story.ask()
    assert story.request().asked == v.T0
    story.preflight()
    story.later(1).approve(v.ANNA)
    story.later(1).approve(v.BEN)
    assert story.request().approvals == {v.ANNA: v.T0 + v.minutes(1), v.BEN: v.T0 + v.minutes(2)}
    assert story.request().quorum_at == v.T0 + v.minutes(2)
    story.later(1).start()
    begun = story.request().run
    assert begun is not None
    assert begun.started == v.T0 + v.minutes(3)
    assert story.state.lockout == Lockout("KT-1", v.T0 + v.minutes(3), foreign=False)
    story.announce()
    story.later(1).intend(Step.UPLOAD)
    story.later(1).finish(Step.UPLOAD)
    story.later(1).intend(Step.DISTRIBUTE)
    story.later(1).finish(Step.DISTRIBUTE)
    story.later(1).intend_install()
    run = story.request().run
    assert run is not None
    assert run.intended == {Step.UPLOAD: v.T0 + v.minutes(4), Step.DISTRIBUTE: v.T0 + v.minutes(6)}
    assert run.finished == {Step.UPLOAD: v.T0 + v.minutes(5), Step.DISTRIBUTE: v.T0 + v.minutes(7)}
    assert run.install_intended == v.T0 + v.minutes(8)
    assert run.overdue is False
    story.later(1).observe(v.console_error("0x17"))
    assert story.state.quarantine == Quarantine("KT-1", v.T0 + v.minutes(9), "0x17")
    collected = after(story, e.LogsRefused(request="KT-1", reason="no export")).run
    assert collected is not None
    assert collected.finished[Step.COLLECT_LOGS] == LATER


def test_the_rows_of_both_preflights_are_kept() -> None:
    story = s.approved()
    assert story.request().rows == (v.row(),)
    again = (v.row(detail="seen again"),)
    begun = e.RunStarted(request="KT-1", digest=v.plan().digest, approvers=(v.ANNA, v.BEN), rows=again)
    assert after(story, begun).rows == again


def test_a_success_keeps_the_level_and_forgets_what_was_stated() -> None:
    story = s.at_other_level()
    story.attest(v.ANNA, Statement.FAILURE, "stuck")
    done = after(story, e.Succeeded(request="KT-1", level="HF 8"))
    assert done.run is not None
    assert done.run.level == "HF 8"
    assert done.statements == ()


def test_a_release_forgets_what_was_stated() -> None:
    story = s.failed()
    story.both(Statement.RELEASE, "CS-1")
    assert story.request().statements == ()
    assert story.request().trouble is None
    assert story.state.quarantine is None


def test_statements_about_the_distribution_do_not_count_after_install() -> None:
    story = s.sent()
    story.later(s.BUDGETS.distribute).observe(v.distributing())
    story.attest(v.ANNA, Statement.FAILURE, "stuck")
    story.finish(Step.DISTRIBUTE)
    story.intend_install()
    assert story.request().statements == ()
    assert story.request().trouble is None


def test_a_resumed_watch_forgets_all_that_was_held_against_the_run() -> None:
    story = s.at_other_level()
    before = story.request().run
    assert before is not None
    story.state = evolve(story.state, e.BecameOverdue(request="KT-1", reason="no answer"), LATER)
    ended = e.BecameUnknown(request="KT-1", reason="no heading")
    logs = e.LogsCollected(request="KT-1", file="logs.tgz", sha256="a" * 64)
    stated = e.Stated(request="KT-1", by=v.ANNA, statement=Statement.INSTALLING)
    by = (v.ANNA, v.BEN)
    resumed = after(story, ended, logs, stated, e.WatchResumed(request="KT-1", by=by))
    assert (resumed.phase, resumed.ended, resumed.reason) == (Phase.INSTALLING, None, "")
    assert (resumed.trouble, resumed.statements) == (None, ())
    assert resumed.run == replace(before, seen=(), overdue=False, unexpected_level=None)
    assert resumed.run is not None
    assert resumed.run.overdue is False


# --- folding refuses nothing


@pytest.mark.parametrize(
    "event",
    [
        e.Declined(request="KT-9", by=v.ANNA, reason="no"),
        e.Released(request="KT-9", by=(v.ANNA, v.BEN), case="CS-1"),
        e.LockoutAnnounced(request="KT-9", channel="C-OPS", ts="1.0"),
        e.Announced(position=3),
        e.Posted(key="k", channel="C-OPS", ts="1.0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_about_something_else_changes_nothing(event: e.Event) -> None:
    state = s.approved().state
    assert evolve(state, event, LATER) == state


@pytest.mark.parametrize(
    "event",
    [
        e.StepIntended(request="KT-1", step=Step.UPLOAD),
        e.StepFinished(request="KT-1", step=Step.UPLOAD),
        e.UploadProgressed(request="KT-1", sent=1),
        e.LogsRefused(request="KT-1", reason="no"),
        e.EvidenceLost(request="KT-1", reason="no room"),
        e.CancelAsked(request="KT-1", by=v.ANNA),
        e.InstallPressed(request="KT-1", outcome=InstallOutcome(press=Press.ANSWERED)),
        e.Paged(request="KT-1", count=1),
        e.Acknowledged(request="KT-1", by=v.ANNA),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_of_a_run_that_never_began_changes_nothing(event: e.Event) -> None:
    state = s.approved().state
    assert evolve(state, event, LATER) == state


@pytest.mark.parametrize(
    "event",
    [
        e.Succeeded(request="KT-1", level=v.NEW),
        e.BecameOverdue(request="KT-1", reason="no answer"),
        e.LevelUnexpected(request="KT-1", level="HF 8"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_verdict_on_a_run_that_never_began_makes_no_run(event: e.Event) -> None:
    assert after(s.approved(), event).run is None


def test_looks_change_the_levels_of_what_they_list() -> None:
    story = s.sent()
    story.observe(v.distributing(appliances=v.appliances(v.OLD, db_2={"level": None}, svc_1={"level": "x"})))
    assert story.state.levels == {"db-1": v.OLD, "db-2": v.OLD, "svc-1": "x"}


# --- whose turn it is


def test_only_an_approved_request_is_due() -> None:
    story = s.asked()
    assert story.state.due(v.T0) is None
    story.approve(v.ANNA)
    story.approve(v.BEN)
    assert story.state.due(v.T0) == story.request()


@pytest.mark.parametrize(
    ("at", "due"),
    [
        (v.minutes(29), False),
        (v.minutes(30), True),
        (v.WINDOW.closes - v.T0 - timedelta(microseconds=1), True),
        (v.WINDOW.closes - v.T0, False),
    ],
)
def test_a_request_is_due_from_its_start_to_the_end_of_its_window(at: timedelta, due: bool) -> None:
    state = s.approved(v.plan(start=v.T0 + v.minutes(30))).state
    assert (state.due(v.T0 + at) is not None) is due


def test_the_first_to_be_approved_is_due_first() -> None:
    story = s.Story()
    for id_ in ("KT-1", "KT-2", "KT-3"):
        story.ask(id_)
        story.preflight(id_)
    for id_ in ("KT-3", "KT-1"):
        story.later(1)
        story.approve(v.ANNA, id_)
        story.approve(v.BEN, id_)
    story.approve(v.ANNA, "KT-2")
    story.approve(v.BEN, "KT-2")
    due = story.state.due(story.now)
    assert due is not None
    assert due.id == "KT-3"
    story.decline(v.ANNA, "KT-3")
    due = story.state.due(story.now)
    assert due is not None
    assert due.id == "KT-1"  # approved at the same moment as KT-2: the lower name


def test_nothing_is_due_while_something_runs() -> None:
    story = s.two_approved()
    story.start()
    assert story.state.due(v.T0) is None


@pytest.mark.parametrize(
    ("name", "enterprise"), [("enterprise:main", "main"), ("announcer", None), ("enterprise:", "")]
)
def test_the_enterprise_of_a_stream(name: str, enterprise: str | None) -> None:
    assert enterprise_of(name) == enterprise
    if enterprise is not None:
        assert stream(enterprise) == name
