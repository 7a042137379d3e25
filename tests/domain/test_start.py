"""The start and the steps before Install: every gate, one by one (laws 2 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.decide import decide
from bot.domain.events import Phase, Step
from bot.domain.refusal import Refusal
from bot.domain.sight import Observation
from tests.support import story as s
from tests.support import values as v

ANNA_ALONE = v.authority(approvers=[v.ANNA, v.CARLA])
NO_QUORUM = f"no quorum any more: <@{v.BEN}> may no longer approve"
DRIFT = v.plan(change="CHG-2")


# --- the start


def test_a_start_opens_the_lockout() -> None:
    assert s.approved().start() == [
        e.RunStarted(request="KT-1", digest=v.plan().digest, approvers=(v.ANNA, v.BEN), rows=(v.row(),)),
        e.LockoutOpened(request="KT-1"),
    ]


@pytest.mark.parametrize(
    ("begin", "says"),
    [
        (s.Story, "KT-1 is not among the newest requests"),
        (s.asked, "KT-1 is requested"),
        (s.started, "KT-1 is preparing"),
        (s.pressed, "KT-1 is installing"),
        (s.failed, "KT-1 is failed"),
    ],
)
def test_only_an_approved_request_starts(begin: Callable[[], s.Story], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        begin().start(plan=v.plan())


def test_nothing_starts_before_its_time() -> None:
    story = s.approved(v.plan(start=v.T0 + v.minutes(10)))
    story.later(10).now -= timedelta(microseconds=1)
    with pytest.raises(Refusal, match="KT-1 is not due yet"):
        story.start()
    story.now += timedelta(microseconds=1)
    assert s.kinds(story.start()) == ["RunStarted", "LockoutOpened"]


def test_nothing_starts_without_what_it_needs_of_the_window() -> None:
    story = s.approved()
    story.now = v.plan().latest_start + timedelta(microseconds=1)
    assert story.start() == [e.Expired(request="KT-1")]


def test_one_run_at_a_time() -> None:
    story = s.two_approved()
    story.start()
    with pytest.raises(Refusal, match="KT-2 cannot start: the enterprise is not free"):
        story.start("KT-2")


def test_nothing_starts_in_quarantine() -> None:
    """Quarantine voids what is open; the gate holds for a request that was not there yet."""
    state = replace(s.approved().state, quarantine=s.failed().state.quarantine)
    command = c.Start(request="KT-1", authority=v.authority(), rows=(v.row(),), plan=v.plan())
    with pytest.raises(Refusal, match="the enterprise is not free"):
        decide(state, command, v.T0)


def test_drift_voids_at_the_start() -> None:
    story = s.approved()
    reason = "the plan has changed: change: CHG-1 is now CHG-2"
    assert story.start(plan=DRIFT) == [e.Voided(request="KT-1", reason=reason)]
    assert story.state.lockout is None


def test_a_lost_quorum_voids_at_the_start() -> None:
    assert s.approved().start(authority=ANNA_ALONE) == [e.Voided(request="KT-1", reason=NO_QUORUM)]


def test_a_third_approver_is_no_substitute_for_one_who_never_approved() -> None:
    """CARLA is in the group and never approved."""
    events = s.approved().start(authority=v.authority(approvers=[v.CARLA, v.ANNA]))
    assert s.kinds(events) == ["Voided"]


def test_a_bad_preflight_stops_the_start() -> None:
    story = s.approved()
    stopped = e.Stopped(request="KT-1", reason="preflight: levels: db-2 is at HF 2")
    assert story.do(s.bad_start(None)) == [stopped]
    assert story.state.lockout is None


def test_somebody_elses_work_stops_the_start_and_raises_the_lockout() -> None:
    story = s.approved()
    events = story.do(s.bad_start(f"distributing {v.OTHER}"))
    assert events[1:] == [e.LockoutOpened(request="KT-1", foreign=True)]
    assert story.phase() is Phase.STOPPED
    assert story.state.lockout is not None
    assert story.state.lockout.foreign
    assert story.state.quarantine is None


# --- steps before Install


@pytest.mark.parametrize("begin", [s.approved, s.pressed, s.failed])
def test_steps_belong_to_a_run_before_install(begin: Callable[[], s.Story]) -> None:
    story = begin()
    with pytest.raises(Refusal, match=f"KT-1 is {story.phase().value}"):
        story.intend(Step.UPLOAD)
    with pytest.raises(Refusal, match=f"KT-1 is {story.phase().value}"):
        story.finish(Step.UPLOAD)


def test_nothing_is_distributed_before_it_was_uploaded() -> None:
    story = s.started()
    with pytest.raises(Refusal, match="nothing is distributed before it was uploaded"):
        story.intend(Step.DISTRIBUTE)
    story.intend(Step.UPLOAD)
    with pytest.raises(Refusal, match="nothing is distributed before it was uploaded"):
        story.intend(Step.DISTRIBUTE)


def test_a_finished_step_is_not_intended_again() -> None:
    with pytest.raises(Refusal, match="upload is done already"):
        s.sent().intend(Step.UPLOAD)
    with pytest.raises(Refusal, match="distribute is done already"):
        s.ready().intend(Step.DISTRIBUTE)


def test_a_step_broken_off_may_be_intended_again() -> None:
    story = s.started()
    story.intend(Step.UPLOAD)
    assert story.intend(Step.UPLOAD) == [e.StepIntended(request="KT-1", step=Step.UPLOAD)]


def test_what_was_never_intended_is_not_finished() -> None:
    with pytest.raises(Refusal, match="upload was never intended"):
        s.started().finish(Step.UPLOAD)


def test_a_step_is_finished_once() -> None:
    assert s.sent().finish(Step.UPLOAD) == []


def uploading(sent: int = 0) -> s.Story:
    """The upload intended, `sent` bytes of it told."""
    story = s.started()
    story.intend(Step.UPLOAD)
    if sent:
        story.do(c.ReportUpload(request="KT-1", sent=sent))
    return story


SIZE = v.package().size
TOLD = [
    (uploading, 1, True),
    (uploading, SIZE - 1, True),
    (lambda: uploading(1), 2, True),
    (lambda: uploading(2), 1, True),  # begun again
    (lambda: uploading(1), 1, False),
    (uploading, 0, False),
    (uploading, SIZE, False),
    (s.Story, 1, False),
    (s.approved, 1, False),
    (s.started, 1, False),
    (s.sent, 1, False),
    (s.pressed, 1, False),
    (s.failed, 1, False),
]


@pytest.mark.parametrize(("begin", "sent", "is_news"), TOLD)
def test_how_far_an_upload_has_got_is_an_event_when_it_is_news(
    begin: Callable[[], s.Story], sent: int, is_news: bool
) -> None:
    told = begin().do(c.ReportUpload(request="KT-1", sent=sent))
    assert told == ([e.UploadProgressed(request="KT-1", sent=sent)] if is_news else [])


def test_an_upload_that_is_begun_again_begins_at_nothing() -> None:
    story = uploading(SIZE // 2)
    story.intend(Step.UPLOAD)
    run = story.request().run
    assert run is not None
    assert run.sent == 0


@pytest.mark.parametrize(("seen", "work"), v.FOREIGN_WORK)
def test_somebody_elses_work_stops_a_step_and_the_lockout_stays(seen: Observation, work: str) -> None:
    story = s.started()
    events = story.intend(Step.UPLOAD, seen)
    assert events == [
        e.Stopped(request="KT-1", reason=f"somebody else is at work on the console: {work}"),
        e.LockoutOpened(request="KT-1", foreign=True),
    ]
    assert story.state.lockout is not None
    assert story.state.lockout.foreign
    assert story.state.quarantine is None


@pytest.mark.parametrize("seen", [v.distributing(), v.distributed(), v.silent(), v.look(locked=True)])
def test_send_is_not_intended_again_unless_nothing_is_seen_to_have_come_of_it(seen: Observation) -> None:
    with pytest.raises(Refusal, match="Send was intended already"):
        s.sent().intend(Step.DISTRIBUTE, seen)


def test_our_own_name_being_distributed_before_our_send_is_not_ours() -> None:
    story = s.started()
    story.intend(Step.UPLOAD)
    story.finish(Step.UPLOAD)
    assert s.kinds(story.intend(Step.DISTRIBUTE, v.distributing())) == ["Stopped", "LockoutOpened"]


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (v.silent("timed out"), "the console does not answer: timed out"),
        (v.unreadable("no heading"), "the profile does not recognize a page of the console: no heading"),
        (v.console_error("0x1"), "the console shows an error: 0x1"),
    ],
)
def test_before_send_trouble_stops_without_harm(seen: Observation, says: str) -> None:
    story = s.started()
    assert story.intend(Step.UPLOAD, seen) == [
        e.Stopped(request="KT-1", reason=says),
        e.LockoutClosed(request="KT-1", reason="Install was not pressed"),
    ]
    assert story.state.quarantine is None
    assert story.ask("KT-2")


def test_a_step_needs_enough_of_the_window_for_the_install() -> None:
    story = s.started()
    story.now = v.WINDOW.closes - v.minutes(v.INSTALL_MINUTES)
    assert s.kinds(story.intend(Step.UPLOAD)) == ["StepIntended"]
    story.now += timedelta(microseconds=1)
    events = story.intend(Step.UPLOAD)
    assert events[0] == e.Stopped(request="KT-1", reason="less than 90 minutes are left of the window")
    assert s.kinds(events[1:]) == ["LockoutClosed"]
