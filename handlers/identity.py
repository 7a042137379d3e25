"""Who the bot is in Slack, and whose payloads are for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.authorization import AuthorizeResult


@dataclass(frozen=True)
class Identity:
    """What auth.test says. `enterprise` is the Enterprise Grid organisation, None outside one."""

    team: str
    user: str
    bot: str
    enterprise: str | None = None

    def authorization(self, token: str | None) -> AuthorizeResult:
        """The same as Bolt's answer to who is authorized."""
        return AuthorizeResult(
            enterprise_id=self.enterprise,
            team_id=self.team,
            bot_id=self.bot,
            bot_user_id=self.user,
            bot_token=token,
        )

    def includes(self, body: Mapping[str, Any]) -> bool:
        """Whether a payload comes from this workspace, or from the same Enterprise Grid organisation.

        In a Grid the team of a click may differ from that of the post; who the person is, the directory says.
        """
        if self.enterprise is not None and _id(body, "enterprise") == self.enterprise:
            return True
        user = body.get("user")
        claimed = {_id(body, "team"), user.get("team_id") if isinstance(user, Mapping) else None} - {None, ""}
        return claimed == {self.team}


def _id(body: Mapping[str, Any], what: str) -> Any:
    """The id of a team or enterprise: commands carry `team_id`, interactions `team: {id}`."""
    found = body.get(what)
    return found.get("id") if isinstance(found, Mapping) else body.get(f"{what}_id")
