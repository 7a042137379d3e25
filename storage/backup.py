"""Backup of a ledger that is in use, and what puts one back in its place."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from storage.connection import connect
from storage.errors import REMEDY, LedgerBusy, LedgerMissing, LedgerUnavailable, explained
from storage.files import flush, partial, put, refuse_taken, sides
from storage.ledger import Broken, Head
from storage.sqlite import SqliteLedger

BUSY_TIMEOUT = 5.0
"""Seconds to wait for other processes."""

DAMAGE = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""What SQLite says of a file whose first page or schema is damaged."""


class BackupRefused(LedgerUnavailable):
    """A backup does not verify."""


class Restored(NamedTuple):
    """What a restore came to."""

    backup: Head
    """The end of the backup, verified."""
    head: Head
    """The end of the ledger that is now in place."""
    aside: Path | None
    """Where the ledger that was there is now."""


async def backup(ledger: Path, path: Path, *, replace: bool = False) -> Head:
    """Writes a verified copy of the ledger in use to `path` (mode 0600, one file), and returns its end.

    Whoever appends meanwhile is not held up. A kill leaves what was at `path`. Raises `LedgerUnavailable`;
    `Broken` when the copy does not verify: it is not kept then.
    """
    if not ledger.exists():
        raise LedgerMissing(f"there is no ledger at {ledger}: correct the path, or start Keyturn once")
    with explained(path):
        refuse_taken(path, ledger, replace=replace)
        with partial(path) as made:
            with explained(ledger):
                await asyncio.to_thread(_copy_in_use, ledger, made)
            head = await _verified(made)
            await asyncio.to_thread(_fold, made)
            for old in sides(path):
                old.unlink()
            put(made, path, replace=replace)
            return head


async def restore(source: Path, ledger: Path, begin: Callable[[SqliteLedger], Awaitable[None]]) -> Restored:
    """Puts a copy of the backup `source` in place of `ledger`. The caller holds the process lock.

    `begin` appends to the copy, before it is in place, what a restored ledger must not be without (law 1). What
    was at `ledger` is kept beside it under a name with the time. A kill leaves the old ledger or the new one.
    Raises `LedgerUnavailable`; `BackupRefused` when `source` does not verify. Nothing is changed then.
    """
    with explained(source):
        if not source.is_file():
            raise LedgerMissing(f"there is no backup at {source}: correct the path")
        with source.open("rb"):  # told as a fault of this file
            pass
        if ledger.exists() and source.samefile(ledger):
            raise LedgerUnavailable(f"{source} is the ledger itself: name a backup")
    with explained(ledger), partial(ledger) as made:
        await asyncio.to_thread(_copy_files, source, made)
        try:
            found = await _verified(made)
        except (LedgerUnavailable, Broken) as error:
            words = str(error).replace(str(made), str(source)).removesuffix(REMEDY).rstrip(":; ")
            raise BackupRefused(f"the backup {source} is not restored: {words}") from error
        async with SqliteLedger.open(made) as copy:
            await copy.forget_snapshots()  # the chain says nothing of them
            await begin(copy)
            head = await copy.head()
        await asyncio.to_thread(_fold, made)
        aside = await asyncio.to_thread(_set_aside, ledger)
        put(made, ledger, replace=True)
    return Restored(found, head, aside)


async def _verified(path: Path) -> Head:
    async with SqliteLedger.open(path, audit=True) as ledger:
        return await ledger.verify()


def _copy_in_use(ledger: Path, made: Path) -> None:
    """One step of SQLite's online backup: as the ledger stands now; steps of pages would begin again at each append."""
    with closing(connect(ledger, BUSY_TIMEOUT).conn) as source, closing(sqlite3.connect(made)) as target:
        source.backup(target)


def _copy_files(source: Path, made: Path) -> None:
    """The files alone, with a write-ahead log that stands beside: nothing is opened where the backup lies."""
    shutil.copyfile(source, made)
    for side in sides(source):
        if not side.name.endswith("-shm"):
            shutil.copyfile(side, made.with_name(made.name + side.name.removeprefix(source.name)))


def _fold(path: Path) -> None:
    """The database is one file, without a write-ahead log, and nobody else has it open."""
    with closing(connect(path, BUSY_TIMEOUT).conn) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
    if left := sides(path):
        raise LedgerBusy(f"the ledger {path} is held by another process ({left[0].name}): find what holds it")


def _set_aside(ledger: Path) -> Path | None:
    """Gives what is at `ledger` a second name. Only its sides leave their place; a log that could be folded is none.

    One that cannot be folded belongs to a file that SQLite cannot open with it, nor then without it: what a kill
    in between leaves refuses to start as it did before.
    """
    if ledger.exists() and ledger.stat().st_size:  # beside an empty file, SQLite would remove the log
        try:
            _fold(ledger)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in DAMAGE:
                raise
        except UnicodeDecodeError:  # SQLite quotes the damage in its own message
            pass
    present = [path for path in (ledger, *sides(ledger)) if path.exists()]
    if not present:
        return None
    aside = ledger.with_name(f"{ledger.name}.before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    for path in present:
        os.link(path, aside.with_name(aside.name + path.name.removeprefix(ledger.name)))
    flush(ledger.parent)
    for side in sides(ledger):
        side.unlink()
    flush(ledger.parent)
    return aside
