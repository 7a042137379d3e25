"""The model and the code in lockstep: the same command, refused by both or causing the same events and the same state.

A pair is a state of the model and a state of `bot/domain` that came about by the same commands.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from bot.domain import enterprise as domain
from tests.model import concrete
from tests.model import ledger as m
from tests.model.deciding import decide
from tests.support import values as v


class Pair(NamedTuple):
    model: m.Ledger
    code: domain.Enterprise
    now: datetime

    @property
    def plans(self) -> int:
        return len(self.model.requests)


class Drift(AssertionError):
    """The model and the code disagree about a command."""


def beginning(plans: int) -> Pair:
    return Pair(m.Ledger((m.Request(),) * plans), domain.Enterprise(), v.T0)


def step(pair: Pair, command: m.Command) -> Pair | None:
    """Both after `command`; None when it changes nothing. Raises `Drift`."""
    expected = decide(pair.model, command)
    now = pair.now + v.minutes(1)
    again = command.kind == "observe" and command.look == pair.model.requests[command.request].seen
    looks = concrete.LOOKS[command.look] if command.look else (None,)
    # Of a look that is seen again, no other version: the code appends one that differs in anything.
    for seen in reversed(looks[:1] if again else looks):
        events = concrete.decide(pair.code, command, now, seen)
        found = None if events is None else concrete.named(events)
        if found != expected:
            raise Drift(f"{command}\nmodel: {expected}\ncode:  {found}\nin:    {pair.model}")
    if not events:
        return None
    model = pair.model
    for event in expected or ():
        model = m.evolve(model, event)
    code = domain.replay([(now, event) for event in events], pair.code)
    if (abstract := concrete.abstract(code, pair.plans)) != model:
        raise Drift(f"after {command}\nmodel: {model}\ncode:  {abstract}")
    return Pair(model, code, now)


class Held(NamedTuple):
    """What was held together. `complete`: every state of the ledger that any commands reach."""

    states: int
    commands: int
    complete: bool


def everywhere(plans: int, limit: int | None = None) -> Held:
    """Every command in every state that is reached, breadth first, or in the first `limit` of them."""
    waiting = [beginning(plans)]
    known = {waiting[0].model}
    alphabet = concrete.alphabet(plans)
    for at, pair in enumerate(waiting):
        if at == limit:
            return Held(at, at * len(alphabet), False)
        for command in alphabet:
            after = step(pair, command)
            if after is not None and after.model not in known:
                known.add(after.model)
                waiting.append(after)
    return Held(len(waiting), len(waiting) * len(alphabet), True)


def walk(plans: int, length: int, chance: random.Random, tries: int = 8) -> Sequence[m.Ledger]:
    """A random walk of so many states, `tries` commands at each; those that lead on are preferred."""
    pair, passed = beginning(plans), []
    alphabet = concrete.alphabet(plans)
    for _ in range(length):
        passed.append(pair.model)
        onward = [c for c in alphabet if decide(pair.model, c)]
        mixed = [*chance.choices(alphabet, k=tries), *chance.choices(onward, k=tries)]
        ways = [after for command in mixed if (after := step(pair, command)) is not None]
        lively = [after for after in ways if any(r.open or r.running for r in after.model.requests)]
        pair = chance.choice(lively or ways or [beginning(plans)])
    return passed
