"""The watchdog: a thread that notices when the event loop stands still, says where, and ends the process at last.

A bot that stands still watches nothing and calls nobody, while one that is killed anywhere goes on from the ledger
when its supervisor starts it again. An install intent that the loop stood still on is not sent later (law 1): it is
older than 30 s by then.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from types import TracebackType
from typing import Self

log = logging.getLogger(__name__)

STUCK = 70
"""The exit code of a process whose event loop stood still (EX_SOFTWARE of sysexits.h)."""

_SAYING = 2.0
"""Real seconds that saying it may take: the log itself may be what everything waits for."""


class Watchdog:
    """`with Watchdog():` in a coroutine watches the running loop.

    `tick`: seconds between two looks of the thread. After `tell` seconds without a beat of the loop the stacks of
    all threads are logged, after `end` seconds the process ends with `STUCK`. Both are counted in the thread's own
    ticks: a suspended machine or process stands still as a whole, and that is not the loop's fault. A block that
    holds the interpreter itself (C code that keeps the GIL) stops this thread too and is not noticed.
    """

    def __init__(self, *, tick: float = 1.0, tell: float = 5.0, end: float = 60.0) -> None:
        self._tick = tick
        self._tell = round(tell / tick)
        self._end = round(end / tick)
        self._beats = 0
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._beat()
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._next.cancel()

    def _beat(self) -> None:
        self._beats += 1
        self._next = self._loop.call_later(self._tick, self._beat)

    def _watch(self) -> None:
        seen, missed = self._beats, 0
        while not self._over.wait(self._tick):
            if self._beats != seen:
                if missed >= self._tell:
                    log.warning("the event loop goes on; it stood still for %.0f s", missed * self._tick)
                seen, missed = self._beats, 0
                continue
            missed += 1
            if missed == self._tell:
                self._say(f"the event loop stands still for {missed * self._tick:.0f} s; all threads:")
            if missed >= self._end:
                self._say(
                    f"the event loop stands still for {missed * self._tick:.0f} s: the process ends with exit code "
                    f"{STUCK}; start it again, it goes on from the ledger"
                )
                os._exit(STUCK)

    def _say(self, words: str) -> None:
        def say() -> None:
            log.critical("%s", words)
            faulthandler.dump_traceback(sys.stderr, all_threads=True)

        saying = threading.Thread(target=say, name="watchdog says", daemon=True)
        saying.start()
        saying.join(_SAYING)
