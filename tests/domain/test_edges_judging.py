"""Judging at its edges: what breaks a stretch of time, what is said of a look, and when the end is expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from bot.domain.events import Phase
from bot.domain.progress import (
    Budgets,
    Judgement,
    Seen,
    Verdict,
    estimate,
    judge_distribution,
    judge_install,
    not_begun,
)
from bot.domain.sight import Activity, Observation, PackageState
from tests.support import story as s
from tests.support import values as v

BUDGETS = Budgets()
NOT_RECOGNIZED = "a page that the profile does not recognize: "
JOINED = v.appliances()[0].model_copy(update={"name": "svc-9"})
NINE, EIGHT = (JOINED.model_copy(update={"name": name}) for name in ("svc-9", "svc-8"))
Looks = list[tuple[float, Observation]]


def history(looks: Looks) -> list[Seen]:
    return [Seen(v.T0 + v.minutes(minute), look) for minute, look in looks]


def distribution(looks: Looks, now: float, watching: float = 0) -> Verdict:
    since = v.T0 + v.minutes(watching)
    return judge_distribution(v.plan(), history(looks), v.T0, since, BUDGETS, v.T0 + v.minutes(now))


def install(looks: Looks, now: float) -> Verdict:
    return judge_install(v.plan(), history(looks), v.T0, v.T0, BUDGETS, v.T0 + v.minutes(now))


# --- how long something has lasted


@pytest.mark.parametrize("before", [v.silent(), v.installing(), v.installed(), v.unreadable()])
@pytest.mark.parametrize(("now", "says"), [(24.9, Judgement.WATCH), (25, Judgement.UNKNOWN)])
def test_idleness_counts_from_its_own_first_look(before: Observation, now: float, says: Judgement) -> None:
    assert install([(1, before), (10, v.distributed())], now).judgement is says


def test_idleness_says_for_how_long() -> None:
    assert install([(1, v.distributed())], 16) == Verdict(
        Judgement.UNKNOWN, "the console answers and nothing is being installed, 15 minutes after Install"
    )


@pytest.mark.parametrize("before", [v.silent(), v.distributing()])
@pytest.mark.parametrize(("now", "says"), [(24.9, Judgement.WATCH), (25, Judgement.UNKNOWN)])
def test_what_cannot_be_read_counts_from_its_own_first_look(
    before: Observation, now: float, says: Judgement
) -> None:
    assert distribution([(1, before), (10, v.unreadable("no heading"))], now) == Verdict(
        says, NOT_RECOGNIZED + "no heading"
    )


def test_what_cannot_be_read_counts_from_when_somebody_watched() -> None:
    story = s.sent()
    story.observe(v.unreadable(), watching=v.T0)
    story.later(20).observe(v.unreadable(), watching=v.T0 + v.minutes(6))
    assert story.phase() is Phase.PREPARING
    story.later(1).observe(v.unreadable(), watching=v.T0 + v.minutes(6))
    assert story.phase() is Phase.UNKNOWN
    assert story.request().reason == NOT_RECOGNIZED + "no heading"


# --- what is said


@pytest.mark.parametrize("judge", [distribution, install])
def test_every_error_is_said(judge: Callable[[Looks, float], Verdict]) -> None:
    assert judge([(1, v.console_error(errors=("one", "two")))], 2) == Verdict(Judgement.FAILED, "one; two")


@pytest.mark.parametrize("now", [60, 120])
def test_what_keeps_an_installation_from_success_is_said_with_its_flag(now: float) -> None:
    overdue = now >= BUDGETS.overdue
    more = v.installed(appliances=(*v.appliances(v.NEW), NINE, EIGHT))
    assert install([(9, more)], now) == Verdict(Judgement.WATCH, "not in the plan: svc-8, svc-9", overdue)
    fewer = v.installed(appliances=v.appliances(v.NEW)[:1])
    assert install([(9, fewer)], now) == Verdict(Judgement.WATCH, "not listed: db-2, svc-1", overdue)
    other = v.installed("HF 8")
    assert install([(9, other)], now) == Verdict(Judgement.UNEXPECTED_LEVEL, "HF 8", overdue)


@pytest.mark.parametrize("level", [None, v.NEW])
def test_an_appliance_that_is_not_in_the_plan_counts_by_its_level(level: str | None) -> None:
    """An appliance without a level takes no part in the enterprise's upgrade."""
    seen = v.installed(appliances=(*v.appliances(v.NEW), JOINED.model_copy(update={"level": level})))
    says = Judgement.SUCCEEDED if level is None else Judgement.WATCH
    assert install([(9, seen)], 60).judgement is says


# --- whether Send may be repeated


def uploaded(**changes: object) -> Observation:
    return v.look(**{"packages": v.listed(PackageState.UPLOADED), **changes})


@pytest.mark.parametrize(
    ("seen", "certain"),
    [
        (uploaded(), True),
        (v.look(), False),
        (v.look(packages=v.listed(PackageState.UPLOADED, v.OTHER)), False),
        (v.distributed(), False),
        (uploaded(errors=("0x17",)), False),
        (uploaded(locked=True), False),
        (uploaded(recognized=False), False),
        (uploaded(activity=Activity.DISTRIBUTING), False),
        (uploaded(activity=Activity.UNRECOGNIZED), False),
        (v.silent(), False),
    ],
)
def test_nothing_came_of_send_only_when_the_console_shows_it(seen: Observation, certain: bool) -> None:
    assert not_begun(seen, v.package().name) is certain


# --- the expected end


def share(percent: int | None, minute: float) -> tuple[float, Observation]:
    return minute, v.installing(percent)


@pytest.mark.parametrize(
    ("looks", "likely"),
    [
        ([], 90),
        ([share(9, 6)], 90),
        ([share(10, 6)], 60),
        ([share(50, 40)], 80),
        ([share(50, 40), share(None, 50)], 80),
        ([share(50, 40), share(None, 95)], 95),
        ([share(50, 40), share(None, 95), (99, v.silent())], 95),
        ([share(None, 95), share(100, 97)], 97),
    ],
)
def test_the_end_is_expected_from_the_newest_share_that_tells(looks: Looks, likely: float) -> None:
    expected = estimate(history(looks), v.T0, BUDGETS)
    assert expected.likely == v.T0 + v.minutes(likely)
    assert expected.overdue == v.T0 + timedelta(minutes=BUDGETS.overdue)
