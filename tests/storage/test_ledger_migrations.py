"""Migrations: one transaction each, one process each, never backwards."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.connection import connect
from storage.errors import NewerSchema, NotALedger
from storage.migrations import APPLICATION_ID, MIGRATIONS, migrate
from storage.sqlite import SqliteLedger


def add_table(database: Database) -> None:
    database.table("later").create({"id": int}, pk="id")


def add_table_and_fail(database: Database) -> None:
    add_table(database)
    raise RuntimeError("half way")


TABLES = ["events", "scratch", "snapshots"]


def marks(database: Database) -> tuple[int, int]:
    return tuple(
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return connect(tmp_path / "ledger.db", busy_timeout=1)


def test_a_new_database_is_brought_to_the_newest_version(database: Database) -> None:
    migrate(database)
    assert marks(database) == (len(MIGRATIONS), APPLICATION_ID)
    assert sorted(database.table_names()) == TABLES
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert database.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    database.close()


def test_an_older_database_gets_only_what_it_lacks(database: Database) -> None:
    migrate(database)
    migrate(database, [*MIGRATIONS, add_table])
    migrate(database, [*MIGRATIONS, add_table])
    assert marks(database)[0] == len(MIGRATIONS) + 1
    assert sorted(database.table_names()) == sorted([*TABLES, "later"])
    database.close()


def test_a_migration_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        migrate(database, [*MIGRATIONS, add_table_and_fail])
    assert marks(database)[0] == len(MIGRATIONS)
    assert sorted(database.table_names()) == TABLES
    migrate(database, [*MIGRATIONS, add_table])
    assert sorted(database.table_names()) == sorted([*TABLES, "later"])
    database.close()


def test_processes_that_migrate_at_once(tmp_path: Path) -> None:
    def one(_: int) -> None:
        database = connect(tmp_path / "ledger.db", busy_timeout=5)
        migrate(database, [*MIGRATIONS, add_table])
        database.close()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(one, range(6)))


def test_the_change_of_mode_waits_for_another_process(tmp_path: Path) -> None:
    """SQLite gives up at once where two processes do it: seen in 2 of 100 openings by four at a time."""
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    database = connect(tmp_path / "ledger.db", busy_timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        migrate(database, patience=0.05)

    attempts = 0

    def count(statement: str) -> None:
        nonlocal attempts
        if statement == "PRAGMA journal_mode = WAL":
            attempts += 1
            if attempts == 3:
                other.execute("ROLLBACK")

    database.conn.set_trace_callback(count)
    migrate(database)
    assert attempts >= 3
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
    other.close()


async def test_a_newer_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path):
        pass
    later = connect(path, busy_timeout=1)
    migrate(later, [*MIGRATIONS, add_table])
    later.close()
    before = path.read_bytes()
    for audit in (False, True):
        with pytest.raises(
            NewerSchema, match="version 3, and this Keyturn knows versions up to 2"
        ) as refused:
            async with SqliteLedger.open(path, audit=audit):
                pass
        assert "\n" not in str(refused.value)
        assert str(path) in str(refused.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("pragma", ["user_version", "application_id"])
def test_a_database_marked_by_another_program_is_refused(tmp_path: Path, pragma: str) -> None:
    other = sqlite3.connect(tmp_path / "ledger.db")
    other.execute(f"PRAGMA {pragma} = 7")
    other.close()
    database = connect(tmp_path / "ledger.db", busy_timeout=1)
    with pytest.raises(NotALedger):
        migrate(database)
    database.close()
