"""However long a ledger grows, the state of an enterprise stays small: which requests it keeps, and which leave it."""

from __future__ import annotations

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.decide import decide
from bot.domain.enterprise import KEPT, evolve, replay
from bot.domain.events import Phase, Statement, decode, encode
from bot.domain.refusal import Refusal
from bot.domain.snapshot import Fold
from tests.support import story as s
from tests.support import values as v


def withdrawn(story: s.Story, *ids: str) -> s.Story:
    for id_ in ids:
        story.ask(id_)
        story.withdraw(id_=id_)
    return story


def ids(count: int, prefix: str = "E") -> list[str]:
    return [f"{prefix}-{n}" for n in range(count)]


def test_the_newest_ended_requests_are_kept() -> None:
    ended = ids(KEPT + 3)
    story = withdrawn(s.Story(), *ended)
    assert list(story.state.requests) == ended[3:]


def test_what_is_open_is_kept_however_old() -> None:
    story = s.asked()
    withdrawn(story, *ids(KEPT + 3))
    assert story.phase() is Phase.REQUESTED
    assert len(story.state.requests) == KEPT + 1


def test_newest_is_what_ended_last_not_what_was_asked_last() -> None:
    story = s.asked()
    withdrawn(story, *ids(KEPT))
    story.withdraw()
    assert len(story.state.requests) == KEPT
    assert list(story.state.requests)[-1] == "KT-1"
    assert "E-0" not in story.state.requests


def test_a_running_request_is_kept() -> None:
    story = s.two_approved()
    voided = [e.Voided(request=id_, reason="drift") for id_ in ids(KEPT + 3)]
    for event in voided:
        story.record(e.UpgradeRequested(request=event.request, by=v.ASKER, draft=v.draft()))
    story.start()
    for event in voided:
        story.record(event)
    assert story.phase() is Phase.PREPARING
    assert len(story.state.requests) == KEPT + 2


def test_a_quarantine_keeps_its_request_and_the_lockout_too_until_they_are_over() -> None:
    story = s.started()
    asked = ids(KEPT + 3)
    for id_ in asked:
        story.record(e.UpgradeRequested(request=id_, by=v.ASKER, draft=v.draft()))
    story.record(e.Failed(request="KT-1", words="0x17"))
    story.record(e.Quarantined(request="KT-1", reason="0x17"))
    for id_ in asked:
        story.record(e.Voided(request=id_, reason="quarantine"))
    assert story.phase() is Phase.FAILED
    assert len(story.state.requests) == KEPT + 1
    story.both(Statement.RELEASE, "CS-1")
    assert story.state.lockout is None
    assert list(story.state.requests)[-1] == "KT-1", "its last word is the newest"
    assert len(story.state.requests) == KEPT
    withdrawn(story, *ids(KEPT, "F"))
    assert "KT-1" not in story.state.requests


def test_a_quarantine_keeps_its_request_without_a_lockout_too() -> None:
    story = s.failed()
    story.record(e.LockoutClosed(request="KT-1", reason="a forged order of events"))
    for id_ in ids(KEPT + 3):
        story.record(e.UpgradeRequested(request=id_, by=v.ASKER, draft=v.draft()))
        story.record(e.Voided(request=id_, reason="drift"))
    assert story.phase() is Phase.FAILED


def test_the_lockout_for_somebody_elses_work_keeps_its_request() -> None:
    story = s.approved()
    story.do(
        c.Start(
            request="KT-1",
            authority=v.authority(),
            rows=(v.row(False),),
            plan=story.request().plan,
            foreign="installing something",
        )
    )
    withdrawn(story, *ids(KEPT + 3))
    assert story.phase() is Phase.STOPPED
    story.do(c.ReportForeignIdle(request="KT-1"))
    assert "KT-1" in story.state.requests, "its end can still be announced"
    withdrawn(story, *ids(KEPT, "F"))
    assert "KT-1" not in story.state.requests


def test_of_an_ended_run_only_the_last_look_is_kept() -> None:
    story = s.pressed()
    for percent in range(10, 60, 10):
        story.observe(v.installing(percent))
    run = story.request().run
    assert run
    assert len(run.seen) == 5
    story.observe(v.installed())
    run = story.request().run
    assert run
    assert [seen.observation for seen in run.seen] == [v.installed()]


def test_what_is_kept_follows_from_the_events_alone() -> None:
    story = withdrawn(s.asked(), *ids(KEPT + 3))
    story.withdraw()
    stored = [(at, encode(event)) for at, event in story.recorded]
    again = replay((at, decode(*written)) for at, written in stored)
    assert again == story.state
    assert list(again.requests) == list(story.state.requests)


def test_a_snapshot_keeps_the_order_in_which_requests_leave() -> None:
    story = withdrawn(s.asked(), *ids(KEPT - 1))
    story.withdraw()
    fold = Fold(type(story.state), lambda state, entry: state, "kind")
    again = fold.read(fold.write(story.state))
    for event in (
        e.UpgradeRequested(request="N-1", by=v.ASKER, draft=v.draft()),
        e.Withdrawn(request="N-1", by=v.ASKER),
    ):
        again = evolve(again, event, story.now)
        story.record(event)
    assert list(again.requests) == list(story.state.requests)


@pytest.mark.parametrize(
    "command",
    [
        c.Withdraw(request="E-0", by=v.person(v.ASKER)),
        c.Acknowledge(request="E-0", by=v.person(v.ASKER)),
        c.Approve(request="E-0", by=v.person(v.ANNA), authority=v.authority(), plan=v.plan("E-0")),
    ],
)
def test_a_command_about_one_that_has_left_says_where_it_is(command: c.Command) -> None:
    story = withdrawn(s.Story(), *ids(KEPT + 1))
    says = "there is no request E-0 among the newest of this enterprise; keyturn ledger show has all"
    with pytest.raises(Refusal, match=says):
        decide(story.state, command, story.now)


def test_an_id_that_is_known_is_taken() -> None:
    story = withdrawn(s.Story(), "E-0")
    with pytest.raises(Refusal, match="request E-0 exists already"):
        story.ask("E-0")
