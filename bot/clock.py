"""Time as a port: now, a rate, and a sleep in the clock's own seconds."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The clock of a process.

    `rate` is 1 in earnest. A demonstration runs the bot and the simulated enterprise at the same faster rate, both
    counted from the same `epoch` (a real moment), so that a restarted process goes on where the others are.
    """

    def __init__(self, rate: float = 1.0, epoch: datetime | None = None) -> None:
        self.rate = rate
        self._epoch = epoch or datetime.now(UTC)

    def now(self) -> datetime:
        """The present moment, UTC."""
        real = datetime.now(UTC)
        return real if self.rate == 1.0 else self._epoch + (real - self._epoch) * self.rate

    def real_seconds_until(self, moment: datetime) -> float:
        """How many real seconds lie between now and `moment`; never negative."""
        return max(0.0, (moment - self.now()).total_seconds() / self.rate)

    async def sleep(self, span: timedelta) -> None:
        """Sleep for `span` of this clock's time."""
        await asyncio.sleep(span.total_seconds() / self.rate)

    def torn(self, began: datetime, up: float, gap: timedelta) -> bool:
        """Whether since then (`now` and `uptime` of that moment) the wall clock was set by more than `gap`, or the
        machine stood still for longer than that in real time: what lies between was not a stretch of time."""
        real = self.uptime() - up
        jump = self.now() - began - timedelta(seconds=real * self.rate)
        return abs(jump) > gap or real > gap.total_seconds()

    def uptime(self) -> float:
        """Real seconds since boot, those in which the machine or the process was suspended included.

        No setting of the wall clock moves it: the age of the install intent is measured with it (law 1).
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)
