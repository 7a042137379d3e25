"""A new epoch: what it voids, what it holds back, and who ends the hold (law 1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Person
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise, Hold, evolve
from bot.domain.events import Event, Phase, Statement, Step
from bot.domain.refusal import Refusal
from tests.support import story as s
from tests.support import values as v

WHY = "the ledger was restored from a copy"
HELD = "this enterprise is held since epoch 1 began"


def held() -> s.Story:
    story = s.Story()
    story.begin_epoch()
    return story


# --- what it voids


def test_every_open_and_every_running_request_is_void_in_the_same_append() -> None:
    story = s.two_approved()
    story.ask("KT-3")
    story.start("KT-1")
    assert story.begin_epoch() == [
        e.EpochBegan(epoch=1, reason=WHY),
        e.Voided(request="KT-1", reason=f"epoch 1 began: {WHY}"),
        e.Voided(request="KT-2", reason=f"epoch 1 began: {WHY}"),
        e.Voided(request="KT-3", reason=f"epoch 1 began: {WHY}"),
    ]
    assert {(r.phase, r.epoch) for r in story.state.requests.values()} == {(Phase.VOID, 1)}
    assert story.state.running is None
    assert story.state.is_held


@pytest.mark.parametrize("begin", [s.sent, s.pressed, s.at_other_level, s.overdue])
def test_no_phase_of_a_run_survives(begin: Callable[[], s.Story]) -> None:
    story = begin()
    story.begin_epoch()
    assert story.phase() is Phase.VOID
    assert story.request().trouble is None
    assert story.state.lockout, "it stays until two people have compared"


def test_what_had_ended_is_left_as_it_was() -> None:
    story = s.asked()
    story.decline()
    assert s.kinds(story.begin_epoch()) == ["EpochBegan"]
    assert (story.phase(), story.request().epoch) == (Phase.DECLINED, None)


def test_a_void_request_of_the_usual_kind_is_of_no_epoch() -> None:
    story = s.approved()
    story.start(plan=v.plan(change="CHG-2"))
    assert (story.phase(), story.request().epoch) == (Phase.VOID, None)


def test_a_hold_that_stands_is_not_begun_again() -> None:
    story = held()
    assert story.begin_epoch("again") == []
    assert story.state.epoch == 1


def test_what_was_stated_before_another_restoration_is_stated_anew() -> None:
    """The copy was made after Anna had stated: her words are about what was restored before."""
    story = held()
    story.compare(v.ANNA)
    assert story.begin_epoch("again") == [e.EpochBegan(epoch=2, reason="again")]
    assert s.kinds(story.compare(v.BEN)) == ["ComparisonStated"]
    assert story.state.hold


def test_epochs_are_counted() -> None:
    story = held()
    story.compare(v.ANNA)
    story.compare(v.BEN)
    assert story.state.hold is None
    assert not story.state.is_held
    assert story.begin_epoch() == [e.EpochBegan(epoch=2, reason=WHY)]


def test_the_reason_is_cut_to_one_line() -> None:
    story = s.Story()
    story.begin_epoch("restored\nfrom " + "x" * 400)
    assert story.state.hold
    assert len(story.state.hold.reason) == 300
    assert "\n" not in story.state.hold.reason


# --- the gates


def forged(story: s.Story) -> s.Story:
    """Held, and yet nothing is void: an order of events that `decide` would never bring about."""
    story.record(e.EpochBegan(epoch=1, reason=WHY))
    return story


_GATES: dict[str, tuple[Callable[[], s.Story], Callable[[s.Story], Any]]] = {
    "ask": (s.Story, s.Story.ask),
    "approve": (s.asked, lambda story: story.approve(v.ANNA)),
    "start": (s.approved, s.Story.start),
    "upload": (s.started, lambda story: story.intend(Step.UPLOAD)),
    "distribute": (lambda: _uploaded(), lambda story: story.intend(Step.DISTRIBUTE)),
    "install": (s.ready, s.Story.intend_install),
}


def _uploaded() -> s.Story:
    story = s.started()
    story.intend(Step.UPLOAD)
    story.finish(Step.UPLOAD)
    return story


@pytest.mark.parametrize("gate", _GATES)
def test_while_held_nothing_begins_whatever_the_order_of_events(gate: str) -> None:
    begin, act = _GATES[gate]
    assert act(begin()), "without the hold it would begin"
    with pytest.raises(Refusal, match=HELD):
        act(forged(begin()))


@pytest.mark.parametrize("gate", ["upload", "install"])
def test_a_held_run_that_sees_an_error_ends_by_the_hold_alone(gate: str) -> None:
    begin, _ = _GATES[gate]
    story = forged(begin())
    acts: dict[str, Callable[[], Any]] = {
        "upload": lambda: story.intend(Step.UPLOAD, v.console_error()),
        "install": lambda: story.intend_install(v.console_error()),
    }
    with pytest.raises(Refusal, match=HELD):
        acts[gate]()


def test_while_held_nothing_is_due() -> None:
    story = forged(s.approved())
    assert replace(story.state, hold=None).due(story.now)
    assert story.state.due(story.now) is None


def test_who_may_not_ask_is_not_told_about_the_hold_first() -> None:
    story = held()
    with pytest.raises(Refusal, match="not among those who may ask"):
        story.ask(by=v.OUTSIDER)


# --- quarantine


def test_a_quarantine_stays_and_needs_its_own_release() -> None:
    story = s.failed()
    story.begin_epoch()
    story.compare(v.ANNA)
    assert s.kinds(story.compare(v.BEN)) == ["ComparisonStated", "Compared"]
    assert story.state.quarantine
    assert story.state.lockout
    assert s.kinds(story.both(Statement.RELEASE, "CS-1")) == ["Stated", "Released", "LockoutClosed"]


def test_a_quarantine_can_be_released_while_held_and_the_hold_stays() -> None:
    story = s.failed()
    story.begin_epoch()
    story.both(Statement.RELEASE, "CS-1")
    assert story.state.quarantine is None
    assert story.state.hold
    with pytest.raises(Refusal, match=HELD):
        story.ask("KT-2")


def test_while_held_nobody_resumes_a_watch() -> None:
    story = s.became_unknown()
    story.begin_epoch()
    with pytest.raises(Refusal, match=HELD):
        story.attest(v.ANNA, Statement.INSTALLING)
    story.compare(v.ANNA)
    story.compare(v.BEN)
    assert s.kinds(story.both(Statement.INSTALLING)) == ["Stated", "WatchResumed"]


def test_a_statement_of_an_earlier_epoch_counts_no_more() -> None:
    """What Anna saw before the copy was made says nothing about the console now."""
    story = s.failed()
    story.attest(v.ANNA, Statement.RELEASE, "CS-1")
    story.begin_epoch()
    assert s.kinds(story.attest(v.BEN, Statement.RELEASE, "CS-1")) == ["Stated"]
    assert story.state.quarantine


# --- the comparison


def test_two_approvers_with_one_head_end_the_hold() -> None:
    story = held()
    assert story.compare(v.ANNA) == [e.ComparisonStated(epoch=1, by=v.ANNA, head=s.HEAD)]
    assert story.compare(v.BEN) == [
        e.ComparisonStated(epoch=1, by=v.BEN, head=s.HEAD),
        e.Compared(epoch=1, by=(v.ANNA, v.BEN), head=s.HEAD),
    ]
    assert story.state.hold is None
    assert story.ask()


@pytest.mark.parametrize(
    ("first", "second"),
    [(s.HEAD[:8], s.HEAD), (s.HEAD, s.HEAD[:8]), (s.HEAD[:8], s.HEAD[:12]), (f" {s.HEAD.upper()} ", s.HEAD)],
)
def test_one_person_may_give_more_digits_than_the_other(first: str, second: str) -> None:
    story = held()
    story.compare(v.ANNA, first)
    compared = story.compare(v.BEN, second)[-1]
    assert isinstance(compared, e.Compared)
    assert compared.head == max(first.strip().lower(), second, key=len)


@pytest.mark.parametrize("begin", [s.started, s.pressed])
def test_the_lockout_of_a_void_run_closes_with_the_hold(begin: Callable[[], s.Story]) -> None:
    story = begin()
    story.begin_epoch()
    story.compare(v.ANNA)
    assert story.state.lockout
    closed = story.compare(v.BEN)[-1]
    assert isinstance(closed, e.LockoutClosed)
    assert closed.request == "KT-1"
    assert "usable" not in closed.reason
    assert story.state.lockout is None


def test_the_lockout_for_somebody_elses_work_stays_until_they_are_idle() -> None:
    story = s.started()
    story.intend(Step.UPLOAD, v.installing(subject=v.OTHER))
    story.begin_epoch()
    story.compare(v.ANNA)
    assert s.kinds(story.compare(v.BEN)) == ["ComparisonStated", "Compared"]
    assert story.state.lockout
    assert s.kinds(story.do(c.ReportForeignIdle(request="KT-1"))) == ["LockoutClosed"]


def test_who_was_wrong_states_again() -> None:
    story = held()
    story.compare(v.ANNA, "0" * 8)
    with pytest.raises(Refusal, match="<@U-ANNA> stated another head"):
        story.compare(v.BEN)
    assert story.compare(v.ANNA) == [e.ComparisonStated(epoch=1, by=v.ANNA, head=s.HEAD)]
    assert s.kinds(story.compare(v.BEN)) == ["ComparisonStated", "Compared"]


def test_one_person_is_never_two() -> None:
    story = held()
    story.compare(v.ANNA, "0" * 8)
    for head in (s.HEAD, "0" * 8, s.HEAD):
        assert s.kinds(story.compare(v.ANNA, head)) == ["ComparisonStated"]
    assert story.state.hold


def test_who_is_no_approver_any_more_does_not_count() -> None:
    story = held()
    story.compare(v.ANNA, "0" * 8)
    without_anna = v.authority((v.BEN, v.CARLA))
    assert s.kinds(story.compare(v.BEN, authority=without_anna)) == ["ComparisonStated"]
    compared = story.compare(v.CARLA, authority=without_anna)[-1]
    assert isinstance(compared, e.Compared)
    assert compared.by == (v.BEN, v.CARLA)


def test_who_is_an_approver_again_is_heard_again() -> None:
    story = held()
    story.compare(v.ANNA, "0" * 8)
    story.compare(v.BEN, authority=v.authority((v.BEN, v.CARLA)))
    with pytest.raises(Refusal, match="<@U-ANNA> stated another head"):
        story.compare(v.CARLA)


_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"by": v.person(v.OUTSIDER)}, "you are not among the approvers of this enterprise"),
    ({"by": v.person(v.ASKER)}, "you are not among the approvers of this enterprise"),
    ({"by": v.person(v.BEN, guest=True)}, "guests have no say here"),
    ({"by": v.person(v.BEN, bot=True)}, "bots have no say here"),
    ({"by": v.person(v.BEN, active=False)}, "the account is deactivated"),
    ({"by": v.person(v.BEN, stranger=True)}, "the account belongs to another workspace"),
    ({"by": v.person(v.ANNA)}, "you have stated this already"),
    ({"by": v.person(v.ANNA), "head": s.HEAD[:10]}, "you have stated this already"),
    ({"head": s.HEAD[:7]}, "8 to 64 of its first hexadecimal digits"),
    ({"head": s.HEAD + "0"}, "8 to 64 of its first hexadecimal digits"),
    ({"head": "5f2c5f2g"}, "8 to 64 of its first hexadecimal digits"),
    ({"head": "5f2c5f2c 5f2c"}, "8 to 64 of its first hexadecimal digits"),
    ({"head": ""}, "8 to 64 of its first hexadecimal digits"),
    ({"head": "<!channel>"}, "8 to 64 of its first hexadecimal digits"),
    (
        {"head": s.HEAD[:8] + "0000"},
        "<@U-ANNA> stated another head. Look for the last one that was announced",
    ),
    ({"epoch": 2}, "that is about the hold of epoch 2; this enterprise is held by epoch 1"),
    ({"epoch": 0}, "that is about the hold of epoch 0"),
]


@pytest.mark.parametrize(("wrong", "says"), _REFUSED)
def test_a_comparison_is_refused(wrong: dict[str, Any], says: str) -> None:
    story = held()
    story.compare(v.ANNA)
    right: dict[str, Any] = {"by": v.person(v.BEN), "authority": v.authority(), "head": s.HEAD, "epoch": 1}
    with pytest.raises(Refusal, match=says):
        decide(story.state, c.Compare(**{**right, **wrong}), story.now)
    assert s.kinds(story.do(c.Compare(**right))) == ["ComparisonStated", "Compared"], "only that was wrong"


def test_what_is_not_held_is_not_compared() -> None:
    with pytest.raises(Refusal, match="not held; there is nothing to compare"):
        s.Story().compare(v.ANNA)


def test_a_guest_is_told_so_even_when_nothing_is_held() -> None:
    with pytest.raises(Refusal, match="guests have no say here"):
        s.Story().do(c.Compare(by=Person(id="U-G", guest=True), authority=v.authority(), head=s.HEAD))


# --- the state


def test_events_about_an_epoch_change_nothing_where_they_do_not_belong() -> None:
    """`evolve` is total: a forged order of events holds or releases nothing by accident."""
    fresh = Enterprise()
    events: list[Event] = [
        e.ComparisonStated(epoch=1, by=v.ANNA, head=s.HEAD),
        e.Compared(epoch=1, by=(v.ANNA, v.BEN), head=s.HEAD),
    ]
    for event in events:
        assert evolve(fresh, event, v.T0) == fresh


def test_the_hold_says_since_when_and_who_stated_what() -> None:
    story = held()
    story.later(3).compare(v.ANNA, "0" * 8)
    story.later(3).compare(v.ANNA)
    assert story.state.hold == Hold(1, v.T0, WHY, {v.ANNA: s.HEAD})
