"""The chain of hashes: as documented, honest ledgers verify, and tampering is found where it was done (law 7)."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.events import Announced, Declined, Event, Posted, Withdrawn, encode
from storage.chain import GENESIS, Row, Verification, link
from storage.ledger import Broken, Head
from storage.sqlite import PAGE, SqliteLedger

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
ENTRIES = 12
COLUMNS = ("position", "stream", "version", "at", "type", "schema", "data", "hash")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
events = st.one_of(
    st.builds(Declined, request=texts, by=texts, reason=texts),
    st.builds(Withdrawn, request=texts, by=texts),
    st.builds(Posted, key=texts, channel=texts, ts=texts),
    st.builds(Announced, position=st.integers(0, 10**9)),
)


async def write(path: Path, appends: Sequence[tuple[str, Sequence[Event]]]) -> Head:
    async with SqliteLedger.open(path) as ledger:
        versions: dict[str, int] = {}
        for stream, batch in appends:
            version = versions.get(stream, 0)
            versions[stream] = version + len(batch)
            await ledger.append(stream, version, batch, AT)
        return await ledger.head()


async def verify(path: Path, announced: str | None = None) -> Head:
    async with SqliteLedger.open(path, audit=True) as ledger:
        return await ledger.verify(announced)


def by_the_book(path: Path) -> str:
    """An independent verifier, written from the documentation of `storage.chain` alone. Returns the head."""
    connection = sqlite3.connect(path)
    connection.text_factory = bytes
    head = b"0" * 64
    for row in connection.execute("SELECT * FROM events ORDER BY position"):
        fields = [head, *(str(f).encode() if isinstance(f, int) else f for f in row[:-1])]
        netstrings = b"".join(str(len(field)).encode() + b":" + field + b"," for field in fields)
        head = hashlib.sha256(netstrings).hexdigest().encode()
        assert row[-1] == head
    connection.close()
    return head.decode()


def test_the_encoding_is_the_documented_one() -> None:
    text = b"64:" + b"0" * 64 + b",1:1,6:n\xc3\xb6rth,2:12,3:now,4:Seen,1:1,2:{},"
    assert link(GENESIS, 1, "nörth", 12, "now", "Seen", 1, "{}") == hashlib.sha256(text).hexdigest()


def test_fields_do_not_run_into_each_other() -> None:
    assert link(GENESIS, 1, "ab", 1, "c", "d", 1, "") != link(GENESIS, 1, "a", 1, "bc", "d", 1, "")
    assert link(GENESIS, 1, "a", 11, "", "", 1, "") != link(GENESIS, 11, "a", 1, "", "", 1, "")
    assert link(GENESIS, 1, "a,1:b", 1, "", "", 1, "") != link(GENESIS, 1, "a", 1, "b", "", 1, "")


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["north", "süd", ""]), st.lists(events, max_size=4)), max_size=8),
)
def test_honest_ledgers_verify(appends: list[tuple[str, list[Event]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        head = asyncio.run(write(path, appends))
        assert head.position == sum(len(batch) for _, batch in appends)
        assert asyncio.run(verify(path, head.hash)) == head
        assert by_the_book(path) == head.hash


async def test_a_ledger_of_many_pages_verifies_against_every_head_it_had(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    batch = [Announced(position=n) for n in range(PAGE)]
    async with SqliteLedger.open(path) as ledger:
        first = await ledger.append("announcer", 0, batch, AT)
        second = await ledger.append("announcer", PAGE, batch[:7], AT)
        for announced in (GENESIS, first[0].hash, first[-1].hash, second[0].hash, second[-1].hash.upper()):
            assert await ledger.verify(announced) == Head(PAGE + 7, second[-1].hash)


# --- tampering


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed ledger of `ENTRIES` entries in three streams."""
    path = tmp_path_factory.mktemp("honest") / "ledger.db"
    streams = ("north", "south", "announcer")
    appends = [
        (streams[n % 3], [Declined(request=f"r{n}", by=f"U{n}", reason="x" * n)]) for n in range(ENTRIES)
    ]
    asyncio.run(write(path, appends))
    return path


