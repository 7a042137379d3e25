"""A damaged file: refused with one line that says where and what to do, or everything reads back as it was."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.events import UnknownEvent, Withdrawn
from bot.domain.ledger import Entry
from storage.chain import Row
from storage.connection import connect
from storage.errors import REMEDY, LedgerBusy, LedgerDamaged, LedgerUnavailable, NotALedger
from storage.ledger import Broken
from storage.sqlite import SqliteLedger
from tests.storage.tamper import AT, write

ENTRIES = 150
TRIALS, SEED = (
    int(os.environ.get(f"KEYTURN_DAMAGE_{name}", usual)) for name, usual in (("TRIALS", 60), ("SEED", 1))
)


class Files(NamedTuple):
    """A ledger as bytes: the database, and what its write-ahead log held; what it read as."""

    database: bytes
    log: bytes
    entries: list[Entry]


async def files(directory: Path, *, log: bool) -> Files:
    """A ledger of several pages; with `log`, the newest third of it stands in the write-ahead log alone."""
    path = directory / "honest.sqlite"
    chance = random.Random(7)
    await write(path, chance, ENTRIES)
    async with SqliteLedger.open(path) as ledger:
        if log:
            version = len(await ledger.read("announcer"))
            for number in range(ENTRIES // 2):
                await ledger.append(
                    "announcer", version + number, [Withdrawn(request=f"{number}", by="U")], AT
                )
            # A copy, as a host that went down leaves it: closing would fold the log into the database.
            for name in ("honest.sqlite", "honest.sqlite-wal"):
                shutil.copyfile(directory / name, directory / f"copy-{name}")
        entries = list(await ledger.read_all())
    if not log:
        return Files(path.read_bytes(), b"", entries)
    copies = [(directory / f"copy-honest.sqlite{end}").read_bytes() for end in ("", "-wal")]
    return Files(copies[0], copies[1], entries)


async def look(path: Path, honest: Files) -> str | None:
    """What a start would come to: None when all is as it was, or the refusal, which has to be a good one."""
    try:
        async with SqliteLedger.open(path, busy_timeout=0.05) as ledger:
            seen = await ledger.read_all()
            by_stream = [entry for name in await ledger.streams() for entry in await ledger.read(name)]
            await ledger.verify(honest.entries[-1].hash)
    except (LedgerUnavailable, Broken, UnknownEvent) as error:
        line = str(error)
        assert "\n" not in line
        assert re.search(r"\bentry -?\d+\b", line) or str(path) in line, line
        return line
    assert seen == honest.entries
    assert sorted(by_stream) == honest.entries
    return None


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


Damage = Callable[[bytes, random.Random], bytes]


def one_bit(content: bytes, chance: random.Random) -> bytes:
    return flipped(content, chance.randrange(len(content) * 8))


def head_of_a_page(content: bytes, chance: random.Random) -> bytes:
    """One bit where a page says how it is to be read."""
    page = chance.randrange(len(content) // 4096) * 4096
    return flipped(content, page * 8 + chance.randrange(120 * 8))


def truncated(content: bytes, chance: random.Random) -> bytes:
    return content[: chance.randrange(len(content))]


def truncated_to_pages(content: bytes, chance: random.Random) -> bytes:
    return content[: 4096 * chance.randrange(len(content) // 4096)]


@pytest.mark.parametrize("log", [False, True], ids=["one-file", "with-wal"])
@pytest.mark.parametrize("damage", [one_bit, head_of_a_page, truncated, truncated_to_pages])
async def test_damage_is_refused_or_does_not_matter(tmp_path: Path, damage: Damage, log: bool) -> None:
    honest = await files(tmp_path, log=log)
    path = tmp_path / "ledger.sqlite"
    chance = random.Random(SEED)
    refused = 0
    for _ in range(TRIALS):
        for end, content in (("", honest.database), ("-wal", honest.log), ("-shm", b"")):
            side = path.with_name(path.name + end)
            side.unlink(missing_ok=True)
            if content:
                side.write_bytes(content)
        damaged = path.with_name(path.name + chance.choice(("", "-wal"))) if log else path
        damaged.write_bytes(damage(damaged.read_bytes(), chance))
        refused += await look(path, honest) is not None
    assert refused > TRIALS / 4


async def one_of_many(path: Path, word: str) -> int:
    """A ledger of many pages, one of whose entries says `word`; that entry's position."""
    async with SqliteLedger.open(path) as ledger:
        events = [Withdrawn(request=word if n == 300 else f"request-{n}", by="U" * 50) for n in range(600)]
        await ledger.append("north", 0, events, AT)
    return 301


