"""What two people may state about a console, and what that does (laws 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain import events as e
from bot.domain.events import Phase, Statement
from bot.domain.refusal import Refusal
from bot.domain.sight import Observation
from tests.support import story as s
from tests.support import values as v

# --- two people state


STATEMENTS = [
    (s.failed, Statement.RELEASE, "CS-1", ["Released", "LockoutClosed"], Phase.FAILED),
    (s.became_unknown, Statement.RELEASE, "CS-1", ["Released", "LockoutClosed"], Phase.UNKNOWN),
    (s.became_unknown, Statement.CANNOT_TELL, "CS-1", ["Released", "LockoutClosed"], Phase.UNKNOWN),
    (
        s.became_unknown,
        Statement.NOT_STARTED,
        "",
        ["Stopped", "Released", "LockoutClosed"],
        Phase.STOPPED,
    ),
    (s.became_unknown, Statement.INSTALLING, "", ["WatchResumed"], Phase.INSTALLING),
    (
        s.at_other_level,
        Statement.LEVEL,
        "2024.1 HF 8",
        ["Succeeded", "LockoutClosed"],
        Phase.SUCCEEDED,
    ),
    (s.at_other_level, Statement.FAILURE, "not ours", ["Failed", "Quarantined"], Phase.FAILED),
    (s.overdue, Statement.FAILURE, "stuck", ["Failed", "Quarantined"], Phase.FAILED),
]


@pytest.mark.parametrize(("begin", "statement", "value", "then", "phase"), STATEMENTS)
def test_two_people_state_and_it_acts(
    begin: Callable[[], s.Story], statement: Statement, value: str, then: list[str], phase: Phase
) -> None:
    story = begin()
    before = story.phase()
    stated = e.Stated(request="KT-1", by=v.ANNA, statement=statement, value=value)
    assert story.attest(v.ANNA, statement, value) == [stated]
    assert story.phase() is before
    with pytest.raises(
        Refusal, match="you have stated this already; a second approver has to state the same"
    ):
        story.attest(v.ANNA, statement, value)
    assert s.kinds(story.attest(v.BEN, statement, value)) == ["Stated", *then]
    assert story.phase() is phase
    quarantined = phase is Phase.FAILED and statement is Statement.FAILURE
    assert (story.state.quarantine is not None) is quarantined


def test_only_approvers_state() -> None:
    with pytest.raises(Refusal, match="you are not among the approvers"):
        s.failed().attest(v.OUTSIDER, Statement.RELEASE, "CS-1")


@pytest.mark.parametrize("statement", [Statement.RELEASE, Statement.CANNOT_TELL])
@pytest.mark.parametrize("value", ["", "   "])
def test_a_release_needs_the_case_number(statement: Statement, value: str) -> None:
    with pytest.raises(Refusal, match="give the vendor's case number; a release needs it"):
        s.became_unknown().attest(v.ANNA, statement, value)


def test_two_case_numbers_do_not_release() -> None:
    story = s.failed()
    story.attest(v.ANNA, Statement.RELEASE, "CS-1")
    assert s.kinds(story.attest(v.BEN, Statement.RELEASE, "CS-2")) == ["Stated"]
    assert story.state.quarantine is not None
    assert s.kinds(story.attest(v.CARLA, Statement.RELEASE, "CS-2")) == [
        "Stated",
        "Released",
        "LockoutClosed",
    ]


def test_two_different_statements_do_not_act() -> None:
    story = s.became_unknown()
    story.attest(v.ANNA, Statement.NOT_STARTED)
    assert s.kinds(story.attest(v.BEN, Statement.INSTALLING)) == ["Stated"]
    assert story.state.quarantine is not None


def test_what_was_seen_is_told_in_ones_own_words() -> None:
    story = s.overdue()
    story.attest(v.ANNA, Statement.FAILURE, "the page has hung since nine")
    events = story.attest(v.BEN, Statement.FAILURE, "no progress at all")
    assert s.kinds(events) == ["Stated", "Failed", "Quarantined"]
    assert events[1] == e.Failed(request="KT-1", words="no progress at all", declared_by=(v.ANNA, v.BEN))
    assert story.state.requests["KT-1"].declared_by == (v.ANNA, v.BEN)


def test_nobody_declared_what_the_console_showed() -> None:
    assert s.failed().state.requests["KT-1"].declared_by == ()


@pytest.mark.parametrize(
    ("begin", "statement", "value", "says"),
    [
        (s.pressed, Statement.RELEASE, "CS-1", "KT-1 holds no quarantine"),
        (s.approved, Statement.CANNOT_TELL, "CS-1", "KT-1 holds no quarantine"),
        (s.failed, Statement.CANNOT_TELL, "CS-1", "KT-1 is not in the state unknown"),
        (s.failed, Statement.NOT_STARTED, "", "KT-1 is not in the state unknown"),
        (s.failed, Statement.INSTALLING, "", "KT-1 is not in the state unknown"),
        (s.pressed, Statement.NOT_STARTED, "", "KT-1 is not in the state unknown"),
        (s.pressed, Statement.LEVEL, v.NEW, "KT-1 does not wait for the confirmation of that level"),
        (
            s.at_other_level,
            Statement.LEVEL,
            "HF 99",
            "KT-1 does not wait for the confirmation of that level",
        ),
        (s.became_unknown, Statement.LEVEL, v.NEW, "KT-1 does not wait"),
        (s.pressed, Statement.FAILURE, "", "KT-1 is neither overdue nor at an unexpected level"),
        (s.approved, Statement.FAILURE, "", "KT-1 is neither overdue"),
        (s.failed, Statement.FAILURE, "", "KT-1 is neither overdue"),
    ],
)
def test_what_may_not_be_stated(
    begin: Callable[[], s.Story], statement: Statement, value: str, says: str
) -> None:
    with pytest.raises(Refusal, match=says):
        begin().attest(v.ANNA, statement, value)


def test_installing_cannot_be_stated_of_a_run_that_never_came_to_install() -> None:
    story = s.sent()
    story.fault("no heading", unreadable=True)
    with pytest.raises(Refusal, match="KT-1 never came to Install"):
        story.attest(v.ANNA, Statement.INSTALLING)
    assert s.kinds(story.both(Statement.NOT_STARTED)) == ["Stated", "Stopped", "Released", "LockoutClosed"]


def test_a_released_quarantine_is_not_released_again() -> None:
    story = s.failed()
    story.both(Statement.RELEASE, "CS-1")
    with pytest.raises(Refusal, match="KT-1 holds no quarantine"):
        story.attest(v.CARLA, Statement.RELEASE, "CS-1")


@pytest.mark.parametrize(
    "newest",
    [v.silent(), v.installed("2024.1 HF 8", appliances=v.appliances("2024.1 HF 8")[:2]), v.look()],
    ids=["silent", "one missing", "not installed"],
)
def test_a_level_is_confirmed_only_while_the_console_shows_it(newest: Observation) -> None:
    """Success needs the package shown installed and one level everywhere (law 5)."""
    story = s.at_other_level()
    story.attest(v.ANNA, Statement.LEVEL, "2024.1 HF 8")
    story.observe(newest)
    with pytest.raises(Refusal, match="the newest look does not show that level on every appliance"):
        story.attest(v.BEN, Statement.LEVEL, "2024.1 HF 8")
    story.observe(v.installed("2024.1 HF 8"))
    assert s.kinds(story.attest(v.BEN, Statement.LEVEL, "2024.1 HF 8"))[1:] == ["Succeeded", "LockoutClosed"]


def test_a_resumed_watch_looks_with_a_fresh_eye() -> None:
    story = s.became_unknown()
    story.both(Statement.INSTALLING)
    assert story.state.quarantine is None
    assert story.state.lockout is not None
    assert s.kinds(story.observe(v.distributed(), watching=story.now)) == ["Observed"]
    assert s.kinds(story.observe(v.installing())) == ["Observed"]
    assert s.kinds(story.observe(v.installed())) == ["Observed", "Succeeded", "LockoutClosed"]


def test_statements_before_a_resumed_watch_do_not_count_after_it() -> None:
    story = s.became_unknown()
    story.attest(v.CARLA, Statement.NOT_STARTED)
    story.both(Statement.INSTALLING)
    story.observe(v.distributed(), watching=story.now)
    story.later(s.BUDGETS.settle).observe(v.distributed())
    assert story.phase() is Phase.UNKNOWN
    assert s.kinds(story.attest(v.ANNA, Statement.NOT_STARTED)) == ["Stated"]
