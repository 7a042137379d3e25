"""Maintenance windows: wall-clock times in a zone, through both changes of the clocks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bot.domain.windows import WeeklyWindow, Window, fitting, next_fit, upcoming


def weekly(day: str, start: str, end: str, zone: str = "Europe/Berlin") -> WeeklyWindow:
    given_: dict[str, Any] = {"day": day, "start": start, "end": end, "zone": zone}
    return WeeklyWindow(**given_)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("rule", "on", "opens", "closes"),
    [
        (("sunday", "01:00", "05:00"), "2026-11-22", "2026-11-22T00:00", "2026-11-22T04:00"),
        (("saturday", "22:00", "04:00"), "2026-11-21", "2026-11-21T21:00", "2026-11-22T03:00"),
        (("monday", "00:00", "00:00"), "2026-11-23", "2026-11-22T23:00", "2026-11-23T23:00"),
        # Clocks go forward at 2026-03-29 02:00 and back at 2026-10-25 03:00.
        (("sunday", "01:00", "05:00"), "2026-03-29", "2026-03-29T00:00", "2026-03-29T03:00"),
        (("sunday", "01:00", "05:00"), "2026-10-25", "2026-10-24T23:00", "2026-10-25T04:00"),
        (("saturday", "22:00", "04:00"), "2026-03-28", "2026-03-28T21:00", "2026-03-29T02:00"),
        (("saturday", "22:00", "04:00"), "2026-10-24", "2026-10-24T20:00", "2026-10-25T03:00"),
        (("sunday", "02:00", "03:00"), "2026-10-25", "2026-10-25T00:00", "2026-10-25T02:00"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else value,
)
def test_an_occurrence_follows_the_wall_clock(
    rule: tuple[str, str, str], on: str, opens: str, closes: str
) -> None:
    assert weekly(*rule).on(date.fromisoformat(on)) == Window(opens=utc(opens), closes=utc(closes))


def test_a_window_that_the_clocks_skip_does_not_occur() -> None:
    skipped = weekly("sunday", "02:00", "03:00")
    found = upcoming([skipped], utc("2026-03-28T12:00"))
    assert [w.opens for w in found] == [utc("2026-04-05T00:00"), utc("2026-04-12T00:00")]


def test_a_window_open_now_began_yesterday() -> None:
    found = upcoming([weekly("saturday", "22:00", "04:00")], utc("2026-11-22T02:00"))
    assert found[0] == Window(opens=utc("2026-11-21T21:00"), closes=utc("2026-11-22T03:00"))


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-11-21T20:59", "2026-11-21T21:00"),
        ("2026-11-22T02:59", "2026-11-21T21:00"),
        ("2026-11-22T03:00", "2026-11-28T21:00"),
    ],
)
def test_a_window_belongs_to_the_future_until_it_closes(now: str, first: str) -> None:
    assert upcoming([weekly("saturday", "22:00", "04:00")], utc(now))[0].opens == utc(first)


def test_windows_that_touch_are_one() -> None:
    rules = [weekly("sunday", "00:00", "04:00"), weekly("saturday", "20:00", "00:00")]
    found = upcoming(rules, utc("2026-11-21T12:00"))
    assert found[0] == Window(opens=utc("2026-11-21T19:00"), closes=utc("2026-11-22T03:00"))


def test_a_window_inside_another_does_not_shorten_it() -> None:
    rules = [weekly("saturday", "20:00", "23:00"), weekly("saturday", "21:00", "22:00")]
    found = upcoming(rules, utc("2026-11-21T12:00"))
    assert found[0] == Window(opens=utc("2026-11-21T19:00"), closes=utc("2026-11-21T22:00"))


def test_windows_apart_stay_apart_and_in_order() -> None:
    rules = [weekly("sunday", "02:00", "04:00"), weekly("saturday", "20:00", "23:59")]
    opens = [w.opens for w in upcoming(rules, utc("2026-11-21T12:00"))]
    assert opens == sorted(opens)
    assert opens[:3] == [utc("2026-11-21T19:00"), utc("2026-11-22T01:00"), utc("2026-11-28T19:00")]


def test_zones_meet_in_utc() -> None:
    rules = [
        weekly("saturday", "20:00", "22:00", "UTC"),
        weekly("saturday", "17:00", "19:00", "America/New_York"),
    ]
    found = upcoming(rules, utc("2026-11-21T12:00"))
    assert found[0] == Window(opens=utc("2026-11-21T20:00"), closes=utc("2026-11-22T00:00"))


SATURDAY = [weekly("saturday", "22:00", "04:00")]  # 21:00 to 03:00 UTC
TWO_HOURS = timedelta(hours=2)


@pytest.mark.parametrize(
    ("start", "fits"),
    [
        ("2026-11-21T20:59", False),
        ("2026-11-21T21:00", True),
        ("2026-11-22T01:00", True),
        ("2026-11-22T01:01", False),
        ("2026-11-25T22:00", False),
        ("2026-11-28T23:00", True),
    ],
)
def test_a_start_fits_with_enough_left(start: str, fits: bool) -> None:
    assert (fitting(SATURDAY, utc(start), TWO_HOURS, utc("2026-11-21T12:00")) is not None) is fits


@pytest.mark.parametrize(
    ("after", "start"),
    [
        ("2026-11-21T12:00", "2026-11-21T21:00"),
        ("2026-11-21T22:30", "2026-11-21T22:30"),
        ("2026-11-22T01:00", "2026-11-22T01:00"),
        ("2026-11-22T01:01", "2026-11-28T21:00"),
    ],
)
def test_the_next_start_that_fits(after: str, start: str) -> None:
    found = next_fit(SATURDAY, utc(after), TWO_HOURS)
    assert found is not None
    assert found[0] == utc(start)


def test_no_start_fits_into_windows_that_are_too_short() -> None:
    assert next_fit(SATURDAY, utc("2026-11-21T12:00"), timedelta(hours=7)) is None


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("day", "caturday", "no day"),
        ("zone", "Europe/Atlantis", "no time zone"),
        ("zone", "../etc/passwd", "no time zone"),
        ("start", "25:00", "time"),
    ],
)
def test_a_window_that_cannot_be_is_refused(field: str, value: str, says: str) -> None:
    written = {"day": "sunday", "start": "01:00", "end": "02:00", "zone": "UTC", field: value}
    with pytest.raises(ValidationError, match=says):
        weekly(**written)


def test_what_is_left_of_a_window() -> None:
    window = Window(opens=utc("2026-11-21T21:00"), closes=utc("2026-11-22T03:00"))
    assert window.left(utc("2026-11-22T01:00")) == TWO_HOURS
    assert window.left(utc("2026-11-21T20:59")) == timedelta(0)
    assert window.left(utc("2026-11-22T03:00")) == timedelta(0)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError, match="time zone"):
        Window(opens=datetime(2026, 1, 1), closes=datetime(2026, 1, 2))


times = st.times().map(lambda t: t.replace(second=0, microsecond=0).isoformat())
rules = st.builds(
    weekly,
    st.sampled_from(["monday", "wednesday", "saturday", "sunday"]),
    times,
    times,
    st.sampled_from(["Europe/Berlin", "UTC", "America/New_York"]),
)
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))


@given(st.lists(rules, min_size=1, max_size=4), moments, st.integers(1, 600))
def test_the_next_fit_fits_and_nothing_earlier_opens_in_between(
    weeklies: list[WeeklyWindow], after: datetime, needs: int
) -> None:
    span = timedelta(minutes=needs)
    windows = upcoming(weeklies, after)
    for one, next_ in pairwise(windows):
        assert one.closes < next_.opens
    found = next_fit(weeklies, after, span)
    if found is None:
        assert all(w.left(max(after, w.opens)) < span for w in windows)
    else:
        start, window = found
        assert start >= after
        assert fitting(weeklies, start, span, after) == window
        assert all(w.left(max(after, w.opens)) < span for w in windows if w.opens < window.opens)
