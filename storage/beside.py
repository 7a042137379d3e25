"""What stands beside the entries in the ledger's file and is no fact: snapshots, and a place for a trial write."""

from __future__ import annotations

from sqlite_utils import Database

from bot.domain.ledger import Snapshot
from storage.connection import transaction

TRIAL = 64 * 1024
"""Bytes of a trial write: more than the events of one command."""


def find_snapshot(database: Database, stream: str, kind: str) -> Snapshot | None:
    """The stream's snapshot, if it is of this kind and its entry stands in the ledger with its hash."""
    found = database.execute(
        "SELECT version, hash, state FROM snapshots JOIN events USING (stream, version, hash) "
        "WHERE stream = ? AND kind = ?",
        [stream, kind],
    ).fetchone()
    return Snapshot(*found) if found else None


def keep_snapshot(database: Database, stream: str, kind: str, snapshot: Snapshot) -> None:
    """Replaces the stream's snapshot, unless that one is of the same kind and as new."""
    with transaction(database):
        database.execute(
            "INSERT INTO snapshots (stream, kind, version, hash, state) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (stream) DO UPDATE SET kind = excluded.kind, version = excluded.version, "
            "hash = excluded.hash, state = excluded.state "
            "WHERE kind <> excluded.kind OR version < excluded.version",
            [stream, kind, *snapshot],
        )


def forget_snapshots(database: Database) -> None:
    """As if none had ever been kept."""
    with transaction(database):
        database.execute("DELETE FROM snapshots")


def try_write(database: Database) -> None:
    """As an append does it: written and flushed, and it fails as an append would."""
    with transaction(database):
        database.execute("INSERT OR REPLACE INTO scratch (id, filling) VALUES (1, randomblob(?))", [TRIAL])
