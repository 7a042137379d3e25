"""The end in order: SIGTERM or SIGINT ends everything, and what must not be cut short is finished first."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import signal
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

log = logging.getLogger(__name__)

UNCUT = 20.0
"""Real seconds that work which must not be cut short has, once the end was asked for."""

LONGEST = 28.0
"""Real seconds from the signal to the end of the process, whatever still waits: a supervisor's stop timeout is
longer."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

T = TypeVar("T")


@contextlib.contextmanager
def draining(longest: float = LONGEST) -> Iterator[None]:
    """Cancel the body at the first SIGTERM or SIGINT, and end without an error when it has ended.

    A second signal ends the process at once. So do `longest` seconds after the first: the stacks of all threads are
    written to stderr then, and the exit code is 1.
    """
    loop, body = asyncio.get_running_loop(), asyncio.current_task()
    assert body is not None, "a drain is a task's"
    told: list[signal.Signals] = []

    def tell(name: signal.Signals) -> None:
        told.append(name)
        for each in SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        faulthandler.dump_traceback_later(longest, exit=True)
        log.info("%s: no new step begins; at most %.0f s until the end", name.name, longest)
        body.cancel()

    for each in SIGNALS:
        loop.add_signal_handler(each, tell, each)
    try:
        yield
    except asyncio.CancelledError:
        if not told:
            raise
        body.uncancel()
        log.info("keyturn has stopped; it goes on from the ledger when it is started again")
    finally:
        for each in SIGNALS:
            loop.remove_signal_handler(each)


async def uncut(work: Coroutine[Any, Any, T], what: str, seconds: float = UNCUT) -> T:
    """What `work` returns. A cancellation that comes meanwhile waits for its end first, at most `seconds` (real).

    `what` names it in the log.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            log.info("%s is finished first; it has %.0f s", what, seconds)
            await asyncio.wait([task], timeout=seconds)
        if not task.done():
            log.warning("%s is not finished after %.0f s and is cut short", what, seconds)
            task.cancel()
        [result] = await asyncio.gather(task, return_exceptions=True)
        if isinstance(result, Exception):
            log.error("%s broke: %s", what, result)
        raise
