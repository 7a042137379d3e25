"""The one message outside the ledger: that the ledger cannot be written.

Announcements follow from events, and no event can be written now. The notice is kept in memory: one message in each
enterprise's channel, edited when the ledger takes entries again.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.blocks import Json, Message, fact, heading, lines, message, quoted, when
from bot.announce.calls import Busy, InDoubt, Refused, answered
from bot.announce.poster import FIRST_PAUSE, LONGEST_PAUSE
from bot.clock import Clock
from storage.errors import LedgerUnavailable

log = logging.getLogger(__name__)

EVENT_TYPE = "keyturn_outage"
"""The event_type of the notice's metadata: no announcement of the book's, which has another and a key."""

PROBE = 2.0
"""Real seconds between two trial writes while the ledger cannot be written."""

LULL = 600.0
"""Real seconds: an outage that begins so soon after the last one goes on with its message, and posts none."""

_DIRECTORIES = re.compile(r"(?<!\S)(?:/[^/\s]+)*/(?=[^/\s])")


@dataclass(frozen=True)
class Outage:
    """One time in which the ledger cannot be written. `words` say why; `ended` is None as long as it lasts."""

    id: str
    since: datetime
    words: str
    ended: datetime | None = None


class OutageNotice:
    """Says in `channels` that the ledger cannot be written, and that it can again.

    `met` is told by whoever meets it; `run` posts, probes with `try_write`, and edits, until it is cancelled.
    `slack` repeats nothing by itself but what was certainly not done.
    """

    def __init__(
        self,
        slack: AsyncWebClient,
        channels: Iterable[str],
        clock: Clock,
        try_write: Callable[[], Awaitable[None]],
        probe: float = PROBE,
        lull: float = LULL,
    ) -> None:
        self._slack = slack
        self._channels = sorted(set(channels))
        self._clock = clock
        self._try_write = try_write
        self._probe = probe
        self._lull = lull
        self._outage: Outage | None = None
        self._ended = 0.0
        self._lasts = asyncio.Event()
        self._changed = asyncio.Event()

    def met(self, error: LedgerUnavailable) -> None:
        """The ledger did not take an entry."""
        words, last = _DIRECTORIES.sub("", str(error)), self._outage
        if last is None or (last.ended and time.monotonic() - self._ended > self._lull):
            self._set(Outage(secrets.token_hex(8), self._clock.now(), words))
        elif last.ended:
            self._set(replace(last, ended=None, words=words))
        self._lasts.set()

    async def run(self) -> None:
        """Say it, whenever there is something to say, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch())
            for channel in self._channels:
                tasks.create_task(self._keep(channel))

    async def _watch(self) -> None:
        while True:
            await self._lasts.wait()
            await asyncio.sleep(self._probe)
            with suppress(LedgerUnavailable):
                await self._try_write()
                self._lasts.clear()
                self._ended = time.monotonic()
                if self._outage:
                    self._set(replace(self._outage, ended=self._clock.now()))

    def _set(self, outage: Outage) -> None:
        self._outage = outage
        self._changed.set()
        self._changed = asyncio.Event()

    async def _keep(self, channel: str) -> None:
        """The channel's message as it should read now. What Slack does not take is tried again, quietly."""
        said: Outage | None = None
        standing = _Standing(self._slack, channel)
        pause = FIRST_PAUSE
        while True:
            changed, outage = self._changed, self._outage
            if outage is None or outage == said:
                await changed.wait()
                continue
            try:
                await standing.say(outage)
            except Refused as error:
                log.error(
                    "%s: Slack refuses the notice that the ledger cannot be written: %s", channel, error
                )
                said = outage
            except (Busy, InDoubt):
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await changed.wait()
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                said, pause = outage, FIRST_PAUSE


class _Standing:
    """The notice of the newest outage in one channel, once it stands there."""

    def __init__(self, slack: AsyncWebClient, channel: str) -> None:
        self._slack = slack
        self._channel = channel
        self._outage = ""
        self._ts: str | None = None
        self._doubtful = False

    async def say(self, outage: Outage) -> None:
        """Post or edit it. An outage that is over before it was posted is not posted.

        Raises `Busy`, `InDoubt`, `Refused`.
        """
        if outage.id != self._outage:
            self._outage, self._ts, self._doubtful = outage.id, None, False
        if self._ts is None and self._doubtful:
            self._ts = await self._find()
            self._doubtful = False
        text, blocks = notice(outage)
        if self._ts is not None:
            await answered(
                self._slack.chat_update(channel=self._channel, ts=self._ts, text=text, blocks=blocks)
            )
        elif outage.ended is None:
            self._doubtful = True
            answer = await answered(
                self._slack.chat_postMessage(
                    channel=self._channel,
                    text=text,
                    blocks=blocks,
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"outage": outage.id}},
                    unfurl_links=False,
                    unfurl_media=False,
                )
            )
            self._ts = str(answer["ts"])

    async def _find(self) -> str | None:
        """The message in the channel's newest ones: its post was not answered. Its id is chance and our own."""
        history = await answered(
            self._slack.conversations_history(channel=self._channel, include_all_metadata=True, limit=100)
        )
        wanted = {"event_type": EVENT_TYPE, "event_payload": {"outage": self._outage}}
        found: Sequence[Json] = history["messages"]
        return next((str(m["ts"]) for m in found if m.get("metadata") == wanted), None)


def notice(outage: Outage) -> Message:
    """What is read in the channel. Pure."""
    since = when(outage.since)
    if outage.ended is not None:
        return message(
            heading("Keyturn records again"),
            lines(
                ["Its ledger could not be written from ", since, " to ", when(outage.ended), "."],
                fact("Why", quoted(outage.words)),
                fact("Runs", "they were watched all the time and go on."),
                fact(
                    "To do",
                    "what was typed or clicked and answered with “not recorded” has to be done again.",
                ),
            ),
        )
    return message(
        heading("Keyturn cannot record anything"),
        lines(
            fact("Since", since),
            fact("Why", quoted(outage.words)),
            fact("Goes on", "a run that is under way is watched on the consoles. A lockout stays on."),
            fact(
                "Stands still",
                "nothing is started and no button is pressed. No request, approval, statement or cancellation "
                "is recorded. Announcements and pages wait: look at the Appliance Console for how a run stands.",
            ),
            fact(
                "To do",
                "free the disk, or what else the reason names, on the bot's host. Keyturn then goes on by itself. "
                "Do not restart it unless the reason says so: what it has seen meanwhile would be lost.",
            ),
        ),
    )
