"""A ledger in memory: the narrow port of `handle`, with the one behaviour that matters to it, the conflict."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from bot.domain.events import Event
from bot.domain.ledger import Conflict, Entry


class MemoryLedger:
    """Appends at the expected version or raises `Conflict`. Gives way at each call, so that callers interleave."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.conflicts = 0

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

    async def read(self, stream: str, after: int = 0) -> Sequence[Entry]:
        await asyncio.sleep(0)
        return self._of(stream)[after:]

    def _of(self, stream: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.stream == stream]


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.moment = now

    def now(self) -> datetime:
        return self.moment
