"""What stands beside the entries: snapshots, which are never believed over the chain, and the trial write; a start."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.domain.events import Announced, Posted, Withdrawn
from bot.domain.ledger import Entry, Snapshot
from storage.beside import TRIAL
from storage.chain import GENESIS, link
from storage.entries import check_types, streams
from storage.errors import DiskRefused
from storage.migrations import APPLICATION_ID
from storage.sqlite import SqliteLedger
from tests.storage.ledger_child import Child

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
WITHDRAWN = Withdrawn(request="r", by="U")


async def test_a_snapshot_is_given_back_to_the_code_that_kept_it(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        entries = await ledger.append("north", 0, [WITHDRAWN] * 3, AT)
        assert await ledger.snapshot("north", "k1") is None
        second = Snapshot(2, entries[1].hash, '{"ä": "\U0001f511"}')
        await ledger.keep_snapshot("north", "k1", second)
        assert await ledger.snapshot("north", "k1") == second
        assert await ledger.snapshot("north", "k2") is None
        assert await ledger.snapshot("south", "k1") is None

        await ledger.keep_snapshot("north", "k1", Snapshot(1, entries[0].hash, "older"))
        assert await ledger.snapshot("north", "k1") == second
        third = Snapshot(3, entries[2].hash, "newer")
        await ledger.keep_snapshot("north", "k1", third)
        assert await ledger.snapshot("north", "k1") == third
        first = Snapshot(1, entries[0].hash, "another kind")
        await ledger.keep_snapshot("north", "k2", first)
        assert await ledger.snapshot("north", "k2") == first
        assert await ledger.snapshot("north", "k1") is None, "one for each stream"
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        assert await ledger.snapshot("north", "k2") == first


@pytest.mark.parametrize("wrong", ["hash", "version", "stream"])
async def test_a_snapshot_of_another_history_is_never_given_back(tmp_path: Path, wrong: str) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        north = await ledger.append("north", 0, [WITHDRAWN] * 2, AT)
        south = await ledger.append("south", 0, [WITHDRAWN], AT)
        snapshot = {
            "hash": Snapshot(1, "ab" * 32, "{}"),
            "version": Snapshot(2, north[0].hash, "{}"),
            "stream": Snapshot(1, south[0].hash, "{}"),
        }[wrong]
        await ledger.keep_snapshot("north", "k", snapshot)
        assert await ledger.snapshot("north", "k") is None


async def test_whether_the_ledger_holds_a_head(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        one, two = await ledger.append("north", 0, [WITHDRAWN] * 2, AT)
        assert await ledger.holds(1, one.hash)
        assert await ledger.holds(2, two.hash)
        assert not await ledger.holds(1, two.hash)
        assert not await ledger.holds(3, two.hash)


async def test_a_trial_write_is_as_big_as_it_says_and_changes_no_entry(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [WITHDRAWN], AT)
        log = path.with_name("ledger.db-wal")
        before, head = log.stat().st_size, await ledger.head()
        await ledger.try_write()
        assert log.stat().st_size > before + TRIAL
        for _ in range(50):
            await ledger.try_write()
        assert await ledger.verify() == head
    assert path.stat().st_size < 5 * TRIAL, "it is written over"


async def test_a_trial_write_on_a_full_disk(tmp_path: Path, child: Child) -> None:
    said = child("try_write", tmp_path / "ledger.db").communicate(timeout=20)[0].splitlines()
    assert said[0] == DiskRefused.__name__
    assert "disk refuses" in said[1]
    assert said[2] == "written again"


async def test_verify_hands_over_every_entry_in_order_away_from_the_loop(tmp_path: Path) -> None:
    async with SqliteLedger.open(tmp_path / "ledger.db") as ledger:
        await ledger.append("north", 0, [WITHDRAWN] * 700, AT)
        await ledger.append("south", 0, [WITHDRAWN] * 700, AT)
        seen: list[Entry] = []
        threads = set()

        def each(entry: Entry) -> None:
            seen.append(entry)
            threads.add(threading.get_ident())

        await ledger.verify(each=each)
        assert seen == await ledger.read_all()
        assert len(threads) == 1
        assert threads != {threading.get_ident()}


async def test_a_ledger_of_the_first_version_is_brought_up_and_keeps_its_head(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("north", 0, [WITHDRAWN] * 3, AT)
        head = await ledger.head()
    old = sqlite3.connect(path)
    for thing in ("TABLE snapshots", "TABLE scratch", "INDEX idx_events_type_schema"):
        old.execute(f"DROP {thing}")
    old.execute("PRAGMA user_version = 1")
    assert old.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
    old.close()
    async with SqliteLedger.open(path) as ledger:
        assert await ledger.verify() == head
        await ledger.try_write()


def large(path: Path, entries: int) -> None:
    """Many entries, written past the ledger for speed."""
    database = sqlite3.connect(path)

    def rows() -> Iterator[tuple[object, ...]]:
        head, versions = GENESIS, dict.fromkeys(range(20), 0)
        for position in range(1, entries + 1):
            stream = position % 20
            versions[stream] += 1
            event = Announced(position=position) if position % 3 else Posted(key="k", channel="C", ts="1")
            values = (
                *(position, f"stream-{stream}", versions[stream], AT.isoformat(timespec="microseconds")),
                *(type(event).__name__, 1, json.dumps(event.model_dump(), sort_keys=True)),
            )
            head = link(head, *values)
            yield (*values, head)

    database.execute("DROP TRIGGER events_at_the_end")
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows())
    database.commit()
    database.close()


async def test_a_start_reads_a_few_rows_however_many_there_are(tmp_path: Path) -> None:
    """Counted in SQLite's own steps and not in seconds, which depend on the machine."""
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path):
        pass
    large(path, 30_000)
    async with SqliteLedger.open(path) as ledger:
        assert len(await ledger.streams()) == 20
    database = Database(sqlite3.connect(path), execute_plugins=False)
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    database.conn.set_progress_handler(step, 100)
    check_types(database)
    assert len(streams(database)) == 20
    assert steps < 50, "some 30,000 entries would be 300,000 steps and more"
    database.close()
