"""The desk: people's wishes become commands here, with authority and plan asked anew (law 2)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from bot.config import EnterpriseSettings
from bot.domain import commands as c
from bot.domain.approval import Authority, Directory, Person
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Draft, Statement
from bot.domain.handle import Decision, Handler, Now
from bot.domain.plan import Package
from bot.domain.refusal import Refusal
from bot.domain.windows import Window, fitting, next_fit
from bot.upgrade.facts import Facts

LONGEST_WINDOW = timedelta(days=1)
"""A plan's window closes at most a day after its start, where windows touch and never close."""

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: nothing in it is mistaken for anything else when read aloud at night."""
ID_LETTERS = 10
"""50 bits of chance: among 100,000 requests, one in 200,000 that any two ever had the same id. Only the newest are
known to `decide`, so it cannot refuse the id of an old one."""


class OutsideWindow(Refusal):
    """The start lies in no window with enough left. `next_start` is the earliest that does, None when none does.

    The sentence is plain text in the windows' own zone: modals show errors without Slack's date format.
    """

    def __init__(self, wanted: datetime, following: tuple[datetime, Window] | None, zone: str) -> None:
        self.next_start = following[0] if following else None
        hint = (
            f"the next start that fits is {_local(self.next_start, zone)}"
            if self.next_start
            else "no window of this enterprise is long enough; see its windows in the settings"
        )
        super().__init__(f"{_local(wanted, zone)} is not in a window with enough time left; {hint}")


def _local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%a %d %b %Y %H:%M} ({zone})"


class Desk(Protocol):
    """What handlers may ask. `by` is a Slack user id. Every method raises `Refusal` and `DirectoryUnavailable`."""

    @property
    def enterprises(self) -> Mapping[str, EnterpriseSettings]:
        """The settings by enterprise name."""
        ...

    async def packages(self) -> list[Package]:
        """The packages that were added on the bot's host, newest first."""
        ...

    async def state(self, enterprise: str) -> Enterprise: ...

    async def find(self, request: str) -> tuple[str, Request]:
        """The enterprise and the request of that id (any case). Raises `Refusal` when there is none."""
        ...

    async def ask(
        self,
        enterprise: str,
        by: str,
        *,
        package: str,
        start: datetime | None,
        reason: str,
        change: str,
        attestations: tuple[str, ...],
    ) -> tuple[str, Decision]:
        """Ask for an upgrade with the package of that name; the new request's id.

        `start` None: as soon as approved. A start outside the windows is refused with the next that fits.
        """
        ...

    async def approve(self, request: str, by: str) -> Decision: ...

    async def decline(self, request: str, by: str, reason: str) -> Decision: ...

    async def withdraw(self, request: str, by: str) -> Decision: ...

    async def cancel(self, request: str, by: str) -> Decision: ...

    async def attest(self, request: str, by: str, statement: Statement, value: str) -> Decision: ...

    async def acknowledge(self, request: str, by: str) -> Decision: ...

    async def compare(self, enterprise: str, by: str, head: str, epoch: int | None = None) -> Decision:
        """`epoch`: the hold that the person was shown; None for whichever stands."""
        ...


