"""A ledger that is listened to: who cares hears of each entry that it did not take."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime

from bot.domain.events import Event
from bot.domain.ledger import Entry, Snapshot
from storage.errors import LedgerUnavailable
from storage.ledger import Head, Ledger


class HeardLedger:
    """Is `ledger`, and tells `met` of every append and trial write that raises `LedgerUnavailable`."""

    def __init__(self, ledger: Ledger, met: Callable[[LedgerUnavailable], None]) -> None:
        self._ledger = ledger
        self._met = met

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        """See the port."""
        try:
            return await self._ledger.append(stream, expected, events, at)
        except LedgerUnavailable as error:
            self._met(error)
            raise

    async def try_write(self) -> None:
        """See the port."""
        try:
            await self._ledger.try_write()
        except LedgerUnavailable as error:
            self._met(error)
            raise

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """See the port."""
        return await self._ledger.read(stream, after, limit)

    async def read_all(self, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """See the port."""
        return await self._ledger.read_all(after, limit)

    async def streams(self) -> Sequence[str]:
        """See the port."""
        return await self._ledger.streams()

    def subscribe(self, after: int = 0) -> AsyncIterator[Entry]:
        """See the port."""
        return self._ledger.subscribe(after)

    async def head(self) -> Head:
        """See the port."""
        return await self._ledger.head()

    async def holds(self, position: int, hash: str) -> bool:
        """See the port."""
        return await self._ledger.holds(position, hash)

    async def verify(self, head: str | None = None, *, each: Callable[[Entry], None] | None = None) -> Head:
        """See the port."""
        return await self._ledger.verify(head, each=each)

    async def snapshot(self, stream: str, kind: str) -> Snapshot | None:
        """See the port."""
        return await self._ledger.snapshot(stream, kind)

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        """See the port."""
        await self._ledger.keep_snapshot(stream, kind, snapshot)
