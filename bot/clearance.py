"""Clearance: before anything begins, the ledger is known to be whole and no older than what Slack shows (law 1).

Looking, announcing and answering do not wait for it: a run that is under way is watched at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.book import Place
from bot.announce.heads import Announced, HeadsUnknown, announced, look_back
from bot.domain.commands import BeginEpoch
from bot.domain.enterprise import Enterprise
from bot.domain.handle import Handler
from storage.errors import LedgerUnavailable
from storage.ledger import Ledger

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Real seconds until Slack is asked again what was announced, after it could not say."""


class Clearance:
    """Why nothing may begin yet on an enterprise, and the work that clears it.

    `channels` gives each configured enterprise's, `states` every enterprise of the ledger, `places` where the ledger
    says that messages stand, by key, oldest first: all as they were at the start.
    """

    def __init__(
        self,
        ledger: Ledger,
        handler: Handler,
        slack: AsyncWebClient,
        channels: Mapping[str, str],
        states: Mapping[str, Enterprise],
        places: Mapping[str, Place],
    ) -> None:
        self._ledger = ledger
        self._handler = handler
        self._slack = slack
        self._channels = channels
        self._enterprises = sorted({*channels, *states})
        live = {r.id for s in states.values() for r in s.requests.values() if r.is_open or r.is_running}
        self._since = {channel: look_back(places, channel, live) for channel in channels.values()}
        self._unread = dict.fromkeys(sorted(self._since), "Slack has not yet said what it shows")
        self._unverified: str | None = (
            "the ledger is still being verified; that takes some minutes when it is large"
        )
        self.tried = asyncio.Event()
        """Set after the first attempt to read every channel."""

    def missing(self, enterprise: str) -> str | None:
        """Why nothing may begin on it yet; None when it may."""
        if self._unverified:
            return self._unverified
        return self._unread.get(self._channels[enterprise])

    def unverified(self, reason: str | None) -> None:
        """Why the ledger is not verified; None once its chain has been found whole, and each snapshot right."""
        self._unverified = reason

    async def compare(self) -> None:
        """Read every channel, each again until Slack shows it; a head that the ledger does not hold begins an epoch.

        In every enterprise that was not cleared by an earlier reading: what an earlier one showed stands in the
        ledger, and a run may be under way on it.
        """
        while self._unread:
            reason, read = None, []
            for channel in self._unread:
                try:
                    reason = await self._lost(channel) or reason
                    read.append(channel)
                except (HeadsUnknown, LedgerUnavailable) as error:
                    log.warning("nothing begins on the enterprises of channel %s: %s", channel, error)
                    self._unread[channel] = str(error)
            try:
                if reason:
                    await self._hold(reason)
                    read = list(self._unread)
                for channel in read:
                    del self._unread[channel]
            except LedgerUnavailable as error:
                log.warning("no epoch could be begun: %s", error)
            self.tried.set()
            if self._unread:
                await asyncio.sleep(AGAIN)

    async def _lost(self, channel: str) -> str | None:
        """What the channel shows and the ledger does not hold, newer than the last hold; None when there is nothing."""
        async for message in announced(self._slack, channel, self._since[channel]):
            if not await self._ledger.holds(*message.head):
                return await self._reason(message)
            if message.hold:
                return None  # what stands before it has been told, and compared
        return None

    async def _reason(self, message: Announced) -> str:
        # The head itself is left for the two people to find: stating it shows that they have looked.
        entries = (await self._ledger.head()).position
        return (
            f"the message {message.ts} in Slack announced an entry {message.head.position} that is not in this "
            f"ledger of {entries} entries: it was restored from a copy, or changed"
        )

    async def _hold(self, reason: str) -> None:
        cleared = {name for name, channel in self._channels.items() if channel not in self._unread}
        log.error("%s; nothing begins until two people have compared", reason)
        for name in self._enterprises:
            if name not in cleared:
                await self._handler.handle(name, BeginEpoch(reason=reason))
