"""`handle(enterprise, command)`: load, decide, append; the only caller of append for an enterprise's stream."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from bot.domain.commands import Command
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise, evolve, stream
from bot.domain.events import Event
from bot.domain.ledger import Appender, Conflict, Entry
from bot.domain.snapshot import DOMAIN, Fold, Folded, kind_of


class Now(Protocol):
    """The part of the clock that decisions need."""

    def now(self) -> datetime: ...


class Decision(NamedTuple):
    """What a command came to: its events (none when it changed nothing) and the state after them."""

    events: Sequence[Event]
    state: Enterprise


def _take(state: Enterprise, entry: Entry) -> Enterprise:
    return evolve(state, entry.event, entry.at)


ENTERPRISE_FOLD = Fold(Enterprise, _take, kind_of(DOMAIN))
"""How an enterprise's stream becomes its state."""


class Handler:
    """Decides commands against the ledger. One for each process; any number may share a ledger.

    The folded state is kept between commands and caught up by reading, so that it is never more than a cache of
    the ledger (law 7).
    """

    def __init__(self, ledger: Appender, clock: Now) -> None:
        self._ledger = ledger
        self._clock = clock
        self._folded: dict[str, Folded[Enterprise]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def state(self, enterprise: str) -> Enterprise:
        """The enterprise's state as the ledger has it now."""
        async with self._turns[enterprise]:
            known = self._of(enterprise)
            await known.catch_up()
            await known.keep()
            return known.state

    async def handle(self, enterprise: str, command: Command) -> Decision:
        """Decide `command` on the newest state and append what it causes. Raises `Refusal`.

        When somebody else appended first, loads and decides again: two approvers in one millisecond both count.
        """
        async with self._turns[enterprise]:
            known = self._of(enterprise)
            while True:
                state = await known.catch_up()
                await known.keep()
                now = self._clock.now()
                events = decide(state, command, now)
                if not events:
                    return Decision(events, state)
                try:
                    await self._ledger.append(stream(enterprise), known.version, events, now)
                except Conflict:
                    continue
                return Decision(events, await known.catch_up())

    def _of(self, enterprise: str) -> Folded[Enterprise]:
        known = self._folded.get(enterprise)
        if known is None:
            known = self._folded[enterprise] = Folded(self._ledger, stream(enterprise), ENTERPRISE_FOLD)
        return known
