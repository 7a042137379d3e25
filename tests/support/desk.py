"""A desk in memory: the real rules over a ledger in memory, with people and faults that a test sets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from bot.config import ApplianceSettings, EnterpriseSettings
from bot.domain import commands as c
from bot.domain.approval import Authority, Person, Rules
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Draft, Statement
from bot.domain.handle import Decision, Handler
from bot.domain.plan import Package, Plan
from bot.domain.refusal import Refusal
from bot.domain.windows import Day, WeeklyWindow, fitting, next_fit
from bot.upgrade.desk import OutsideWindow
from tests.support import values as v
from tests.support.ledger import MemoryLedger, StillClock

ANA, BEN, CHLOE, DAN = "U0ANA", "U0BEN", "U0CHLOE", "U0DAN"
CHANNEL = "C0IDENTITY"
RULES = Rules(approver_groups=("S0APPROVE",), requester_groups=("S0REQUEST",))


def settings(**changes: Any) -> EnterpriseSettings:
    """An enterprise whose window is Saturday 20:00 to 02:00 UTC; ana and ben may ask, and chloe may approve too."""
    given: dict[str, Any] = {
        "title": "Main",
        "channel": CHANNEL,
        "oncall_group": "S0ONCALL",
        "appliances": (
            ApplianceSettings(name="db-1", address="https://db-1.example:81", fingerprint="0" * 64),
        ),
        "windows": (WeeklyWindow(day=Day.saturday, start=time(20), end=time(2), zone="UTC"),),
        "rules": RULES,
    }
    return EnterpriseSettings(**{**given, **changes})


class MemoryDesk:
    """Records every call that changes something in `calls`; raises `fault` while it is set.

    `gate` is open unless a test clears it: every such call waits there. `plan_now` None: no plan has drifted.
    """

    def __init__(self, *names: str) -> None:
        self._enterprises = {name: settings() for name in names or ("main",)}
        self.clock = StillClock(v.T0 + timedelta(minutes=1))
        self.handler = Handler(MemoryLedger(), self.clock)
        self.added: list[Package] = [v.package()]
        self.calls: list[tuple[str, ...]] = []
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.plan_now: Plan | None = None
        self._asked = 0

    @property
    def enterprises(self) -> Mapping[str, EnterpriseSettings]:
        return self._enterprises

    async def packages(self) -> list[Package]:
        return self.added

    async def state(self, enterprise: str) -> Enterprise:
        if enterprise not in self._enterprises:
            raise Refusal("that enterprise is not configured here: " + ", ".join(self._enterprises))
        return await self.handler.state(enterprise)

    async def find(self, request: str) -> tuple[str, Request]:
        for name in self._enterprises:
            found = (await self.handler.state(name)).requests.get(request.upper())
            if found:
                return name, found
        raise Refusal("there is no such request among the newest; /upgrade list shows those")

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
        await self._called("ask", enterprise, by, package, reason, change)
        chosen, given = next(p for p in self.added if p.name == package), self._enterprises[enterprise]
        now = self.clock.now()
        wanted = max(start or now, now)
        window = fitting(given.windows, wanted, given.needs, now)
        if window is None:
            raise OutsideWindow(wanted, next_fit(given.windows, wanted, given.needs), "UTC")
        self._asked += 1
        id_ = f"U-{self._asked}"
        draft = Draft(
            package=chosen,
            start=wanted,
            window=window,
            reason=reason,
            change=change,
            attestations=attestations,
        )
        command = c.Ask(
            request=id_,
            by=_person(by),
            authority=_authority(),
            draft=draft,
            needs_minutes=given.needs_minutes,
        )
        return id_, await self.handler.handle(enterprise, command)

    async def asked(self, by: str = ANA, **plan: Any) -> str:
        """A request with its preflight done; `plan` changes fields of its plan."""
        id_, _ = await self.ask(
            "main",
            by,
            package=v.package().name,
            start=None,
            reason="a fix",
            change="CHG-1",
            attestations=v.draft().attestations,
        )
        self.calls.clear()
        made = v.plan(id_, **{"rules": RULES, **plan})
        report = c.ReportPreflight(request=id_, rows=(v.row(),), plan=made)
        await self.handler.handle("main", report)
        return id_

    async def approve(self, request: str, by: str) -> Decision:
        await self._called("approve", request, by)
        name, found = await self.find(request)
        return await self.handler.handle(
            name,
            c.Approve(
                request=request, by=_person(by), authority=_authority(), plan=self.plan_now or found.plan
            ),
        )

    async def decline(self, request: str, by: str, reason: str) -> Decision:
        await self._called("decline", request, by, reason)
        command = c.Decline(request=request, by=_person(by), authority=_authority(), reason=reason)
        return await self.handler.handle("main", command)

    async def withdraw(self, request: str, by: str) -> Decision:
        await self._called("withdraw", request, by)
        return await self.handler.handle("main", c.Withdraw(request=request, by=_person(by)))

    async def cancel(self, request: str, by: str) -> Decision:
        await self._called("cancel", request, by)
        command = c.Cancel(request=request, by=_person(by), authority=_authority())
        return await self.handler.handle("main", command)

    async def attest(self, request: str, by: str, statement: Statement, value: str) -> Decision:
        await self._called("attest", request, by, statement, value)
        command = c.Attest(
            request=request, by=_person(by), authority=_authority(), statement=statement, value=value
        )
        return await self.handler.handle("main", command)

    async def acknowledge(self, request: str, by: str) -> Decision:
        await self._called("acknowledge", request, by)
        return await self.handler.handle("main", c.Acknowledge(request=request, by=_person(by)))

    async def compare(self, enterprise: str, by: str, head: str, epoch: int | None = None) -> Decision:
        await self.state(enterprise)
        await self._called("compare", enterprise, by, head, str(epoch))
        command = c.Compare(by=_person(by), authority=_authority(), head=head, epoch=epoch)
        return await self.handler.handle(enterprise, command)

    async def held(self) -> None:
        """A new epoch holds the first enterprise."""
        await self.handler.handle("main", c.BeginEpoch(reason="the ledger was restored"))

    async def _called(self, *call: str) -> None:
        self.calls.append(call)
        await self.gate.wait()
        if self.fault:
            raise self.fault


def _person(id_: str) -> Person:
    return Person(id=id_)


def _authority() -> Authority:
    return Authority(approvers=frozenset({ANA, BEN, CHLOE}), requesters=frozenset({ANA, BEN}))
