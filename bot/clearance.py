"""Clearance: before anything begins, the ledger is known to be whole and no older than what Slack shows (law 1).

Looking, announcing and answering do not wait for it: a run that is under way is watched at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.book import Place
from bot.announce.heads import HeadsUnknown, announced
from bot.domain.commands import BeginEpoch
from bot.domain.handle import Handler
from storage.ledger import Ledger

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Real seconds until Slack is asked again what was announced, after it could not say."""


async def compare(
    ledger: Ledger,
    handler: Handler,
    slack: AsyncWebClient,
    channels: Iterable[str],
    known: Mapping[str, Place],
    enterprises: Sequence[str],
) -> None:
    """Begin a new epoch in every one of `enterprises` when a head stands in Slack that the ledger does not hold.

    `known`: where the ledger says that messages stand, by key, oldest first. Raises `HeadsUnknown`.
    """
    for channel in channels:
        async for ts, head in announced(slack, channel, known):
            if not await ledger.holds(*head):
                entries = (await ledger.head()).position
                # The head itself is left for the two people to find: stating it shows that they have looked.
                reason = (
                    f"the message {ts} in Slack announced an entry {head.position} that is not in this ledger of "
                    f"{entries} entries: it was restored from a copy, or changed"
                )
                log.error("%s; every enterprise is held until two people have compared", reason)
                for name in enterprises:
                    await handler.handle(name, BeginEpoch(reason=reason))
                return


async def compare_until_known(
    ledger: Ledger,
    handler: Handler,
    slack: AsyncWebClient,
    channels: Iterable[str],
    known: Mapping[str, Place],
    enterprises: Sequence[str],
    tried: asyncio.Event,
) -> None:
    """`compare` as often as Slack needs. `tried` is set after the first attempt: announcing does not wait longer."""
    while True:
        try:
            return await compare(ledger, handler, slack, channels, known, enterprises)
        except HeadsUnknown as error:
            log.warning("nothing begins until Slack says what was announced: %s", error)
        finally:
            tried.set()
        await asyncio.sleep(AGAIN)
