"""Telling one person what became of what they did, by whichever way is open."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.domain.approval import DirectoryUnavailable
from bot.domain.refusal import Refusal
from handlers import answers
from handlers.text import shown
from storage.errors import LedgerUnavailable

log = logging.getLogger(__name__)

SLACK_ERRORS = (SlackApiError, ClientError, TimeoutError)
"""What a call to Slack raises when it is refused, or when Slack is out of reach."""


@dataclass(frozen=True)
class Place:
    """Whom to answer and where: the response_url (5 uses, 30 minutes), else the channel, else a direct message."""

    user: str
    channel: str = ""
    response_url: str = ""


def place_of(body: Mapping[str, Any]) -> Place | None:
    """The place of a slash command's or an interaction's payload; None when it names no user."""
    user = body.get("user")
    user_id = user.get("id") if isinstance(user, Mapping) else body.get("user_id")
    channel = body.get("channel")
    channel_id = channel.get("id") if isinstance(channel, Mapping) else body.get("channel_id")
    if not isinstance(user_id, str) or not user_id:
        return None
    url = body.get("response_url")
    return Place(
        user=user_id,
        channel=channel_id if isinstance(channel_id, str) else "",
        response_url=url if isinstance(url, str) else "",
    )


async def worded(work: Awaitable[str], again: str) -> str:
    """What `work` says, or why it was refused; never raises. `again`: what the person does to repeat it."""
    try:
        return await work
    except Refusal as refusal:
        log.info("refused: %s", refusal)
        return shown(str(refusal))
    except DirectoryUnavailable as error:
        log.warning("nothing was recorded: %s", error)
        return answers.UNAVAILABLE.format(again=again)
    except LedgerUnavailable as error:
        log.error("nothing was recorded: %s", error)
        return answers.UNWRITTEN.format(again=again)
    except Exception:
        log.exception("something that a person asked for could not be finished")
        return answers.BROKEN


class Replies:
    """Answers for one person's eyes. Nothing here raises: what reaches nobody is logged."""

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def tell(self, place: Place, text: str) -> None:
        """Say `text` (mrkdwn) to the person at `place`, by the first way that works."""
        for way in (self._respond, self._in_channel, self._directly):
            try:
                if await way(place, text):
                    return
            except SLACK_ERRORS as error:
                log.info("%s could not be answered by %s: %s", place.user, way.__name__.strip("_"), error)
        log.warning("%s could not be told: %s", place.user, text)

    async def _respond(self, place: Place, text: str) -> bool:
        if not place.response_url:
            return False
        webhook = AsyncWebhookClient(
            place.response_url,
            session=self._client.session,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=2)],
        )
        webhook.proxy = self._client.proxy
        answer = await webhook.send(text=text, response_type="ephemeral", replace_original=False)
        return answer.status_code == 200

    async def _in_channel(self, place: Place, text: str) -> bool:
        if not place.channel:
            return False
        await self._client.chat_postEphemeral(channel=place.channel, user=place.user, text=text)
        return True

    async def _directly(self, place: Place, text: str) -> bool:
        await self._client.chat_postMessage(channel=place.user, text=text)
        return True
