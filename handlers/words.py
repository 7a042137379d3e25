"""What somebody typed after `/upgrade`, as data. Pure; never raises, whatever the text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bot.domain.events import Statement
from handlers.text import plain


class Verb(StrEnum):
    """What is done to a request by its id alone; the values are the buttons' action ids."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    ACKNOWLEDGE = "acknowledge"


@dataclass(frozen=True)
class Ask:
    """Open the form."""


@dataclass(frozen=True)
class Status:
    """How one enterprise stands; every one when `enterprise` is empty."""

    enterprise: str = ""


@dataclass(frozen=True)
class ListRequests:
    """The requests of all enterprises."""


@dataclass(frozen=True)
class Act:
    verb: Verb
    request: str


@dataclass(frozen=True)
class Decline:
    request: str
    reason: str = ""


@dataclass(frozen=True)
class State:
    """A statement about what the console shows (laws 4 and 5)."""

    request: str
    statement: Statement
    value: str = ""


@dataclass(frozen=True)
class Compare:
    """The last announced head, as this person found it: the enterprise is held (law 1)."""

    enterprise: str
    head: str


@dataclass(frozen=True)
class Help:
    """Explain the commands. `said`: what was not understood; `usage`: how that command is written, if there is one.

    `said` is what the person typed: untrusted text.
    """

    said: str = ""
    usage: str = ""


Wish = Ask | Status | ListRequests | Act | Decline | State | Compare | Help


class Spelling(NamedTuple):
    """How a command is written, and what it does."""

    arguments: str
    does: str


COMMANDS: dict[str, Spelling] = {
    "request": Spelling("", "open the form to ask for an upgrade; so does /upgrade alone"),
    "status": Spelling("[ENTERPRISE]", "what is going on"),
    "list": Spelling("", "the requests and what became of them"),
    "approve": Spelling("ID", "approve the plan of a request"),
    "decline": Spelling("ID [REASON]", "decline a request"),
    "withdraw": Spelling("ID", "withdraw a request of your own"),
    "cancel": Spelling("ID", "cancel an approved request or a run, until Install is pressed"),
    "ack": Spelling("ID", "acknowledge a page, so that it is not repeated"),
    "attest": Spelling(
        "ID not-started|installing|cannot-tell [CASE]",
        "after an unknown outcome: say what the console shows; cannot-tell releases, with the vendor's case number",
    ),
    "release": Spelling("ID CASE", "release the quarantine, with the vendor's case number"),
    "confirm": Spelling("ID LEVEL", "confirm the level that every appliance shows"),
    "failed": Spelling("ID WHAT-YOU-SAW", "declare a run failed"),
    "compared": Spelling(
        "ENTERPRISE HEAD",
        "while an enterprise is held: say that you compared its consoles, and the last head announced in its channel",
    ),
    "help": Spelling("", "this list"),
}
"""The commands by their first word. Those that state something act when two people say the same."""

_ATTESTED = {
    "not-started": Statement.NOT_STARTED,
    "installing": Statement.INSTALLING,
    "cannot-tell": Statement.CANNOT_TELL,
}


def parse(text: str) -> Wish:
    """The wish in the text of a slash command, which Slack has escaped (`should_escape`)."""
    word, rest = _split(plain(text))
    verb = word.lower()
    if not verb:
        return Ask()
    reader = _READERS.get(verb)
    if reader is None:
        return Help(said=word)
    wish = reader(rest)
    if wish is None:
        return Help(said=f"{word} {rest}".strip(), usage=f"{verb} {COMMANDS[verb].arguments}".strip())
    return wish


def _split(text: str) -> tuple[str, str]:
    word, _, rest = text.strip().partition(" ")
    return word, rest.strip()


def _nothing(wish: Wish) -> Callable[[str], Wish | None]:
    return lambda rest: None if rest else wish


def _status(rest: str) -> Wish | None:
    name, more = _split(rest)
    return None if more else Status(name.lower())


def _act(verb: Verb) -> Callable[[str], Wish | None]:
    def read(rest: str) -> Wish | None:
        request, more = _split(rest)
        return Act(verb, request) if request and not more else None

    return read


def _decline(rest: str) -> Wish | None:
    request, reason = _split(rest)
    return Decline(request, reason) if request else None


def _attest(rest: str) -> Wish | None:
    request, more = _split(rest)
    word, case = _split(more)
    statement = _ATTESTED.get(word.lower())
    # Two people must state the same: a word too many would make their statements differ.
    if statement is None or bool(case) != (statement is Statement.CANNOT_TELL):
        return None
    return State(request, statement, case)


def _stating(statement: Statement) -> Callable[[str], Wish | None]:
    def read(rest: str) -> Wish | None:
        request, value = _split(rest)
        return State(request, statement, value) if value else None

    return read


def _compared(rest: str) -> Wish | None:
    enterprise, head = _split(rest)
    return Compare(enterprise.lower(), head) if head else None


_READERS: dict[str, Callable[[str], Wish | None]] = {
    "request": _nothing(Ask()),
    "status": _status,
    "list": _nothing(ListRequests()),
    "approve": _act(Verb.APPROVE),
    "decline": _decline,
    "withdraw": _act(Verb.WITHDRAW),
    "cancel": _act(Verb.CANCEL),
    "ack": _act(Verb.ACKNOWLEDGE),
    "attest": _attest,
    "release": _stating(Statement.RELEASE),
    "confirm": _stating(Statement.LEVEL),
    "failed": _stating(Statement.FAILURE),
    "compared": _compared,
    "help": _nothing(Help()),
}


def spelled(request: str, statement: Statement, value: str) -> str:
    """The command that states this: what a second person types."""
    for word, attested in _ATTESTED.items():
        if statement is attested:
            return f"/upgrade attest {request} {word} {value}".strip()
    word = {Statement.RELEASE: "release", Statement.LEVEL: "confirm", Statement.FAILURE: "failed"}[statement]
    return f"/upgrade {word} {request} {value}"
