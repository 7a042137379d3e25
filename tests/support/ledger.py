"""A ledger in memory: the narrow port of `handle`, with the one behaviour that matters to it, the conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.domain.events import Event
from bot.domain.ledger import Conflict, Entry, Snapshot


class MemoryLedger:
    """Appends at the expected version or raises `Conflict`. Gives way at each call, so that callers interleave."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.conflicts = 0
        self.snapshots: dict[str, tuple[str, Snapshot]] = {}

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        await asyncio.sleep(0)
        version = len(self._of(stream))
        if version != expected:
            self.conflicts += 1
            raise Conflict(stream, expected, version)
        position = len(self.entries)
        added = [
            Entry(position + i, stream, version + i, at, event, "") for i, event in enumerate(events, start=1)
        ]
        self.entries += added
        return added

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        await asyncio.sleep(0)
        return self._of(stream)[after:][:limit]

    async def snapshot(self, stream: str, kind: str) -> Snapshot | None:
        await asyncio.sleep(0)
        kept, snapshot = self.snapshots.get(stream, (kind, None))
        if snapshot is None or kept != kind:
            return None
        entries = self._of(stream)[snapshot.version - 1 : snapshot.version]
        return snapshot if [entry.hash for entry in entries] == [snapshot.hash] else None

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        await asyncio.sleep(0)
        kept, former = self.snapshots.get(stream, (kind, snapshot))
        if kept != kind or former.version <= snapshot.version:
            self.snapshots[stream] = (kind, snapshot)

    def _of(self, stream: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.stream == stream]


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment
