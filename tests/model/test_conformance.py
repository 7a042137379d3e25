"""The model's ledger is the bot's: `decide` and `evolve` of bot/domain in lockstep with `tests/model/ledger.py`.

Here the states nearest to the beginning, those on the ways to each end, and random walks; `make model` holds every
state together.
"""

from __future__ import annotations

import random

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from tests.model import concrete
from tests.model import ledger as m
from tests.model.conformance import beginning, everywhere, step, walk
from tests.model.deciding import decide
from tests.model.ledger import Command

WALKS = 8

TO_INSTALL = (
    Command("ask"),
    Command("approve", who="Anna"),
    Command("approve", who="Ben"),
    Command("start", look="absent"),
    Command("announced"),
    Command("intend", look="absent", what="U"),
    Command("finish", what="U"),
    Command("intend", look="uploaded", what="D"),
    Command("observe", look="done"),
    Command("finish", what="D"),
    Command("install", look="distributed"),
    Command("press", what="in doubt"),
)


def both(what: str) -> tuple[Command, ...]:
    return tuple(Command("attest", what=what, who=who) for who in ("Anna", "Ben"))


UNKNOWN = (Command("observe", look="distributed"), Command("observe", look="distributed", spent="settle"))
ENDS = {
    "succeeded": (Command("observe", look="installing"), Command("observe", look="installed")),
    "failed, released": (Command("observe", look="error"), *both("release")),
    "unknown, nothing had started": (*UNKNOWN, *both("not started")),
    "overdue, then unknown, it was installing": (
        Command("observe", look="silent", spent="overdue"),
        *UNKNOWN,
        *both("installing"),
        Command("observe", look="installed"),
    ),
    "unknown, nobody can tell": (*UNKNOWN, *both("cannot tell")),
    "overdue, failure declared": (Command("observe", look="silent", spent="overdue"), *both("failure")),
    "another level, confirmed": (Command("observe", look="other"), *both("level")),
    "a new epoch, compared": (
        Command("begin epoch"),
        Command("compare", what="wrong head", who="Anna"),
        Command("compare", what="head", who="Anna"),
        Command("compare", what="head", who="Ben"),
    ),
}

NOT_MODELLED = {
    e.Declined: "ends an open request as Cancelled does",
    e.Withdrawn: "ends an open request as Cancelled does",
    e.NoticeRaised: "words",
    e.Paged: "words",
    e.Acknowledged: "words",
    e.LogsCollected: "read-only",
    e.LogsRefused: "read-only",
    e.EvidenceLost: "words",
    e.UploadProgressed: "words",
    e.PackageAdded: "another stream",
    e.PostIntended: "another stream",
    e.Posted: "another stream",
    e.PostAbandoned: "another stream",
    e.Announced: "another stream",
}
COMMANDS_NOT_MODELLED = {
    c.Decline,
    c.Withdraw,
    c.Acknowledge,
    c.LookAgain,
    c.ReportLogs,
    c.ReportEvidenceLost,
    c.ReportUpload,
}


@pytest.mark.parametrize("end", ENDS)
def test_model_and_code_agree_on_the_way_and_all_around_it(end: str) -> None:
    """At every state of the way each command that there is, then the one that leads on."""
    pair, alphabet = beginning(plans=1), concrete.alphabet(plans=1)
    for command in (*TO_INSTALL, *ENDS[end]):
        if command not in TO_INSTALL or end == "succeeded":
            for other in alphabet:
                step(pair, other)
        after = step(pair, command)
        assert after is not None, command
        pair = after
    for other in alphabet:
        step(pair, other)


def test_model_and_code_agree_on_every_command_near_the_beginning() -> None:
    assert everywhere(plans=1, limit=100).commands > 20_000


@pytest.mark.parametrize("seed", range(WALKS))
def test_model_and_code_agree_on_random_walks_with_two_plans(seed: int) -> None:
    walk(plans=2, length=40, chance=random.Random(seed))


def test_the_model_knows_every_event_and_every_command() -> None:
    """What is new in the code has to be modelled, or named here with the reason why not."""
    alphabet = concrete.alphabet(plans=1)
    commands = {type(told) for command in alphabet for told in concrete.told(command)}
    assert set(c.Command.__subclasses__()) == commands | COMMANDS_NOT_MODELLED
    known: set[str] = set()
    for end in ENDS.values():
        state = m.Ledger((m.Request(),))
        for command in (*TO_INSTALL, *end):
            for other in alphabet:
                known |= {event.name for event in decide(state, other) or ()}
            for event in decide(state, command) or ():
                state = m.evolve(state, event)
    assert set(e.EVENTS) == known | {kind.__name__ for kind in NOT_MODELLED}
