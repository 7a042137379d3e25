"""Judging: histories of looks and what they say (laws 4, 5 and 6); and the expected end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from bot.domain.progress import (
    Budgets,
    Judgement,
    Seen,
    errors,
    estimate,
    foreign,
    judge_distribution,
    judge_install,
    shows_level,
)
from bot.domain.sight import (
    Activity,
    Observation,
    PackageState,
    ServerState,
    WorkRow,
    WorkState,
)
from tests.support import values as v

BUDGETS = Budgets()
NAME = v.package().name

WATCH, FINISHED = (Judgement.WATCH, False), (Judgement.FINISHED, False)
OVERDUE = (Judgement.WATCH, True)
FAILED, UNKNOWN = (Judgement.FAILED, False), (Judgement.UNKNOWN, False)
SUCCEEDED, UNEXPECTED = (Judgement.SUCCEEDED, False), (Judgement.UNEXPECTED_LEVEL, False)


def at(minutes: float) -> datetime:
    return v.T0 + v.minutes(minutes)


class Case(NamedTuple):
    """Looks by the minute since the intent; what they say at `now`; `watching`: since when without a gap."""

    name: str
    looks: list[tuple[float, Observation]]
    now: float
    says: tuple[Judgement, bool]
    words: str = ""
    watching: float = 0

    @property
    def history(self) -> list[Seen]:
        return [Seen(at(minute), look) for minute, look in self.looks]


ERROR_ROW = WorkRow(appliance="db-2", state=WorkState.ERROR, words="Error: disk full")
ROWS_WITH_ERROR = (WorkRow(appliance="db-1", state=WorkState.DONE), ERROR_ROW)
DB_2_DOWN = v.appliances(v.NEW, db_2={"server": ServerState.DOWN})

DISTRIBUTION = [
    Case("nothing yet", [(0, v.look())], 1, WATCH),
    Case("copying", [(1, v.distributing(40))], 2, WATCH, "distributing"),
    Case("copying at the budget", [(1, v.distributing(40))], 60, OVERDUE),
    Case("copying just before the budget", [(1, v.distributing(40))], 59.9, WATCH),
    Case("silent", [(1, v.silent("timed out"))], 30, WATCH, "no answer: timed out"),
    Case("silent for ever", [(1, v.silent())], 5_000, OVERDUE),
    Case("Done is offered", [(1, v.done_offered())], 2, FINISHED),
    Case(
        "Done is offered, late",
        [(1, v.done_offered())],
        90,
        (Judgement.FINISHED, True),
        "the distribution is finished, and Done was not answered",
    ),
    Case(
        "Done is offered for another package",
        [(1, v.distributing(subject=v.OTHER, finished=True))],
        2,
        (Judgement.FOREIGN, False),
        f"distributing {v.OTHER}",
    ),
    Case("our package is installed by somebody else", [(1, v.installing())], 2, (Judgement.FOREIGN, False)),
    Case("listed as distributed", [(1, v.distributed())], 2, FINISHED),
    Case(
        "listed as distributed, the panel still there",
        [(1, v.distributing(packages=v.listed(PackageState.DISTRIBUTED)))],
        2,
        WATCH,
    ),
    Case(
        "another package distributed",
        [(1, v.look(packages=v.listed(PackageState.DISTRIBUTED, v.OTHER)))],
        2,
        WATCH,
    ),
    Case("an error message", [(1, v.console_error("No space"))], 2, FAILED, "No space"),
    Case(
        "an error in one row",
        [(1, v.distributing(rows=ROWS_WITH_ERROR))],
        2,
        FAILED,
        "db-2: Error: disk full",
    ),
    Case(
        "an error as the package's status",
        [(1, v.look(packages=v.listed(PackageState.ERROR, words="Error")))],
        2,
        FAILED,
        f"{NAME}: Error",
    ),
    Case("an error although Done is offered", [(1, v.done_offered()), (2, v.console_error())], 2, FAILED),
    Case(
        "an error on an unrecognized page",
        [(1, v.unreadable().model_copy(update={"errors": ("x",)}))],
        2,
        FAILED,
    ),
    Case("an unrecognized page", [(1, v.unreadable())], 15, WATCH),
    Case("unrecognized for the settle budget", [(1, v.unreadable())], 16, UNKNOWN),
    Case(
        "unrecognized in different ways",
        [(1, v.unreadable("a")), (9, v.unreadable("b"))],
        16,
        UNKNOWN,
    ),
    Case(
        "unrecognized, silent in between",
        [(1, v.unreadable()), (9, v.silent()), (10, v.unreadable())],
        16,
        WATCH,
    ),
    Case("unrecognized, but not watched until now", [(1, v.unreadable())], 90, OVERDUE, watching=80),
]

INSTALL = [
    Case("nothing yet", [(0, v.distributed())], 1, WATCH, "nothing is being installed yet"),
    Case("installing", [(1, v.installing(10))], 45, WATCH, "installing"),
    Case("installing at the budget", [(1, v.installing(10))], 120, OVERDUE),
    Case("installing for ever", [(1, v.installing(10))], 10_000, OVERDUE),
    Case("silent", [(1, v.silent("timed out"))], 119, WATCH, "no answer: timed out"),
    Case("silent for ever", [(1, v.silent())], 10_000, OVERDUE),
    Case(
        "blackout, then success",
        [(1, v.installing(10)), (9, v.silent()), (70, v.installed())],
        70,
        SUCCEEDED,
        v.NEW,
    ),
    Case("blackout, then success, late", [(9, v.silent()), (500, v.installed())], 500, SUCCEEDED, v.NEW),
    Case("blackout, then an error", [(9, v.silent()), (70, v.console_error("0x17"))], 70, FAILED, "0x17"),
    Case(
        "an error in one row", [(9, v.installing(rows=ROWS_WITH_ERROR))], 9, FAILED, "db-2: Error: disk full"
    ),
    Case(
        "two error messages",
        [(9, v.console_error(errors=("one", "two")))],
        9,
        FAILED,
        "one; two",
    ),
    Case(
        "an error as the package's status",
        [(9, v.installed(packages=v.listed(PackageState.ERROR, words="Error")))],
        9,
        FAILED,
    ),
    Case("idle for the settle budget", [(1, v.distributed())], 16, UNKNOWN),
    Case("idle just before the settle budget", [(1, v.distributed())], 15.9, WATCH),
    Case("idle, but not watched until now", [(1, v.distributed())], 100, WATCH, watching=90),
    Case("idle and watched again for the budget", [(1, v.distributed())], 105, UNKNOWN, watching=90),
    Case(
        "idle in different ways",
        [(1, v.distributed()), (9, v.look())],
        16,
        UNKNOWN,
    ),
    Case(
        "idle, silent in between",
        [(1, v.distributed()), (9, v.silent()), (10, v.distributed())],
        16,
        WATCH,
    ),
    Case(
        "idle, installing in between",
        [(1, v.distributed()), (9, v.installing()), (10, v.distributed())],
        16,
        WATCH,
    ),
    Case("idle but locked", [(1, v.distributed(locked=True))], 100, WATCH, "installing"),
    Case("the lock stays after the installation", [(1, v.installed(locked=True))], 119, WATCH),
    Case("the lock stays for ever", [(1, v.installed(locked=True))], 120, OVERDUE),
    Case("an unrecognized panel", [(1, v.look(activity=Activity.UNRECOGNIZED))], 100, WATCH),
    Case("an unrecognized page", [(1, v.unreadable())], 120, OVERDUE),
    Case("unrecognized for the whole budget", [(1, v.unreadable())], 121, UNKNOWN),
    Case("unrecognized, but not watched until now", [(1, v.unreadable())], 300, OVERDUE, watching=200),
    Case("installed", [(9, v.installed())], 60, SUCCEEDED, v.NEW),
    Case("installed at an unstated level", [(9, v.installed("HF 8"))], 60, UNEXPECTED, "HF 8"),
    Case(
        "installed, the levels unchanged",
        [(9, v.installed(v.OLD))],
        60,
        WATCH,
        "levels are not one new level: db-1 2024.1 HF 3, db-2 2024.1 HF 3, svc-1 2024.1 HF 3",
    ),
    Case("installed, the levels unchanged for ever", [(9, v.installed(v.OLD))], 120, OVERDUE),
    Case(
        "installed, one appliance at the old level",
        [(9, v.installed(appliances=v.appliances(v.NEW, svc_1={"level": v.OLD})))],
        60,
        WATCH,
    ),
    Case(
        "installed, no level listed",
        [(9, v.installed(None))],
        60,
        WATCH,
        "levels are not one new level: db-1 no level, db-2 no level, svc-1 no level",
    ),
    Case(
        "installed, an appliance missing",
        [(9, v.installed(appliances=v.appliances(v.NEW)[:2]))],
        60,
        WATCH,
        "not listed: svc-1",
    ),
    Case(
        "installed, one server Down",
        [(9, v.installed(appliances=DB_2_DOWN))],
        60,
        WATCH,
        "db-2: Imprivata Server is not shown as Running",
    ),
    Case("installed, one server Down for ever", [(9, v.installed(appliances=DB_2_DOWN))], 120, OVERDUE),
    Case(
        "installed, one appliance not answering",
        [(9, v.installed(appliances=v.appliances(v.NEW, db_2={"answered": False})))],
        60,
        WATCH,
    ),
    Case(
        "installed, one server's state not shown",
        [(9, v.installed(appliances=v.appliances(v.NEW, db_2={"server": None})))],
        60,
        WATCH,
    ),
    Case(
        "another package installed",
        [(1, v.look(packages=v.listed(PackageState.INSTALLED, v.OTHER), appliances=v.appliances(v.NEW)))],
        10,
        WATCH,
    ),
    Case("installed and an error message", [(9, v.installed(errors=("late",)))], 60, FAILED, "late"),
]


@pytest.mark.parametrize("case", DISTRIBUTION, ids=lambda c: c.name)
def test_after_send(case: Case) -> None:
    verdict = judge_distribution(v.plan(), case.history, v.T0, at(case.watching), BUDGETS, at(case.now))
    assert (verdict.judgement, verdict.overdue) == case.says
    assert case.words in ("", verdict.words)


@pytest.mark.parametrize("case", INSTALL, ids=lambda c: c.name)
def test_after_install(case: Case) -> None:
    verdict = judge_install(v.plan(), case.history, v.T0, at(case.watching), BUDGETS, at(case.now))
    assert (verdict.judgement, verdict.overdue) == case.says
    assert case.words in ("", verdict.words)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (v.look(), None),
        (v.distributed(), None),
        (v.distributing(), f"distributing {NAME}"),
        (v.distributing(subject=v.OTHER), f"distributing {v.OTHER}"),
        (v.distributing(subject=None), "distributing a package"),
        (v.installing(), f"installing {NAME}"),
        (v.installing(subject=v.OTHER), f"installing {v.OTHER}"),
        (v.look(locked=True), "the enterprise lock is on"),
        (v.silent(), None),
    ],
)
def test_what_is_somebody_elses_work(seen: Observation, says: str | None) -> None:
    assert foreign(seen) == says


def test_errors_in_the_rows_of_another_package_are_not_ours() -> None:
    assert errors(v.distributing(subject=v.OTHER, rows=ROWS_WITH_ERROR), NAME) == []
    assert errors(v.distributing(subject=None, rows=ROWS_WITH_ERROR), NAME) == ["db-2: Error: disk full"]


@pytest.mark.parametrize(
    ("seen", "shows"),
    [
        (v.installed("HF 8"), True),
        (v.installed("HF 8", locked=True), False),
        (v.installed("HF 8", errors=("x",)), False),
        (v.installed("HF 8", activity=Activity.INSTALLING), False),
        (v.installed("HF 9"), False),
        (v.installed(appliances=v.appliances("HF 8")[:2]), False),
        (v.installed(appliances=v.appliances("HF 8", db_2={"level": v.OLD})), False),
        (v.distributed(appliances=v.appliances("HF 8")), False),
        (v.silent(), False),
        (None, False),
    ],
)
def test_what_two_people_may_confirm(seen: Observation | None, shows: bool) -> None:
    assert shows_level(v.plan(), seen, "HF 8") is shows


# --- the expected end


def test_without_progress_the_expected_length_counts() -> None:
    known = estimate([], v.T0, BUDGETS)
    assert known == (at(BUDGETS.expected), at(BUDGETS.overdue))


@pytest.mark.parametrize(
    ("looks", "likely"),
    [
        ([(10, v.installing(25))], 40),
        ([(10, v.installing(25)), (30, v.installing(50))], 60),
        ([(30, v.installing(50)), (40, v.silent())], 60),
        ([(30, v.installing(0))], BUDGETS.expected),
        ([(30, v.installing(None))], BUDGETS.expected),
        ([(50, v.installing(100))], 50),
        ([(10, v.distributing(25))], BUDGETS.expected),
        ([(100, v.installing(None))], 100),
        ([(10, v.installing(50)), (100, v.installing(None))], 100),
    ],
)
def test_the_share_done_tells_the_expected_end(looks: list[tuple[float, Observation]], likely: float) -> None:
    history = [Seen(at(minute), look) for minute, look in looks]
    assert estimate(history, v.T0, BUDGETS).likely - at(likely) == timedelta(0)
