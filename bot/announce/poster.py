"""Posts and edits in Slack: each message once, in order, through rate limits, lost answers and outages (law 8)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.announce.blocks import Json, Message
from bot.announce.book import Book, Place
from bot.announce.calls import Busy, InDoubt, Refused, answered
from storage.ledger import Head

log = logging.getLogger(__name__)

EVENT_TYPE = "keyturn"
"""The event_type of the metadata that each post and edit carries: the message's key, and the ledger's head (law 7)."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Real seconds between attempts: doubled from the first to the longest."""

Render = Callable[[], Awaitable[Message | None]]


class Later(Exception):
    """Slack does not take it now; it is worth trying again after `seconds` (real)."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"to be tried again after {seconds:g} s")
        self.seconds = seconds


class Poster:
    """The one writer of the bot's messages.

    `post` returns when Slack has answered, however long that takes; everything else is tried once, so that nothing
    of less weight holds up a post.
    """

    def __init__(self, slack: AsyncWebClient, book: Book, head: Callable[[], Head]) -> None:
        """`head` gives the newest entry that the announcer has read, and never an older one than before."""
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
        self._head = head
        self._me: str | None = None
        self._not_sent: set[str] = set()
        """Intended posts that Slack certainly has not got: they need not be looked up."""
        self._pauses: dict[str, float] = {}
        """The next pause, in seconds, of what Slack has not taken so far."""

    async def post(self, key: str, channel: str, render: Render) -> Place | None:
        """Post the message `key`, unless it stands there already, however long that takes. None when it was folded
        or refused.

        `render` gives the message from the present state at each attempt; None folds it. A post whose outcome is
        not known is looked up by its metadata before it is repeated.
        """
        while True:
            try:
                return await self.attempt(key, channel, render)
            except Later as later:
                await asyncio.sleep(later.seconds)

    async def attempt(self, key: str, channel: str, render: Render) -> Place | None:
        """As `post`, but once. Raises `Later`."""
        if doubtful := self._book.doubtful.get(key):
            channel = doubtful.channel
        try:
            if doubtful and key not in self._not_sent:
                if found := await self._find(key, doubtful):
                    return await self._done(key, found)
                self._not_sent.add(key)
            message = await render()
            if message is None:
                if doubtful:
                    await self._book.abandon(key, "its moment has passed")
                self._forget(key)
                return None
            if not doubtful:
                await self._book.intend(key, channel)
                self._not_sent.add(key)
            answer = await answered(
                self._slack.chat_postMessage(
                    channel=channel,
                    text=message.text,
                    blocks=message.blocks,
                    metadata=self._sealed(key),
                    mrkdwn=False,
                    parse="none",
                    link_names=False,
                    unfurl_links=False,
                    unfurl_media=False,
                )
            )
            return await self._done(key, Place(answer["channel"], answer["ts"]))
        except Busy as busy:
            raise Later(busy.seconds) from None
        except InDoubt as doubt:
            self._not_sent.discard(key)
            raise self._later(key, doubt) from None
        except Refused as refused:
            await self.give_up(key, str(refused))
            return None

    async def edit(self, key: str, message: Message) -> bool:
        """Make the message `key` read as `message`. False when Slack refuses: it was deleted, for example.

        Raises `Later`.
        """
        place = self._book.places[key]
        try:
            await self._once(
                key,
                self._slack.chat_update(
                    channel=place.channel,
                    ts=place.ts,
                    text=message.text,
                    blocks=message.blocks,
                    metadata=self._sealed(key),
                    parse="none",
                    link_names=False,
                ),
            )
        except Refused as refused:
            log.warning("message %s cannot be edited: Slack says %s", key, refused)
            self._pauses.pop(key, None)
            return False
        return True

    async def direct(self, user: str) -> str:
        """The channel of the direct messages with a user. Raises `Refused`, `Later`."""
        answer = await self._once(f"conversation with {user}", self._slack.conversations_open(users=user))
        return str(answer["channel"]["id"])

    async def link(self, place: Place) -> str | None:
        """The address of a message; None when Slack gives none. Raises `Later`."""
        try:
            answer = await self._once(
                f"link to {place.ts}",
                self._slack.chat_getPermalink(channel=place.channel, message_ts=place.ts),
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
        self._forget(key)
        await self._book.abandon(key, f"Slack says {reason}")

    async def _done(self, key: str, place: Place) -> Place:
        self._forget(key)
        await self._book.posted(key, place)
        return place

    def _forget(self, key: str) -> None:
        """The post of this message is over."""
        self._not_sent.discard(key)
        self._pauses.pop(key, None)

    def _sealed(self, key: str) -> Json:
        head = self._head()
        return {
            "event_type": EVENT_TYPE,
            "event_payload": {"key": key, "position": head.position, "head": head.hash},
        }

    async def _find(self, key: str, behind: Place) -> Place | None:
        """The message `key` in the channel's history.

        Only the bot's own: any other app could write the same metadata, and open the gate of law 8 with it.
        """
        if self._me is None:
            self._me = str((await answered(self._slack.auth_test()))["bot_id"])
        cursor = ""
        while True:
            page = await answered(
                self._slack.conversations_history(
                    channel=behind.channel,
                    oldest=behind.ts,
                    include_all_metadata=True,
                    limit=200,
                    cursor=cursor,
                )
            )
            for found in page["messages"]:
                metadata = found.get("metadata") or {}
                if (
                    found.get("bot_id") == self._me
                    and metadata.get("event_type") == EVENT_TYPE
                    and metadata.get("event_payload", {}).get("key") == key
                ):
                    return Place(behind.channel, found["ts"])
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return None

    async def _once(self, what: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
        """The answer to a call that may be repeated. Raises `Refused`, `Later`."""
        try:
            answer = await answered(call)
        except Busy as busy:
            raise Later(busy.seconds) from None
        except InDoubt as doubt:
            raise self._later(what, doubt) from None
        self._pauses.pop(what, None)
        return answer

    def _later(self, what: str, doubt: InDoubt) -> Later:
        """Longer and longer pauses, with a line in the log at the first."""
        pause = self._pauses.get(what, FIRST_PAUSE)
        level = logging.DEBUG if what in self._pauses else logging.WARNING
        log.log(level, "%s: Slack does not take it now (%s); trying again until it does", what, doubt)
        self._pauses[what] = min(LONGEST_PAUSE, pause * 2)
        return Later(pause)
