"""Append, read, conflict, subscribe, and what open refuses."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from bot.domain.events import Announced, Declined, Event, Posted, UnknownEvent, Withdrawn
from bot.domain.ledger import Conflict
from storage.chain import GENESIS, link
from storage.errors import LedgerBusy, LedgerDamaged, LedgerMissing, LedgerUnavailable, NotALedger
from storage.ledger import Broken, Head, Ledger
from storage.sqlite import SqliteLedger
from tests.storage.ledger_child import Child

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
BOUND = 10.0
"""Seconds after which something awaited counts as lost."""
NEVER = 3600.0
"""A poll that cannot be what woke a subscriber up."""


def declined(reason: str) -> Event:
    return Declined(request="r1", by="U1", reason=reason)


async def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as sqlite:
        ledger: Ledger = sqlite
        assert await ledger.head() == Head(0, GENESIS)
        first = await ledger.append("north", 0, [declined("ä \u0000 \U0001f511"), declined("b")], AT)
        second = await ledger.append("south", 0, [Posted(key="k", channel="C1", ts="1.2")], AT)
        third = await ledger.append("north", 2, [Announced(position=3)], AT)
        everything = [*first, *second, *third]

        assert [(e.position, e.stream, e.version) for e in everything] == [
            (1, "north", 1),
            (2, "north", 2),
            (3, "south", 1),
            (4, "north", 3),
        ]
        assert first[0].event == declined("ä \u0000 \U0001f511")
        assert await ledger.read_all() == everything
        assert await ledger.read_all(after=1, limit=2) == everything[1:3]
        assert await ledger.read("north", after=1) == [everything[1], everything[3]]
        assert await ledger.read("nobody") == []
        assert await ledger.head() == Head(4, third[0].hash)
        assert await ledger.verify() == await ledger.head()

    async with SqliteLedger.open(tmp_path / "ledger.db") as again:
        assert await again.read_all() == everything


async def test_moments_are_kept_to_the_microsecond_in_utc(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        zoned = datetime(2025, 11, 22, 15, 0, 0, 7, tzinfo=timezone(timedelta(hours=2)))
        await ledger.append("north", 0, [declined("")], zoned)
        (entry,) = await ledger.read_all()
        assert entry.at.isoformat() == "2025-11-22T13:00:00.000007+00:00"
        with pytest.raises(ValueError, match="time zone"):
            await ledger.append("north", 1, [declined("")], datetime(2025, 11, 22))


async def test_another_version_is_a_conflict_and_appends_nothing(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        await ledger.append("north", 0, [declined("a"), declined("b")], AT)
        for expected in (0, 1, 3):
            with pytest.raises(Conflict) as refusal:
                await ledger.append("north", expected, [declined("c")], AT)
            assert (refusal.value.expected, refusal.value.actual) == (expected, 2)
        assert (await ledger.head()).position == 2


async def test_of_simultaneous_appends_one_wins(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        results = await asyncio.gather(
            *(ledger.append("north", 0, [declined(str(n))], AT) for n in range(50)), return_exceptions=True
        )
        assert Counter(type(result) for result in results) == {list: 1, Conflict: 49}


async def test_an_event_that_cannot_be_encoded_takes_the_others_with_it(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        values: dict[str, Any] = {"request": "r1", "by": "U1", "reason": object()}
        bad = Declined.model_construct(**values)
        with pytest.raises(Exception, match="serialize"):
            await ledger.append("north", 0, [declined("good"), bad], AT)
        assert await ledger.read_all() == []
        await ledger.append("north", 0, [declined("good")], AT)


async def test_the_loop_and_the_readers_go_on_while_an_append_waits(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(ledger.append("north", 1, [declined("b")], AT))
        for _ in range(20):
            assert len(await ledger.read_all()) == 1
        assert not waiting.done()
        other.execute("ROLLBACK")
        other.close()
        assert (await waiting)[0].version == 2


async def test_locked_beyond_the_timeout(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path, busy_timeout=0.05) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy, match="held by another process"):
            await ledger.append("north", 0, [declined("a")], AT)
        other.execute("ROLLBACK")
        other.close()
        assert len(await ledger.append("north", 0, [declined("a")], AT)) == 1


async def test_sqlite_itself_keeps_the_entries(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a"), declined("b")], AT)
        before = await ledger.read_all()
        other = sqlite3.connect(path, isolation_level=None)
        rest = "stream, version, at, type, schema, data, hash FROM events"
        for sql in (
            "UPDATE events SET data = '{}'",
            "DELETE FROM events WHERE position = 2",
            f"INSERT OR REPLACE INTO events SELECT position, {rest}",
            f"INSERT OR REPLACE INTO events SELECT position + 2, {rest}",
            f"INSERT INTO events SELECT NULL, 'new', 1, {rest.split(', ', 2)[2]} WHERE position = 1",
            f"INSERT INTO events SELECT 4, 'new', 1, {rest.split(', ', 2)[2]} WHERE position = 1",
            f"INSERT INTO events SELECT 3, 'new', 2, {rest.split(', ', 2)[2]} WHERE position = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(sql)
        other.close()
        assert await ledger.read_all() == before


async def test_a_subscriber_gets_old_entries_and_then_new_ones(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db", poll=NEVER) as ledger:
        await ledger.append("north", 0, [declined("a"), declined("b")], AT)
        entries = ledger.subscribe(after=1)
        assert (await anext(entries)).position == 2
        coming = asyncio.create_task(anext(entries))
        await ledger.append("south", 0, [declined("c")], AT)
        async with asyncio.timeout(BOUND):
            assert (await coming).stream == "south"
        await entries.aclose()


async def test_no_subscriber_misses_or_repeats_an_entry(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db", poll=NEVER) as ledger:

        async def positions(count: int) -> list[int]:
            found: list[int] = []
            async for entry in ledger.subscribe():
                found.append(entry.position)
                if len(found) == count:
                    break
            return found

        readers = [asyncio.create_task(positions(1200)) for _ in range(3)]
        for batch in range(12):
            await ledger.append("north", batch * 100, [declined(str(n)) for n in range(100)], AT)
        async with asyncio.timeout(BOUND):
            assert await asyncio.gather(*readers) == [list(range(1, 1201))] * 3


async def test_a_subscriber_sees_what_another_process_appends(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        entries = ledger.subscribe()
        coming = asyncio.create_task(anext(entries))
        child("one", path, "from outside")
        async with asyncio.timeout(BOUND):
            assert (await coming).event == Withdrawn(request="from outside", by="child")
        await entries.aclose()


async def test_a_subscriber_ends_when_cancelled_and_when_the_ledger_closes(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db", poll=NEVER) as ledger:

        async def collect() -> list[int]:
            return [entry.position async for entry in ledger.subscribe()]

        cancelled, left = asyncio.create_task(collect()), asyncio.create_task(collect())
        await ledger.append("north", 0, [declined("a")], AT)
        cancelled.cancel()
        async with asyncio.timeout(BOUND):
            with pytest.raises(asyncio.CancelledError):
                await cancelled
        for _ in range(5):  # the other one's looks are before these, and then it waits
            await ledger.head()
    async with asyncio.timeout(BOUND):
        assert await left == [1]
    with pytest.raises(LedgerUnavailable, match="closed"):
        await ledger.read_all()


async def test_a_new_ledger_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
        assert modes == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600)


async def refusal(path: Path, **how: bool) -> str:
    with pytest.raises(LedgerUnavailable) as refused:
        async with SqliteLedger.open(path, **how):
            pass
    assert "\n" not in str(refused.value)
    assert str(path.parent) in str(refused.value)
    return type(refused.value).__name__


@pytest.mark.parametrize("content", [b"hello", b"not a database" * 1000])
async def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(content)
    assert await refusal(path) == NotALedger.__name__
    assert path.read_bytes() == content


async def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE holidays (day TEXT)")
    other.close()
    before = path.read_bytes()
    assert await refusal(path) == NotALedger.__name__
    assert path.read_bytes() == before


async def test_missing_directory_missing_file_and_a_directory_in_its_place(tmp_path: Path) -> None:
    assert await refusal(tmp_path / "nowhere" / "ledger.db") == LedgerMissing.__name__
    assert await refusal(tmp_path / "ledger.db", audit=True) == LedgerMissing.__name__
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ledger.db").mkdir()
    assert await refusal(tmp_path / "ledger.db") == NotALedger.__name__


async def test_a_ledger_that_may_not_be_written(child: Child) -> None:
    # Not in tmp_path: its parents admit no other user.
    directory = Path(tempfile.mkdtemp())
    path = directory / "ledger.db"
    try:
        async with SqliteLedger.open(path):
            pass
        path.chmod(0o444)
        directory.chmod(0o555)
        kind, line = child("as_nobody", path).communicate(timeout=BOUND)[0].splitlines()
        assert kind == "LedgerReadOnly"
        assert "write access" in line
        path.chmod(
            0o666 if os.geteuid() == 0 else 0o600
        )  # the file may be written, its -wal cannot be created
        kind, line = child("as_nobody", path).communicate(timeout=BOUND)[0].splitlines()
        assert kind == "LedgerReadOnly"
        directory.chmod(0o000)
        kind, line = child("as_nobody", path).communicate(timeout=BOUND)[0].splitlines()
        assert kind == "LedgerReadOnly"
    finally:
        directory.chmod(0o700)
        shutil.rmtree(directory)


async def test_a_dropped_table_is_damage_and_not_an_empty_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
    other = sqlite3.connect(path)
    other.execute("DROP TABLE events")
    other.close()
    assert await refusal(path) == LedgerDamaged.__name__
    async with SqliteLedger.open(path, audit=True) as ledger:
        with pytest.raises(LedgerDamaged):
            await ledger.verify()


async def forge(path: Path, name: str, schema: int, data: str) -> None:
    """An entry that fits the chain, as another version of Keyturn would write it."""
    async with SqliteLedger.open(path) as ledger:
        position, previous = await ledger.head()
    at = AT.isoformat(timespec="microseconds")
    values = (position + 1, "other", 1, at, name, schema, data)
    other = sqlite3.connect(path)
    other.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*values, link(previous, *values)))
    other.commit()
    other.close()


@pytest.mark.parametrize(("name", "schema"), [("Teleported", 1), ("Declined", 99)])
async def test_an_unknown_event_refuses_to_start(tmp_path: Path, name: str, schema: int) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
    await forge(path, name, schema, "{}")
    with pytest.raises(UnknownEvent, match=f"{name} version {schema}"):
        async with SqliteLedger.open(path):
            pass
    async with SqliteLedger.open(path, audit=True) as ledger:
        assert len(await ledger.read_all(limit=1)) == 1
        with pytest.raises(UnknownEvent):
            await ledger.verify()


@pytest.mark.parametrize(
    "data", ['{"request": "r1"}', "{", '{"request":"r1","by":"U1","reason":"","more":1}']
)
async def test_an_entry_that_cannot_be_read_is_broken_at_its_position(tmp_path: Path, data: str) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
    await forge(path, "Declined", 1, data)
    async with SqliteLedger.open(path, audit=True) as ledger:
        for attempt in (ledger.verify(), ledger.read_all()):
            with pytest.raises(Broken, match="entry 2 cannot be read as Declined") as broken:
                await attempt
            assert broken.value.position == 2
            assert "\n" not in str(broken.value)


async def test_opening_it_twice_in_one_process_keeps_the_first_ones_locks(
    tmp_path: Path, child: Child
) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as first:
        await first.append("north", 0, [declined("a")], AT)
        async with SqliteLedger.open(path) as second:
            await second.append("north", 1, [declined("b")], AT)
        # Without its lock, the child would take itself for the last user and remove the write-ahead log.
        assert child("one", path, "outside").wait(BOUND) == 0
        assert path.with_name("ledger.db-wal").exists()
        await first.append("north", 2, [declined("c")], AT)
        assert (await first.verify()).position == 4


@pytest.mark.parametrize("replaced", [False, True], ids=["moved", "replaced by a copy"])
async def test_a_file_that_is_not_in_its_place_takes_nothing_until_it_is_back(
    tmp_path: Path, replaced: bool
) -> None:
    path, elsewhere = tmp_path / "ledger.db", tmp_path / "moved.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
        path.rename(elsewhere)
        if replaced:
            shutil.copy(elsewhere, path)
        for attempt in (lambda: ledger.append("north", 1, [declined("b")], AT), ledger.try_write):
            with pytest.raises(LedgerMissing, match="moved, deleted or replaced while Keyturn has it open"):
                await attempt()
        elsewhere.replace(path)
        await ledger.append("north", 1, [declined("b")], AT)
        assert (await ledger.verify()).position == 2


async def test_a_write_ahead_log_that_is_gone_takes_nothing(tmp_path: Path) -> None:
    """The newest entries stand in it alone. Another process that closes a copy in its place takes it away."""
    path, elsewhere = tmp_path / "ledger.db", tmp_path / "moved.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [declined("a")], AT)
        path.rename(elsewhere)
        # Not from this process: closing the file would drop the locks that it holds on it.
        code = (
            "import shutil, sqlite3, sys; shutil.copy(*sys.argv[1:]); c = sqlite3.connect(sys.argv[2]); "
            "list(c.execute('SELECT * FROM events')); c.close()"
        )
        other = await asyncio.create_subprocess_exec(sys.executable, "-c", code, elsewhere, path)
        assert await other.wait() == 0
        elsewhere.replace(path)
        assert not path.with_name("ledger.db-wal").exists()
        for attempt in (lambda: ledger.append("north", 1, [declined("b")], AT), ledger.try_write):
            with pytest.raises(LedgerMissing, match="or its -wal file was moved, deleted or replaced"):
                await attempt()
