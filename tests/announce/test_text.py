"""Words for people: untrusted text can be nothing but words (law 9)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.announce.text import escape, flat, listing, size, span, utc


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("<!channel> <@U0ANA>", "&lt;!channel&gt; &lt;@U0ANA&gt;"),
        ("&lt;!here&gt;", "&amp;lt;!here&amp;gt;"),
        ("*bold* ~gone~ `code`", "∗bold∗ ∼gone∼ ˋcodeˋ"),
        ("_leaning_ but hf_7.ipm", "ˍleaningˍ but hf_7.ipm"),
        (":white_check_mark: at 13:05", "꞉white_check_mark: at 13:05"),
        ("one\ntwo\u202eeerht\x00", "one two eerht"),
    ],
)
def test_untrusted_words_are_only_words(given: str, safe: str) -> None:
    assert escape(given) == safe


@given(st.text(), st.integers(1, 80))
def test_escape_leaves_nothing_that_slack_reads(untrusted: str, limit: int) -> None:
    safe = escape(untrusted, limit)
    assert not set("<>*~`\n") & set(safe)
    assert "&" not in re.sub(r"&(amp|lt|gt);", "", safe)
    assert len(flat(untrusted, limit)) <= limit


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(seconds=59), "under a minute"),
        (timedelta(minutes=-3), "under a minute"),
        (timedelta(minutes=12, seconds=30), "12 min"),
        (timedelta(minutes=65), "1 h 5 min"),
        (timedelta(hours=2), "2 h 0 min"),
    ],
)
def test_spans(length: timedelta, words: str) -> None:
    assert span(length) == words


@pytest.mark.parametrize(
    ("count", "words"), [(999, "999 bytes"), (4_096, "4.1 kB"), (1_234_567_890, "1.2 GB")]
)
def test_sizes(count: int, words: str) -> None:
    assert size(count) == words


def test_moments_name_their_zone() -> None:
    assert utc(datetime(2026, 11, 22, 13, 5, tzinfo=UTC)) == "22 Nov 2026 13:05 UTC"


def test_long_listings_are_cut() -> None:
    assert listing(["a", "b"]) == "a, b"
    assert listing([str(i) for i in range(14)]).endswith("11 and 2 more")
