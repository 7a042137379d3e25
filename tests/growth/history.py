"""Years of use by a large group, as entries: whole requests with their runs, and what the announcer wrote of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar

from bot.announce import book, routes
from bot.domain import handle
from bot.domain.enterprise import Enterprise, stream
from bot.domain.events import (
    Announced,
    Event,
    PackageAdded,
    Posted,
    PostIntended,
    PreflightDone,
    Statement,
    Step,
    decode,
    encode,
)
from bot.domain.ledger import Entry
from bot.domain.sight import Observation, PackageSight, PackageState
from bot.domain.snapshot import Folded
from bot.upgrade.packages import STREAM as PACKAGES
from storage.sqlite import SqliteLedger
from tests.support import story as s
from tests.support import values as v
from tests.support.story import Story

S = TypeVar("S")

CHANNEL = "C0HISTORY"
BETWEEN = timedelta(hours=3)
"""From the end of a request to the next one, of any enterprise."""
PER_PACKAGE = 40
"""Requests until the vendor brings out another package."""


class Page(NamedTuple):
    """An event as it is stored, to be written again for another request."""

    name: str
    schema: int
    data: str

    def of(self, request: str) -> Event:
        """The event, of this request."""
        return decode(self.name, self.schema, self.data.replace('"KT-1"', f'"{request}"'))


def _installing(percent: int) -> Observation:
    """A look at a console that lists the packages of some years."""
    earlier = [PackageSight(name=f"imprivata-2023-1-hf{n}", state=PackageState.INSTALLED) for n in range(6)]
    return v.installing(percent, packages=(*earlier, *v.listed(PackageState.INSTALLING)))


def _succeeded() -> Story:
    """An hour and a half, seen every minute."""
    story = s.sent()
    for percent in range(10, 100, 10):
        story.later(1).observe(v.distributing(percent))
    story.finish(Step.DISTRIBUTE)
    story.intend_install()
    story.press()
    for percent in range(0, 45):
        story.later(1).observe(_installing(percent))
    story.later(1).observe(v.silent())
    for percent in range(60, 100):
        story.later(1).observe(_installing(percent))
    story.later(1).observe(v.installed())
    return story


def _failed() -> Story:
    """Failed, paged, acknowledged, released."""
    story = s.pressed()
    for percent in range(0, 60, 5):
        story.later(1).observe(_installing(percent))
    story.observe(v.console_error())
    story.later(1).look_again()
    story.acknowledge()
    story.both(Statement.RELEASE, "CS-00012345")
    return story


def _withdrawn() -> Story:
    story = s.approved()
    story.withdraw()
    return story


def _declined() -> Story:
    story = s.asked()
    story.decline()
    return story


STORIES: Sequence[Callable[[], Story]] = (
    _succeeded,
    _declined,
    _succeeded,
    _succeeded,
    _withdrawn,
    _failed,
    _succeeded,
)
"""In this order over and over: seven, so that every enterprise comes to each of them."""


async def grow(ledger: SqliteLedger, entries: int, enterprises: Sequence[str]) -> None:
    """Append about `entries` entries (the last request is completed), and keep snapshots as the bot does."""
    writer = _Writer(ledger)
    told = itertools.cycle([_pages(story()) for story in STORIES])
    for count, name in enumerate(itertools.cycle(enterprises)):
        if writer.position >= entries:
            return
        if count % PER_PACKAGE == 0:
            await writer.package(count // PER_PACKAGE)
        await writer.request(name, f"KT-{count:06}", next(told))


def _pages(story: Story) -> list[Page]:
    return [Page(*encode(event)) for _, event in story.recorded]


class _Writer:
    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self._enterprises: dict[str, Folded[Enterprise]] = {}
        self._announcer = Folded(ledger, book.STREAM, book.BOOK_FOLD)
        self._packages = 0
        self._now = v.T0
        self._ts = itertools.count(1)
        self.position = 0

    async def package(self, number: int) -> None:
        name = f"imprivata-hf{number}"
        added = PackageAdded(package=v.package(name=name, file=f"{name}.ipm"), by="root")
        entries = await self._ledger.append(PACKAGES, self._packages, [added], self._now)
        self._packages += 1
        self.position = entries[-1].position

    async def request(self, name: str, request: str, pages: Sequence[Page]) -> None:
        """One request from its beginning to its end, then its announcements."""
        if name not in self._enterprises:
            self._enterprises[name] = Folded(self._ledger, stream(name), handle.ENTERPRISE_FOLD)
        written = await self._append(self._enterprises[name], stream(name), [p.of(request) for p in pages])
        announced = [event for entry in written for event in self._announcements(entry, request)]
        await self._append(self._announcer, book.STREAM, announced)
        self._now += BETWEEN

    async def _append(self, folded: Folded[S], name: str, events: Sequence[Event]) -> Sequence[Entry]:
        await folded.keep()
        entries = await self._ledger.append(name, folded.version, events, self._now)
        folded.take(entries)
        self.position = entries[-1].position
        return entries

    def _announcements(self, entry: Entry, request: str) -> Iterator[Event]:
        key = routes.key_of(entry)
        keys = [key] if key else []
        if isinstance(entry.event, PreflightDone):
            keys += [routes.ask_key(request, user) for user in v.APPROVERS]
        for posted in keys:
            yield PostIntended(key=posted, channel=CHANNEL)
            yield Posted(key=posted, channel=CHANNEL, ts=f"{next(self._ts)}.000100")
            yield Announced(position=entry.position)
