"""Who counts (law 2)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain.approval import counted, eligible
from tests.support import values as v


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"quorum": 1}, "greater than or equal to 2"),
        ({"quorum": 0}, "greater than or equal to 2"),
        ({"quorum": None}, "valid integer"),
        ({"approver_groups": ()}, "nobody may approve"),
        ({"requester_groups": ()}, "nobody may ask"),
        ({"quorom": 2}, "Extra inputs"),
    ],
)
def test_rules_that_would_weaken_the_quorum_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        v.rules(**changes)


def test_a_quorum_that_is_not_named_is_two() -> None:
    assert v.rules().quorum == 2


def test_ids_alone_are_enough() -> None:
    named = v.rules(approver_groups=(), approver_ids=(v.ANNA,), requester_groups=(), requester_ids=(v.ASKER,))
    assert named.approver_ids == (v.ANNA,)


@pytest.mark.parametrize(
    ("may", "said", "count"),
    [
        (False, [v.ANNA, v.BEN], [v.ANNA, v.BEN]),
        (False, [v.ANNA, v.ANNA], [v.ANNA]),
        (False, [v.ANNA, v.OUTSIDER], [v.ANNA]),
        (False, [v.ASKER, v.ANNA], [v.ANNA]),
        (True, [v.ASKER, v.ANNA], [v.ASKER, v.ANNA]),
        (True, [v.ASKER, v.ASKER], [v.ASKER]),
    ],
)
def test_who_counts(may: bool, said: list[str], count: list[str]) -> None:
    everybody = v.authority(approvers=[*v.APPROVERS, v.ASKER])
    assert counted(v.rules(requester_may_approve=may), everybody, v.ASKER, said) == count


def test_the_requester_is_awaited_only_where_the_rules_say_so() -> None:
    everybody = v.authority(approvers=[v.BEN, v.ASKER, v.ANNA])
    assert eligible(v.rules(), everybody, v.ASKER) == [v.ANNA, v.BEN]
    assert eligible(v.rules(requester_may_approve=True), everybody, v.ASKER) == [v.ANNA, v.ASKER, v.BEN]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"bot": True}, "bots have no say here"),
        ({"active": False}, "the account is deactivated"),
        ({"stranger": True}, "the account belongs to another workspace"),
        ({"guest": True}, "guests have no say here"),
        ({}, None),
    ],
)
def test_who_is_barred_whatever_the_groups_say(changes: dict[str, Any], says: str | None) -> None:
    assert v.person(v.ANNA, **changes).barred() == says
