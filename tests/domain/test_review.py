"""What a second reading of the laws found: one test each."""

from __future__ import annotations

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Phase, Statement, Step
from bot.domain.refusal import Refusal
from bot.domain.sight import PackageState
from tests.support import story as s
from tests.support import values as v


def test_somebody_elses_work_during_the_distribution_stops_the_run() -> None:
    story = s.sent()
    events = story.observe(v.installing(subject=v.OTHER))
    assert s.kinds(events) == ["Observed", "Stopped", "LockoutOpened"]
    assert story.state.lockout is not None
    assert story.state.lockout.foreign
    assert story.state.quarantine is None


def test_somebody_elses_work_at_the_start_comes_before_drift() -> None:
    story = s.approved()
    story.now = v.plan().start
    drifted = v.plan().model_copy(update={"profile": "e" * 64})
    start = c.Start(
        request="KT-1", authority=v.authority(), rows=(v.row(False),), plan=drifted, foreign="installing x"
    )
    assert s.kinds(story.do(start)) == ["Stopped", "LockoutOpened"]


def test_an_overdue_distribution_leaves_the_install_its_own_overdue() -> None:
    story = s.sent()
    story.later(61)
    assert "BecameOverdue" in s.kinds(story.observe(v.distributing(70)))
    story.observe(v.done_offered())
    story.finish(Step.DISTRIBUTE)
    story.do(c.ReportLockoutAnnounced(request="KT-1", channel="C0", ts="1.0"))
    assert s.kinds(story.intend_install()) == ["InstallIntended"]
    story.press()
    assert story.request().trouble is None
    story.later(121)
    assert "BecameOverdue" in s.kinds(story.observe(v.silent()))


def test_after_a_resume_people_are_paged_and_logs_collected_anew() -> None:
    story = s.became_unknown()
    story.do(c.ReportLogs(request="KT-1", file="logs.tar.gz", sha256="0" * 64))
    for by in (v.ANNA, v.BEN):
        story.attest(by, Statement.INSTALLING)
    run = story.request().run
    assert run is not None
    assert Step.COLLECT_LOGS not in run.finished
    story.later(121)
    assert "BecameOverdue" in s.kinds(story.observe(v.silent()))


def test_cannot_tell_releases_nothing_but_an_unknown_outcome() -> None:
    story = s.failed()
    command = c.Attest(
        request="KT-1",
        by=v.person(v.ANNA),
        authority=v.authority(),
        statement=Statement.CANNOT_TELL,
        value="CS-1",
    )
    with pytest.raises(Refusal, match="not in the state unknown"):
        story.do(command)
    assert story.state.quarantine is not None


def test_an_appliance_that_the_plan_does_not_know_withholds_success() -> None:
    story = s.pressed()
    seen = v.installed()
    stranger = seen.appliances[0].model_copy(update={"name": "added-since", "level": v.OLD})
    story.observe(seen.model_copy(update={"appliances": (*seen.appliances, stranger)}))
    assert story.phase() is Phase.VERIFYING


def test_a_statement_of_somebody_who_may_no_longer_approve_does_not_count() -> None:
    story = s.failed()
    story.attest(v.ANNA, Statement.RELEASE, "CS-1")
    later = c.Attest(
        request="KT-1",
        by=v.person(v.BEN),
        authority=v.authority(set(v.APPROVERS) - {v.ANNA}),
        statement=Statement.RELEASE,
        value="CS-1",
    )
    assert s.kinds(story.do(later)) == ["Stated"]
    assert story.state.quarantine is not None


def test_a_declared_failure_says_who_declared_it() -> None:
    story = s.overdue()
    for by in (v.ANNA, v.BEN):
        story.attest(by, Statement.FAILURE, "the bar is red")
    failed = next(event for _, event in story.recorded if isinstance(event, e.Failed))
    assert failed.declared_by == (v.ANNA, v.BEN)


def test_a_package_that_the_console_lists_with_an_error_is_not_distributed() -> None:
    story = s.started()
    story.intend(Step.UPLOAD)
    story.finish(Step.UPLOAD)
    seen = v.look(packages=v.listed(PackageState.ERROR, words="signature invalid"))
    command = c.Intend(request="KT-1", step=Step.DISTRIBUTE, observation=seen)
    assert "Stopped" in s.kinds(story.do(command))
    assert "signature invalid" in story.request().reason
