"""The facts that commands carry: the plan as it would be made at this moment."""

from __future__ import annotations

from collections.abc import Mapping

from bot.config import EnterpriseSettings
from bot.domain.enterprise import Request
from bot.domain.plan import Plan
from bot.upgrade.packages import PackageStore
from bot.upgrade.preflight import plan_now


class Facts:
    """`profiles` holds the digest of each enterprise's profile."""

    def __init__(
        self, enterprises: Mapping[str, EnterpriseSettings], profiles: Mapping[str, str], store: PackageStore
    ) -> None:
        self.enterprises = enterprises
        self.profiles = profiles
        self.store = store

    async def plan_now(
        self, enterprise: str, request: Request, levels: Mapping[str, str | None]
    ) -> Plan | None:
        """The request's plan made anew; None when its package file or its enterprise is gone."""
        if request.plan is None or enterprise not in self.enterprises:
            return None
        fingerprint = await self.store.fingerprint(request.plan.package)
        settings, profile = self.enterprises[enterprise], self.profiles[enterprise]
        return plan_now(request.plan, settings, profile, fingerprint, levels)
