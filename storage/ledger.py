"""The ledger's port: append with an expected version, read, subscribe; one chain of hashes over all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.events import Event
from bot.domain.ledger import Appender, Entry
from storage.errors import REMEDY

__all__ = ["Broken", "Entry", "Head", "Ledger"]


class Head(NamedTuple):
    """The ledger's end: position of the last entry (0 when empty) and the chain's hash there (64 hex digits)."""

    position: int
    hash: str


class Broken(Exception):
    """The ledger does not verify; `position` is the first entry that does not fit or cannot be read (law 7).

    `message` says what is wrong; what to do is added.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message}; {REMEDY}")
        self.position = position


class Ledger(Appender, Protocol):
    """Append-only entries in streams, one global order, one chain of hashes.

    Any process may append (the command line beside the bot); the expected version decides who was first.
    """

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        """All of `events` or none, on disk when this returns.

        `expected` is the stream's version (the count of its entries). Raises `Conflict` when it is another.
        """
        ...

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """The entries of one stream with a version above `after`, in order; the first `limit` of them.

        A gap between versions is `Broken`.
        """
        ...

    async def read_all(self, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        """The entries of all streams with a position above `after`, in order."""
        ...

    async def streams(self) -> Sequence[str]:
        """The names of all streams, sorted."""
        ...

    def subscribe(self, after: int = 0) -> AsyncIterator[Entry]:
        """All entries above position `after`, then each new one as it comes, whichever process appended it."""
        ...

    async def head(self) -> Head: ...

    async def try_write(self) -> None:
        """Write and commit something beside the events. Raises `LedgerUnavailable` when an append would."""
        ...

    async def holds(self, position: int, hash: str) -> bool:
        """Whether the entry at `position` has this hash."""
        ...

    async def verify(self, head: str | None = None, *, each: Callable[[Entry], None] | None = None) -> Head:
        """Recompute the chain. Raises `Broken` at the first entry that does not fit, or when `head` was never one.

        `each` is called with every entry that fits, in order, in the thread that reads.
        """
        ...
