"""The protocol between run, ledger and console keeps the laws; without any one of its rules it does not.

docs/protocol.md explains the model; `make model` explores more of it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.model.deciding import Rules
from tests.model.scopes import MUTANTS, SHORT, Mutant, check, fall
from tests.model.world import Scope

PAGE = Path(__file__).parents[2] / "docs" / "protocol.md"


@pytest.mark.parametrize("scope", SHORT, ids=lambda scope: scope.name)
def test_no_order_of_events_breaks_a_law(scope: Scope) -> None:
    result = check(scope)
    assert result.counterexample is None
    assert result.complete


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_without_a_rule_its_law_is_broken(mutant: Mutant) -> None:
    found = fall(mutant).counterexample
    assert found is not None, "the checker is blind to this rule"
    assert found.law == mutant.law
    assert check(mutant.scope, Rules(), mutant.law, limit=2_000).counterexample is None


def test_every_end_is_reached() -> None:
    """What is never reached is never checked."""
    _, _, people, restored, _ = SHORT
    taken = " ".join(check(people).taken | check(restored).taken)
    ends = "Succeeded Stopped Cancelled Failed BecameUnknown Quarantined BecameOverdue LevelUnexpected"
    said = ("states: release", "states: not started", "states: installing", "states: level", "restored")
    for name in (*ends.split(), *said):
        assert name in taken, name


def test_the_page_shows_the_mutants_as_they_are() -> None:
    """The table of docs/protocol.md, from the code."""
    page = PAGE.read_text()
    for mutant in MUTANTS:
        found = fall(mutant).counterexample
        assert found is not None
        row = re.search(
            rf"^\| {re.escape(mutant.rule)} \| {re.escape(found.law)} \| (\d+)[: ]", page, re.MULTILINE
        )
        assert row is not None, f"docs/protocol.md has no row for “{mutant.rule}”, which breaks “{found.law}”"
        assert int(row[1]) == len(found.trace), f"“{mutant.rule}” takes {len(found.trace)} actions"