async def test_the_first_entry_that_does_not_fit_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    position = await one_of_many(path, "flip-me-here")
    content = path.read_bytes()
    place = content.index(b"flip-me-here")
    path.write_bytes(flipped(content, place * 8))
    async with SqliteLedger.open(path) as ledger:
        with pytest.raises(Broken, match=f"^entry {position} .* does not fit the chain") as broken:
            await ledger.verify()
    assert broken.value.position == position
    assert str(broken.value).endswith(REMEDY)
    assert "keyturn ledger restore BACKUP" in REMEDY


async def test_what_sqlite_cannot_read_is_named_as_the_entry_after_the_last_good_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    position = await one_of_many(path, "in-this-page")
    content = path.read_bytes()
    page = content.index(b"in-this-page") // 4096 * 4096
    path.write_bytes(content[:page] + b"\x00" * 100 + content[page + 100 :])
    async with SqliteLedger.open(path, audit=True) as ledger:
        rows: list[Row] = []

        async def read() -> None:
            async for row in ledger.rows():
                rows.append(row)

        with pytest.raises(Broken, match="malformed") as broken:
            await read()
        reached = len(rows)
        assert 200 < reached < position
        assert broken.value.position == reached + 1
        for attempt in (ledger.verify(), ledger.read_all()):
            with pytest.raises(
                Broken, match=f"entry {reached + 1} cannot be read, {reached} is the last one"
            ):
                await attempt
        with pytest.raises(LedgerDamaged, match="ledger restore"):
            await ledger.read("north")


async def test_a_type_that_damage_made_is_not_taken_for_a_later_version(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [Withdrawn(request="r", by="U")] * 3, AT)
    connection = connect(path, 1).conn
    connection.execute("DROP TRIGGER events_no_update")
    connection.execute("UPDATE events SET type = 'Withdrawm' WHERE position = 2")
    connection.close()
    with pytest.raises(Broken, match="entry 2 does not fit the chain") as broken:
        async with SqliteLedger.open(path):
            pass
    assert broken.value.position == 2


async def losing(path: Path, rows: str) -> None:
    """The index of the streams loses those entries; the table keeps them."""
    connection = sqlite3.connect(path)
    number, sql = connection.execute(
        "SELECT rootpage, sql FROM sqlite_master WHERE name = 'idx_events_stream_version'"
    ).fetchone()
    connection.execute(f"CREATE INDEX less ON events (stream, version) WHERE {rows}")
    connection.execute("PRAGMA writable_schema = ON")
    [less] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'less'").fetchone()
    connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE name = 'less'", [number])
    connection.execute("UPDATE sqlite_master SET rootpage = ? WHERE sql = ?", [less, sql])
    connection.commit()
    connection.close()


async def test_an_index_that_lost_an_entry_is_a_gap_and_not_a_shorter_stream(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [Withdrawn(request="r", by="U")] * 9, AT)
    await losing(path, "version <> 4")
    async with SqliteLedger.open(path) as ledger:
        assert len(await ledger.read("north", after=4)) == 5
        with pytest.raises(Broken, match="version 4 of stream north is missing: entry 5 is version 5") as gap:
            await ledger.read("north")
        assert gap.value.position == 5


async def test_an_index_that_lost_the_end_of_a_stream_does_not_verify(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [Withdrawn(request="r", by="U")] * 9, AT)
    await losing(path, "version < 9")
    async with SqliteLedger.open(path) as ledger:
        assert len(await ledger.read("north")) == 8
        with pytest.raises(
            Broken, match=r"all up to entry 9 fit, but the file is damaged .*missing from index"
        ):
            await ledger.verify()


async def test_a_schema_that_is_no_text_is_damage(tmp_path: Path) -> None:
    """Python cannot even decode what SQLite says about it."""
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger.open(path):
        pass
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE", b"CREATE \xffABLE"))
    with pytest.raises(LedgerDamaged, match="ledger restore"):
        async with SqliteLedger.open(path):
            pass


async def test_an_empty_file_is_damage_and_not_a_new_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    path.touch()
    for audit in (False, True):
        with pytest.raises(NotALedger, match=r"is empty, and a ledger never is: .*ledger restore"):
            async with SqliteLedger.open(path, audit=audit):
                pass
    assert path.read_bytes() == b""


async def test_a_process_that_holds_it_alone(tmp_path: Path) -> None:
    """Reading goes on beside an exclusive transaction; appending, and a ledger outside WAL mode, are refused."""
    path = tmp_path / "ledger.sqlite"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [Withdrawn(request="r", by="U")], AT)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    async with SqliteLedger.open(path, busy_timeout=0.05) as ledger:
        assert (await ledger.verify()).position == 1
        for attempt in (ledger.append("north", 1, [Withdrawn(request="r", by="U")], AT), ledger.try_write()):
            with pytest.raises(LedgerBusy, match=r"held by another process .*: find what holds it") as busy:
                await attempt
            assert "\n" not in str(busy.value)
    other.execute("ROLLBACK")
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(LedgerBusy):
        async with SqliteLedger.open(path, busy_timeout=0.05):
            pass
    other.close()