Tampering = Callable[[list[Row]], list[Row]]


def tampered(honest: Path, directory: Path, tampering: Tampering) -> tuple[Path, list[Row], list[Row]]:
    """A copy with its rows replaced; the rows before and after."""
    path = directory / "ledger.db"
    shutil.copy(honest, path)
    connection = sqlite3.connect(path)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    before = [Row(*row) for row in connection.execute("SELECT * FROM events ORDER BY position")]
    after = tampering(before)
    connection.execute("DROP INDEX idx_events_stream_version")
    connection.execute("DELETE FROM events")
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", after)
    connection.commit()
    connection.close()
    return path, before, after


def found_at(honest: Path, tampering: Tampering, announced: str | None = None) -> int | None:
    """Where the verification finds a copy of `honest` with its rows replaced; None when it verifies."""
    with tempfile.TemporaryDirectory() as directory:
        path, _, _ = tampered(honest, Path(directory), tampering)
        try:
            asyncio.run(verify(path, announced))
        except Broken as broken:
            return broken.position
    return None


def renumbered(rows: Sequence[Row], first: int = 1) -> list[Row]:
    return [row._replace(position=position) for position, row in enumerate(rows, first)]


def rechained(rows: Sequence[Row]) -> list[Row]:
    """What a careful forger does: positions, versions and hashes all fit again."""
    done: list[Row] = []
    versions: dict[str, int] = {}
    previous = GENESIS
    for row in renumbered(rows):
        versions[row.stream] = versions.get(row.stream, 0) + 1
        row = row._replace(version=versions[row.stream])
        previous = link(previous, *row[:-1])
        done.append(row._replace(hash=previous))
    return done


places = st.integers(0, ENTRIES - 1)


def another(value: Any, chance: st.DataObject) -> Any:
    kind = st.integers(-5, 50) if isinstance(value, int) else texts
    return chance.draw(kind.filter(lambda drawn: drawn != value))


@settings(max_examples=40, deadline=None)
@given(place=places, column=st.sampled_from(COLUMNS[1:]), chance=st.data())
def test_a_changed_row_is_found(honest: Path, place: int, column: str, chance: st.DataObject) -> None:
    def change(rows: list[Row]) -> list[Row]:
        rows = rows.copy()
        rows[place] = rows[place]._replace(**{column: another(getattr(rows[place], column), chance)})
        return rows

    assert found_at(honest, change) == place + 1


@settings(max_examples=20, deadline=None)
@given(place=st.integers(0, ENTRIES - 2), closed=st.booleans())
def test_a_removed_row_is_found(honest: Path, place: int, closed: bool) -> None:
    """Whether the gap is left or closed. The last one is a cut tail, see below."""

    def remove(rows: list[Row]) -> list[Row]:
        rest = rows[:place] + rows[place + 1 :]
        return renumbered(rest) if closed else rest

    assert found_at(honest, remove) == place + 1


@settings(max_examples=20, deadline=None)
@given(place=st.integers(0, ENTRIES), stream=st.sampled_from(["north", "new"]), event=events)
def test_an_inserted_row_is_found(honest: Path, place: int, stream: str, event: Event) -> None:
    def insert(rows: list[Row]) -> list[Row]:
        new = Row(0, stream, 1, rows[0].at, type(event).__name__, 1, event.model_dump_json(), "f" * 64)
        return renumbered([*rows[:place], new, *rows[place:]])

    assert found_at(honest, insert) == place + 1


@pytest.mark.parametrize("position", [0, -1, -(2**63), ENTRIES + 2, 2**63 - 1])
def test_a_row_beside_the_others_is_found(honest: Path, position: int) -> None:
    found = found_at(honest, lambda rows: [*rows, rows[-1]._replace(position=position)])
    assert found == min(position, ENTRIES + 1)


