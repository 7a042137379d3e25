"""Where a simulated server holds one request, so that a test can end the bot at exactly that point."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Moment(StrEnum):
    """When a request is held, and what becomes of it when it is let go.

    BEFORE: before it is handled, and dropped then: as if its sender had died just before sending it.
    UNHEARD: on its way, and handled then, although nobody waits for the answer any more.
    AFTER: handled, and before its answer leaves.
    """

    BEFORE = "before"
    UNHEARD = "unheard"
    AFTER = "after"


class Passed(NamedTuple):
    """A request came to a point: Unix seconds, and the point's name."""

    at: float
    point: str


@dataclass
class _Hold:
    point: str
    moment: Moment
    left: int
    held: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)


class Holds:
    """The named points of one server, and at most one hold."""

    def __init__(self) -> None:
        self.passed: list[Passed] = []
        """Every request that has come to a point, oldest first."""
        self._hold: _Hold | None = None

    def hold(self, point: str, moment: Moment, nth: int) -> None:
        """Hold the `nth` request at that point from now on."""
        self.let_go()
        self._hold = _Hold(point, moment, nth)

    async def held(self) -> bool:
        """True as soon as it is held, False when it is let go before."""
        if (hold := self._hold) is None:
            return False
        await hold.held.wait()
        return hold.left == 0

    def let_go(self) -> None:
        """Hold nothing any more."""
        if self._hold:
            self._hold.gone.set()
            self._hold.held.set()
        self._hold = None

    async def before(self, point: str) -> bool:
        """A request comes to `point`; whether it is to be handled."""
        self.passed.append(Passed(time.time(), point))
        return not await self._at(point, Moment.BEFORE)

    async def unheard(self, point: str) -> None:
        """It is on its way."""
        await self._at(point, Moment.UNHEARD)

    async def after(self, point: str) -> None:
        """It has been handled, and its answer waits to leave."""
        await self._at(point, Moment.AFTER)

    async def _at(self, point: str, moment: Moment) -> bool:
        """Whether it was held."""
        hold = self._hold
        if hold is None or (hold.point, hold.moment) != (point, moment):
            return False
        hold.left -= 1
        if hold.left != 0:
            return False
        hold.held.set()
        await hold.gone.wait()
        return True
