"""Looking: what is recorded of it, and the end of somebody else's work (laws 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise
from bot.domain.events import Phase
from bot.domain.refusal import Refusal
from bot.domain.sight import PackageState
from tests.support import story as s
from tests.support import values as v

ANNA_ALONE = v.authority(approvers=[v.ANNA, v.CARLA])
NO_QUORUM = f"no quorum any more: <@{v.BEN}> may no longer approve"
DRIFT = v.plan(change="CHG-2")


# --- somebody else's work is over


def test_the_foreign_lockout_closes_when_the_console_is_idle() -> None:
    story = s.ready()
    story.intend_install(v.installing(subject=v.OTHER))
    closed = e.LockoutClosed(request="KT-1", reason="nobody is at work on the console any more")
    assert story.do(c.ReportForeignIdle(request="KT-1")) == [closed]
    assert story.do(c.ReportForeignIdle(request="KT-1")) == []
    assert story.state.lockout is None


@pytest.mark.parametrize("begin", [s.ready, s.pressed, s.failed, s.became_unknown, s.overdue])
def test_an_idle_console_never_closes_the_lockout_of_a_run(begin: Callable[[], s.Story]) -> None:
    story = begin()
    assert story.do(c.ReportForeignIdle(request="KT-1")) == []
    assert story.state.lockout is not None


def test_another_requests_end_leaves_the_foreign_lockout() -> None:
    story = s.two_approved()
    story.do(s.bad_start("installing"))
    story.fault("signing in failed", id_="KT-2")
    assert story.phase("KT-2") is Phase.STOPPED
    assert story.state.lockout is not None
    assert story.state.lockout.request == "KT-1"


def test_a_fault_of_a_waiting_request_leaves_the_lockout_of_the_run() -> None:
    story = s.two_approved()
    story.start()
    story.announce()
    events = story.do(c.Fault(request="KT-2", words="somebody else is at work", foreign=True))
    assert s.kinds(events) == ["Stopped"]
    assert story.state.lockout is not None
    assert story.state.lockout.request == "KT-1"
    assert story.state.lockout.announced is not None


def test_a_command_without_a_rule_is_a_mistake_of_the_program() -> None:
    with pytest.raises(TypeError, match="no rule for Command"):
        decide(Enterprise(), c.Command(), v.T0)


def test_nothing_to_watch_before_send() -> None:
    with pytest.raises(Refusal, match="there is nothing to watch before Send was intended"):
        s.started().observe(v.look())


def test_a_look_that_shows_nothing_new_is_not_recorded() -> None:
    story = s.sent()
    assert s.kinds(story.observe(v.distributing(40))) == ["Observed"]
    assert story.later(1).observe(v.distributing(40, pages=("other bytes",))) == []
    assert s.kinds(story.later(1).observe(v.distributing(50))) == ["Observed"]


def test_the_levels_are_the_newest_seen() -> None:
    story = s.pressed()
    story.observe(v.installed(appliances=v.appliances(v.NEW, db_2={"level": None})))
    assert dict(story.state.levels) == {"db-1": v.NEW, "db-2": v.OLD, "svc-1": v.NEW}


def test_install_leads_from_installing_to_verifying() -> None:
    story = s.pressed()
    story.observe(v.installing())
    assert story.phase() is Phase.INSTALLING
    story.observe(v.look(packages=v.listed(PackageState.INSTALLED)))
    assert story.phase() is Phase.VERIFYING


def test_looks_before_install_say_nothing_about_it() -> None:
    """The console was idle for long before Install: the settle budget begins with the first look after it."""
    story = s.ready()
    story.observe(v.distributed())
    story.later(s.BUDGETS.settle).intend_install()
    story.press()
    assert s.kinds(story.observe(v.distributed())) == ["Observed"]
    events = story.later(s.BUDGETS.settle).observe(v.distributed())
    assert s.kinds(events) == ["BecameUnknown", "Quarantined"]


# --- what lies between a look and its decision


def test_time_between_a_look_and_its_decision_was_not_watched() -> None:
    """The machine slept, the clock was set, or the ledger kept the run waiting: the settle budget is not spent."""
    story = s.pressed()
    story.observe(v.distributed())
    looked = story.later(s.BUDGETS.settle - 1).now
    assert story.later(180).observe(v.distributed(), seen_at=looked) == []


def test_a_console_was_idle_since_the_look_and_not_since_its_entry() -> None:
    """The first idle look after a long installation: it holds from its own moment, be the entry later."""
    story = s.pressed()
    story.observe(v.installing())
    looked = story.later(s.BUDGETS.settle + 5).now
    assert s.kinds(story.later(1).observe(v.distributed(), seen_at=looked)) == ["Observed"]
