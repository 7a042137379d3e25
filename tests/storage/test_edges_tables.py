"""What the ledger's tables hold and refuse, and the words of a chain that does not fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from bot.domain.events import Declined, Withdrawn
from bot.domain.ledger import Conflict
from storage.chain import GENESIS, Row, Verification, link
from storage.connection import connect
from storage.ledger import Broken
from storage.migrations import migrate
from storage.sqlite import SqliteLedger

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
FIRST = {
    "position": 1,
    "stream": "north",
    "version": 1,
    "at": "2025-11-22T13:00:00.000000+00:00",
    "type": "Declined",
    "schema": 1,
    "data": "{}",
    "hash": "0" * 64,
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = connect(tmp_path / "ledger.db", busy_timeout=1)
    migrate(made)
    yield made
    made.close()


def insert(database: Database, **changes: Any) -> None:
    row = {**FIRST, **changes}
    marks = ", ".join("?" for _ in row)
    database.execute(f"INSERT INTO events ({', '.join(row)}) VALUES ({marks})", list(row.values()))


# --- the table of the entries


def test_the_columns_of_the_entries_are_those_of_the_chain(database: Database) -> None:
    columns = database.execute(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_info('events')"
    ).fetchall()
    assert [name for name, *_ in columns] == list(Row._fields)
    numbers = {"position", "version", "schema"}
    assert {name: kind for name, kind, *_ in columns} == {
        name: "INTEGER" if name in numbers else "TEXT" for name in Row._fields
    }
    assert {name for name, _, _, key in columns if key} == {"position"}
    assert {name for name, _, needed, _ in columns if needed} == set(Row._fields) - {"position"}


def test_a_version_of_a_stream_stands_once(database: Database) -> None:
    unique = [
        [name for (name,) in database.execute("SELECT name FROM pragma_index_info(?)", [index])]
        for (index,) in database.execute("SELECT name FROM pragma_index_list('events') WHERE \"unique\"")
    ]
    assert unique == [["stream", "version"]]


@pytest.mark.parametrize("column", [name for name in FIRST if name != "position"])
def test_an_entry_lacks_nothing(database: Database, column: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        insert(database, **{column: None})
    assert database.execute("SELECT count(*) FROM events").fetchone() == (0,)


@pytest.mark.parametrize(("column", "value"), [("schema", "one"), ("data", b"{}"), ("at", b"now")])
def test_an_entry_holds_nothing_of_another_kind(database: Database, column: str, value: object) -> None:
    with pytest.raises(sqlite3.IntegrityError, match="cannot store"):
        insert(database, **{column: value})


def test_an_entry_is_only_ever_added_at_the_end(database: Database) -> None:
    insert(database)
    for changes in ({"position": 3, "version": 2}, {"position": 2, "version": 3}, {"position": 2}):
        with pytest.raises(sqlite3.IntegrityError, match="the ledger is append-only"):
            insert(database, **changes)
    insert(database, position=2, version=2)
    for sql in ("UPDATE events SET version = version", "DELETE FROM events"):
        with pytest.raises(sqlite3.IntegrityError, match="the ledger is append-only"):
            database.execute(sql)


# --- the words of a chain that does not fit


def row(position: int, previous: str, **changes: Any) -> Row:
    values = {**FIRST, "position": position, "version": position, **changes}
    del values["hash"]
    return Row(**values, hash=link(previous, *values.values()))


def broken(verification: Verification, entry: Row) -> tuple[str, int]:
    with pytest.raises(Broken) as refused:
        verification.take(entry)
    return str(refused.value), refused.value.position


def test_a_missing_entry_is_named() -> None:
    words, position = broken(Verification(), row(2, GENESIS))
    assert words.startswith("entry 1 is missing: entry 2 stands in its place")
    assert position == 1


def test_a_changed_entry_is_named() -> None:
    words, position = broken(Verification(), row(1, GENESIS)._replace(data='{"by": "somebody else"}'))
    assert words.startswith(
        "entry 1 (Declined of north) does not fit the chain of hashes: "
        "it, or what stood before it, was changed"
    )
    assert position == 1


def test_a_head_that_was_never_reached_is_named() -> None:
    verification = Verification("F" * 64)
    verification.take(row(1, GENESIS))
    with pytest.raises(Broken) as refused:
        verification.finish()
    words = str(refused.value)
    assert words.startswith(f"head {'f' * 64} was announced, but is not in this ledger")
    assert "was cut, computed anew, or is another ledger" in words
    assert refused.value.position == 2


def test_a_value_of_another_kind_is_named() -> None:
    words, position = broken(Verification(), row(1, GENESIS)._replace(schema=True))
    assert words.startswith("entry 1 holds a value of the wrong kind")
    assert position == 1


# --- the ledger over them


def declined(reason: str) -> Declined:
    return Declined(request="r1", by="U1", reason=reason)


async def test_streams_are_named_once_and_in_order(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        assert list(await ledger.streams()) == []
        for stream in ("south", "north", "announcer"):
            await ledger.append(stream, 0, [declined("a"), declined("b")], AT)
        assert list(await ledger.streams()) == ["announcer", "north", "south"]


async def test_a_conflict_names_its_stream(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        with pytest.raises(Conflict, match="stream north is at version 0, not 2") as conflict:
            await ledger.append("north", 2, [declined("a")], AT)
        assert conflict.value.stream == "north"


async def test_what_an_append_gives_back_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    zoned = datetime(2025, 11, 22, 18, tzinfo=timezone(timedelta(hours=5)))
    async with SqliteLedger.open(path) as ledger:
        added = await ledger.append("north", 0, [declined("a"), Withdrawn(request="r1", by="U1")], zoned)
        assert list(added) == list(await ledger.read_all())
        assert {entry.at.tzinfo for entry in added} == {UTC}
        with pytest.raises(ValueError, match=r"^a moment needs its time zone$"):
            await ledger.append("north", 2, [declined("c")], datetime(2025, 11, 22))
    stored = sqlite3.connect(path)
    assert stored.execute("SELECT DISTINCT at FROM events").fetchall() == [
        ("2025-11-22T13:00:00.000000+00:00",)
    ]
    stored.close()


async def test_a_moment_that_cannot_be_read_is_broken_at_its_position(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
        previous = (await ledger.head()).hash
    data = '{"by":"U1","reason":"","request":"r1"}'
    bad = row(2, previous, at="yesterday", data=data)
    other = sqlite3.connect(path)
    other.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", bad)
    other.commit()
    other.close()
    async with SqliteLedger.open(path, audit=True) as ledger:
        for attempt in (ledger.verify(), ledger.read_all(), ledger.read("north")):
            with pytest.raises(Broken, match=r"^entry 2 cannot be read: .*yesterday") as refused:
                await attempt
            assert refused.value.position == 2
        assert len(await ledger.read_all(limit=1)) == 1
