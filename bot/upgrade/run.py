"""One run's hands: the console it has open, the ledger it asks and tells, and the looks in between."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from bot.clock import Clock
from bot.config import EnterpriseSettings
from bot.console.port import Console, ConsoleError
from bot.domain.approval import Authority, Directory, DirectoryUnavailable
from bot.domain.commands import Command, Fault, Observe, ReportEvidenceLost
from bot.domain.enterprise import Enterprise, Request
from bot.domain.handle import Decision, Handler
from bot.domain.plan import Plan
from bot.domain.progress import unbroken
from bot.domain.sight import InstallOutcome, Observation
from bot.upgrade.evidence import Evidence
from bot.upgrade.facts import Facts
from storage.errors import LedgerUnavailable
from storage.ledger import Head

log = logging.getLogger(__name__)

T = TypeVar("T")

GAP = timedelta(minutes=5)
"""A longer pause between two looks (a suspended machine, a stopped process) begins the watch anew."""


def jittered(span: timedelta) -> timedelta:
    """`span` or up to a fifth more, so that askings never march in step; never less, whatever the settings' floor."""
    return span * random.uniform(1.0, 1.2)  # noqa: S311  # jitter, no secret


class LedgerEnd(Protocol):
    """What a run asks of the ledger itself: everything else goes through the handler."""

    async def head(self) -> Head: ...

    async def try_write(self) -> None:
        """Raises `LedgerUnavailable` when an append would."""
        ...


@dataclass(frozen=True)
class Services:
    """What every run works with."""

    enterprises: Mapping[str, EnterpriseSettings]
    handler: Handler
    directory: Directory
    facts: Facts
    evidence: Mapping[str, Evidence]
    """By enterprise."""
    clock: Clock
    missing: Callable[[str], str | None]
    """Why nothing may begin on an enterprise yet: its ledger is not known to be whole, or may be older than what
    Slack shows (law 1). None when it may."""
    ledger: LedgerEnd


