"""Posts and edits in Slack: each message once, in order, through rate limits, lost answers and outages (law 8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.announce.blocks import Message
from bot.announce.book import Book, Place

log = logging.getLogger(__name__)

EVENT_TYPE = "keyturn"
"""The event_type of the metadata that each post carries; its payload holds the key."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Real seconds between attempts: doubled from the first to the longest."""

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

Render = Callable[[], Awaitable[Message | None]]


class Refused(Exception):
    """Slack will not take this at all; the message is Slack's error."""


class _Busy(Exception):
    """429: certainly not done; try again after `seconds`."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"rate limited for {seconds:g} s")
        self.seconds = seconds


class _InDoubt(Exception):
    """No answer, or one that does not say whether it was done."""


class Poster:
    """The one writer of the bot's messages. Its methods return when Slack has answered, however long that takes."""

    def __init__(self, slack: AsyncWebClient, book: Book) -> None:
        # The SDK's default handler repeats a request whose connection broke: a post would be doubled.
        self._slack = AsyncWebClient(
            slack.token,
            base_url=slack.base_url,
            timeout=slack.timeout,
            ssl=slack.ssl,
            proxy=slack.proxy,
            session=slack.session,
            retry_handlers=[],
        )
        self._book = book

    async def post(self, key: str, channel: str, render: Render) -> Place | None:
        """Post the message `key`, unless it stands there already. None when it was folded or refused.

        `render` gives the message from the present state at each attempt; None folds it. A post whose outcome is
        not known is looked up by its metadata before it is repeated.
        """
        channel = self._book.doubtful.get(key, channel)
        look = key in self._book.doubtful
        patience = _Patience(key)
        while True:
            try:
                if look and (found := await self._find(key, channel)):
                    return await self._done(key, found)
                look = False
                message = await render()
                if message is None:
                    if key in self._book.doubtful:
                        await self._book.abandon(key, "its moment has passed")
                    return None
                if key not in self._book.doubtful:
                    await self._book.intend(key, channel)
                answer = await _answered(
                    self._slack.chat_postMessage(
                        channel=channel,
                        text=message.text,
                        blocks=message.blocks,
                        metadata={"event_type": EVENT_TYPE, "event_payload": {"key": key}},
                        mrkdwn=False,
                        parse="none",
                        link_names=False,
                        unfurl_links=False,
                        unfurl_media=False,
                    )
                )
                return await self._done(key, Place(answer["channel"], answer["ts"]))
            except _Busy as busy:
                await asyncio.sleep(busy.seconds)
            except _InDoubt as doubt:
                look = look or key in self._book.doubtful
                await patience.wait(doubt)
            except Refused as refused:
                await self.give_up(key, str(refused))
                return None

    async def edit(self, key: str, message: Message) -> bool:
        """Make the message `key` read as `message`. False when Slack refuses: it was deleted, for example."""
        place = self._book.places[key]
        try:
            await self._kept(
                key,
                lambda: self._slack.chat_update(
                    channel=place.channel,
                    ts=place.ts,
                    text=message.text,
                    blocks=message.blocks,
                    parse="none",
                    link_names=False,
                ),
            )
        except Refused as refused:
            log.warning("message %s cannot be edited: Slack says %s", key, refused)
            return False
        return True

    async def direct(self, user: str) -> str:
        """The channel of the direct messages with a user. Raises `Refused`."""
        answer = await self._kept(
            f"conversation with {user}", lambda: self._slack.conversations_open(users=user)
        )
        return str(answer["channel"]["id"])

    async def link(self, place: Place) -> str | None:
        """The address of a message; None when Slack gives none."""
        try:
            answer = await self._kept(
                f"link to {place.ts}",
                lambda: self._slack.chat_getPermalink(channel=place.channel, message_ts=place.ts),
            )
        except Refused:
            return None
        return str(answer["permalink"])

    async def give_up(self, key: str, reason: str) -> None:
        """Slack will not take this message at all."""
        log.error(
            "message %s is given up: Slack says %s; look at the channel and the bot's rights in it",
            key,
            reason,
        )
        await self._book.abandon(key, f"Slack says {reason}")

    async def _done(self, key: str, place: Place) -> Place:
        await self._book.posted(key, place)
        return place

    async def _find(self, key: str, channel: str) -> Place | None:
        """The message `key` in the channel's history, from the newest message that is known there on."""
        cursor = ""
        while True:
            page = await _answered(
                self._slack.conversations_history(
                    channel=channel,
                    oldest=self._book.newest(channel) or "0",
                    include_all_metadata=True,
                    limit=200,
                    cursor=cursor,
                )
            )
            for found in page["messages"]:
                metadata = found.get("metadata") or {}
                if (
                    metadata.get("event_type") == EVENT_TYPE
                    and metadata.get("event_payload", {}).get("key") == key
                ):
                    return Place(channel, found["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    async def _kept(self, what: str, call: Callable[[], Awaitable[AsyncSlackResponse]]) -> AsyncSlackResponse:
        """The answer to a call that may be repeated. Raises `Refused`."""
        patience = _Patience(what)
        while True:
            try:
                return await _answered(call())
            except _Busy as busy:
                await asyncio.sleep(busy.seconds)
            except _InDoubt as doubt:
                await patience.wait(doubt)


class _Patience:
    """Longer and longer pauses, with a line in the log at the first."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._pause = FIRST_PAUSE

    async def wait(self, doubt: _InDoubt) -> None:
        level = logging.WARNING if self._pause == FIRST_PAUSE else logging.DEBUG
        log.log(level, "%s: Slack does not take it now (%s); trying again until it does", self._what, doubt)
        await asyncio.sleep(self._pause)
        self._pause = min(LONGEST_PAUSE, self._pause * 2)


async def _answered(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """Slack's good answer. Raises `_Busy`, `_InDoubt` or `Refused`."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            return await call
    except SlackApiError as error:
        response: Any = error.response
        status = getattr(response, "status_code", None) or getattr(response, "status", 0)
        data = getattr(response, "data", None)
        code = str(data.get("error")) if isinstance(data, dict) else f"HTTP {status}"
        if status == 429 or code in ("ratelimited", "rate_limited"):
            raise _Busy(float(response.headers.get("Retry-After") or 1)) from None
        if status != 200 or code in PASSING or not isinstance(data, dict):
            raise _InDoubt(code) from None
        raise Refused(code) from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
        raise _InDoubt(str(error) or type(error).__name__) from None
