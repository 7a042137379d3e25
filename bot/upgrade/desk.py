"""The desk: people's wishes become commands here, with authority and plan asked anew (law 2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from bot.config import EnterpriseSettings
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Statement
from bot.domain.handle import Decision
from bot.domain.plan import Package


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
