"""The ledger's heads as Slack shows them: what a restored or rewritten ledger does not hold (laws 1 and 7).

Every post and edit of the poster carries position and hash of the newest entry that the announcer had read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.book import Place
from bot.announce.poster import EVENT_TYPE
from bot.announce.routes import family
from storage.ledger import Head

LOOK_BACK = 20
"""How many of the newest known messages of a channel are looked at: those of a run, which are edited as it goes on."""

PAGE = 200
PAGES_WITHOUT_BOOK = 10
"""Pages of a channel's history that are read where the ledger knows of no message of its own there."""


class HeadsUnknown(Exception):
    """Slack cannot say what was announced; the message says why. Worth trying again."""


async def announced(
    slack: AsyncWebClient, channel: str, known: Mapping[str, Place]
) -> AsyncIterator[tuple[str, Head]]:
    """The heads that the bot's own messages in `channel` carry, newest message first, each with the message's ts.

    `known`: where the ledger says that messages stand, by key, oldest first. Looks back to the `LOOK_BACK`th newest
    of those in the channel, and not beyond the announcement of the newest epoch: it has told what stands before it.
    Other people's messages prove nothing: any app could write the same metadata. Raises `HeadsUnknown`.
    """
    here: list[str] = []
    for key, place in known.items():
        if place.channel == channel:
            here = [place.ts] if family(key) == "hold" else [*here, place.ts][-LOOK_BACK:]
    cursor, pages = "", 0
    try:
        me = (await slack.auth_test())["bot_id"]
        while here or pages < PAGES_WITHOUT_BOOK:
            page: Any = await slack.conversations_history(
                channel=channel,
                oldest=min(here, key=float) if here else "0",
                inclusive=True,
                include_all_metadata=True,
                limit=PAGE,
                cursor=cursor,
            )
            pages += 1
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                seal = metadata.get("event_payload") or {}
                own = message.get("bot_id") == me and metadata.get("event_type") == EVENT_TYPE
                if own and "position" in seal and "head" in seal:
                    yield message["ts"], Head(int(seal["position"]), str(seal["head"]))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
    except SlackApiError as error:
        raise HeadsUnknown(f"channel {channel}: Slack says {error.response['error']}") from None
    except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as error:
        raise HeadsUnknown(f"channel {channel}: {error or type(error).__name__}") from None
