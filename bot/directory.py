"""Who is who, asked of Slack anew each time: `Directory` of the domain over the Web API (law 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.approval import Authority, DirectoryUnavailable, Person, Rules

NOBODY = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
"""Slack's answers for an id that stands for nobody here."""


class SlackDirectory:
    """Implements `bot.domain.approval.Directory`. Keeps nothing but the bot's own team."""

    def __init__(self, slack: AsyncWebClient) -> None:
        self._slack = slack
        self._team: str | None = None

    async def person(self, user: str) -> Person:
        """The user with that id. Raises `DirectoryUnavailable`; a user whom Slack does not know is inactive."""
        team = await self._own_team()
        try:
            found = (await _answer(self._slack.users_info(user=user)))["user"]
        except _Refused as refused:
            if refused.code in NOBODY:
                return Person(id=user, active=False)
            raise _unavailable(f"who {user} is", refused.code) from None
        return Person(
            id=user,
            active=not found.get("deleted", False),
            bot=bool(found.get("is_bot")),
            guest=bool(found.get("is_restricted") or found.get("is_ultra_restricted")),
            stranger=found.get("team_id", team) != team or bool(found.get("is_stranger")),
        )

    async def authority(self, rules: Rules) -> Authority:
        """The active, regular members of the rules' groups and lists. Raises `DirectoryUnavailable`."""
        groups = list(dict.fromkeys([*rules.approver_groups, *rules.requester_groups]))
        members = dict(zip(groups, await asyncio.gather(*map(self._members, groups)), strict=True))
        approvers = _union(members, rules.approver_groups, rules.approver_ids)
        requesters = _union(members, rules.requester_groups, rules.requester_ids)
        people = await asyncio.gather(*map(self.person, sorted(approvers | requesters)))
        regular = {person.id for person in people if person.barred() is None}
        return Authority(approvers=approvers & regular, requesters=requesters & regular)

    async def _members(self, group: str) -> frozenset[str]:
        """Nobody where the workspace's plan has no user groups: the rules' ids are the fallback."""
        try:
            return frozenset((await _answer(self._slack.usergroups_users_list(usergroup=group)))["users"])
        except _Refused as refused:
            if refused.code == "plan_upgrade_required":
                return frozenset()
            raise _unavailable(f"who is in user group {group}", refused.code) from None

    async def _own_team(self) -> str:
        if self._team is None:
            try:
                self._team = str((await _answer(self._slack.auth_test()))["team_id"])
            except _Refused as refused:
                raise _unavailable("which workspace this is", refused.code) from None
        return self._team


class _Refused(Exception):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


async def _answer(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Slack's good answer. Raises `_Refused`, whatever came in between."""
    try:
        return await call
    except SlackApiError as error:
        response: Any = error.response
        data = getattr(response, "data", None)
        code = data.get("error") if isinstance(data, dict) else None
        raise _Refused(str(code or "an answer that cannot be read")) from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
        raise _Refused(str(error) or type(error).__name__) from None


def _unavailable(what: str, code: str) -> DirectoryUnavailable:
    return DirectoryUnavailable(f"Slack cannot say at the moment {what} ({code}); try again in a minute")


def _union(
    members: dict[str, frozenset[str]], groups: tuple[str, ...], ids: tuple[str, ...]
) -> frozenset[str]:
    return frozenset(ids).union(*(members[group] for group in groups))
