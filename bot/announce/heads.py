"""The ledger's heads as Slack shows them: what a restored or rewritten ledger does not hold (laws 1 and 7).

Every post and edit of the poster carries position and hash of the newest entry that the announcer had read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.book import Place
from bot.announce.calls import Busy, InDoubt, Refused, answered
from bot.announce.poster import EVENT_TYPE
from bot.announce.routes import family, subject_of
from storage.ledger import Head

LOOK_BACK = 20
"""How many of the newest messages that the ledger knows of in a channel are looked at in any case."""

PAGE = 200
PAGES_WITHOUT_BOOK = 10
"""Pages of a channel's history that are read where the ledger knows of no message of its own there."""


class HeadsUnknown(Exception):
    """Slack cannot say what was announced in a channel; the message is why. Worth trying again."""


class Announced(NamedTuple):
    """A message of the bot's own, and the head that it carries. `hold`: it says that a new epoch has begun."""

    ts: str
    head: Head
    hold: bool


def look_back(places: Mapping[str, Place], channel: str, live: AbstractSet[str]) -> str | None:
    """The ts from which on the channel is read: the newest known messages, and those that are still edited.

    `places`: where messages stand, by key, oldest first; `live`: the requests that are open or running. None when
    the ledger knows of no message in the channel.
    """
    here = [(subject_of(key), place.ts) for key, place in places.items() if place.channel == channel]
    looked = here[-LOOK_BACK:] + [(subject, ts) for subject, ts in here if subject in live]
    return min((ts for _, ts in looked), key=float, default=None)


async def announced(slack: AsyncWebClient, channel: str, since: str | None) -> AsyncIterator[Announced]:
    """The bot's own messages in `channel`, newest first, back to the one at `since` (a ts).

    None reads the newest `PAGES_WITHOUT_BOOK` pages. Other people's messages prove nothing: any app could write the
    same metadata. Raises `HeadsUnknown`.
    """
    cursor, pages = "", 0
    try:
        me = (await answered(slack.auth_test()))["bot_id"]
        while since is not None or pages < PAGES_WITHOUT_BOOK:
            page = await answered(
                slack.conversations_history(
                    channel=channel,
                    oldest=since or "0",
                    inclusive=True,
                    include_all_metadata=True,
                    limit=PAGE,
                    cursor=cursor,
                )
            )
            pages += 1
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                seal = metadata.get("event_payload") or {}
                own = message.get("bot_id") == me and metadata.get("event_type") == EVENT_TYPE
                if own and {"key", "position", "head"} <= seal.keys():
                    head = Head(int(seal["position"]), str(seal["head"]))
                    yield Announced(message["ts"], head, family(str(seal["key"])) == "hold")
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
    except (Busy, InDoubt, Refused) as error:
        raise HeadsUnknown(f"Slack does not show the messages of channel {channel}: {error}") from None
