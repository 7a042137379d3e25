"""The runner: asks the ledger what comes next and has that done, until there is nothing more to do.

Killed anywhere, it starts again from the ledger.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from bot.console import port
from bot.console.tls import TrustError
from bot.domain import commands as c
from bot.domain.approval import DirectoryUnavailable
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Phase, Step
from bot.domain.refusal import Refusal
from bot.upgrade import steps, watch
from bot.upgrade.run import Run, Services, jittered

log = logging.getLogger(__name__)

FOREIGN_EVERY = timedelta(minutes=5)
"""Between two looks at somebody else's work; each one signs in and out."""


def has_work(state: Enterprise, request: Request) -> bool:
    """Whether a run of this request has something to do, apart from waiting for its start."""
    return request.is_running or _logs_wanted(request) or _foreign_watched(state, request)


class Runner:
    """Carries out preflights and runs; one console session at a time for each enterprise.

    `open_console` gives a new session on the consoles of the named enterprise.
    """

    def __init__(self, services: Services, open_console: Callable[[str], port.Console]) -> None:
        self._services = services
        self._open_console = open_console
        self._sessions: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def preflight(self, enterprise: str, request: str) -> None:
        """The read-only preflight at request time."""
        async with self._session(enterprise, request) as run:
            await run.outlasting(lambda: steps.preflight(run))

    async def run(self, enterprise: str, request: str) -> None:
        """Carry a request on from wherever the ledger has it."""
        while await self._turn(enterprise, request):
            await self._services.clock.sleep(jittered(FOREIGN_EVERY))

    async def _turn(self, enterprise: str, request: str) -> bool:
        """Everything there is to do in one session; whether to come back for a look at somebody else's work.

        Between those looks the console is free for other requests.
        """
        async with self._session(enterprise, request) as run:
            return await run.outlasting(lambda: self._to_the_end(run))

    @contextlib.asynccontextmanager
    async def _session(self, enterprise: str, request: str) -> AsyncIterator[Run]:
        async with self._sessions[enterprise], await self._console(enterprise) as console:
            yield Run(self._services, console, enterprise, request)

    async def _console(self, enterprise: str) -> port.Console:
        """A new session, as soon as the machine has what it takes: a CA file is read, a descriptor opened."""
        while True:
            try:
                return self._open_console(enterprise)
            except (OSError, TrustError) as error:
                log.error("%s: no console can be opened: %s", enterprise, error)
                poll = timedelta(seconds=self._services.enterprises[enterprise].poll_seconds)
                await self._services.clock.sleep(jittered(poll))

    async def _to_the_end(self, run: Run) -> bool:
        while await self._advance(run):
            pass
        state = await run.state()
        request = state.requests[run.id]
        if request.run and request.ended:
            head = await self._services.ledger.head()
            now = self._services.clock.now()
            await asyncio.to_thread(run.evidence.head, run.id, head.position, head.hash, now)
            await run.tell_losses()
        if not _foreign_watched(state, request):
            return False
        await watch.look_at_foreign(run)
        return True

    async def _advance(self, run: Run) -> bool:
        """One step; whether there may be another."""
        await run.tell_losses()
        state = await run.state()
        request = state.requests[run.id]
        try:
            if request is state.due(run.clock.now()):
                await steps.start(run)
            elif request.phase is Phase.PREPARING:
                await self._prepare(run, request)
            elif request.is_running:
                await watch.watch(run, request)
            elif _logs_wanted(request):
                await watch.collect_logs(run)
            else:
                return False
        except Refusal as refusal:
            # Somebody was quicker (a cancel, a quarantine): the ledger says what comes next.
            log.info("%s: %s", run.id, refusal)
            await run.pause()
        except DirectoryUnavailable as error:
            log.warning("%s: %s", run.id, error)
            await run.pause()
        return True

    async def _prepare(self, run: Run, request: Request) -> None:
        assert request.run is not None
        try:
            if Step.UPLOAD not in request.run.finished:
                await steps.upload(run)
            elif Step.DISTRIBUTE not in request.run.finished:
                await steps.distribute(run)
            else:
                await steps.install(run)
            run.unreadable(readable=True)
        except port.Refused as error:
            await run.report(c.Fault(request=run.id, words=error.words, console_error=True))
        except port.Unrecognized as error:
            if Step.DISTRIBUTE not in request.run.intended or run.unreadable():
                await run.handle(c.Fault(request=run.id, words=str(error), unreadable=True))
            else:
                log.warning("%s: %s", run.id, error)
                await run.pause()
        except port.Unreachable as error:
            if run.unreadable():
                await run.stop(str(error))
            else:
                log.warning("%s: %s", run.id, error)
                await run.pause()
        except port.ConsoleError as error:
            await run.stop(str(error))


def _logs_wanted(request: Request) -> bool:
    ended_badly = request.phase in (Phase.FAILED, Phase.UNKNOWN)
    return ended_badly and request.run is not None and Step.COLLECT_LOGS not in request.run.finished


def _foreign_watched(state: Enterprise, request: Request) -> bool:
    lockout = state.lockout
    return lockout is not None and lockout.foreign and lockout.request == request.id and not request.is_open
