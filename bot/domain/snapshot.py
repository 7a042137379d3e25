"""Folds of the ledger's streams, and their snapshots: caches that save reading, never facts (law 7).

A state is loaded from the stream's snapshot and the entries after it. A snapshot names the code that folded it and
the hash of its entry, so that one of other code or of another history is never used; and while the bot works,
`SnapshotCheck` folds every stream from its first entry and compares.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import pydantic
from pydantic_core import to_json

from bot.domain.ledger import Appender, Entry, Snapshot

log = logging.getLogger(__name__)

S = TypeVar("S")

PAGE = 500
"""Entries read at once, so that the memory of a long replay is bounded."""

APART = 200
"""Entries of a stream after which a new snapshot is kept: what a start reads again."""

DOMAIN = tuple(sorted(Path(__file__).parent.glob("*.py")))
"""The sources of the domain: whatever a fold means follows from them."""


def kind_of(sources: Iterable[Path]) -> str:
    """The name of the code that folds: SHA-256 (64 hex digits) of its sources and of the version of pydantic."""
    digest = hashlib.sha256(pydantic.VERSION.encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()


@dataclass(frozen=True)
class Fold(Generic[S]):
    """How the entries of a stream become a state of the dataclass `state`, which begins without arguments.

    `take` gives the state after one more entry, and may change the one that it is given. `kind`: see `kind_of`.
    """

    state: type[S]
    take: Callable[[S, Entry], S]
    kind: str

    def write(self, state: S) -> str:
        """The state as JSON."""
        return to_json(state, fallback=dict).decode()  # a MappingProxyType is written as its dict

    def read(self, written: str) -> S:
        """The state of its JSON, equal to the one that was written. Raises `ValueError`."""
        return self._adapter.validate_json(written)

    @functools.cached_property
    def _adapter(self) -> pydantic.TypeAdapter[S]:
        return pydantic.TypeAdapter(self.state)


class Folded(Generic[S]):
    """The state of one stream, kept in memory and caught up from the ledger. `version` is the last entry taken.

    `apart`: entries between two snapshots.
    """

    def __init__(self, ledger: Appender, stream: str, fold: Fold[S], apart: int = APART) -> None:
        self._ledger = ledger
        self._stream = stream
        self._fold = fold
        self._apart = apart
        self._opened = False
        self._hash = ""
        self._kept = 0
        self.state = fold.state()
        self.version = 0

    async def catch_up(self) -> S:
        """The state as the ledger has it now; the first time from the snapshot on."""
        if not self._opened:
            await self._open()
        while True:
            page = await self._ledger.read(self._stream, self.version, PAGE)
            self.take(page)
            if len(page) < PAGE:
                return self.state

    def take(self, entries: Iterable[Entry]) -> None:
        """Fold the entries that follow."""
        for entry in entries:
            self.state = self._fold.take(self.state, entry)
            self.version, self._hash = entry.version, entry.hash

    async def keep(self) -> None:
        """Keep a snapshot when many entries lie after the last one; a failure is logged, and tried again after as
        many more.

        For the one process that decides, and not between an intent and its act: a disk may take its time.
        """
        if self.version - self._kept < self._apart:
            return
        self._kept = self.version
        try:
            snapshot = Snapshot(self.version, self._hash, self._fold.write(self.state))
            await self._ledger.keep_snapshot(self._stream, self._fold.kind, snapshot)
        except Exception:
            log.exception(
                "%s: no snapshot could be kept at version %d; the next start reads more",
                self._stream,
                self._kept,
            )

    async def _open(self) -> None:
        snapshot = await self._ledger.snapshot(self._stream, self._fold.kind)
        self._opened = True
        if snapshot is None:
            return
        try:
            self.state = self._fold.read(snapshot.state)
        except ValueError as error:
            reason = str(error).splitlines()[0]
            log.warning(
                "%s: the snapshot at version %d cannot be read (%s) and is not used; the stream is read from its "
                "first entry",
                self._stream,
                snapshot.version,
                reason,
            )
            return
        self.version, self._hash, self._kept = snapshot.version, snapshot.hash, snapshot.version


_REFUSED = "refused"
"""The kind of what replaces a wrong snapshot: no code folds so."""


class SnapshotWrong(Exception):
    """A snapshot was changed: what this process has built on it may be false. The message says which."""


class _Suspect(NamedTuple):
    """A snapshot, its fold, and the state of the stream's entries so far."""

    fold: Fold[Any]
    snapshot: Snapshot
    state: Any


class SnapshotCheck:
    """Compares snapshots, by stream and each with its fold, with the full folds of their streams.

    `take` every entry of the ledger in order, then look at what is `wrong`. A fold is dropped as soon as it is
    compared.
    """

    def __init__(self, snapshots: Mapping[str, tuple[Fold[Any], Snapshot]]) -> None:
        self._suspects = {
            stream: _Suspect(fold, snapshot, fold.state()) for stream, (fold, snapshot) in snapshots.items()
        }
        self._wrong: dict[str, int] = {}

    def take(self, entry: Entry) -> None:
        """The next entry of the ledger."""
        suspect = self._suspects.get(entry.stream)
        if suspect is None:
            return
        state = suspect.fold.take(suspect.state, entry)
        if entry.version < suspect.snapshot.version:
            self._suspects[entry.stream] = suspect._replace(state=state)
            return
        del self._suspects[entry.stream]
        if not _says(suspect, state):
            self._wrong[entry.stream] = suspect.snapshot.version

    @property
    def wrong(self) -> dict[str, int]:
        """The streams whose snapshot is not the full fold, and the version that it claims to be of."""
        return self._wrong | {stream: suspect.snapshot.version for stream, suspect in self._suspects.items()}


async def refuse(ledger: Appender, wrong: Mapping[str, int]) -> None:
    """Raises `SnapshotWrong` when there are any. Those are never used again, by no later start."""
    for stream in wrong:
        await ledger.keep_snapshot(stream, _REFUSED, Snapshot(0, "", ""))
    if wrong:
        named = ", ".join(f"that of {stream} at version {version}" for stream, version in wrong.items())
        raise SnapshotWrong(
            f"snapshots in the ledger's file are not what their entries come to: {named}. Somebody changed them; "
            "they are dropped, and the entries themselves are whole. Find out who writes to the file, then start "
            "Keyturn again"
        )


def _says(suspect: _Suspect, state: object) -> bool:
    try:
        return bool(suspect.fold.read(suspect.snapshot.state) == state)
    except ValueError:
        return True  # nobody could read it, so nothing was built on it
