"""Who may ask and who may approve (law 2). Pure: people and groups come in as values, read fresh from Slack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from pydantic import Field, model_validator

from bot.domain.refusal import Refusal
from bot.domain.values import Value


class Rules(Value):
    """The approval rules of one enterprise. They are part of the plan, so changing them voids approvals.

    People are named by Slack user group id and by Slack user id, never by name or e-mail. The ids listed here
    count beside the groups; they are the fallback where the workspace's plan has no user groups.
    """

    quorum: int = Field(default=2, ge=2)
    requester_may_approve: bool = False
    approver_groups: tuple[str, ...] = ()
    approver_ids: tuple[str, ...] = ()
    requester_groups: tuple[str, ...] = ()
    requester_ids: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _someone(self) -> Rules:
        if not self.approver_groups and not self.approver_ids:
            raise ValueError("nobody may approve: name approver_groups or approver_ids")
        if not self.requester_groups and not self.requester_ids:
            raise ValueError("nobody may ask: name requester_groups or requester_ids")
        return self


class Person(Value):
    """A Slack user as Slack describes it at this moment."""

    id: str
    active: bool = True
    bot: bool = False
    guest: bool = False
    stranger: bool = False
    """From another workspace (shared channel)."""

    def barred(self) -> str | None:
        """Why this person counts for nothing, whatever the groups say; None for a regular member."""
        if self.bot:
            return "bots have no say here"
        if not self.active:
            return "the account is deactivated"
        if self.stranger:
            return "the account belongs to another workspace"
        if self.guest:
            return "guests have no say here"
        return None


def regular(person: Person) -> None:
    """Raises `Refusal` for those who count for nothing."""
    if barred := person.barred():
        raise Refusal(barred)


class Authority(Value):
    """Who may approve and ask at this moment: ids of active, regular members of the rules' groups and lists."""

    approvers: frozenset[str]
    requesters: frozenset[str]


def counted(rules: Rules, authority: Authority, requester: str, approvers: Iterable[str]) -> list[str]:
    """Those of `approvers` that count: distinct, still with authority, the requester only where the rules say so."""
    return [
        user
        for user in dict.fromkeys(approvers)
        if user in authority.approvers and (rules.requester_may_approve or user != requester)
    ]


def eligible(rules: Rules, authority: Authority, requester: str) -> list[str]:
    """Everybody whose approval would count, sorted."""
    return sorted(counted(rules, authority, requester, authority.approvers))


class DirectoryUnavailable(Exception):
    """Slack cannot say at this moment who somebody is or who is in a group: wait, or try again."""


class Directory(Protocol):
    """Who is who, asked anew each time: nothing about authority is kept (law 2)."""

    async def person(self, user: str) -> Person:
        """The user with that id. Raises `DirectoryUnavailable`; a user whom Slack does not know is inactive."""
        ...

    async def authority(self, rules: Rules) -> Authority:
        """The active, regular members of the rules' groups and lists. Raises `DirectoryUnavailable`."""
        ...
