"""The book: what it remembers, what it may forget, and that a snapshot of it is the same book."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.announce.book import BOOK_FOLD, KNOWN, STREAM, Book, Place, Record
from bot.clock import Clock
from bot.domain import events as e
from bot.domain.events import Event
from bot.domain.ledger import Entry
from bot.domain.snapshot import APART, DOMAIN, kind_of
from storage.sqlite import SqliteLedger
from tests.support import values as v

CHANNEL = "C-OPS"


def folded(events: Iterable[Event], record: Record | None = None) -> Record:
    """The record after these entries, from the ledger's first position on."""
    record = record or Record()
    for position, event in enumerate(events, start=1):
        record = BOOK_FOLD.take(record, Entry(position, STREAM, position, v.T0, event, ""))
    return record


def posted(number: int) -> e.Posted:
    return e.Posted(key=f"card:KT-{number}", channel=CHANNEL, ts=f"{number}.5")


keys = st.sampled_from(["card:KT-1", "card:KT-2", "ask:KT-1:U-ANNA", "lockout:KT-2"])
channels = st.sampled_from([CHANNEL, "D-ANNA"])
written = st.one_of(
    st.builds(e.PostIntended, key=keys, channel=channels),
    st.builds(e.Posted, key=keys, channel=channels, ts=st.sampled_from(["1.5", "2.5", "10.25"])),
    st.builds(e.PostAbandoned, key=keys, reason=st.text(max_size=5)),
    st.builds(e.Announced, position=st.integers(0, 50)),
    st.builds(e.Expired, request=keys),
)


@settings(deadline=None)
@given(st.lists(written, max_size=30), st.lists(written, max_size=30))
def test_a_record_is_read_as_it_was_written(before: list[Event], after: list[Event]) -> None:
    again = BOOK_FOLD.read(BOOK_FOLD.write(folded(before)))
    assert again == folded(before)
    assert list(again.places) == list(folded(before).places), "oldest first"
    assert folded(after, again) == folded(after, folded(before))


def test_the_newest_messages_are_known_and_the_older_forgotten() -> None:
    count = KNOWN + 100
    record = folded([*map(posted, range(count)), e.Announced(position=count)])
    assert len(record.settled) == len(record.places) == KNOWN
    assert next(iter(record.places)) == "card:KT-100"
    assert list(record.places)[-1] == f"card:KT-{count - 1}"
    assert record.newest == {CHANNEL: f"{count - 1}.5"}


def test_nothing_is_forgotten_that_announcing_has_not_passed() -> None:
    """The event of a message comes before its outcome: what a restart goes through again is still known."""
    count = KNOWN + 100
    record = folded([*map(posted, range(count)), e.Announced(position=40)])
    assert len(record.settled) == KNOWN + 60


def test_what_was_given_up_is_forgotten_too() -> None:
    gone = [e.PostAbandoned(key=f"ask:KT-{n}:U-GONE", reason="user_disabled") for n in range(KNOWN + 5)]
    record = folded([*gone, e.Announced(position=KNOWN + 5)])
    assert len(record.settled) == KNOWN
    assert not record.places


def test_a_message_in_doubt_is_never_forgotten() -> None:
    doubtful = e.PostIntended(key="lockout:KT-0", channel=CHANNEL)
    record = folded([doubtful, *map(posted, range(1, KNOWN + 50)), e.Announced(position=KNOWN + 50)])
    assert record.doubtful == {"lockout:KT-0": (CHANNEL, "0")}


def test_a_message_that_is_posted_anew_counts_as_new() -> None:
    again = e.Posted(key="card:KT-0", channel=CHANNEL, ts="99999.5")
    record = folded([*map(posted, range(KNOWN)), again, posted(KNOWN), e.Announced(position=KNOWN + 2)])
    assert record.places["card:KT-0"] == Place(CHANNEL, "99999.5")
    assert "card:KT-1" not in record.settled


def test_the_books_code_is_named_by_its_own_source_too() -> None:
    assert BOOK_FOLD.kind == kind_of([*DOMAIN, Path(inspect.getfile(Book))])


async def test_a_book_is_opened_from_its_snapshot(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        old = [*map(posted, range(APART)), e.Announced(position=APART)]
        await ledger.append(STREAM, 0, old, v.T0)
        book = Book(ledger, Clock())
        await book.open()
        snapshot = await ledger.snapshot(STREAM, BOOK_FOLD.kind)
        assert snapshot is not None
        assert snapshot.version == len(old), "what was read long is not read again"
        await book.intend("card:KT-new", CHANNEL)
        again = Book(ledger, Clock())
        await again.open()
        assert (again.places, again.position, again.reached) == (book.places, APART, APART)
        assert again.settled("card:KT-0")
        assert again.doubtful == {"card:KT-new": (CHANNEL, f"{APART - 1}.5")}
        await again.posted("card:KT-new", Place(CHANNEL, "9999.5"))
        assert not again.doubtful


async def test_a_book_that_grows_keeps_snapshots(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        await ledger.append(STREAM, 0, [*map(posted, range(APART - 1))], v.T0)
        book = Book(ledger, Clock())
        await book.open()
        await book.intend("card:KT-new", CHANNEL)
        assert await ledger.snapshot(STREAM, BOOK_FOLD.kind) is None
        await book.intend("card:KT-newer", CHANNEL)
        snapshot = await ledger.snapshot(STREAM, BOOK_FOLD.kind)
        assert snapshot is not None
        assert snapshot.version == APART
