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
from bot.domain.commands import Command, Fault
from bot.domain.enterprise import Enterprise, Request
from bot.domain.handle import Decision, Handler
from bot.domain.plan import Plan
from bot.domain.sight import Observation
from bot.upgrade.evidence import Evidence
from bot.upgrade.facts import Facts

log = logging.getLogger(__name__)


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
        try:
            return await self.console.look()
        except ConsoleError as error:
            return Observation(answered=False, reason=str(error))
        except Exception as error:
            log.exception("%s: the console driver broke while looking", self.id)
            return Observation(answered=True, recognized=False, reason=f"the driver broke: {error!r}")

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
                return await self.services.directory.authority(self.settings.rules)
            except DirectoryUnavailable:
                if self.clock.now() >= until:
                    raise
                await self.pause()

    async def plan_now(self, seen: Observation) -> Plan | None:
        levels = {a.name: a.level for a in seen.appliances}
        return await self.services.facts.plan_now(self.enterprise, await self.request(), levels)

    async def pause(self) -> None:
        """Between two looks: the poll interval, a fifth more or less, so that polls never march in step."""
        seconds = self.settings.poll_seconds * random.uniform(0.8, 1.2)  # noqa: S311  # jitter, no secret
        await self.clock.sleep(timedelta(seconds=seconds))