class Run:
    """One request on one enterprise, with a console session. Keeps nothing that the ledger does not have."""

    def __init__(self, services: Services, console: Console, enterprise: str, request: str) -> None:
        self.services = services
        self.console = console
        self.enterprise = enterprise
        self.id = request
        self.settings = services.enterprises[enterprise]
        self.watching = services.clock.now()
        """Looking without a gap since then: nothing is concluded from what went unseen."""
        self.unsent: InstallOutcome | None = None
        """The outcome of an install intent that could not be written: should the ledger have it all the same."""
        self._looked: datetime | None = None
        self._recorded: Observation | None = None
        self._unreadable_since: datetime | None = None
        self.evidence = services.evidence[enterprise]
        self._lost = self.evidence.lost

    @property
    def clock(self) -> Clock:
        return self.services.clock

    async def may_begin(self) -> bool:
        """Whether the ledger may be acted on; when not yet, after a pause. Watching never asks."""
        if self.services.missing(self.enterprise) is not None:
            await self.pause()
        return self.services.missing(self.enterprise) is None

    async def missing_patiently(self) -> str | None:
        """Why nothing may begin, once the settle budget is spent; None as soon as it may."""
        began = self.clock.now()
        while missing := self.services.missing(self.enterprise):
            if self.clock.now() - began >= timedelta(minutes=self.settings.budgets.settle):
                return missing
            await self.pause()
        return None

    async def state(self) -> Enterprise:
        return await self.services.handler.state(self.enterprise)

    async def request(self) -> Request:
        return (await self.state()).requests[self.id]

    async def handle(self, command: Command) -> Decision:
        return await self.services.handler.handle(self.enterprise, command)

    async def report(self, command: Command) -> Decision:
        """Tell the ledger what nobody could find out again, for as long as that takes."""
        return await self.outlasting(lambda: self.handle(command))

    async def stop(self, words: str) -> None:
        """End the run for a reason of the bot's own."""
        await self.report(Fault(request=self.id, words=words))

    async def outlasting(self, work: Callable[[], Awaitable[T]]) -> T:
        """`work`, begun again whenever the ledger, or what the machine gives, could not be had and can be again.

        Without the ledger looking goes on and nothing is pressed: no step without its intent on disk (law 1).
        """
        while True:
            try:
                return await work()
            except LedgerUnavailable as error:
                log.error("%s: %s. Nothing is pressed meanwhile; looking goes on", self.id, error)
                await self._outlast()
                log.info("%s: the ledger can be written again", self.id)
            except OSError as error:
                log.error("%s: the bot's host does not give what is needed: %s", self.id, error)
                await self.pause()

    async def _outlast(self) -> None:
        while True:
            await self.pause()
            self._missed(await self.look())
            try:
                return await self.services.ledger.try_write()
            except LedgerUnavailable as error:
                log.debug("%s: %s", self.id, error)

    def _missed(self, seen: Observation) -> None:
        """The ledger does not have this look. Unless it is like the last one that it has, what it has says nothing
        about the time before."""
        if not seen.same_as(self._recorded):
            self.watching = self.clock.now()

    async def look(self) -> Observation:
        """One look. A console that cannot even be signed in to, or a driver that breaks, is an observation too."""
        now, up = self.clock.now(), self.clock.uptime()
        if self._looked is None or not timedelta(0) <= now - self._looked <= GAP:
            self.watching = now
        try:
            return await self.console.look()
        except ConsoleError as error:
            return Observation(answered=False, reason=str(error))
        except OSError as error:  # the bot's own disk or network says nothing about the console
            return Observation(answered=False, reason=f"the bot's host: {error}")
        except Exception as error:
            log.exception("%s: the console driver broke while looking", self.id)
            reason = f"the driver broke ({type(error).__name__}); see the bot's log"
            return Observation(answered=True, recognized=False, reason=reason)
        finally:
            self._looked = self.clock.now()
            if self.clock.torn(now, up, GAP):
                self.watching = self._looked

    async def observe(self, seen: Observation) -> Request:
        """Tell the ledger what was seen; the request after the verdict."""
        observe = Observe(
            request=self.id,
            observation=seen,
            seen_at=self._seen_at,
            watching=self.watching,
            budgets=self.settings.budgets,
        )
        try:
            await self.tell_losses()
            request = (await self.handle(observe)).state.requests[self.id]
        except LedgerUnavailable:
            self._missed(seen)
            raise
        self._recorded = seen
        return request

    async def tell_losses(self) -> None:
        """Tell the ledger when the bot's host has refused evidence since this session began; once is enough."""
        if (lost := self.evidence.lost) > self._lost:
            await self.handle(ReportEvidenceLost(request=self.id, reason=self.evidence.reason))
            self._lost = lost

    async def look_patiently(self, until: datetime, *, readable: bool = False) -> Observation:
        """The first look that is answered, or the last one when the settle budget is spent (law 5).

        `readable`: one that is recognized, too.
        """
        began = self.clock.now()
        while True:
            seen = await self.look()
            good = seen.answered and (seen.recognized or not readable)
            if good or self.clock.now() >= until or self._settled(began):
                return seen
            await self.pause()

    @property
    def _seen_at(self) -> datetime:
        """The end of the last look: what came after it was not watched, and counts for no budget (law 5)."""
        assert self._looked is not None, "nothing is told or tried before a look"
        return self._looked

    def _settled(self, since: datetime) -> bool:
        """Whether the looks have gone on for the settle budget since then, counted from their last gap (law 5)."""
        spent = self._seen_at - unbroken(since, self.watching, self._seen_at)
        return spent >= timedelta(minutes=self.settings.budgets.settle)

    async def authority(self, until: datetime) -> Authority:
        """Who may approve at this moment. Slack unable to say: wait until `until`, then `DirectoryUnavailable`."""
        while True:
            try:
                return await self.authority_now()
            except DirectoryUnavailable:
                if self.clock.now() >= until:
                    raise
                await self.pause()

    async def authority_now(self) -> Authority:
        """Who may approve, without waiting. Raises `DirectoryUnavailable`."""
        return await self.services.directory.authority(self.settings.rules)

    def unreadable(self, readable: bool = False) -> bool:
        """Note that a step could not, or could, act on the page; whether it could not for the whole settle budget."""
        self._unreadable_since = None if readable else self._unreadable_since or self._seen_at
        return self._unreadable_since is not None and self._settled(self._unreadable_since)

    async def plan_now(self, seen: Observation) -> Plan | None:
        levels = {a.name: a.level for a in seen.appliances}
        return await self.services.facts.plan_now(self.enterprise, await self.request(), levels)

    async def pause(self) -> None:
        """Between two looks at a console: the poll interval or a little more."""
        await self.clock.sleep(jittered(timedelta(seconds=self.settings.poll_seconds)))
