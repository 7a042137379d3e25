"""What time alone brings about: expiry, notices, pages, and when to look again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.alarms import PAGE_EVERY, fallen_due, next_look
from bot.domain.events import Phase, Statement, Step
from bot.domain.lockout import notice_due, notice_times
from tests.support import story as s
from tests.support import values as v

LATEST = v.plan().latest_start
TICK = timedelta(microseconds=1)


def waiting(minutes_ahead: float) -> s.Story:
    """Approved, with its start that far ahead of the quorum."""
    return s.approved(v.plan(start=v.T0 + v.minutes(minutes_ahead)))


# --- notices (law 8, before)


@pytest.mark.parametrize(
    ("ahead", "due"),
    [(180, {60, 15}), (60, {60, 15}), (59, {15}), (15, {15}), (14, set()), (0, set())],
)
def test_the_notices_that_lie_ahead_when_the_quorum_is_reached(ahead: int, due: set[int]) -> None:
    assert set(notice_times(waiting(ahead).request())) == due


@pytest.mark.parametrize(
    ("minutes_before", "notice"), [(61, None), (60, 60), (16, 60), (15, 15), (1, 15), (0, None), (-1, None)]
)
def test_the_notice_that_is_due(minutes_before: int, notice: int | None) -> None:
    story = waiting(180)
    assert notice_due(story.request(), v.T0 + v.minutes(180 - minutes_before)) == notice


def test_each_notice_is_raised_once() -> None:
    story = waiting(180).later(120)
    assert story.look_again() == [e.NoticeRaised(request="KT-1", minutes=60)]
    assert story.look_again() == []
    assert story.later(45).look_again() == [e.NoticeRaised(request="KT-1", minutes=15)]
    assert story.later(1).look_again() == []


def test_a_notice_that_was_slept_through_is_folded_into_the_next() -> None:
    story = waiting(180).later(170)
    assert story.look_again() == [e.NoticeRaised(request="KT-1", minutes=15)]
    assert story.later(1).look_again() == []


@pytest.mark.parametrize("story", [s.asked(), s.started(), s.failed()], ids=["asked", "started", "failed"])
def test_no_notice_but_before_the_start_of_an_approved_request(story: s.Story) -> None:
    assert notice_times(story.request()) == {}
    assert notice_due(story.request(), v.T0 - timedelta(minutes=30)) is None


# --- expiry


@pytest.mark.parametrize("begin", [s.asked, s.approved])
def test_a_request_expires_when_too_little_of_the_window_is_left(begin: Callable[[], s.Story]) -> None:
    story = begin()
    story.now = LATEST
    assert story.look_again() == []
    story.now += TICK
    assert story.look_again() == [e.Expired(request="KT-1")]
    assert story.phase() is Phase.EXPIRED
    assert story.look_again() == []


def test_a_request_without_a_plan_expires_with_its_window() -> None:
    story = s.Story()
    story.ask()
    story.now = v.WINDOW.closes
    assert story.look_again() == []
    story.now += TICK
    assert story.look_again() == [e.Expired(request="KT-1")]


@pytest.mark.parametrize("begin", [s.started, s.pressed])
def test_what_runs_does_not_expire(begin: Callable[[], s.Story]) -> None:
    story = begin()
    story.now = v.WINDOW.closes + v.minutes(600)
    assert story.look_again() == []


# --- pages


@pytest.mark.parametrize(
    "begin", [s.failed, s.became_unknown, s.overdue, s.at_other_level], ids=lambda f: f.__name__
)
def test_pages_repeat_until_somebody_acknowledges(begin: Callable[[], s.Story]) -> None:
    story = begin()
    assert story.look_again() == [e.Paged(request="KT-1", count=1)]
    story.now += PAGE_EVERY - TICK
    assert story.look_again() == []
    story.now += TICK
    assert story.look_again() == [e.Paged(request="KT-1", count=2)]
    story.acknowledge()
    story.now += 10 * PAGE_EVERY
    assert story.look_again() == []
    assert next_look(story.state, story.now) is None


def test_trouble_after_an_acknowledged_one_is_paged_anew() -> None:
    story = s.overdue()
    story.look_again()
    story.acknowledge()
    story.observe(v.console_error())
    assert story.look_again() == [e.Paged(request="KT-1", count=1)]


def test_a_release_ends_the_pages() -> None:
    story = s.failed()
    story.look_again()
    story.both(Statement.RELEASE, "CS-1")
    story.now += 10 * PAGE_EVERY
    assert story.look_again() == []


def test_success_ends_the_pages_of_an_overdue_run() -> None:
    story = s.overdue()
    story.look_again()
    story.observe(v.installed())
    assert story.phase() is Phase.SUCCEEDED
    story.now += 10 * PAGE_EVERY
    assert story.look_again() == []


def test_a_cancelled_run_ends_the_pages_of_an_overdue_distribution() -> None:
    story = s.sent()
    story.later(s.BUDGETS.distribute).observe(v.distributing())
    assert story.look_again() == [e.Paged(request="KT-1", count=1)]
    story.cancel()
    story.finish(Step.DISTRIBUTE)
    assert story.phase() is Phase.CANCELLED
    story.now += 10 * PAGE_EVERY
    assert story.look_again() == []


# --- when to look again

STORIES = [
    s.asked,
    s.approved,
    s.started,
    s.ready,
    s.pressed,
    s.failed,
    s.became_unknown,
    s.overdue,
    s.at_other_level,
]


def early() -> s.Story:
    return waiting(200)


@given(
    st.sampled_from([*STORIES, early]),
    st.lists(st.timedeltas(timedelta(0), timedelta(hours=3)), min_size=1, max_size=4),
    st.floats(0, 1, exclude_max=True),
)
def test_nothing_falls_due_before_the_next_look(
    begin: Callable[[], s.Story], waits: list[timedelta], part: float
) -> None:
    """Looking again whenever told to is enough: in between nothing is due, and at the look something is."""
    story = begin()
    story.look_again()
    for wait in waits:
        story.now += wait
        story.look_again()
        assert fallen_due(story.state, story.now) == []
        look = next_look(story.state, story.now)
        horizon = look or story.now + timedelta(days=30)
        assert horizon > story.now
        for between in (story.now + (horizon - story.now) * part, horizon - TICK):
            if between < horizon:
                assert fallen_due(story.state, between) == []
                assert newly_startable(story, between) is False
        if look is not None:
            assert fallen_due(story.state, look) or newly_startable(story, look)


def newly_startable(story: s.Story, at: datetime) -> bool:
    return story.state.due(at) is not None and story.state.due(story.now) is None


def test_nothing_waits_in_an_empty_enterprise() -> None:
    assert next_look(s.Story().state, v.T0) is None
