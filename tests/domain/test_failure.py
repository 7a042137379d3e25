"""How runs end: failure is terminal, silence is not failure (laws 4 and 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Phase, Statement, Step
from bot.domain.refusal import Refusal
from tests.support import story as s
from tests.support import values as v

# --- before Send


@pytest.mark.parametrize("begin", [s.approved, s.started])
@pytest.mark.parametrize("kind", [{}, {"console_error": True}, {"unreadable": True}])
def test_before_send_a_fault_stops(begin: Callable[[], s.Story], kind: dict[str, Any]) -> None:
    story = begin()
    events = story.do(c.Fault(request="KT-1", words="upload refused", **kind))
    assert events[0] == e.Stopped(request="KT-1", reason="upload refused")
    assert story.state.lockout is None
    assert story.state.quarantine is None
    assert story.ask("KT-2")


def test_somebody_else_at_work_keeps_the_lockout() -> None:
    story = s.started()
    story.do(c.Fault(request="KT-1", words="somebody else is at work", foreign=True))
    assert story.phase() is Phase.STOPPED
    assert story.state.lockout is not None
    assert story.state.lockout.foreign


# --- from Send on


def test_from_send_on_a_console_error_fails_and_quarantines_in_one_append() -> None:
    story = s.sent()
    assert story.fault("no space", console_error=True) == [
        e.Failed(request="KT-1", words="no space"),
        e.Quarantined(request="KT-1", reason="no space"),
    ]


def with_others(begin: Callable[[], s.Story]) -> s.Story:
    """The story with KT-2 requested and KT-3 approved beside its run, as before it began."""
    story = s.asked()
    story.ask("KT-2")
    story.ask("KT-3")
    story.preflight("KT-3")
    for who in (v.ANNA, v.BEN):
        story.approve(who, "KT-3")
    for moment, event in begin().recorded[2:]:
        story.now = moment
        story.record(event)
    return story


VOIDED = [
    e.Voided(request="KT-2", reason="the enterprise is in quarantine after KT-1"),
    e.Voided(request="KT-3", reason="the enterprise is in quarantine after KT-1"),
]


@pytest.mark.parametrize("begin", [s.sent, s.ready, s.pressed])
def test_an_error_seen_voids_every_open_request_in_the_same_append(begin: Callable[[], s.Story]) -> None:
    story = with_others(begin)
    assert story.observe(v.console_error("0x17"))[1:] == [
        e.Failed(request="KT-1", words="0x17"),
        e.Quarantined(request="KT-1", reason="0x17"),
        *VOIDED,
    ]
    assert story.phase() is Phase.FAILED
    assert story.state.lockout is not None


def test_an_unreadable_state_is_unknown_and_voids_too() -> None:
    story = with_others(s.sent)
    assert story.fault("no heading", unreadable=True) == [
        e.BecameUnknown(request="KT-1", reason="no heading"),
        e.Quarantined(request="KT-1", reason="no heading"),
        *VOIDED,
    ]
    assert story.phase() is Phase.UNKNOWN


def test_two_peoples_declaration_voids_too() -> None:
    story = with_others(s.overdue)
    assert s.kinds(story.both(Statement.FAILURE, "stuck")) == [
        "Stated",
        "Failed",
        "Quarantined",
        "Voided",
        "Voided",
    ]


def test_from_send_on_the_bots_own_reason_still_stops() -> None:
    story = s.ready()
    assert s.kinds(story.fault("Slack cannot say who approves")) == ["Stopped", "LockoutClosed"]
    assert story.state.quarantine is None


@pytest.mark.parametrize("cancelled", [False, True])
def test_from_send_on_the_gates_quarantine_an_error_before_anything_else(cancelled: bool) -> None:
    """Neither a cancel, nor a missing notice, nor a closing window makes less of an error (law 4)."""

    def prepare(begin: Callable[[], s.Story]) -> s.Story:
        story = begin()
        if cancelled:
            story.cancel()
        story.now = v.WINDOW.closes
        return story

    seen = v.console_error()
    assert s.kinds(prepare(s.sent).intend(Step.DISTRIBUTE, seen)) == ["Failed", "Quarantined"]
    assert s.kinds(prepare(s.ready).intend_install(seen)) == ["Failed", "Quarantined"]


def test_one_page_that_nobody_can_read_quarantines_nothing() -> None:
    with pytest.raises(Refusal, match="look again"):
        s.sent().intend(Step.DISTRIBUTE, v.unreadable())
    with pytest.raises(Refusal, match="look again"):
        s.ready().intend_install(v.unreadable())


def test_a_distribution_that_has_begun_is_watched_whatever_the_bots_own_reason() -> None:
    story = s.sent()
    with pytest.raises(Refusal, match="only a verdict ends the run"):
        story.fault("a redirect to another host")
    assert story.state.lockout is not None


@pytest.mark.parametrize("begin", [s.pressed, s.failed, s.became_unknown])
def test_after_install_no_fault_of_the_bot_ends_the_watch(begin: Callable[[], s.Story]) -> None:
    story = begin()
    with pytest.raises(Refusal, match=f"KT-1 is {story.phase().value}"):
        story.fault("cannot sign in", console_error=True)


@pytest.mark.parametrize("begin", [s.failed, s.became_unknown])
def test_failure_is_terminal(begin: Callable[[], s.Story]) -> None:
    story = begin()
    acts: list[Callable[[], object]] = [
        lambda: story.start(plan=v.plan()),
        lambda: story.intend(Step.UPLOAD),
        lambda: story.intend(Step.DISTRIBUTE),
        lambda: story.finish(Step.DISTRIBUTE),
        lambda: story.intend_install(plan=v.plan()),
        story.press,
        lambda: story.observe(v.installed()),
    ]
    for act in acts:
        with pytest.raises(Refusal, match=f"KT-1 is {story.phase().value}"):
            act()


# --- the watch


@pytest.mark.parametrize("begin", [s.sent, s.pressed])
def test_silence_alone_never_ends_a_run(begin: Callable[[], s.Story]) -> None:
    story = begin()
    assert s.kinds(story.observe(v.silent())) == ["Observed"]
    assert s.kinds(story.later(10_000).observe(v.silent())) == ["BecameOverdue"]
    assert story.later(10_000).observe(v.silent()) == []
    assert story.request().is_running
    assert story.state.quarantine is None


def test_an_overdue_run_is_still_watched_to_its_success() -> None:
    story = s.overdue()
    assert story.later(10).observe(v.installed())[1:] == [
        e.Succeeded(request="KT-1", level=v.NEW),
        e.LockoutClosed(request="KT-1", reason="the installation is complete"),
    ]
    assert story.phase() is Phase.SUCCEEDED
    assert story.state.lockout is None


def test_answering_is_not_success() -> None:
    story = s.pressed()
    assert s.kinds(story.observe(v.look())) == ["Observed"]
    assert story.phase() is Phase.INSTALLING


def test_nothing_begun_for_the_settle_budget_is_unknown() -> None:
    story = s.pressed()
    story.observe(v.distributed())
    events = story.later(s.BUDGETS.settle).observe(v.distributed())
    assert s.kinds(events) == ["BecameUnknown", "Quarantined"]


def test_a_gap_in_the_watch_starts_the_settle_budget_again() -> None:
    story = s.pressed()
    story.observe(v.distributed())
    story.later(10_000)
    events = story.observe(v.distributed(), watching=story.now)
    assert s.kinds(events) == ["BecameOverdue"]


def test_an_unstated_level_waits_for_two_people() -> None:
    story = s.at_other_level("HF 8")
    assert story.recorded[-1][1] == e.LevelUnexpected(request="KT-1", level="HF 8")
    assert story.later(1).observe(v.installed("HF 8")) == []
    assert story.phase() is Phase.VERIFYING
    assert s.kinds(story.observe(v.installed("HF 9"))) == ["Observed", "LevelUnexpected"]


# --- logs


@pytest.mark.parametrize("begin", [s.failed, s.became_unknown])
def test_the_logs_of_a_failed_run_are_kept_or_refused(begin: Callable[[], s.Story]) -> None:
    story = begin()
    collected = e.LogsCollected(request="KT-1", file="logs.tgz", sha256="a" * 64)
    assert story.do(c.ReportLogs(request="KT-1", file="logs.tgz", sha256="a" * 64)) == [collected]
    refused = e.LogsRefused(request="KT-1", reason="no such control")
    assert story.do(c.ReportLogs(request="KT-1", refused="no such control")) == [refused]
    run = story.request().run
    assert run is not None
    assert Step.COLLECT_LOGS in run.finished


def test_lost_evidence_is_said_once_in_a_run_and_after_it() -> None:
    lost = e.EvidenceLost(request="KT-1", reason="no room")
    for story in (s.started(), s.failed()):
        assert story.do(c.ReportEvidenceLost(request="KT-1", reason="no room")) == [lost]
        assert story.do(c.ReportEvidenceLost(request="KT-1", reason="no inode")) == []
    assert s.approved().do(c.ReportEvidenceLost(request="KT-1", reason="no room")) == []
    assert s.approved().do(c.ReportEvidenceLost(request="KT-9", reason="no room")) == []


def test_logs_belong_to_a_failed_run() -> None:
    with pytest.raises(Refusal, match="KT-1 is installing"):
        s.pressed().do(c.ReportLogs(request="KT-1", file="logs.tgz"))
