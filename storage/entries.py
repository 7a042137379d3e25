"""Reading the table of entries: whole or by stream, as stored or decoded. Runs in a connection's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from datetime import datetime

from pydantic import ValidationError
from sqlite_utils import Database

from bot.domain.events import UnknownEvent, decode
from bot.domain.ledger import Entry
from storage.chain import GENESIS, Row, Verification, check_kinds, link
from storage.ledger import Broken, Head

COLUMNS = "position, stream, version, at, type, schema, data, hash"
LOWEST = -(2**63)
"""The lowest position that SQLite can hold."""

# Both step through an index from one value to the next. UNION, not UNION ALL: an index that damage has put out of
# order does not send them round in circles.
_STREAMS = """
    WITH RECURSIVE one(stream) AS (
        SELECT min(stream) FROM events
        UNION
        SELECT (SELECT min(stream) FROM events WHERE stream > one.stream) FROM one WHERE stream IS NOT NULL
    ) SELECT stream FROM one WHERE stream IS NOT NULL"""
_KINDS = f"""
    WITH RECURSIVE one(position, type, schema) AS (
        SELECT * FROM (SELECT position, type, schema FROM events ORDER BY type, schema LIMIT 1)
        UNION
        SELECT next.position, next.type, next.schema FROM one JOIN events AS next ON next.position = coalesce(
            (SELECT position FROM events WHERE type = one.type AND schema > one.schema ORDER BY schema LIMIT 1),
            (SELECT position FROM events WHERE type > one.type ORDER BY type, schema LIMIT 1)
        )
    ) SELECT {COLUMNS} FROM events WHERE position IN (SELECT position FROM one)"""  # noqa: S608


def head(database: Database) -> Head:
    """The end of the ledger as it is stored."""
    last = database.execute("SELECT position, hash FROM events ORDER BY position DESC LIMIT 1").fetchone()
    return Head(*last) if last else Head(0, GENESIS)


def rows(database: Database, first: int, limit: int | None = None) -> Iterator[Row]:
    """The entries from position `first` on, as stored. Raises `Broken` with the first that SQLite cannot read."""
    reached = max(first - 1, 0)
    try:
        for row in database.execute(
            f"SELECT {COLUMNS} FROM events WHERE position >= ? ORDER BY position LIMIT ?",  # noqa: S608
            [first, -1 if limit is None else limit],
        ):
            yield Row._make(row)
            reached = row[0]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        raise Broken(
            f"entry {reached + 1} cannot be read, {reached or 'none'} is the last one before it ({error})",
            reached + 1,
        ) from error


def entries(database: Database, after: int, limit: int | None) -> list[Entry]:
    """The entries above position `after`. Raises `Broken` or `UnknownEvent`."""
    return [_known(database, row) for row in rows(database, after + 1, limit)]


def of_stream(database: Database, stream: str, after: int, limit: int | None = None) -> list[Entry]:
    """The entries of one stream above version `after`. Raises `Broken` or `UnknownEvent`, `Broken` for a gap too."""
    found = []
    for row in database.execute(
        f"SELECT {COLUMNS} FROM events WHERE stream = CAST(? AS TEXT) AND version > ? "  # noqa: S608
        "ORDER BY version LIMIT ?",
        # As bytes: the name may be one that damage has made, and no text.
        [stream.encode("utf-8", "surrogateescape"), after, -1 if limit is None else limit],
    ):
        entry = _known(database, Row._make(row))
        after += 1
        if entry.version != after:
            raise Broken(
                f"version {after} of stream {stream} is missing: entry {entry.position} is version {entry.version}",
                entry.position,
            )
        found.append(entry)
    return found


def streams(database: Database) -> list[str]:
    """The names of all streams, sorted; each is one look into the index."""
    return sorted(name for (name,) in database.execute(_STREAMS))


def check_types(database: Database) -> None:
    """One entry of each type and schema version decodes, or nothing starts; each is one look into the index."""
    for row in database.execute(_KINDS).fetchall():
        _known(database, Row._make(row))


def walk(
    database: Database, verification: Verification, page: int, each: Callable[[Entry], None] | None
) -> bool:
    """Verify the next `page` entries; False when there were none. Raises `Broken` or `UnknownEvent`."""
    reached = verification.head.position
    # The first look has no lower bound: an entry put before the first is found too.
    for row in rows(database, reached + 1 if reached else LOWEST, page):
        verification.take(row)
        entry = _decoded(row)
        if each:
            each(entry)
    return verification.head.position > reached


def check_file(database: Database, verified: Head) -> None:
    """The file's structure: that each index says what the table says, and no page is lost. Raises `Broken`."""
    words = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if words != "ok":
        raise Broken(
            f"all up to entry {verified.position} fit, but the file is damaged ({' '.join(words.split())})",
            verified.position + 1,
        )


def _known(database: Database, row: Row) -> Entry:
    """The row decoded. An unknown type in a row that does not fit the chain is damage, and no later version's."""
    check_kinds(row)
    try:
        return _decoded(row)
    except UnknownEvent as error:
        before = next(rows(database, row.position - 1, 1), None)
        previous = before.hash if before and before.position < row.position else GENESIS
        if link(previous, *row[:-1]) != row.hash:
            raise Broken(
                f"entry {row.position} does not fit the chain of hashes, and cannot be read: {error}",
                row.position,
            ) from error
        raise


def _decoded(row: Row) -> Entry:
    try:
        event, at = decode(row.type, row.schema, row.data), datetime.fromisoformat(row.at)
    except UnknownEvent as error:
        raise UnknownEvent(f"entry {row.position}: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise Broken(
            f"entry {row.position} cannot be read as {row.type}: {first['msg']}", row.position
        ) from error
    except ValueError as error:
        raise Broken(f"entry {row.position} cannot be read: {error}", row.position) from error
    return Entry(row.position, row.stream, row.version, at, event, row.hash)
