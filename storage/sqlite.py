"""The ledger in one SQLite file: WAL, `synchronous=FULL`, any number of appending processes.

One thread owns the connection that writes, another the one that reads (facts: sqlite-utils 4.2 / sqlite3).
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from bot.domain.events import Event, encode
from bot.domain.ledger import Conflict, Entry, Snapshot
from storage import entries
from storage.beside import find_snapshot, forget_snapshots, keep_snapshot, try_write
from storage.chain import Row, Verification, link
from storage.connection import Worker, transaction
from storage.errors import REMEDY, LedgerMissing, LedgerUnavailable, NotALedger, explained
from storage.files import FileTaken, partial, put
from storage.ledger import Broken, Head
from storage.migrations import migrate

T = TypeVar("T")

PAGE = 500
"""Entries read at once by a subscription and by the verification."""


class SqliteLedger:
    """Implements `storage.ledger.Ledger`. All of it belongs to the event loop that opened it."""

    def __init__(self, path: Path, writer: Worker, reader: Worker, busy_timeout: float, poll: float) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._busy_timeout = busy_timeout
        self._poll = poll
        self._held: dict[Path, tuple[int, int] | None] = {path: _identity(path)}
        self._grown = asyncio.Event()
        self._open = True

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, audit: bool = False, busy_timeout: float = 5.0, poll: float = 0.2
    ) -> AsyncIterator[SqliteLedger]:
        """Opens the ledger, creating (mode 0600) and migrating it where needed.

        Refuses entries of a type that this version does not know (`UnknownEvent`); does not verify the chain.
        `audit` is for looking at a ledger: it has to exist, and what its entries hold is left to `verify`.
        `busy_timeout` is how long to wait for other processes, `poll` the time between a subscriber's looks for
        what they appended, both in seconds. Raises `LedgerUnavailable`.
        """
        if not _is_there(path):
            if audit:
                raise LedgerMissing(f"there is no ledger at {path}: correct the path, or start Keyturn once")
            await _create(path, busy_timeout)
        async with Worker.start(path, "ledger-write", busy_timeout) as writer:
            await writer.run(lambda database: migrate(database, patience=busy_timeout))
            async with Worker.start(path, "ledger-read", busy_timeout) as reader:
                ledger = cls(path, writer, reader, busy_timeout, poll)
                if not audit:
                    await reader.run(entries.check_types)
                try:
                    yield ledger
                finally:
                    ledger._open = False
                    ledger._grown.set()

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        """See the port. `events` is read inside the transaction, in the writer's thread.

        A caller that is cancelled does not know whether the append was done. Raises `Conflict`,
        `LedgerUnavailable`; `ValueError` for a moment without its time zone.
        """
        if at.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        added = await self._writer.run(
            self._in_place(lambda database: _append(database, stream, expected, events, at.astimezone(UTC)))
        )
        self._grown.set()
        self._grown = asyncio.Event()
        return added

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """See the port. Raises `Broken` or `UnknownEvent` for an entry that cannot be read."""
        return await self._reader.run(lambda database: entries.of_stream(database, stream, after, limit))

    async def read_all(self, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """See the port. Raises `Broken` or `UnknownEvent` for an entry that cannot be read."""
        return await self._reader.run(lambda database: entries.entries(database, after, limit))

    async def rows(self) -> AsyncGenerator[Row, None]:
        """The entries as they are stored, unverified; when one cannot be read, those before it and then `Broken`."""
        first, broken = entries.LOWEST, None
        while broken is None:
            page: list[Row] = []
            try:
                await self._reader.run(functools.partial(_extend, page, first))
            except Broken as error:
                broken = error
            for row in page:
                yield row
                first = row.position + 1
            if not page:
                break
        if broken:
            raise broken

    async def streams(self) -> Sequence[str]:
        """See the port."""
        return await self._reader.run(entries.streams)

    async def subscribe(self, after: int = 0) -> AsyncGenerator[Entry, None]:
        """See the port. Wakes at once for this process, within the poll for others. Ends when the ledger is closed."""
        while self._open:
            grown = self._grown  # taken before the look, so that nothing is missed between look and wait
            page = await self.read_all(after, PAGE)
            for entry in page:
                yield entry
                after = entry.position
            if not page:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll):
                        await grown.wait()

    async def head(self) -> Head:
        """The end of the ledger as it is stored, unverified."""
        return await self._reader.run(entries.head)

    async def holds(self, position: int, hash: str) -> bool:
        """See the port."""
        return await self._reader.run(
            lambda database: (
                database.execute(
                    "SELECT 1 FROM events WHERE position = ? AND hash = ?", [position, hash]
                ).fetchone()
                is not None
            )
        )

    async def snapshot(self, stream: str, kind: str) -> Snapshot | None:
        """See the port."""
        return await self._reader.run(lambda database: find_snapshot(database, stream, kind))

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        """See the port."""
        await self._writer.run(lambda database: keep_snapshot(database, stream, kind, snapshot))

    async def forget_snapshots(self) -> None:
        """For a file whose snapshots nobody has compared with its entries: everything is folded anew."""
        await self._writer.run(forget_snapshots)

    async def try_write(self) -> None:
        """Write and commit some 64 KiB beside the events. Raises `LedgerUnavailable` when an append would."""
        await self._writer.run(self._in_place(try_write))

    def _in_place(self, write: Callable[[Database], T]) -> Callable[[Database], T]:
        """`write`, unless the ledger's files are not in their places.

        SQLite goes on writing a file that was moved or deleted, and a restart would not find what it wrote.
        """

        def checked(database: Database) -> T:
            if any(_identity(file) != held for file, held in self._held.items()):
                raise LedgerMissing(
                    f"the ledger {self._path} or its -wal file was moved, deleted or replaced while Keyturn has it "
                    "open: put that very file back in its place; when that cannot be done, the newest entries are "
                    "lost: stop Keyturn and restore a backup"
                )
            written = write(database)
            wal = self._path.with_name(f"{self._path.name}-wal")  # SQLite makes it at the first write
            with suppress(LedgerUnavailable):  # what is written is written
                if wal not in self._held and (found := _identity(wal)):
                    self._held[wal] = found
            return written

        return checked

    async def verify(self, head: str | None = None, *, each: Callable[[Entry], None] | None = None) -> Head:
        """See the port. An entry that fits the chain and cannot be read is `Broken` too, or `UnknownEvent`."""
        verification = Verification(head)
        async with Worker.start(self._path, "ledger-verify", self._busy_timeout) as worker:
            while await worker.run(lambda database: entries.walk(database, verification, PAGE, each)):
                pass
            await worker.run(lambda database: entries.check_file(database, verification.head))
        return verification.finish()


def _identity(path: Path) -> tuple[int, int] | None:
    """Device and inode, None when there is no such file."""
    with explained(path):
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino


def _is_there(path: Path) -> bool:
    with explained(path):
        if path.is_dir():
            raise NotALedger(f"{path} is a directory, not a ledger: correct the path of the ledger")
        if not path.exists():
            return False
        if path.stat().st_size == 0:
            raise NotALedger(f"{path} is empty, and a ledger never is: {REMEDY}")
        return True


async def _create(path: Path, busy_timeout: float) -> None:
    """A new ledger, its owner's alone, made beside its place: an empty file is always a damaged ledger."""
    with explained(path), partial(path) as made:
        async with Worker.start(made, "ledger-create", busy_timeout) as worker:
            await worker.run(migrate)
        with suppress(FileTaken):  # another process was quicker
            put(made, path, replace=False)


def _extend(page: list[Row], first: int, database: Database) -> None:
    page.extend(entries.rows(database, first, PAGE))


def _append(
    database: Database, stream: str, expected: int, events: Sequence[Event], at: datetime
) -> list[Entry]:
    added = []
    moment = at.isoformat(timespec="microseconds")
    with transaction(database):
        position, previous = entries.head(database)
        version: int = database.execute(
            "SELECT coalesce(max(version), 0) FROM events WHERE stream = ?", [stream]
        ).fetchone()[0]
        if version != expected:
            raise Conflict(stream, expected, version)
        for event in events:
            position, version = position + 1, version + 1
            kind, schema, data = encode(event)
            previous = link(previous, position, stream, version, moment, kind, schema, data)
            database.execute(
                "INSERT INTO events (position, stream, version, at, type, schema, data, hash) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [position, stream, version, moment, kind, schema, data, previous],
            )
            added.append(Entry(position, stream, version, at, event, previous))
    return added
