"""The gates of the one Install click, one by one (laws 1, 2, 6 and 8), and its outcome."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Authority
from bot.domain.events import Phase, Step
from bot.domain.plan import Plan
from bot.domain.refusal import Refusal
from bot.domain.sight import Activity, IpmInformation, Observation, Press
from tests.support import story as s
from tests.support import values as v

ANNA_ALONE = v.authority(approvers=[v.ANNA, v.CARLA])
NO_QUORUM = f"no quorum any more: <@{v.BEN}> may no longer approve"
DRIFT = v.plan(change="CHG-2")


# --- the install intent


def test_the_intent_carries_what_it_passed() -> None:
    assert s.ready().intend_install() == [
        e.InstallIntended(
            request="KT-1",
            digest=v.plan().digest,
            approvers=(v.ANNA, v.BEN),
            information=v.information(),
            lockout_ts="1763755200.000100",
        )
    ]


def test_install_is_intended_once() -> None:
    story = s.ready()
    story.intend_install()
    with pytest.raises(Refusal, match="KT-1 is installing"):
        story.intend_install()
    story.press(Press.IN_DOUBT)
    with pytest.raises(Refusal, match="KT-1 is installing"):
        story.intend_install()


def test_install_is_intended_once_even_by_a_run_that_prepares() -> None:
    """The second bolt of law 1: no phase alone opens the way to a second intent."""
    story = s.ready()
    request = story.request()
    assert request.run is not None
    again = replace(request, run=replace(request.run, install_intended=v.T0))
    story.state = replace(story.state, requests={"KT-1": again})
    with pytest.raises(Refusal, match=r"Install was intended already: never twice \(law 1\)"):
        story.intend_install()


@pytest.mark.parametrize("begin", [s.approved, s.pressed, s.failed, s.became_unknown, s.overdue])
def test_only_a_prepared_run_installs(begin: Callable[[], s.Story]) -> None:
    story = begin()
    with pytest.raises(Refusal, match=f"KT-1 is {story.phase().value}"):
        story.intend_install()


def test_nothing_is_installed_before_it_was_distributed() -> None:
    with pytest.raises(Refusal, match="nothing is installed before it was distributed"):
        s.sent().intend_install()


def unannounced() -> s.Story:
    story = s.started()
    for step in (Step.UPLOAD, Step.DISTRIBUTE):
        story.intend(step)
        story.finish(step)
    return story


def test_no_install_without_a_delivered_lockout_notice() -> None:
    story = unannounced()
    with pytest.raises(Refusal, match=r"the lockout notice of this run has not been delivered \(law 8\)"):
        story.intend_install()
    story.announce()
    assert s.kinds(story.intend_install()) == ["InstallIntended"]


def test_the_notice_of_another_run_is_none() -> None:
    story = unannounced()
    assert story.do(c.ReportLockoutAnnounced(request="KT-2", channel="C-OPS", ts="1.0")) == []
    with pytest.raises(Refusal, match="law 8"):
        story.intend_install()


def test_a_notice_of_an_earlier_lockout_does_not_serve_this_run() -> None:
    """KT-2 was stopped by somebody else's work; its lockout, announced, still stands when KT-1 starts."""
    story = s.two_approved()
    foreign = c.Start(
        request="KT-2",
        authority=v.authority(),
        rows=(v.row(ok=False),),
        plan=story.request("KT-2").plan,
        foreign="distributing",
    )
    story.do(foreign)
    story.announce("KT-2")
    story.start()
    assert story.state.lockout is not None
    assert story.state.lockout.request == "KT-1"
    for step in (Step.UPLOAD, Step.DISTRIBUTE):
        story.intend(step)
        story.finish(step)
    with pytest.raises(Refusal, match="law 8"):
        story.intend_install()
    assert story.do(c.ReportForeignIdle(request="KT-2")) == []
    story.announce()
    assert s.kinds(story.intend_install()) == ["InstallIntended"]


def test_the_announced_lockout_is_this_runs_own() -> None:
    """The second bolt of law 8: each run opens a lockout of its own, and the gate asks whose it is all the same."""
    story = s.ready()
    assert story.state.lockout is not None
    story.state = replace(story.state, lockout=replace(story.state.lockout, request="KT-2"))
    with pytest.raises(Refusal, match="the lockout notice of this run has not been delivered"):
        story.intend_install()


def test_a_lockout_is_announced_once() -> None:
    assert s.ready().announce() == []
    assert s.approved().announce() == []


@pytest.mark.parametrize(
    ("authority", "plan", "says"),
    [
        (None, DRIFT, "the plan has changed: change: CHG-1 is now CHG-2"),
        (ANNA_ALONE, None, NO_QUORUM),
    ],
)
def test_drift_and_a_lost_quorum_void_at_the_intent(
    authority: Authority | None, plan: Plan | None, says: str
) -> None:
    story = s.ready()
    assert story.intend_install(authority=authority, plan=plan) == [
        e.Voided(request="KT-1", reason=says),
        e.LockoutClosed(request="KT-1", reason="Install was not pressed"),
    ]


def test_a_plan_that_cannot_be_made_any_more_voids_at_the_intent() -> None:
    story = s.ready()
    command = c.IntendInstall(
        request="KT-1",
        authority=v.authority(),
        plan=None,
        observation=v.distributed(),
        seen_at=story.now,
        information=v.information(),
    )
    assert s.kinds(story.do(command)) == ["Voided", "LockoutClosed"]