@settings(max_examples=20, deadline=None)
@given(pair=st.lists(places, min_size=2, max_size=2, unique=True))
def test_swapped_rows_are_found(honest: Path, pair: list[int]) -> None:
    def swap(rows: list[Row]) -> list[Row]:
        rows = rows.copy()
        one, other = pair
        rows[one], rows[other] = rows[other], rows[one]
        return renumbered(rows)

    assert found_at(honest, swap) == min(pair) + 1


@settings(max_examples=15, deadline=None)
@given(kept=st.integers(0, ENTRIES - 1))
def test_a_cut_tail_is_found_against_the_announced_head(honest: Path, kept: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path, rows, _ = tampered(honest, Path(directory), lambda rows: rows[:kept])
        assert asyncio.run(verify(path)).position == kept
        for announced in rows[kept:]:
            with pytest.raises(Broken, match="was announced, but is not in this ledger") as broken:
                asyncio.run(verify(path, announced.hash))
            assert broken.value.position == kept + 1
        for announced in rows[:kept]:
            assert asyncio.run(verify(path, announced.hash)).position == kept


@settings(max_examples=15, deadline=None)
@given(place=places)
def test_a_chain_computed_anew_is_found_against_the_announced_head(honest: Path, place: int) -> None:
    def rewrite(rows: list[Row]) -> list[Row]:
        rows = rows.copy()
        rows[place] = rows[place]._replace(data='{"by":"nobody","reason":"","request":"r1"}')
        return rechained(rows)

    with tempfile.TemporaryDirectory() as directory:
        path, before, _ = tampered(honest, Path(directory), rewrite)
        assert asyncio.run(verify(path)).position == ENTRIES
        for announced in before[place:]:
            with pytest.raises(Broken, match="was announced"):
                asyncio.run(verify(path, announced.hash))


def test_versions_that_do_not_follow_are_found_in_a_chain_that_fits() -> None:
    walk = Verification()
    head = GENESIS
    for position, version in ((1, 1), (2, 3)):
        values = (position, "north", version, "now", "Seen", 1, "{}")
        head = link(head, *values)
        row = Row(*values, head)
        if position == 1:
            walk.take(row)
    with pytest.raises(Broken, match="version 3 of stream north, where version 2 follows") as broken:
        walk.take(row)
    assert broken.value.position == 2


def test_bytes_that_are_no_text_are_found(honest: Path, tmp_path: Path) -> None:
    """Also those that a reader would show as the same replacement character."""
    replacement = Declined(request="r", by="U", reason="\ufffd")

    def replace(rows: list[Row]) -> list[Row]:
        return rechained([*rows[:3], rows[3]._replace(data=encode(replacement)[2]), *rows[4:]])

    path, _, _ = tampered(honest, tmp_path, replace)
    assert asyncio.run(verify(path)).position == ENTRIES
    connection = sqlite3.connect(path)
    data = encode(replacement)[2].encode().replace("\ufffd".encode(), b"\xff")
    connection.execute("UPDATE events SET data = CAST(? AS TEXT) WHERE position = 4", [data])
    connection.commit()
    connection.close()
    with pytest.raises(Broken) as broken:
        asyncio.run(verify(path))
    assert broken.value.position == 4


def test_a_value_of_another_kind_is_found(honest: Path, tmp_path: Path) -> None:
    """A blob with the same bytes as the text would hash the same."""
    path, _, _ = tampered(honest, tmp_path, lambda rows: rows)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE loose AS SELECT * FROM events")
    connection.execute("DROP TABLE events")
    connection.execute("ALTER TABLE loose RENAME TO events")
    connection.execute("UPDATE events SET data = CAST(data AS BLOB) WHERE position = 5")
    connection.commit()
    connection.close()
    with pytest.raises(Broken, match="wrong kind") as broken:
        asyncio.run(verify(path))
    assert broken.value.position == 5
