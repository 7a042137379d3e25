"""One exact thing: the plan's digest changes with every field, and drift names what differs (law 2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from bot.domain.plan import ApplianceLevel, Plan, drift
from tests.support import values as v
from tests.support.strategies import plans

CONSOLES = v.plan().consoles
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("schema_version", {"schema_version": 2}),
    ("request", {"request": "KT-2"}),
    ("enterprise", {"enterprise": "other"}),
    (
        "consoles.1.address",
        {"consoles": (CONSOLES[0].model_copy(update={"address": "https://x:81/"}), *CONSOLES[1:])},
    ),
    ("consoles.1.trust", {"consoles": (CONSOLES[0].model_copy(update={"trust": "sha256:1"}), *CONSOLES[1:])}),
    ("consoles.3.appliance", {"consoles": CONSOLES[:2]}),
    ("package.name", {"package": v.package(name="imprivata-2024-1-hf8")}),
    ("package.file", {"package": v.package(file="other.ipm")}),
    ("package.sha256", {"package": v.package(sha256="c" * 64)}),
    ("package.size", {"package": v.package(size=1)}),
    ("package.level", {"package": v.package(level="2024.1 HF 8")}),
    (
        "appliances.1.level",
        {"appliances": (ApplianceLevel(appliance="db-1", level="x"), *v.plan().appliances[1:])},
    ),
    ("appliances.3.level", {"appliances": v.plan().appliances[:2]}),
    ("start", {"start": v.T0 + timedelta(minutes=1)}),
    ("window.opens", {"window": v.WINDOW.model_copy(update={"opens": v.T0 - timedelta(minutes=1)})}),
    ("window.closes", {"window": v.WINDOW.model_copy(update={"closes": v.T0 + timedelta(hours=7)})}),
    ("needs_minutes", {"needs_minutes": 151}),
    ("install_minutes", {"install_minutes": 91}),
    ("attestations", {"attestations": ("backup",)}),
    ("change", {"change": "CHG-2"}),
    ("rules.quorum", {"rules": v.rules(quorum=3)}),
    ("rules.requester_may_approve", {"rules": v.rules(requester_may_approve=True)}),
    ("rules.approver_groups", {"rules": v.rules(approver_groups=("S-v.OTHER",))}),
    ("rules.approver_ids", {"rules": v.rules(approver_ids=(v.ANNA,))}),
    ("rules.requester_groups", {"rules": v.rules(requester_groups=("S-v.OTHER",))}),
    ("rules.requester_ids", {"rules": v.rules(requester_ids=(v.ASKER,))}),
    ("profile", {"profile": "d" * 64}),
]


@pytest.mark.parametrize(("field", "changes"), CHANGES, ids=[field for field, _ in CHANGES])
def test_every_field_changes_the_digest_and_is_named(field: str, changes: dict[str, Any]) -> None:
    changed = v.plan(**changes)
    assert changed.digest != v.plan().digest
    assert any(line.startswith(f"{field}: ") for line in drift(v.plan(), changed))


def test_the_table_above_leaves_no_field_out() -> None:
    named = {field.split(".")[0] for field, _ in CHANGES}
    assert named == set(Plan.model_fields)


def test_the_order_of_appliances_is_part_of_the_plan() -> None:
    backwards = tuple(reversed(v.plan().appliances))
    assert v.plan(appliances=backwards).digest != v.plan().digest


def test_the_digest_is_that_of_the_content_and_stays() -> None:
    again = Plan.model_validate_json(v.plan().model_dump_json())
    assert again.digest == v.plan().digest
    assert v.plan().digest == "460c5cc00a89ba4d9a408d6a57a9b482eb4006c45afe56bf844674928c4c45c9"


def test_drift_lines_are_short_and_in_order() -> None:
    changed = v.plan(package=v.package(sha256="c" * 64), change="CHG-2")
    assert drift(v.plan(), changed) == [
        "change: CHG-1 is now CHG-2",
        "package.sha256: aaaaaaaaaaaa…aaaaaa is now cccccccccccc…cccccc",
    ]


def test_drift_says_what_is_gone() -> None:
    assert drift(v.plan(), v.plan(appliances=v.plan().appliances[:2])) == [
        "appliances.3.appliance: svc-1 is now absent",
        "appliances.3.level: 2024.1 HF 3 is now absent",
    ]


@settings(max_examples=40, deadline=None)
@given(plans, plans)
def test_drift_and_digest_agree(one: Plan, other: Plan) -> None:
    assert (drift(one, other) == []) is (one.digest == other.digest)
    assert drift(one, one.model_copy()) == []


def test_the_latest_start_leaves_what_is_needed() -> None:
    assert v.plan().latest_start == v.WINDOW.closes - timedelta(minutes=v.NEEDS_MINUTES)


@pytest.mark.parametrize(
    "changes", [{"name": ""}, {"sha256": "A" * 64}, {"sha256": "a" * 63}, {"size": 0}, {"level": ""}]
)
def test_a_package_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        v.package(**changes)
