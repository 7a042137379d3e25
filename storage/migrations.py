"""The ledger's tables, version by version.

`PRAGMA user_version` counts the migrations that a database has seen; `PRAGMA application_id` says that it is a
ledger. Migrations are only ever added at the end.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence

from sqlite_utils import Database

from storage.connection import transaction
from storage.errors import NewerSchema, NotALedger

APPLICATION_ID = 0x4B59544E
"""`KYTN`: `file` and the SQLite shell show it."""

Migration = Callable[[Database], None]


def events(database: Database) -> None:
    """The entries. SQLite itself keeps them append-only: no update, no delete, no replacement, no gap."""
    table = database.table("events").create(
        {
            "position": int,
            "stream": str,
            "version": int,
            "at": str,
            "type": str,
            "schema": int,
            "data": str,
            "hash": str,
        },
        pk="position",
        not_null={"stream", "version", "at", "type", "schema", "data", "hash"},
        strict=True,
    )
    table.create_index(["stream", "version"], unique=True)
    for change in ("UPDATE", "DELETE"):
        database.execute(
            f"CREATE TRIGGER events_no_{change.lower()} BEFORE {change} ON events "
            "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
        )
    # INSERT OR REPLACE fires no delete trigger unless the connection asks for it.
    database.execute(
        """
        CREATE TRIGGER events_at_the_end BEFORE INSERT ON events
        WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM events)
          OR NEW.version IS NOT (SELECT coalesce(max(version), 0) + 1 FROM events WHERE stream = NEW.stream)
        BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END
        """
    )


def beside_the_events(database: Database) -> None:
    """What saves reading, and a place for a trial write. None of it is a fact: all of it may be replaced or dropped."""
    database.table("events").create_index(["type", "schema"])
    database.table("snapshots").create(
        {"stream": str, "kind": str, "version": int, "hash": str, "state": str},
        pk="stream",
        not_null={"stream", "kind", "version", "hash", "state"},
        strict=True,
    )
    database.table("scratch").create({"id": int, "filling": bytes}, pk="id", strict=True)


MIGRATIONS: tuple[Migration, ...] = (events, beside_the_events)


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS, patience: float = 5.0) -> None:
    """Brings the database to the newest version, each migration in one transaction, and into WAL mode.

    Raises `NotALedger` or `NewerSchema` before anything is changed. Safe beside other processes that do the
    same; waits up to `patience` seconds for them.
    """
    version = _recognize(database, migrations)
    _write_ahead(database, patience)
    for number, migration in enumerate(migrations[version:], version + 1):
        with transaction(database):
            # Once more inside the lock: another process may have been here meanwhile.
            if _recognize(database, migrations) < number:
                migration(database)
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {number}")


def _recognize(database: Database, migrations: Sequence[Migration]) -> int:
    """The database's version, 0 for an empty one."""
    version, mark, things = database.execute(
        "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_master) "
        "FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if mark != APPLICATION_ID and (mark or version or things):
        raise NotALedger(
            f"{_file(database)} is a SQLite database of something else: correct the path of the ledger"
        )
    if version > len(migrations):
        raise NewerSchema(
            f"the ledger {_file(database)} has version {version}, and this Keyturn knows versions up to "
            f"{len(migrations)}: run the version of Keyturn that wrote it, or a newer one"
        )
    return int(version)


def _write_ahead(database: Database, patience: float) -> None:
    """Into WAL mode. SQLite does not use its busy timeout when two processes change the mode at once."""
    give_up = time.monotonic() + patience
    while database.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)


def _file(database: Database) -> str:
    return str(database.execute("SELECT file FROM pragma_database_list").fetchone()[0])
