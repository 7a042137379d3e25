"""What has been posted: the announcer's own stream (law 7), and where it has got to in the ledger."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bot.clock import Clock
from bot.domain.events import Announced, Event, PostAbandoned, Posted, PostIntended
from bot.domain.ledger import Entry
from bot.domain.snapshot import DOMAIN, Fold, Folded, kind_of
from storage.ledger import Ledger

STREAM = "announcer"

KNOWN = 20_000
"""Messages whose outcome is known; older ones are forgotten once announcing has passed them.

Nothing asks for them again. A new message is asked for by an event after `position`, and one whose outcome was
recorded before that comes from an earlier event; what is edited, linked or reported belongs to a request of which
something happens now.
"""


class Place(NamedTuple):
    """Where a message stands: channel id and ts."""

    channel: str
    ts: str


@dataclass
class Record:
    """What the announcer's stream comes to."""

    places: dict[str, Place] = field(default_factory=dict)
    """The messages that stand in Slack, by key, oldest first."""
    doubtful: dict[str, Place] = field(default_factory=dict)
    """Posts that were intended and have no outcome, by key: the channel, and its newest ts when they were intended."""
    settled: OrderedDict[str, int] = field(default_factory=OrderedDict)
    """The ledger's position of the outcome of each message, posted or given up, by key, oldest first."""
    newest: dict[str, str] = field(default_factory=dict)
    """The ts of the newest message, by channel."""
    position: int = 0
    """Every event up to here has been announced or folded."""


def _take(record: Record, entry: Entry) -> Record:
    match entry.event:
        case PostIntended() as event:
            record.doubtful[event.key] = Place(event.channel, record.newest.get(event.channel, "0"))
        case Posted() as event:
            _settle(record, event.key, entry.position)
            record.places[event.key] = Place(event.channel, event.ts)
            newest = record.newest.get(event.channel)
            if newest is None or float(event.ts) > float(newest):
                record.newest[event.channel] = event.ts
        case PostAbandoned() as event:
            _settle(record, event.key, entry.position)
        case Announced() as event:
            record.position = event.position
    while (
        len(record.settled) > KNOWN and (oldest := next(iter(record.settled.items())))[1] <= record.position
    ):
        record.settled.popitem(last=False)
        record.places.pop(oldest[0], None)
    return record


def _settle(record: Record, key: str, position: int) -> None:
    record.doubtful.pop(key, None)
    record.places.pop(key, None)
    record.settled[key] = position
    record.settled.move_to_end(key)


BOOK_FOLD = Fold(Record, _take, kind_of((*DOMAIN, Path(__file__))))
"""How the announcer's stream becomes its record."""


class Book:
    """One writer. A `Conflict` on writing means that a second announcer is at work on the same ledger."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._folded = Folded(ledger, STREAM, BOOK_FOLD)
        self.reached = 0
        """The position that the next entry of the book records along with its work."""

    async def open(self) -> None:
        """Read it from the ledger."""
        await self._folded.catch_up()
        await self._folded.keep()
        self.reached = self.position

    @property
    def places(self) -> Mapping[str, Place]:
        """The messages that stand in Slack, by key, oldest first; the newest `KNOWN` of them."""
        return self._folded.state.places

    @property
    def doubtful(self) -> Mapping[str, Place]:
        """Posts that were intended and have no outcome, by key: where they stand, if they do, is behind that place."""
        return self._folded.state.doubtful

    @property
    def position(self) -> int:
        """Every event up to here has been announced or folded."""
        return self._folded.state.position

    def settled(self, key: str) -> bool:
        """Whether the message was posted or given up: never posted again."""
        return key in self._folded.state.settled

    async def intend(self, key: str, channel: str) -> None:
        await self._folded.keep()
        await self._write(PostIntended(key=key, channel=channel))

    async def posted(self, key: str, place: Place) -> None:
        await self._write(Posted(key=key, channel=place.channel, ts=place.ts), *self._progress())

    async def abandon(self, key: str, reason: str) -> None:
        await self._write(PostAbandoned(key=key, reason=reason), *self._progress())

    def _progress(self) -> list[Event]:
        return [Announced(position=self.reached)] if self.reached > self.position else []

    async def _write(self, *events: Event) -> None:
        version = self._folded.version
        self._folded.take(await self._ledger.append(STREAM, version, events, self._clock.now()))
