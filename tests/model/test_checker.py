"""The checker on graphs of a few numbers: it finds what is there, by a shortest trace, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tests.model.checker import NO_REST, Counterexample, Law, Model, Result, explore


class Move(NamedTuple):
    name: str
    good: bool = True


Graph = Mapping[int, Mapping[int, bool]]
"""For each number the numbers that follow it, and whether by a good move."""


def explored(graph: Graph, forbidden: int = -1, rest: int = 9, limit: int | None = None) -> Result:
    def successors(at: int) -> Iterator[tuple[Move, int]]:
        for to, good in graph.get(at, {}).items():
            yield Move(f"to {to}", good), to

    def broken(_: int, __: Move, after: int) -> str | None:
        return "it was reached" if after == forbidden else None

    return explore(Model(0, successors, (Law("never there", broken),), lambda at: at == rest), limit)


def test_every_state_and_step_is_counted_once() -> None:
    result = explored({0: {1: True, 2: True}, 1: {9: True}, 2: {9: True, 0: True}})
    assert (result.states, result.steps, result.depth, result.complete) == (4, 5, 2, True)
    assert result.counterexample is None


def test_a_broken_law_is_shown_by_a_shortest_trace() -> None:
    result = explored({0: {1: True, 2: False}, 1: {3: True}, 3: {4: True}, 2: {4: False}}, forbidden=4)
    assert result.counterexample == Counterexample("never there", "it was reached", ("to 2", "to 4"))


def test_a_deadlock_is_no_rest() -> None:
    result = explored({0: {1: True, 9: True}})
    assert result.counterexample is not None
    assert (result.counterexample.law, result.counterexample.trace) == (NO_REST, ("to 1",))


def test_a_circle_that_good_moves_do_not_leave_is_no_rest() -> None:
    result = explored({0: {1: True, 9: True}, 1: {2: True}, 2: {1: True, 9: False}})
    assert result.counterexample is not None
    assert (result.counterexample.law, result.counterexample.trace) == (NO_REST, ("to 1",))


def test_a_bounded_exploration_says_that_it_is_incomplete() -> None:
    result = explored({0: {1: True}, 1: {2: True}, 2: {3: True}}, limit=2)
    assert not result.complete
    assert result.counterexample is None
