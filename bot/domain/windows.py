"""Maintenance windows: weekly times in a zone, and the concrete stretch of time that contains a moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, field_validator

from bot.domain.values import Moment, Value

HORIZON = timedelta(days=15)
"""How far ahead windows are computed: two weeks and a day, so that each weekly window occurs twice."""


class Day(IntEnum):
    """Days as `date.weekday()` counts them."""

    monday = 0
    tuesday = 1
    wednesday = 2
    thursday = 3
    friday = 4
    saturday = 5
    sunday = 6


def _day(value: object) -> object:
    if isinstance(value, str):
        try:
            return Day[value.lower()]
        except KeyError:
            raise ValueError(f"{value!r} is no day; one of {', '.join(d.name for d in Day)}") from None
    return value


class WeeklyWindow(Value):
    """From `start` on `day` to `end`, in wall-clock time of `zone`. An end not after the start is the next day's."""

    day: Annotated[Day, BeforeValidator(_day)]
    start: time
    end: time
    zone: str

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"{zone!r} is no time zone; write one such as Europe/Berlin") from None
        return zone

    def on(self, day: date) -> Window:
        """The occurrence that begins on the local date `day`."""
        zone = ZoneInfo(self.zone)
        last = day if self.end > self.start else day + timedelta(days=1)
        return Window(
            opens=datetime.combine(day, self.start, zone).astimezone(UTC),
            closes=datetime.combine(last, self.end, zone).astimezone(UTC),
        )


class Window(Value):
    """One concrete stretch of time: from `opens` up to, not including, `closes`."""

    opens: Moment
    closes: Moment

    def contains(self, moment: datetime) -> bool:
        return self.opens <= moment < self.closes

    def left(self, moment: datetime) -> timedelta:
        """What is left of it at `moment`; nothing outside it."""
        return self.closes - moment if self.contains(moment) else timedelta(0)


def upcoming(weekly: Sequence[WeeklyWindow], now: datetime) -> list[Window]:
    """The windows open at `now` or opening within the horizon, in order; those that touch are one."""
    found: list[Window] = []
    for rule in weekly:
        today = now.astimezone(ZoneInfo(rule.zone)).date()
        for offset in range(-2, HORIZON.days + 1):
            day = today + timedelta(days=offset)
            if day.weekday() == rule.day:
                window = rule.on(day)
                if window.closes > now and window.opens < window.closes:
                    found.append(window)
    merged: list[Window] = []
    for window in sorted(found, key=lambda w: w.opens):
        if merged and window.opens <= merged[-1].closes:
            closes = max(merged[-1].closes, window.closes)
            merged[-1] = Window(opens=merged[-1].opens, closes=closes)
        else:
            merged.append(window)
    return merged


def fitting(
    weekly: Sequence[WeeklyWindow], start: datetime, needs: timedelta, now: datetime
) -> Window | None:
    """The window in which a start at `start` has `needs` left, or None."""
    return next((w for w in upcoming(weekly, now) if w.left(start) >= needs), None)


def next_fit(
    weekly: Sequence[WeeklyWindow], after: datetime, needs: timedelta
) -> tuple[datetime, Window] | None:
    """The earliest start not before `after` that fits, with its window; None when no window is long enough."""
    for window in upcoming(weekly, after):
        start = max(after, window.opens)
        if window.left(start) >= needs:
            return start, window
    return None
