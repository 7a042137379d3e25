"""What the domain needs of the ledger: entries, the refusal of a stale append, and the narrow port of `handle`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.events import Event


class Entry(NamedTuple):
    """One event as it stands in the ledger.

    `position` counts all entries from 1, `version` those of its stream from 1. `hash` is the chain's hash up to
    and including this entry (64 hex digits).
    """

    position: int
    stream: str
    version: int
    at: datetime
    event: Event
    hash: str


class Snapshot(NamedTuple):
    """A stream's fold up to `version`, kept only to save reading: never a fact."""

    version: int
    hash: str
    """The chain's hash of that entry: a snapshot of another history is never given back."""
    state: str
    """JSON."""


class Conflict(Exception):
    """Somebody else appended to the stream first: load again and decide again."""

    def __init__(self, stream: str, expected: int, actual: int) -> None:
        super().__init__(f"stream {stream} is at version {actual}, not {expected}")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class Appender(Protocol):
    """The part of the ledger that `handle` uses."""

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]: ...

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]: ...

    async def snapshot(self, stream: str, kind: str) -> Snapshot | None:
        """The newest kept fold of the stream by the code that `kind` names, if its entry has the snapshot's hash."""
        ...

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        """Keep it beside the events in place of the stream's former one."""
        ...
