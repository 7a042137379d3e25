"""No sequence of commands breaks laws 1, 2, 4, 5, 6 and the gate of law 8."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.domain.anything import reached
from tests.domain.machine import Laws
from tests.domain.pools import WAYS

EXAMPLES = 40


@pytest.mark.parametrize("way", WAYS)
def test_no_sequence_of_commands_breaks_a_law(way: str) -> None:
    """From each place on the way anything may happen; that the place is reached is part of the test."""
    reached.clear()
    run_state_machine_as_test(
        type("Laws", (Laws,), {"way": way}),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=40,
            deadline=None,
            derandomize=False,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert reached[WAYS[way].reaches.__name__] >= EXAMPLES
