"""One run's hands: the console it has open, the ledger it asks and tells, and the looks in between."""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.clock import Clock
from bot.config import EnterpriseSettings
from bot.console.port import Console, ConsoleError
from bot.domain.approval import Authority, Directory, DirectoryUnavailable
from bot.domain.commands import Command, Fault, Observe
from bot.domain.enterprise import Enterprise, Request
from bot.domain.handle import Decision, Handler
from bot.domain.plan import Plan
from bot.domain.sight import Observation
from bot.upgrade.evidence import Evidence
from bot.upgrade.facts import Facts

log = logging.getLogger(__name__)

GAP = timedelta(minutes=5)
"""A longer pause between two looks (a suspended machine, a stopped process) begins the watch anew."""


@dataclass(frozen=True)
class Services:
    """What every run works with."""

    enterprises: Mapping[str, EnterpriseSettings]
    handler: Handler
    directory: Directory
    facts: Facts
    evidence: Evidence
    clock: Clock


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
        self._looked: datetime | None = None
        self._unreadable_since: datetime | None = None

    @property
    def clock(self) -> Clock:
        return self.services.clock

    async def state(self) -> Enterprise:
        return await self.services.handler.state(self.enterprise)

    async def request(self) -> Request:
        return (await self.state()).requests[self.id]

    async def handle(self, command: Command) -> Decision:
        return await self.services.handler.handle(self.enterprise, command)

    async def stop(self, words: str) -> None:
        """End the run for a reason of the bot's own."""
        await self.handle(Fault(request=self.id, words=words))

    async def look(self) -> Observation:
        """One look. A console that cannot even be signed in to, or a driver that breaks, is an observation too."""
        now = self.clock.now()
        if self._looked is None or now - self._looked > GAP:
            self.watching = now
        try:
            return await self.console.look()
        except ConsoleError as error:
            return Observation(answered=False, reason=str(error))
        except Exception as error:
            log.exception("%s: the console driver broke while looking", self.id)
            reason = f"the driver broke ({type(error).__name__}); see the bot's log"
            return Observation(answered=True, recognized=False, reason=reason)
        finally:
            self._looked = self.clock.now()

    async def observe(self, seen: Observation) -> Request:
        """Tell the ledger what was seen; the request after the verdict."""
        observe = Observe(
            request=self.id, observation=seen, watching=self.watching, budgets=self.settings.budgets
        )
        return (await self.handle(observe)).state.requests[self.id]

    async def look_patiently(self, until: datetime, *, readable: bool = False) -> Observation:
        """The first look that is answered, or the last one when the settle budget is spent (law 5).

        `readable`: one that is recognized, too.
        """
        give_up = min(until, self.clock.now() + timedelta(minutes=self.settings.budgets.settle))
        while True:
            seen = await self.look()
            good = seen.answered and (seen.recognized or not readable)
            if good or self.clock.now() >= give_up:
                return seen
            await self.pause()

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
        now = self.clock.now()
        self._unreadable_since = None if readable else self._unreadable_since or now
        budget = timedelta(minutes=self.settings.budgets.settle)
        return self._unreadable_since is not None and now - self._unreadable_since >= budget

    async def plan_now(self, seen: Observation) -> Plan | None:
        levels = {a.name: a.level for a in seen.appliances}
        return await self.services.facts.plan_now(self.enterprise, await self.request(), levels)

    async def pause(self) -> None:
        """Between two looks: the poll interval, a fifth more or less, so that polls never march in step."""
        seconds = self.settings.poll_seconds * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
        await self.clock.sleep(timedelta(seconds=seconds))
