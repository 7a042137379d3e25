"""Calls to Slack's Web API, and what became of each: answered, refused, limited, or nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

ANSWER_WITHIN = 30.0
"""Real seconds; a session that is shared brings a timeout of its own, which may be longer."""

PASSING = frozenset(
    {
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "team_added_to_org",
        "accesslimited",
        # About the bot as a whole, not about one message: a person has to repair it, and nothing is lost meanwhile.
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "no_permission",
        "ekm_access_denied",
    }
)
"""Slack's answers after which it is worth trying again; every other one is a refusal of this message."""


class Refused(Exception):
    """Slack will not take this at all; the message is Slack's error."""


class Busy(Exception):
    """429: certainly not done; try again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"rate limited for {seconds:g} s")
        self.seconds = seconds


class InDoubt(Exception):
    """No answer, or one that does not say whether it was done."""


async def answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Slack's good answer. Raises `Busy`, `InDoubt` or `Refused`."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await call
    except SlackApiError as error:
        response: Any = error.response
        status = getattr(response, "status_code", None) or getattr(response, "status", 0)
        data = getattr(response, "data", None)
        code = str(data.get("error")) if isinstance(data, dict) else f"HTTP {status}"
        if status == 429 or code in ("ratelimited", "rate_limited"):
            raise Busy(float(response.headers.get("Retry-After") or 1)) from None
        if status != 200 or code in PASSING or not isinstance(data, dict):
            raise InDoubt(code) from None
        raise Refused(code) from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
        raise InDoubt(str(error) or type(error).__name__) from None
