"""The ledger in one SQLite file: WAL, `synchronous=FULL`, any number of appending processes.

One thread owns the connection that writes, another the one that reads (facts: sqlite-utils 4.2 / sqlite3).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError
from sqlite_utils import Database

from bot.domain.events import Event, decode, encode
from bot.domain.ledger import Conflict, Entry
from storage.chain import GENESIS, Row, Verification, link
from storage.connection import Worker, transaction
from storage.errors import LedgerMissing, NotALedger, explained
from storage.ledger import Broken, Head
from storage.migrations import migrate

PAGE = 500
"""Entries read at once by a subscription and by the verification."""

LOWEST = -(2**63)
"""The lowest position that SQLite can hold."""


class SqliteLedger:
    """Implements `storage.ledger.Ledger`. All of it belongs to the event loop that opened it."""

    def __init__(self, writer: Worker, reader: Worker, poll: float) -> None:
        self._writer = writer
        self._reader = reader
        self._poll = poll
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
        _touch(path, create=not audit)
        async with Worker.start(path, "ledger-write", busy_timeout) as writer:
            await writer.run(lambda database: migrate(database, patience=busy_timeout))
            async with Worker.start(path, "ledger-read", busy_timeout) as reader:
                ledger = cls(writer, reader, poll)
                if not audit:
                    await reader.run(_check_types)
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
        entries = await self._writer.run(
            lambda database: _append(database, stream, expected, events, at.astimezone(UTC))
        )
        self._grown.set()
        self._grown = asyncio.Event()
        return entries

    async def read(self, stream: str, after: int = 0) -> Sequence[Entry]:
        """See the port. Raises `Broken` or `UnknownEvent` for an entry that cannot be read."""

        def select(database: Database) -> list[Entry]:
            rows = database.execute(
                "SELECT position, stream, version, at, type, schema, data, hash FROM events "
                "WHERE stream = ? AND version > ? ORDER BY version",
                [stream, after],
            )
            return [_entry(Row(*row)) for row in rows]

        return await self._reader.run(select)

    async def read_all(self, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """See the port. Raises `Broken` or `UnknownEvent` for an entry that cannot be read."""
        return await self._reader.run(
            lambda database: [_entry(row) for row in _rows(database, after + 1, limit)]
        )

    async def streams(self) -> Sequence[str]:
        """See the port."""
        return await self._reader.run(
            lambda database: [
                str(name)
                for (name,) in database.execute("SELECT DISTINCT stream FROM events ORDER BY stream")
            ]
        )

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
        return await self._reader.run(_head)

    async def verify(self, head: str | None = None) -> Head:
        """See the port. An entry that fits the chain and cannot be read is `Broken` too, or `UnknownEvent`."""
        verification = Verification(head)

        def walk(database: Database) -> bool:
            # The first look has no lower bound: an entry put before the first is found too.
            rows = _rows(
                database, verification.head.position + 1 if verification.head.position else LOWEST, PAGE
            )
            for row in rows:
                verification.take(row)
                _entry(row)
            return bool(rows)

        while await self._reader.run(walk):
            pass
        return verification.finish()


def _touch(path: Path, *, create: bool) -> None:
    """The file exists; a new one is its owner's alone.

    A file that is there is never opened here: closing it again would drop the locks that SQLite holds on it for
    other connections of this process (sqlite.org/howtocorrupt.html, 2.2).
    """
    with explained(path):
        if path.is_dir():
            raise NotALedger(f"{path} is a directory, not a ledger: correct the path of the ledger")
        if path.exists():
            return
        if not create:
            raise LedgerMissing(f"there is no ledger at {path}: correct the path, or start Keyturn once")
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _check_types(database: Database) -> None:
    """One entry of each type and schema version decodes, or nothing starts."""
    samples = database.execute(
        "SELECT min(position), stream, version, at, type, schema, data, hash FROM events GROUP BY type, schema"
    )
    for sample in samples:
        _entry(Row(*sample))


def _head(database: Database) -> Head:
    last = database.execute("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return Head(*last) if last else Head(0, GENESIS)


def _rows(database: Database, first: int, limit: int | None) -> list[Row]:
    found = database.execute(
        "SELECT position, stream, version, at, type, schema, data, hash FROM events "
        "WHERE position >= ? ORDER BY position LIMIT ?",
        [first, -1 if limit is None else limit],
    )
    return [Row(*row) for row in found]


def _append(
    database: Database, stream: str, expected: int, events: Sequence[Event], at: datetime
) -> list[Entry]:
    entries = []
    moment = at.isoformat(timespec="microseconds")
    with transaction(database):
        position, previous = _head(database)
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
            entries.append(Entry(position, stream, version, at, event, previous))
    return entries


def _entry(row: Row) -> Entry:
    try:
        event, at = decode(row.type, row.schema, row.data), datetime.fromisoformat(row.at)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Broken(
            f"entry {row.position} cannot be read as {row.type}: {first['msg']}", row.position
        ) from error
    except ValueError as error:
        raise Broken(f"entry {row.position} cannot be read: {error}", row.position) from error
    return Entry(row.position, row.stream, row.version, at, event, row.hash)
