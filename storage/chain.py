"""The hash chain over the ledger's stored bytes, and its verification (law 7). Pure.

Each entry's hash is SHA-256 over eight fields, in this order:

1. the hash of the entry before it, as its 64 lower-case hex digits; 64 zeros before the first entry
2. `position`, in decimal ASCII
3. `stream`, UTF-8
4. `version`, in decimal ASCII
5. `at`, as stored: UTC, `2025-11-22T13:00:00.000000+00:00`
6. `type`, UTF-8
7. `schema`, in decimal ASCII
8. `data`, as stored: the event's JSON, UTF-8

Each field is written as a netstring: the count of its bytes in decimal ASCII, a colon, the bytes, a comma (so
the position 12 is `2:12,`). The eight are joined without anything between them. The hash is stored as 64
lower-case hex digits. Positions count from 1 without a gap; so do the versions of each stream.

The fields are the columns of the same names of the table `events`, byte for byte: nothing is parsed or written
anew on the way, so a verifier needs SHA-256, a way to read the table, and this page.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from storage.ledger import Broken, Head

GENESIS = "0" * 64
"""What stands for the hash before the first entry, and for the head of an empty ledger."""


class Row(NamedTuple):
    """An entry as it is stored. Text that is not UTF-8 carries its bytes as surrogate escapes (PEP 383)."""

    position: int
    stream: str
    version: int
    at: str
    type: str
    schema: int
    data: str
    hash: str


_KINDS = (int, str, int, str, str, int, str, str)


def check_kinds(row: Row) -> None:
    """Raises `Broken` for a value that no entry holds: SQLite gives any, from a record that is damaged."""
    if tuple(map(type, row)) != _KINDS:
        raise Broken(f"entry {row.position} holds a value of the wrong kind", row.position)


def link(
    previous: str, position: int, stream: str, version: int, at: str, kind: str, schema: int, data: str
) -> str:
    """The hash (64 hex digits) of the entry with these stored values, after the hash `previous`."""
    # One formatting and one call: of all that a verification does, this is done most.
    n, v, k = b"%d" % position, b"%d" % version, b"%d" % schema
    p, s, a, t, d = (field.encode("utf-8", "surrogateescape") for field in (previous, stream, at, kind, data))
    return hashlib.sha256(
        b"%d:%b,%d:%b,%d:%b,%d:%b,%d:%b,%d:%b,%d:%b,%d:%b,"
        % (len(p), p, len(n), n, len(s), s, len(v), v, len(a), a, len(t), t, len(k), k, len(d), d)
    ).hexdigest()


class Verification:
    """One walk over a whole ledger: `take` every row in the order of positions, then `finish`.

    `announced` is a head that was announced at some time: it must be the hash of one of the entries, or of the
    empty ledger. Without one, a cut tail and a chain that was computed anew look honest.
    """

    def __init__(self, announced: str | None = None) -> None:
        self._announced = announced and announced.strip().lower()
        self._seen = self._announced in (None, GENESIS)
        self._versions: dict[str, int] = {}
        self.head = Head(0, GENESIS)

    def take(self, row: Row) -> None:
        """Raises `Broken` with the row's position when it does not continue what was taken before."""
        expected = self.head.position + 1
        if row.position != expected:
            raise Broken(
                f"entry {expected} is missing: entry {row.position} stands in its place",
                min(expected, row.position),
            )
        check_kinds(row)
        if row.hash != link(self.head.hash, *row[:-1]):
            raise Broken(
                f"entry {row.position} ({row.type} of {row.stream}) does not fit the chain of hashes: "
                "it, or what stood before it, was changed",
                row.position,
            )
        version = self._versions.get(row.stream, 0) + 1
        if row.version != version:
            raise Broken(
                f"entry {row.position} is version {row.version} of stream {row.stream}, "
                f"where version {version} follows",
                row.position,
            )
        self._versions[row.stream] = version
        self._seen = self._seen or row.hash == self._announced
        self.head = Head(row.position, row.hash)

    def finish(self) -> Head:
        """The verified end. Raises `Broken` with the position after it when the announced head was never reached."""
        if not self._seen:
            raise Broken(
                f"head {self._announced} was announced, but is not in this ledger, which ends with entry "
                f"{self.head.position}: it was cut, computed anew, or is another ledger",
                self.head.position + 1,
            )
        return self.head
