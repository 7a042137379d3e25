"""What has been posted: the announcer's own stream (law 7), and where it has got to in the ledger."""

from __future__ import annotations

from typing import NamedTuple

from bot.clock import Clock
from bot.domain.events import Announced, Event, PostAbandoned, Posted, PostIntended
from storage.ledger import Ledger

STREAM = "announcer"


class Place(NamedTuple):
    """Where a message stands: channel id and ts."""

    channel: str
    ts: str


class Book:
    """One writer. A `Conflict` on writing means that a second announcer is at work on the same ledger."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock
        self._version = 0
        self._newest: dict[str, str] = {}
        self.places: dict[str, Place] = {}
        """Every message that stands in Slack, by key."""
        self.doubtful: dict[str, str] = {}
        """Posts that were intended and have no outcome: their channel, by key."""
        self.abandoned: set[str] = set()
        self.position = 0
        """Every event up to here has been announced or folded."""
        self.reached = 0
        """The position that the next entry of the book records along with its work."""

    async def open(self) -> None:
        """Read it from the ledger."""
        for entry in await self._ledger.read(STREAM):
            self._version = entry.version
            self._take(entry.event)
        self.reached = self.position

    def settled(self, key: str) -> bool:
        """Whether the message was posted or given up: never posted again."""
        return key in self.places or key in self.abandoned

    def newest(self, channel: str) -> str | None:
        """The ts of the newest message known to stand in the channel: a later post is younger."""
        return self._newest.get(channel)

    async def intend(self, key: str, channel: str) -> None:
        await self._write(PostIntended(key=key, channel=channel))

    async def posted(self, key: str, place: Place) -> None:
        await self._write(Posted(key=key, channel=place.channel, ts=place.ts), *self._progress())

    async def abandon(self, key: str, reason: str) -> None:
        await self._write(PostAbandoned(key=key, reason=reason), *self._progress())

    def _progress(self) -> list[Event]:
        return [Announced(position=self.reached)] if self.reached > self.position else []

    async def _write(self, *events: Event) -> None:
        entries = await self._ledger.append(STREAM, self._version, events, self._clock.now())
        self._version = entries[-1].version
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        match event:
            case PostIntended():
                self.doubtful[event.key] = event.channel
            case Posted():
                self.doubtful.pop(event.key, None)
                self.places[event.key] = Place(event.channel, event.ts)
                newest = self._newest.get(event.channel)
                if newest is None or float(event.ts) > float(newest):
                    self._newest[event.channel] = event.ts
            case PostAbandoned():
                self.doubtful.pop(event.key, None)
                self.abandoned.add(event.key)
            case Announced():
                self.position = event.position
