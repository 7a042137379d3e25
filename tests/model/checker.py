"""An explicit-state checker: every state that can be reached, breadth first, and the laws on each way between two.

Knows nothing of Keyturn. Breadth first means that the first trace found to a broken law is a shortest one.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, Protocol, TypeVar


class Action(Protocol):
    """What leads from one state to the next. `good`: it happens also where the world does not misbehave."""

    @property
    def name(self) -> str: ...

    @property
    def good(self) -> bool: ...


S = TypeVar("S", bound=Hashable)
A = TypeVar("A", bound=Action)


class Law(NamedTuple, Generic[S, A]):
    """Holds for every step: `broken(before, action, after)` says what is wrong, None when nothing is."""

    name: str
    broken: Callable[[S, A, S], str | None]


@dataclass(frozen=True)
class Model(Generic[S, A]):
    """`at_rest`: nothing is left to be done by a machine: a state that may be stayed in for ever."""

    initial: S
    successors: Callable[[S], Iterable[tuple[A, S]]]
    laws: tuple[Law[S, A], ...]
    at_rest: Callable[[S], bool]


@dataclass(frozen=True)
class Counterexample:
    """A shortest trace of action names from the initial state to where `law` is broken."""

    law: str
    words: str
    trace: tuple[str, ...]


@dataclass
class Result:
    """`depth` is the length of the longest of the shortest traces; `complete`: nothing was left unexplored."""

    states: int = 0
    steps: int = 0
    depth: int = 0
    seconds: float = 0.0
    complete: bool = True
    taken: set[str] = field(default_factory=set)
    counterexample: Counterexample | None = None


NO_REST = "every run can come to rest"
"""The law that is judged over the whole graph: from each state a state at rest is reached by good actions alone."""


def explore(model: Model[S, A], limit: int | None = None) -> Result:
    """All states, or the first `limit` of them. Stops at the first broken law."""
    began = time.monotonic()
    result = Result()
    number: dict[S, int] = {model.initial: 0}
    states: list[S] = [model.initial]
    parent, by = array("l", [-1]), [""]
    good_from, good_to = array("l"), array("l")
    level_ends = 0

    def trace(at: int, last: str) -> tuple[str, ...]:
        names = [last] if last else []
        while parent[at] >= 0:
            names.append(by[at])
            at = parent[at]
        return tuple(reversed(names))

    at = 0
    while at < len(states):
        if limit is not None and at >= limit:
            result.complete = False
            break
        if at > level_ends:
            result.depth, level_ends = result.depth + 1, len(states) - 1
        before = states[at]
        for action, after in model.successors(before):
            result.steps += 1
            result.taken.add(action.name)
            for law in model.laws:
                if words := law.broken(before, action, after):
                    result.counterexample = Counterexample(law.name, words, trace(at, action.name))
                    result.states, result.seconds = len(states), time.monotonic() - began
                    return result
            to = number.setdefault(after, len(states))
            if to == len(states):
                states.append(after)
                parent.append(at)
                by.append(action.name)
            if action.good and to != at:
                good_from.append(at)
                good_to.append(to)
        at += 1
    if result.complete:
        stuck = _never_at_rest(states, good_from, good_to, model.at_rest)
        if stuck is not None:
            result.counterexample = Counterexample(
                NO_REST, "from here no good action leads to rest", trace(stuck, "")
            )
    result.states, result.seconds = len(states), time.monotonic() - began
    return result


def _never_at_rest(
    states: list[S], good_from: array[int], good_to: array[int], at_rest: Callable[[S], bool]
) -> int | None:
    """The first state from which good actions never lead to one at rest; a deadlock is one of these."""
    into: list[list[int]] = [[] for _ in states]
    for before, after in zip(good_from, good_to, strict=True):
        into[after].append(before)
    reached = bytearray(len(states))
    waiting = [i for i, state in enumerate(states) if at_rest(state)]
    for i in waiting:
        reached[i] = 1
    while waiting:
        for before in into[waiting.pop()]:
            if not reached[before]:
                reached[before] = 1
                waiting.append(before)
    first = reached.find(0)
    return None if first < 0 else first