def test_nothing_is_installed_on_an_old_look() -> None:
    story = s.ready()
    command = c.IntendInstall(
        request="KT-1",
        authority=v.authority(),
        plan=v.plan(),
        observation=v.distributed(),
        seen_at=story.now - v.minutes(16),
        information=v.information(),
    )
    with pytest.raises(Refusal, match="the look before Install is too old"):
        story.do(command)


def test_a_level_seen_during_the_distribution_voids_at_the_intent() -> None:
    story = s.sent()
    story.observe(v.distributing(appliances=v.appliances(v.OLD, db_2={"level": "2024.1 HF 2"})))
    story.finish(Step.DISTRIBUTE)
    events = story.intend_install()
    assert s.kinds(events) == ["Voided", "LockoutClosed"]
    assert "db-2 is at 2024.1 HF 2, not 2024.1 HF 3" in story.request().reason


def test_install_needs_enough_of_the_window() -> None:
    story = s.ready()
    story.now = v.WINDOW.closes - v.minutes(v.INSTALL_MINUTES) + timedelta(microseconds=1)
    assert s.kinds(story.intend_install()) == ["Stopped", "LockoutClosed"]
    assert story.request().reason == "less than 90 minutes are left of the window"
    in_time = s.ready()
    in_time.now = v.WINDOW.closes - v.minutes(v.INSTALL_MINUTES)
    assert s.kinds(in_time.intend_install()) == ["InstallIntended"]


@pytest.mark.parametrize(
    ("seen", "work"), [*v.FOREIGN_WORK, (v.distributing(), f"distributing {v.package().name}")]
)
def test_somebody_elses_work_stops_before_install(seen: Observation, work: str) -> None:
    story = s.ready()
    events = story.intend_install(seen)
    assert events == [
        e.Stopped(request="KT-1", reason=f"somebody else is at work on the console: {work}"),
        e.LockoutOpened(request="KT-1", foreign=True),
    ]
    assert story.state.lockout is not None
    assert story.state.lockout.announced is not None


def test_nobody_installs_on_a_console_that_does_not_answer() -> None:
    story = s.ready()
    assert s.kinds(story.intend_install(v.silent("timed out"))) == ["Stopped", "LockoutClosed"]
    assert story.request().reason == "the console does not answer: timed out"


@pytest.mark.parametrize(
    "seen",
    [
        v.distributed(appliances=v.appliances(v.OLD, db_2={"level": "2024.1 HF 2"})),
        v.distributed(appliances=v.appliances(v.OLD, db_2={"level": None})),
        v.distributed(appliances=v.appliances(v.OLD)[:2]),
        v.distributed(appliances=v.appliances(v.NEW)),
        v.distributed(appliances=()),
        v.distributed(activity=Activity.UNRECOGNIZED),
    ],
    ids=["mixed", "not shown", "one missing", "all newer", "none", "unrecognized panel"],
)
def test_appliances_other_than_the_plans_stop_before_install(seen: Observation) -> None:
    story = s.ready()
    assert s.kinds(story.intend_install(seen)) == ["Stopped", "LockoutClosed"]
    assert story.request().reason.startswith("the appliances are not those of the plan at 2024.1 HF 3: ")


def test_an_appliance_more_than_the_plans_stops_before_install() -> None:
    joined = v.appliances()[0].model_copy(update={"name": "svc-9"})
    events = s.ready().intend_install(v.distributed(appliances=(*v.appliances(), joined)))
    assert s.kinds(events) == ["Stopped", "LockoutClosed"]


@pytest.mark.parametrize(
    ("information", "says"),
    [
        (v.information(all_selected=False), '"Install IPM on all appliances" is not selected'),
        (v.information(package=v.OTHER), f"shows {v.OTHER}, not {v.package().name}"),
        (v.information(level="2024.1 HF 9"), "shows 2024.1 HF 9, the plan says 2024.1 HF 7"),
        (v.information(level=None), None),
    ],
)
def test_the_ipm_information_page_is_the_plans(information: IpmInformation, says: str | None) -> None:
    story = s.ready()
    command = c.IntendInstall(
        request="KT-1",
        authority=v.authority(),
        plan=v.plan(),
        observation=v.distributed(),
        seen_at=story.now,
        information=information,
    )
    events = story.do(command)
    if says is None:
        assert s.kinds(events) == ["InstallIntended"]
    else:
        assert s.kinds(events) == ["Stopped", "LockoutClosed"]
        assert says in story.request().reason


# --- the outcome of the press


@pytest.mark.parametrize("press", [Press.ANSWERED, Press.IN_DOUBT])
def test_a_press_that_may_have_arrived_is_watched(press: Press) -> None:
    story = s.ready()
    story.intend_install()
    assert s.kinds(story.press(press)) == ["InstallPressed"]
    assert story.phase() is Phase.INSTALLING


def test_a_press_that_provably_never_left_stops_the_run() -> None:
    story = s.ready()
    story.intend_install()
    events = story.press(Press.NOT_SENT)
    assert s.kinds(events) == ["InstallPressed", "Stopped", "LockoutClosed"]
    assert story.request().reason == "Install was not sent: as it was"
    assert story.state.quarantine is None
    with pytest.raises(Refusal, match="KT-1 is stopped"):
        story.intend_install()


def test_the_outcome_is_recorded_once() -> None:
    with pytest.raises(Refusal, match="the outcome of Install is recorded already"):
        s.pressed().press(Press.NOT_SENT)


def test_nothing_was_pressed_before_the_intent() -> None:
    with pytest.raises(Refusal, match="KT-1 is preparing"):
        s.ready().press()
