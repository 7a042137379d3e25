"""Time at its edges: windows, moments, alarms and notices; and how long a line of drift may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.alarms import next_look
from bot.domain.enterprise import Trouble
from bot.domain.lockout import notice_times
from bot.domain.plan import drift
from bot.domain.windows import HORIZON, WeeklyWindow, Window, upcoming
from tests.support import story as s
from tests.support import values as v

TICK = timedelta(microseconds=1)


def weekly(day: str, zone: str = "UTC") -> WeeklyWindow:
    given: dict[str, Any] = {"day": day, "start": "12:00", "end": "16:00", "zone": zone}
    return WeeklyWindow(**given)


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        (v.WINDOW.opens - TICK, False),
        (v.WINDOW.opens, True),
        (v.WINDOW.closes - TICK, True),
        (v.WINDOW.closes, False),
    ],
)
def test_a_window_contains_its_opening_and_not_its_close(at: datetime, inside: bool) -> None:
    assert v.WINDOW.contains(at) is inside


def test_a_moment_is_utc_inside_and_needs_its_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    window = Window(opens=v.T0.astimezone(berlin), closes=v.WINDOW.closes.astimezone(berlin))
    assert window.opens.tzinfo is UTC
    assert window == v.WINDOW
    with pytest.raises(ValidationError, match="Value error, a moment needs its time zone"):
        Window(opens=datetime(2026, 11, 21, 20), closes=v.WINDOW.closes)


def test_a_day_that_is_none_is_told_all_days() -> None:
    with pytest.raises(ValidationError, match="'Caturday' is no day; one of monday, tuesday, wednesday"):
        weekly("Caturday")


def test_windows_are_seen_two_weeks_and_a_day_ahead() -> None:
    """Saturday is today, Sunday the last day within the horizon, Monday the first one beyond it."""
    saturday = datetime(2026, 11, 21, tzinfo=UTC)
    ahead = {
        day: [w.opens.date() - saturday.date() for w in upcoming([weekly(day)], saturday)]
        for day in ("saturday", "sunday", "monday")
    }
    assert ahead == {
        "saturday": [timedelta(days=d) for d in (0, 7, 14)],
        "sunday": [timedelta(days=d) for d in (1, 8, 15)],
        "monday": [timedelta(days=d) for d in (2, 9)],
    }
    assert timedelta(days=15) == HORIZON


def test_the_horizon_is_counted_in_the_days_of_the_windows_zone() -> None:
    evening = datetime(2026, 11, 21, 23, tzinfo=UTC)  # Sunday noon on Kiritimati
    found = upcoming([weekly("monday", "Pacific/Kiritimati")], evening)
    assert [w.opens.date().isoformat() for w in found] == ["2026-11-22", "2026-11-29", "2026-12-06"]


# --- when to look again


def test_the_next_look_is_the_first_of_all_requests() -> None:
    story = s.Story(v.T0 - v.minutes(300))
    for id_, start in (("KT-1", 100), ("KT-2", 30), ("KT-3", 200)):
        story.ask(id_)
        story.preflight(id_, v.plan(id_, start=v.T0 + v.minutes(start)))
        for who in (v.ANNA, v.BEN):
            story.approve(who, id_)
    assert next_look(story.state, story.now) == v.T0 - v.minutes(30)  # an hour before the start of KT-2


def test_what_is_not_approved_has_no_start_to_wait_for() -> None:
    start = v.T0 + v.minutes(60)
    story = s.asked(plan=v.plan(start=start))
    assert next_look(story.state, v.T0) == v.plan().latest_start + TICK
    story.approve(v.ANNA)
    story.approve(v.BEN)
    story.now = start - v.minutes(15)
    story.look_again()
    assert next_look(story.state, story.now) == start
    story.withdraw()
    assert next_look(story.state, story.now) is None


def test_a_page_is_due_at_once_and_again_five_minutes_later() -> None:
    story = s.failed()
    began = story.now
    assert story.request().trouble == Trouble("failed", began)
    assert s.kinds(story.look_again()) == ["Paged"]
    assert next_look(story.state, began) == began + v.minutes(5)


def test_no_notice_is_due_for_what_is_no_longer_approved() -> None:
    approved = s.approved(v.plan(start=v.T0 + v.minutes(180))).request()
    assert notice_times(approved).keys() == {60, 15}
    assert notice_times(replace(approved, plan=None)) == {}
    assert notice_times(replace(approved, quorum_at=None)) == {}
    withdrawn = s.approved(v.plan(start=v.T0 + v.minutes(180)))
    withdrawn.withdraw()
    assert notice_times(withdrawn.request()) == {}


# --- drift


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ("C" * 60, "C" * 60),
        ("C" * 61, "CCCCCCCCCCCC…CCCCCC"),
        ("12345678901234" + "-" * 60 + "abcdefgh", None),
    ],
)
def test_a_value_of_up_to_sixty_characters_is_shown_whole(change: str, shown: str | None) -> None:
    (line,) = drift(v.plan(), v.plan(change=change))
    assert line == f"change: CHG-1 is now {shown or '123456789012…cdefgh'}"
