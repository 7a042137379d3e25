"""What is typed after /upgrade, as data: a table, and that no text breaks it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Statement
from handlers.words import (
    COMMANDS,
    Act,
    Ask,
    Compare,
    Decline,
    Help,
    ListRequests,
    State,
    Status,
    Verb,
    Wish,
    parse,
    spelled,
)


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("", Ask()),
        ("   ", Ask()),
        ("request", Ask()),
        ("REQUEST", Ask()),
        ("status", Status()),
        ("status Main", Status("main")),
        ("list", ListRequests()),
        ("approve U-1", Act(Verb.APPROVE, "U-1")),
        ("  approve\tU-1  ", Act(Verb.APPROVE, "U-1")),
        ("withdraw U-1", Act(Verb.WITHDRAW, "U-1")),
        ("cancel U-1", Act(Verb.CANCEL, "U-1")),
        ("ack U-1", Act(Verb.ACKNOWLEDGE, "U-1")),
        ("decline U-1", Decline("U-1")),
        ("decline U-1 not: tonight", Decline("U-1", "not: tonight")),
        ("decline U-1 a &lt; b &amp;amp; c", Decline("U-1", "a < b &amp; c")),
        ("decline U-1 ask <@U0ANA|ana> first", Decline("U-1", "ask @ana first")),
        ("decline U-1 see <https://example.com|the page>", Decline("U-1", "see the page")),
        ("decline U-1 see <#C1> <@U2>", Decline("U-1", "see #C1 @U2")),
        ("attest U-1 not-started", State("U-1", Statement.NOT_STARTED)),
        ("attest U-1 Installing", State("U-1", Statement.INSTALLING)),
        ("attest U-1 cannot-tell 0042 17", State("U-1", Statement.CANNOT_TELL, "0042 17")),
        ("release U-1 0042", State("U-1", Statement.RELEASE, "0042")),
        ("confirm U-1 24.1 HF 5", State("U-1", Statement.LEVEL, "24.1 HF 5")),
        ("failed U-1 red  banner", State("U-1", Statement.FAILURE, "red banner")),
        ("compared Main 5F2C5f2c", Compare("main", "5F2C5f2c")),
        ("compared main 5f2c 5f2c", Compare("main", "5f2c 5f2c")),
        ("compared main", Help(said="compared main", usage="compared ENTERPRISE HEAD")),
        ("help", Help()),
        ("explode now", Help(said="explode")),
        ("approve", Help(said="approve", usage="approve ID")),
        ("approve U-1 U-2", Help(said="approve U-1 U-2", usage="approve ID")),
        ("list all", Help(said="list all", usage="list")),
        ("release U-1", Help(said="release U-1", usage="release ID CASE")),
        ("status a b", Help(said="status a b", usage="status [ENTERPRISE]")),
    ],
)
def test_what_is_typed_becomes_a_wish(text: str, wish: Wish) -> None:
    assert parse(text) == wish


@pytest.mark.parametrize("rest", ["U-1", "U-1 maybe", "U-1 not-started 42", "U-1 cannot-tell", ""])
def test_an_attestation_is_complete_or_not_taken(rest: str) -> None:
    """A word too many would keep two people from stating the same."""
    assert isinstance(parse(f"attest {rest}"), Help)


@given(st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert isinstance(parse(text), Wish)


@given(st.sampled_from(sorted(COMMANDS)), st.text())
def test_no_argument_breaks_it(word: str, rest: str) -> None:
    wish = parse(f"{word} {rest}")

    assert isinstance(wish, Wish)
    assert not isinstance(wish, Help) or word == "help" or wish.usage


@given(st.sampled_from(Statement), st.from_regex(r"[A-Za-z0-9]+( [A-Za-z0-9]+){0,3}", fullmatch=True))
def test_the_second_person_can_type_what_the_first_one_stated(statement: Statement, value: str) -> None:
    alone = statement in (Statement.NOT_STARTED, Statement.INSTALLING)
    said = State("U-1", statement, "" if alone else value)

    assert parse(spelled("U-1", statement, said.value).removeprefix("/upgrade ")) == said
