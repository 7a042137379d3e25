"""What is explored: the scopes of the protocol itself, and its mutants, each without one rule."""

from __future__ import annotations

from typing import NamedTuple

from tests.model.checker import Law, Model, Result, explore
from tests.model.deciding import WHOLE, Rules
from tests.model.laws import LAWS, ONE_BOT_ALONE
from tests.model.process import Action
from tests.model.protocol import successors
from tests.model.world import Scope, World, at_rest, initial

PLAIN = Scope("plain", network=False, silence=False, failing=False)
"""Nothing but the bot, killed at any point."""
INSTALL = PLAIN._replace(begun=True)
TWO_BOTS = INSTALL._replace(processes=2, lock=False)

SHORT = (
    PLAIN._replace(name="the bot is killed at any point"),
    INSTALL._replace(
        name="from Install on: silence, lost and doubled messages, failing work, a second person",
        network=True,
        silence=True,
        failing=True,
        other=True,
    ),
    INSTALL._replace(
        name="from Install on: failing work, people cancel and state", failing=True, people=True
    ),
    INSTALL._replace(name="from Install on: failing work, a backup is restored", failing=True, restore=True),
    TWO_BOTS._replace(name="two bots from Install on, lost messages", network=True),
)
"""Explored to their ends by the tests, beside the mutants."""

FULL = (
    *SHORT,
    Scope("silence, lost and doubled messages, failing work"),
    PLAIN._replace(name="lost messages, a second person at the console", other=True, network=True),
    PLAIN._replace(name="silence, a changed plan, a closing window", drift=True, silence=True),
    PLAIN._replace(name="lost messages, the host loses power", power=True, network=True),
    PLAIN._replace(name="failing work, people cancel and state", people=True, failing=True),
    PLAIN._replace(name="a backup is restored", restore=True),
    PLAIN._replace(name="two plans", plans=2),
    TWO_BOTS._replace(name="two bots from Install on, failing work", failing=True),
    TWO_BOTS._replace(name="two bots from Install on, people", people=True),
)
"""Explored to their ends by `make model`. The bot may be killed at any point in every one of them."""


class Mutant(NamedTuple):
    """The protocol without `rule`, explored in `scope` until `law` is broken."""

    rule: str
    law: str
    scope: Scope


ONCE = "Install is sent at most once per plan"
MUTANTS = (
    Mutant("the intent is on disk before the click", ONCE, INSTALL),
    Mutant("appends are flushed to disk", ONCE, INSTALL._replace(power=True)),
    Mutant("no Install after a lost answer", ONCE, INSTALL._replace(network=True)),
    Mutant("no Install after a restart", ONCE, INSTALL),
    Mutant("appends name the version they were decided on", ONCE, TWO_BOTS),
    Mutant(
        "an intent older than 30 s is not sent",
        "no Install without its intent",
        TWO_BOTS._replace(people=True),
    ),
    Mutant("a restored ledger begins an epoch", ONCE, INSTALL._replace(restore=True)),
    Mutant("an epoch voids the run under way", ONCE, INSTALL._replace(restore=True)),
    Mutant("a lost answer is in doubt", "stopped only if nothing was sent", INSTALL._replace(network=True)),
    Mutant("quarantine in the same append", "no quarantine is lost", INSTALL._replace(failing=True)),
    Mutant(
        "quarantine bars every start",
        "nothing is begun while quarantined or held",
        INSTALL._replace(plans=2, failing=True),
    ),
    Mutant("two people release", "two people lift it", INSTALL._replace(failing=True, people=True)),
    Mutant("failure is terminal", "from Send on an error is a failure", INSTALL._replace(failing=True)),
    Mutant("foreign work is never adopted", "the intent passed its gates", INSTALL._replace(other=True)),
    Mutant(
        "success is installed everywhere",
        "succeeded only if installed everywhere",
        INSTALL._replace(failing=True),
    ),
    Mutant("the lockout is announced first", "the lockout is announced before Install", PLAIN),
    Mutant("drift voids the approvals", "the intent passed its gates", INSTALL._replace(drift=True)),
)


def check(scope: Scope, rules: Rules = WHOLE, law: str = "", limit: int | None = None) -> Result:
    """Explore; `law`: hold it to this one alone."""
    laws: tuple[Law[World, Action], ...] = LAWS
    if scope.processes == 1 and not scope.people:
        laws = (*laws, ONE_BOT_ALONE)
    if law:
        laws = tuple(one for one in laws if one.name == law)
    model = Model(initial(scope), lambda w: successors(w, scope, rules), laws, at_rest)
    return explore(model, limit)


def fall(mutant: Mutant) -> Result:
    """Explore the mutant until its law is broken."""
    return check(mutant.scope, Rules(mutant.rule), mutant.law)
