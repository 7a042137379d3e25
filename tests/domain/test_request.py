"""Asking for an upgrade and ending a request: every sentence with which people are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise
from bot.domain.events import Phase, Statement, Step
from bot.domain.refusal import Refusal
from tests.support import story as s
from tests.support import values as v

BARRED = [
    ({"bot": True}, "bots have no say here"),
    ({"guest": True}, "guests have no say here"),
    ({"active": False}, "the account is deactivated"),
    ({"stranger": True}, "the account belongs to another workspace"),
]


def ask(**changes: Any) -> c.Ask:
    given: dict[str, Any] = {
        "request": "KT-1",
        "by": v.person(v.ASKER),
        "authority": v.authority(),
        "draft": v.draft(),
        "needs_minutes": v.NEEDS_MINUTES,
    }
    return c.Ask(**{**given, **changes})


# --- asking


def test_a_request_is_recorded() -> None:
    assert s.Story().ask() == [e.UpgradeRequested(request="KT-1", by=v.ASKER, draft=v.draft())]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"by": v.person(v.OUTSIDER)}, "not among those who may ask"),
        ({"by": v.person(v.ANNA)}, "not among those who may ask"),
        ({"draft": v.draft(attestations=("backup", "rotation"))}, "not yet confirmed: The service desk"),
        ({"draft": v.draft(attestations=())}, "not yet confirmed: A backup was taken.*; Rotation"),
        ({"needs_minutes": 361}, "a window with 361 minutes left"),
        ({"draft": v.draft(start=v.T0 - timedelta(days=1))}, None),
        ({"draft": v.draft(start=v.WINDOW.closes - v.minutes(149))}, "a window with 150 minutes left"),
        ({"draft": v.draft(start=v.WINDOW.closes + v.minutes(60))}, "a window with 150 minutes left"),
        *[({"by": v.person(v.ASKER, **kind)}, says) for kind, says in BARRED],
    ],
)
def test_who_may_ask_for_what(changes: dict[str, Any], says: str | None) -> None:
    if says is None:
        assert decide(Enterprise(), ask(**changes), v.T0)
    else:
        with pytest.raises(Refusal, match=says):
            decide(Enterprise(), ask(**changes), v.T0)


def test_a_start_that_time_has_overtaken_is_measured_from_now() -> None:
    with pytest.raises(Refusal, match="150 minutes left"):
        decide(Enterprise(), ask(), v.WINDOW.closes - v.minutes(149))


def test_an_id_is_used_once() -> None:
    with pytest.raises(Refusal, match="request KT-1 exists already"):
        s.asked().ask()


@pytest.mark.parametrize("begin", [s.started, s.ready, s.pressed, s.overdue, s.at_other_level])
def test_nothing_is_asked_for_while_a_run_is_under_way(begin: Callable[[], s.Story]) -> None:
    with pytest.raises(Refusal, match="run KT-1 is under way"):
        begin().ask("KT-2")


@pytest.mark.parametrize("begin", [s.failed, s.became_unknown])
def test_nothing_is_asked_for_in_quarantine(begin: Callable[[], s.Story]) -> None:
    story = begin()
    with pytest.raises(Refusal, match=r"in quarantine since the run of KT-1\. .*vendor's case number"):
        story.ask("KT-2")
    story.both(Statement.RELEASE, "CS-1")
    assert story.ask("KT-2")


# --- the preflight at request time


def test_a_preflight_with_a_bad_row_stops_the_request() -> None:
    story = s.Story()
    story.ask()
    rows = (v.row(), v.row(ok=False, detail="db-2 is at HF 2"))
    events = story.do(c.ReportPreflight(request="KT-1", rows=rows, plan=v.plan()))
    assert events == [
        e.PreflightDone(request="KT-1", rows=rows, plan=None),
        e.Stopped(request="KT-1", reason="preflight: levels: db-2 is at HF 2"),
    ]
    assert story.phase() is Phase.STOPPED
    assert story.state.quarantine is None


def test_a_preflight_without_a_plan_stops_the_request() -> None:
    story = s.Story()
    story.ask()
    story.do(c.ReportPreflight(request="KT-1", rows=(v.row(),), plan=None))
    assert story.request().reason == "preflight: no plan could be made"


def test_a_second_preflight_never_replaces_the_plan() -> None:
    story = s.asked()
    with pytest.raises(Refusal, match="the preflight of KT-1 is already done"):
        story.preflight(plan=v.plan(change="CHG-2"))


@pytest.mark.parametrize(
    ("begin", "says"), [(s.approved, "KT-1 is approved"), (s.Story, "KT-1 is not among the newest requests")]
)
def test_a_preflight_belongs_to_a_fresh_request(begin: Callable[[], s.Story], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        begin().preflight()


# --- declining, withdrawing, cancelling


@pytest.mark.parametrize("begin", [s.asked, s.approved])
def test_an_approver_declines_what_has_not_begun(begin: Callable[[], s.Story]) -> None:
    story = begin()
    assert story.decline(v.CARLA) == [e.Declined(request="KT-1", by=v.CARLA, reason="not today")]
    assert story.phase() is Phase.DECLINED


def test_only_an_approver_declines() -> None:
    with pytest.raises(Refusal, match="you are not among the approvers"):
        s.asked().decline(v.OUTSIDER)


@pytest.mark.parametrize("begin", [s.asked, s.approved])
def test_the_requester_withdraws_what_has_not_begun(begin: Callable[[], s.Story]) -> None:
    story = begin()
    assert story.withdraw() == [e.Withdrawn(request="KT-1", by=v.ASKER)]
    assert story.phase() is Phase.WITHDRAWN


def test_only_the_requester_withdraws() -> None:
    with pytest.raises(Refusal, match=f"only <@{v.ASKER}>, who asked, can withdraw KT-1"):
        s.asked().withdraw(v.ANNA)


@pytest.mark.parametrize(
    ("end", "what"),
    [(s.Story.decline, "declined"), (s.Story.withdraw, "withdrawn")],
    ids=["decline", "withdraw"],
)
def test_what_has_begun_or_ended_is_neither_declined_nor_withdrawn(
    end: Callable[[s.Story], object], what: str
) -> None:
    with pytest.raises(Refusal, match=f"it can be cancelled until Install, not {what}"):
        end(s.started())
    with pytest.raises(Refusal, match=f"KT-1 is failed; it cannot be {what}"):
        end(s.failed())


@pytest.mark.parametrize("who", [v.ASKER, v.CARLA])
@pytest.mark.parametrize("begin", [s.asked, s.approved])
def test_requester_and_approvers_cancel_what_has_not_begun(begin: Callable[[], s.Story], who: str) -> None:
    story = begin()
    assert story.cancel(who) == [e.Cancelled(request="KT-1", by=who)]
    assert story.phase() is Phase.CANCELLED


def test_nobody_else_cancels() -> None:
    with pytest.raises(Refusal, match="only the requester and the approvers"):
        s.approved().cancel(v.OUTSIDER)


def test_a_run_is_cancelled_at_its_next_boundary() -> None:
    story = s.sent()
    assert story.cancel() == [e.CancelAsked(request="KT-1", by=v.ASKER)]
    assert story.phase() is Phase.PREPARING
    with pytest.raises(Refusal, match=f"<@{v.ASKER}> has cancelled already; the current step ends first"):
        story.cancel(v.ANNA)
    assert story.finish(Step.DISTRIBUTE) == [
        e.StepFinished(request="KT-1", step=Step.DISTRIBUTE),
        e.Cancelled(request="KT-1", by=v.ASKER),
        e.LockoutClosed(request="KT-1", reason="the run was cancelled before Install"),
    ]
    assert story.phase() is Phase.CANCELLED


def test_a_cancel_between_steps_ends_the_run_at_the_next_intent() -> None:
    story = s.started()
    story.cancel()
    events = story.intend(Step.UPLOAD)
    assert s.kinds(events) == ["Cancelled", "LockoutClosed"]


def test_a_cancel_before_install_ends_the_run_instead_of_it() -> None:
    story = s.ready()
    story.cancel()
    events = story.intend_install()
    assert s.kinds(events) == ["Cancelled", "LockoutClosed"]


@pytest.mark.parametrize("begin", [s.pressed, s.overdue, s.at_other_level])
def test_install_is_the_point_of_no_return(begin: Callable[[], s.Story]) -> None:
    with pytest.raises(Refusal, match="KT-1 is past the point of no return"):
        begin().cancel()


def test_the_point_of_no_return_is_the_intent() -> None:
    story = s.ready()
    story.intend_install()
    with pytest.raises(Refusal, match="point of no return"):
        story.cancel()


def test_there_is_nothing_to_cancel_in_what_has_ended() -> None:
    with pytest.raises(Refusal, match="KT-1 is failed; there is nothing to cancel"):
        s.failed().cancel()


@pytest.mark.parametrize(
    "act",
    [
        lambda story: story.approve(v.ANNA, plan=v.plan()),
        s.Story.decline,
        s.Story.withdraw,
        s.Story.cancel,
        s.Story.acknowledge,
        lambda story: story.attest(v.ANNA, Statement.FAILURE),
    ],
)
def test_a_request_that_does_not_exist_is_named(act: Callable[[s.Story], object]) -> None:
    with pytest.raises(Refusal, match="there is no request KT-1 among the newest of this enterprise"):
        act(s.Story())


# --- acknowledging


def test_one_person_acknowledges() -> None:
    story = s.failed()
    assert story.acknowledge() == [e.Acknowledged(request="KT-1", by=v.OUTSIDER)]
    with pytest.raises(Refusal, match=f"<@{v.OUTSIDER}> has acknowledged already"):
        story.acknowledge(v.ANNA)


@pytest.mark.parametrize("begin", [s.asked, s.pressed])
def test_there_is_nothing_to_acknowledge_without_trouble(begin: Callable[[], s.Story]) -> None:
    with pytest.raises(Refusal, match="nothing about KT-1 waits to be acknowledged"):
        begin().acknowledge()
