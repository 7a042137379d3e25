"""`handle(enterprise, command)`: load, decide, append; the only caller of append for an enterprise's stream."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.commands import Command
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.events import Event
from bot.domain.ledger import Appender, Conflict


class Now(Protocol):
    """The part of the clock that decisions need."""

    def now(self) -> datetime: ...


class Decision(NamedTuple):
    """What a command came to: its events (none when it changed nothing) and the state after them."""

    events: Sequence[Event]
    state: Enterprise


class Handler:
    """Decides commands against the ledger. One for each process; any number may share a ledger.

    The folded state is kept between commands and caught up by reading, so that it is never more than a cache of
    the ledger (law 7).
    """

    def __init__(self, ledger: Appender, clock: Now) -> None:
        self._ledger = ledger
        self._clock = clock
        self._known: dict[str, tuple[int, Enterprise]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def state(self, enterprise: str) -> Enterprise:
        """The enterprise's state as the ledger has it now."""
        async with self._turns[enterprise]:
            return (await self._load(enterprise))[1]

    async def handle(self, enterprise: str, command: Command) -> Decision:
        """Decide `command` on the newest state and append what it causes. Raises `Refusal`.

        When somebody else appended first, loads and decides again: two approvers in one millisecond both count.
        """
        async with self._turns[enterprise]:
            while True:
                version, state = await self._load(enterprise)
                now = self._clock.now()
                events = decide(state, command, now)
                if not events:
                    return Decision(events, state)
                try:
                    await self._ledger.append(stream(enterprise), version, events, now)
                except Conflict:
                    continue
                return Decision(events, (await self._load(enterprise))[1])

    async def _load(self, enterprise: str) -> tuple[int, Enterprise]:
        version, state = self._known.get(enterprise, (0, Enterprise()))
        entries = await self._ledger.read(stream(enterprise), after=version)
        if entries:
            state = replay(((entry.at, entry.event) for entry in entries), state)
            version = entries[-1].version
            self._known[enterprise] = (version, state)
        return version, state
