"""What a message is rendered from: one enterprise, or one request of it, at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.announce.text import flat
from bot.config import EnterpriseSettings
from bot.domain.approval import Authority, Rules, counted, eligible
from bot.domain.enterprise import Enterprise, Request


@dataclass(frozen=True)
class EnterpriseView:
    """`name` is the enterprise's name in the settings and in commands."""

    name: str
    settings: EnterpriseSettings
    state: Enterprise
    now: datetime

    @property
    def title(self) -> str:
        """The enterprise as people call it."""
        return flat(self.settings.title, 80)

    @property
    def support(self) -> str:
        """Whom to call."""
        return flat(self.settings.support, 200)


@dataclass(frozen=True)
class View(EnterpriseView):
    """`authority` is who may approve at this moment: None when it does not matter or Slack could not tell.

    `card_link` is the address of the request's card, None when there is none to be had.
    """

    request: Request
    authority: Authority | None = None
    card_link: str | None = None

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def package(self) -> str:
        return flat(self.request.draft.package.name, 200)

    @property
    def level(self) -> str:
        """The level that the package brings."""
        return flat(self.request.draft.package.level, 80)

    @property
    def appliances(self) -> list[str]:
        """The appliances of the plan; before there is one, those of the settings."""
        plan = self.request.plan
        return [a.appliance for a in plan.appliances] if plan else [a.name for a in self.settings.appliances]

    @property
    def rules(self) -> Rules:
        return self.request.plan.rules if self.request.plan else self.settings.rules

    @property
    def approvals(self) -> list[str]:
        """Whose approval counts, in order."""
        request = self.request
        if self.authority is None:
            return list(request.approvals)
        return counted(self.rules, self.authority, request.by, request.approvals)

    @property
    def needed(self) -> int:
        """How many more approvals the quorum needs."""
        return max(0, self.rules.quorum - len(self.approvals))

    @property
    def awaited(self) -> Sequence[str] | None:
        """Whose approval would count and is not there yet; None when Slack could not tell."""
        if self.authority is None:
            return None
        may = eligible(self.rules, self.authority, self.request.by)
        return [id_ for id_ in may if id_ not in self.request.approvals]
