"""Approving: one exact thing by two people, with every sentence that refuses (law 2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.decide import decide
from bot.domain.events import Phase, Statement
from bot.domain.plan import Plan
from bot.domain.refusal import Refusal
from tests.support import story as s
from tests.support import values as v

BARRED = [
    ({"bot": True}, "bots have no say here"),
    ({"guest": True}, "guests have no say here"),
    ({"active": False}, "the account is deactivated"),
    ({"stranger": True}, "the account belongs to another workspace"),
]


def ask(**changes: Any) -> c.Ask:
    given: dict[str, Any] = {
        "request": "KT-1",
        "by": v.person(v.ASKER),
        "authority": v.authority(),
        "draft": v.draft(),
        "needs_minutes": v.NEEDS_MINUTES,
    }
    return c.Ask(**{**given, **changes})


# --- approving


def test_two_people_are_a_quorum() -> None:
    story = s.asked()
    digest = v.plan().digest
    assert story.approve(v.ANNA) == [e.Approved(request="KT-1", by=v.ANNA, digest=digest)]
    assert story.phase() is Phase.REQUESTED
    assert story.approve(v.BEN) == [
        e.Approved(request="KT-1", by=v.BEN, digest=digest),
        e.QuorumReached(request="KT-1", by=(v.ANNA, v.BEN)),
    ]
    assert story.phase() is Phase.APPROVED


def test_a_quorum_of_three_needs_three() -> None:
    story = s.approved(v.plan(rules=v.rules(quorum=3)))
    assert story.phase() is Phase.REQUESTED
    story.approve(v.CARLA)
    assert story.phase() is Phase.APPROVED


WITH_ASKER = v.authority(approvers=[*v.APPROVERS, v.ASKER])


def test_the_requester_does_not_count() -> None:
    story = s.asked()
    with pytest.raises(Refusal, match="you asked for this yourself; other people must approve it"):
        story.approve(v.ASKER, authority=WITH_ASKER)
    assert story.request().approvals == {}


def test_the_requester_counts_as_one_where_the_rules_say_so() -> None:
    story = s.asked(plan=v.plan(rules=v.rules(requester_may_approve=True)))
    story.approve(v.ASKER, authority=WITH_ASKER)
    assert story.phase() is Phase.REQUESTED
    with pytest.raises(Refusal, match="your approval counts already"):
        story.approve(v.ASKER, authority=WITH_ASKER)
    story.approve(v.ANNA, authority=WITH_ASKER)
    assert story.phase() is Phase.APPROVED


def test_one_person_counts_once_and_is_told_who_is_awaited() -> None:
    story = s.asked()
    story.approve(v.ANNA)
    with pytest.raises(Refusal, match=f"counts already; still awaited: <@{v.BEN}> or <@{v.CARLA}>"):
        story.approve(v.ANNA)
    assert story.phase() is Phase.REQUESTED


def test_one_person_is_told_when_nobody_is_left() -> None:
    story = s.asked()
    story.approve(v.ANNA)
    with pytest.raises(Refusal, match="nobody is left who may"):
        story.approve(v.ANNA, authority=v.authority(approvers=[v.ANNA]))


@pytest.mark.parametrize("who", [v.OUTSIDER, v.ASKER])
def test_an_approver_is_in_the_group(who: str) -> None:
    with pytest.raises(Refusal, match="you are not among the approvers"):
        s.asked().approve(who)


@pytest.mark.parametrize(("kind", "says"), BARRED)
def test_a_barred_person_decides_nothing_whatever_the_groups_say(kind: dict[str, Any], says: str) -> None:
    who = v.person(v.ANNA, **kind)
    of: dict[str, Any] = {"request": "KT-1", "by": who, "authority": v.authority()}
    for command in (
        c.Approve(**of, plan=v.plan()),
        c.Decline(**of, reason=""),
        c.Cancel(**of),
        c.Attest(**of, statement=Statement.RELEASE, value="CS-1"),
        c.Acknowledge(request="KT-1", by=who),
    ):
        for state in (s.asked().state, s.failed().state):
            with pytest.raises(Refusal, match=says):
                decide(state, command, v.T0)


def test_an_approver_who_lost_the_authority_no_longer_counts() -> None:
    story = s.asked()
    story.approve(v.ANNA)
    events = story.approve(v.BEN, authority=v.authority(approvers=[v.BEN, v.CARLA]))
    assert s.kinds(events) == ["Approved"]
    events = story.approve(v.CARLA, authority=v.authority(approvers=[v.BEN, v.CARLA]))
    assert events[-1] == e.QuorumReached(request="KT-1", by=(v.BEN, v.CARLA))


def test_a_click_after_the_quorum_is_told_who_decided() -> None:
    with pytest.raises(Refusal, match=f"KT-1 is already approved by <@{v.ANNA}> and <@{v.BEN}>"):
        s.approved().approve(v.CARLA)


@pytest.mark.parametrize(
    ("begin", "says"),
    [
        (s.started, "KT-1 is preparing; there is nothing to approve"),
        (s.failed, "KT-1 is failed; there is nothing to approve"),
        (s.became_unknown, "KT-1 is unknown; there is nothing to approve"),
    ],
)
def test_a_click_on_what_has_begun_or_ended_is_refused(begin: Callable[[], s.Story], says: str) -> None:
    with pytest.raises(Refusal, match=says):
        begin().approve(v.CARLA)


def test_a_click_on_a_declined_request_is_told_who_declined() -> None:
    story = s.asked()
    story.decline(v.BEN)
    with pytest.raises(Refusal, match=f"KT-1 is declined by <@{v.BEN}>; there is nothing to approve"):
        story.approve(v.ANNA)


def test_there_is_nothing_to_approve_before_the_preflight() -> None:
    story = s.Story()
    story.ask()
    with pytest.raises(Refusal, match="the preflight of KT-1 is still running"):
        story.approve(v.ANNA, plan=v.plan())


DRIFTED = [
    (v.plan(package=v.package(sha256="c" * 64)), r"the plan has changed: package\.sha256: a.* is now c"),
    (v.plan(rules=v.rules(quorum=3)), r"the plan has changed: rules\.quorum: 2 is now 3"),
    (v.plan(profile="e" * 64), "the plan has changed: profile"),
]


@pytest.mark.parametrize(("now", "says"), DRIFTED)
def test_drift_voids_at_the_click(now: Plan, says: str) -> None:
    story = s.asked()
    story.approve(v.ANNA)
    (event,) = story.approve(v.BEN, plan=now)
    assert isinstance(event, e.Voided)
    assert re.match(says, event.reason)
    assert story.phase() is Phase.VOID


def test_a_plan_that_cannot_be_made_any_more_voids() -> None:
    story = s.asked()
    (event,) = story.do(c.Approve(request="KT-1", by=v.person(v.ANNA), authority=v.authority(), plan=None))
    assert isinstance(event, e.Voided)
    assert "the plan can no longer be made" in event.reason


def test_a_level_seen_elsewhere_voids() -> None:
    """Another request's preflight saw the appliances at a new level: the plan of this one is no longer true."""
    story = s.asked()
    story.ask("KT-2")
    newer = tuple(a.model_copy(update={"level": v.NEW}) for a in v.plan().appliances)
    story.preflight("KT-2", plan=v.plan("KT-2", appliances=newer))
    (event,) = story.approve(v.ANNA)
    assert event == e.Voided(
        request="KT-1",
        reason="the plan has changed: db-1 is at 2024.1 HF 7, db-2 is at 2024.1 HF 7, "
        "svc-1 is at 2024.1 HF 7, not 2024.1 HF 3",
    )


def test_a_click_that_comes_too_late_for_the_window_expires_the_request() -> None:
    story = s.asked()
    story.now = v.plan().latest_start
    assert story.approve(v.ANNA)[0] == e.Approved(request="KT-1", by=v.ANNA, digest=v.plan().digest)
    story.now += timedelta(microseconds=1)
    assert story.approve(v.BEN) == [e.Expired(request="KT-1")]
