"""The enterprise's rules as functions of time, without a server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.enterprise.faults import UnknownFault, parse
from bot.sandbox.enterprise.model import Enterprise, Refusal, begin
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.enterprise.work import Work, rows
from bot.sandbox.package import PackageHeader

NAME = "imprivata-24-1-hf4"
LEVEL = "24.1 HF4"
INSTALL = 3600.0


def enterprise(appliances: int = 3) -> Enterprise:
    settings = Settings(appliances=appliances, distribution_seconds=100, install_seconds=INSTALL)
    return Enterprise(settings, begin(settings))


def distributed(appliances: int = 3, now: float = 0.0) -> Enterprise:
    it = enterprise(appliances)
    it.upload(PackageHeader(name=NAME, kind="Appliance", level=LEVEL, size=1000))
    it.begin_distribution(NAME, now)
    it.finish_distribution(now + 100)
    return it


def status(it: Enterprise) -> str:
    package = it.package(NAME)
    assert package is not None
    return it.status(package)


def levels(it: Enterprise) -> set[str]:
    return {it.level(appliance) for appliance in it.state.appliances}


@given(st.integers(2, 6), st.floats(1, 1e5), st.lists(st.floats(0, 1.2), min_size=2, max_size=20))
def test_progress_never_goes_back_and_all_are_complete_exactly_at_the_end(
    count: int, duration: float, parts: list[float]
) -> None:
    work = Work(
        kind="installation",
        package=NAME,
        appliances=[str(n) for n in range(count)],
        started=0,
        duration=duration,
    )
    seen = [0.0] * count
    for part in sorted(parts):
        for index, row in enumerate(rows(work, {}, part * duration)):
            assert (row.percent or 0.0) >= seen[index]
            seen[index] = row.percent or 0.0
    assert all(row.complete for row in rows(work, {}, duration))
    assert not all(row.complete for row in rows(work, {}, duration * 0.99))


def test_appliances_begin_and_end_one_after_the_other() -> None:
    it = distributed()
    it.begin_installation(NAME, 200)
    assert [row.percent is None for row in it.rows(201)] == [False, True, True]
    it.advance(200 + INSTALL * 0.95)
    assert levels(it) == {LEVEL, "24.1 HF3"}


def test_done_is_offered_only_at_the_end_and_only_then_is_the_package_distributed() -> None:
    it = enterprise()
    it.upload(PackageHeader(name=NAME, kind="Appliance", level=LEVEL, size=1000))
    it.begin_distribution(NAME, 0)
    with pytest.raises(Refusal):
        it.finish_distribution(99)
    assert it.finished(100)
    assert status(it) == "Distributing"
    with pytest.raises(Refusal, match="Another package operation"):
        it.check_installation(NAME)
    it.finish_distribution(100)
    assert status(it) == "Distributed"


def test_an_installation_ends_by_itself_with_the_new_level_everywhere() -> None:
    it = distributed()
    it.begin_installation(NAME, 200)
    it.advance(200 + INSTALL - 1)
    assert it.locked
    assert status(it) == "Installing"
    it.advance(200 + INSTALL)
    assert not it.locked
    assert status(it) == "Installed"
    assert levels(it) == {LEVEL}
    with pytest.raises(Refusal, match="is Installed"):
        it.check_installation(NAME)


def test_a_package_must_be_distributed_before_it_is_installed() -> None:
    it = enterprise()
    with pytest.raises(Refusal, match="is Uploaded, not Distributed"):
        it.begin_installation("25-2-0", 0)


@pytest.mark.parametrize(
    ("fault", "percents", "error"),
    [
        ("install-error", [100, 60, 100], True),
        ("evil-words", [100, 60, 100], True),
        ("stuck-install", [80, 80, 80], False),
    ],
)
def test_faults_of_an_installation_last(fault: str, percents: list[int], error: bool) -> None:
    it = distributed()
    it.switch_on(fault, "", 150)
    it.begin_installation(NAME, 200)
    # Nobody looked before: what happened in between is the same.
    late = 200 + 5 * INSTALL
    it.advance(late)
    assert [round(row.percent or 0) for row in it.rows(late)] == percents
    assert any(row.error for row in it.rows(late)) is error
    assert it.locked
    assert status(it) == ("Error" if error else "Installing")
    it.switch_off(fault, late)
    it.advance(late)
    assert it.locked is error, "an error stays, a stall ends"


def test_a_fault_that_comes_late_stops_the_appliance_where_it_is() -> None:
    it = distributed()
    it.begin_installation(NAME, 0)
    it.switch_on("stuck-install", "", 0.9 * INSTALL)
    before = [row.percent for row in it.rows(0.9 * INSTALL)]
    assert [row.percent for row in it.rows(9 * INSTALL)] == before
    assert max(percent or 0 for percent in before) > 80


def test_a_stalled_distribution_goes_on_when_the_fault_is_cleared() -> None:
    it = enterprise()
    it.switch_on("distribute-stall", "", 0)
    it.begin_distribution("25-2-0", 0)
    assert [row.percent for row in it.rows(5000)] == [70, 70, 70]
    assert not it.finished(5000)
    it.switch_off("distribute-stall", 5000)
    assert it.finished(5000)


@pytest.mark.parametrize(
    ("fault", "ended"), [("foreign-distribution", "Distributed"), ("foreign-install", "Installed")]
)
def test_foreign_work_holds_everything_up_until_it_is_cleared(fault: str, ended: str) -> None:
    it = enterprise()
    it.switch_on(fault, "", 0)
    it.advance(1e6)
    assert it.state.work is not None
    assert it.state.work.foreign
    assert it.locked is (fault == "foreign-install")
    with pytest.raises(Refusal):
        it.check_distribution("25-2-0")
    with pytest.raises(Refusal):
        it.finish_distribution(1e6)
    package = it.package("agent-24-1-0")
    assert package is not None
    it.switch_off(fault, 1e6)
    it.advance(2e6)
    assert it.state.work is None
    assert it.status(package) == ended
    assert levels(it) == {"24.1 HF3"}, "an agent changes no appliance's level"


def test_only_the_first_console_answers_all_the_time() -> None:
    it = distributed()
    it.begin_installation(NAME, 0)
    answering = [
        [it.reachable(a, part * INSTALL) for a in it.state.appliances] for part in (0.1, 0.5, 0.6, 0.9)
    ]
    assert answering == [[True] * 3, [True, False, False], [True] * 3, [True] * 3]


def test_blackout_silences_all_consoles_for_a_while() -> None:
    it = distributed()
    it.switch_on("blackout", "", 0)
    it.begin_installation(NAME, 0)
    answering = [
        any(it.reachable(a, part * INSTALL) for a in it.state.appliances) for part in (0.2, 0.3, 0.69, 0.7)
    ]
    assert answering == [True, False, False, True]


@pytest.mark.parametrize("named", ["already-listed=other", "already-listed"])
def test_a_planted_package_is_gone_when_the_fault_is_cleared(named: str) -> None:
    it = enterprise()
    header = PackageHeader(name="other", kind="Appliance", level=LEVEL, size=1000)
    it.switch_on(*parse(named), 0)
    with pytest.raises(Refusal, match="already listed"):
        it.upload(header)
    it.switch_off("already-listed", 1)
    it.upload(header)
    assert it.package("other") is not None


@pytest.mark.parametrize("text", ["nonsense", "blackout=3", "slow=soon"])
def test_unknown_faults_are_refused(text: str) -> None:
    with pytest.raises(UnknownFault):
        parse(text)
