"""The embedded engine: one asyncio task for each run, alarms by APScheduler, everything computed from the ledger.

Alarms are kept in memory and have no misfire limit: a late one still only says "look again", and what is due
follows from the ledger and the time. They go by the wall clock; the heartbeat does not, so that a clock that is set
back keeps nothing waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger

from bot.clock import Clock
from bot.domain.alarms import next_look
from bot.domain.commands import LookAgain
from bot.domain.enterprise import Enterprise, Request, stream
from bot.domain.events import Phase
from bot.domain.handle import Handler
from storage.errors import LedgerUnavailable
from storage.ledger import Ledger

log = logging.getLogger(__name__)

Job = Callable[[str, str], Awaitable[None]]
"""Does something for an enterprise and a request, by name and id."""

HEARTBEAT = 60.0
"""Real seconds after which an enterprise is looked at again in any case: timers stand still while a machine is
suspended, an alarm is late by what the clock was set back, and one that broke must not be the last."""

RESTART_AFTER = 5.0
"""Real seconds before a run whose task broke is carried on from the ledger, or a ledger that failed is read again."""

READ_AGAIN = 12
"""How often a ledger that cannot be read is tried again, in all: then the process ends, for its supervisor to see."""

DRAIN = 23.0
"""Real seconds that cancelled tasks have: what must not be cut short is done by then (`bot.drain.UNCUT`), and a
console that does not answer keeps nobody waiting with the sign-out."""


class Engine:
    """Starts what the ledger says is to be done, and looks again when the ledger or the clock moves.

    `preflight` and `run` come from the upgrade room, and `has_work` tells whether a request's run goes on.
    """

    def __init__(
        self,
        enterprises: Iterable[str],
        ledger: Ledger,
        handler: Handler,
        clock: Clock,
        *,
        preflight: Job,
        run: Job,
        has_work: Callable[[Enterprise, Request], bool],
        heartbeat: float = HEARTBEAT,
        restart_after: float = RESTART_AFTER,
    ) -> None:
        self._streams = {stream(name): name for name in enterprises}
        self._ledger = ledger
        self._handler = handler
        self._clock = clock
        self._preflight = preflight
        self._run = run
        self._has_work = has_work
        self._heartbeat = heartbeat
        self._restart_after = restart_after
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True}
        )
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Run until cancelled; then every task is cancelled and waited for, and no new step begins."""
        self._scheduler.start()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                tasks.create_task(self._heartbeats())
        finally:
            self._scheduler.shutdown(wait=False)
            await self._drain()

    async def hand_over(self) -> None:
        """Log what the next process goes on with."""
        try:
            for name in self._streams.values():
                state = await self._handler.state(name)
                for request in state.requests.values():
                    if self._has_work(state, request):
                        log.info("%s: run %s goes on when Keyturn is started again", name, request.id)
                    elif request.phase is Phase.APPROVED:
                        log.info(
                            "%s: %s is approved and starts in its window if Keyturn runs again by then",
                            *(name, request.id),
                        )
        except Exception:
            log.exception("what is handed over could not be read from the ledger")

    async def _follow(self) -> None:
        after = (await self._ledger.head()).position
        for name in self._streams.values():
            await self._look(name)
        for again in range(READ_AGAIN + 1):
            try:
                async for entry in self._ledger.subscribe(after):
                    if entry.stream in self._streams:
                        await self._look(self._streams[entry.stream])
                    after = entry.position
                return  # the ledger was closed
            except LedgerUnavailable as error:
                if again == READ_AGAIN:
                    raise
                log.error("runs are watched on; new entries cannot be read: %s", error)
                await asyncio.sleep(self._restart_after)

    async def _heartbeats(self) -> None:
        while True:
            await asyncio.sleep(self._heartbeat)
            for name in self._streams.values():
                await self._look(name)

    async def _drain(self) -> None:
        """Every task is told to end, and once more when it has not ended in time."""
        tasks = list(self._tasks.values())
        for _ in range(2):
            for task in tasks:
                task.cancel()
            if tasks:
                await asyncio.wait(tasks, timeout=DRAIN)
            tasks = [task for task in tasks if not task.done()]

    async def _look(self, enterprise: str) -> None:
        """Whatever is due, now; then an alarm for the next moment at which something will be."""
        try:
            state = (await self._handler.handle(enterprise, LookAgain())).state
            now = self._clock.now()
            due = state.due(now)
            for request in state.requests.values():
                if request.phase is Phase.REQUESTED and request.plan is None:
                    self._begin(enterprise, request.id, self._preflight)
                elif request is due or self._has_work(state, request):
                    self._begin(enterprise, request.id, self._run)
            if (moment := next_look(state, now)) is not None:
                self._alarm(enterprise, self._clock.real_seconds_until(moment))
        except LedgerUnavailable as error:
            log.error("%s: what is due waits for the ledger: %s", enterprise, error)
            self._alarm(enterprise, self._restart_after)
        except Exception:
            log.exception(
                "%s: what is due could not be seen to; again within %.0f s", enterprise, self._heartbeat
            )

    def _alarm(self, enterprise: str, seconds: float, why: str = "next") -> None:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        self._scheduler.add_job(
            self._alarmed,
            DateTrigger(at),
            args=[enterprise],
            id=f"{enterprise} {why}",
            replace_existing=True,
        )

    async def _alarmed(self, enterprise: str) -> None:
        """The scheduler takes a look that the end of the process cancels for an error, and logs it as one."""
        with contextlib.suppress(asyncio.CancelledError):
            await self._look(enterprise)

    def _begin(self, enterprise: str, request: str, job: Job) -> None:
        """Start the job unless one for this request is at work already."""
        key = enterprise, request
        if key not in self._tasks:
            task = asyncio.create_task(
                self._guarded(enterprise, request, job), name=f"{enterprise} {request}"
            )
            self._tasks[key] = task
            task.add_done_callback(lambda ended: self._ended(key, ended))

    async def _guarded(self, enterprise: str, request: str, job: Job) -> None:
        """A job that breaks is carried on from the ledger after a while, never dropped."""
        try:
            await job(enterprise, request)
        except Exception:
            log.exception(
                "%s: the run broke; it goes on from the ledger in %.0f s", request, self._restart_after
            )
            await asyncio.sleep(self._restart_after)

    def _ended(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        """What comes next may have been passed over while the task still stood in the way."""
        del self._tasks[key]
        if not task.cancelled():
            self._alarm(key[0], 0.0, "after a task")