class LedgerDesk:
    """The desk over the ledger."""

    def __init__(
        self,
        enterprises: Mapping[str, EnterpriseSettings],
        handler: Handler,
        directory: Directory,
        facts: Facts,
        clock: Now,
    ) -> None:
        self._enterprises = enterprises
        self._handler = handler
        self._directory = directory
        self._facts = facts
        self._clock = clock

    @property
    def enterprises(self) -> Mapping[str, EnterpriseSettings]:
        return self._enterprises

    async def packages(self) -> list[Package]:
        return [recorded.package for recorded in await self._facts.store.recorded()]

    async def state(self, enterprise: str) -> Enterprise:
        return await self._handler.state(self._named(enterprise))

    async def find(self, request: str) -> tuple[str, Request]:
        wanted = request.strip().upper()
        for name in self._enterprises:
            found = (await self._handler.state(name)).requests.get(wanted)
            if found is not None:
                return name, found
        raise Refusal(
            "there is no such request among the newest; /upgrade list shows those, and keyturn ledger show has all"
        )

    async def ask(
        self,
        enterprise: str,
        by: str,
        *,
        package: str,
        start: datetime | None,
        reason: str,
        change: str,
        attestations: tuple[str, ...],
    ) -> tuple[str, Decision]:
        settings = self._enterprises[self._named(enterprise)]
        chosen = next((p for p in await self.packages() if p.name == package), None)
        if chosen is None:
            raise Refusal(
                "that package is not on the bot's host; it is added there with: keyturn package add"
            )
        now = self._clock.now()
        wanted = max(start or now, now)
        window = fitting(settings.windows, wanted, settings.needs, now)
        if window is None:
            following = next_fit(settings.windows, wanted, settings.needs)
            raise OutsideWindow(wanted, following, settings.windows[0].zone)
        window = window.model_copy(update={"closes": min(window.closes, wanted + LONGEST_WINDOW)})
        request = "U-" + "".join(secrets.choice(_LETTERS) for _ in range(ID_LETTERS))
        draft = Draft(
            package=chosen,
            start=wanted,
            window=window,
            reason=reason.strip(),
            change=change.strip(),
            attestations=attestations,
        )
        person, authority = await self._who(enterprise, by)
        command = c.Ask(
            request=request, by=person, authority=authority, draft=draft, needs_minutes=settings.needs_minutes
        )
        return request, await self._handler.handle(enterprise, command)

    async def approve(self, request: str, by: str) -> Decision:
        enterprise, found = await self.find(request)
        person, authority = await self._who(enterprise, by)
        plan = await self._facts.plan_now(enterprise, found, {}) if found.plan else None
        command = c.Approve(request=found.id, by=person, authority=authority, plan=plan)
        return await self._handler.handle(enterprise, command)

    async def decline(self, request: str, by: str, reason: str) -> Decision:
        enterprise, found = await self.find(request)
        person, authority = await self._who(enterprise, by)
        command = c.Decline(request=found.id, by=person, authority=authority, reason=reason)
        return await self._handler.handle(enterprise, command)

    async def withdraw(self, request: str, by: str) -> Decision:
        enterprise, found = await self.find(request)
        person = await self._directory.person(by)
        return await self._handler.handle(enterprise, c.Withdraw(request=found.id, by=person))

    async def cancel(self, request: str, by: str) -> Decision:
        enterprise, found = await self.find(request)
        person, authority = await self._who(enterprise, by)
        command = c.Cancel(request=found.id, by=person, authority=authority)
        return await self._handler.handle(enterprise, command)

    async def attest(self, request: str, by: str, statement: Statement, value: str) -> Decision:
        enterprise, found = await self.find(request)
        person, authority = await self._who(enterprise, by)
        command = c.Attest(
            request=found.id, by=person, authority=authority, statement=statement, value=value.strip()
        )
        return await self._handler.handle(enterprise, command)

    async def acknowledge(self, request: str, by: str) -> Decision:
        enterprise, found = await self.find(request)
        person = await self._directory.person(by)
        return await self._handler.handle(enterprise, c.Acknowledge(request=found.id, by=person))

    async def compare(self, enterprise: str, by: str, head: str, epoch: int | None = None) -> Decision:
        person, authority = await self._who(self._named(enterprise), by)
        command = c.Compare(by=person, authority=authority, head=head, epoch=epoch)
        return await self._handler.handle(enterprise, command)

    async def _who(self, enterprise: str, user: str) -> tuple[Person, Authority]:
        rules = self._enterprises[enterprise].rules
        return await self._directory.person(user), await self._directory.authority(rules)

    def _named(self, enterprise: str) -> str:
        if enterprise not in self._enterprises:
            raise Refusal("that enterprise is not configured here: " + ", ".join(sorted(self._enterprises)))
        return enterprise
