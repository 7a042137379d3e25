"""The projector: announcements follow from events, never from the place that caused them.

It reads the ledger from where it has got to, posts each new message once and in order, and keeps the messages that
stand there up to date. What a message says is always rendered from the present state, so a late one cannot
overwrite the end.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from typing import TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce import routes
from bot.announce.blocks import Message
from bot.announce.book import STREAM, Book
from bot.announce.calls import Refused
from bot.announce.poster import Later, Poster
from bot.announce.standing import EDIT_EVERY, Standing
from bot.announce.view import EnterpriseView, View
from bot.clock import Clock
from bot.config import EnterpriseSettings
from bot.domain.approval import Authority, Directory, DirectoryUnavailable, Rules
from bot.domain.commands import ReportLockoutAnnounced
from bot.domain.enterprise import stream
from bot.domain.events import Phase, PreflightDone, UpgradeRequested
from bot.domain.handle import Handler
from bot.domain.ledger import Entry
from storage.ledger import Head, Ledger

_Key = TypeVar("_Key")

ASK_AGAIN = 30.0
"""Real seconds until Slack is asked again who may approve, after it could not tell."""

REFRESH_EVERY = timedelta(minutes=1)
"""How often the progress of a run is brought up to date when nothing happens, in the clock's time."""


class Announcer:
    """One for each ledger. `run` goes on until it is cancelled."""

    def __init__(
        self,
        ledger: Ledger,
        handler: Handler,
        slack: AsyncWebClient,
        directory: Directory,
        enterprises: Mapping[str, EnterpriseSettings],
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._handler = handler
        self._directory = directory
        self._enterprises = enterprises
        self._clock = clock
        self._book = Book(ledger, clock)
        self._head = Head(0, "")
        """The newest entry that was read: what every message carries in its metadata (law 7)."""
        self._poster = Poster(slack, self._book, lambda: self._head)
        self._names = {stream(name): name for name in enterprises}
        self._entries: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._position = 0
        self.standing = Standing()
        self._unasked: dict[str, float] = {}
        self._asks: dict[tuple[str, str], float] = {}
        self._of: dict[str, str] = {}
        """The enterprise of each request that its state still has."""

    async def run(self) -> None:
        """Announce until cancelled.

        Raises an `ExceptionGroup` of what came in between: `Conflict` when a second announcer is at work on the
        ledger, `LedgerUnavailable`.
        """
        # What stands in Slack was said by an announcer that had read no further than this.
        self._head = await self._ledger.head()
        await self._book.open()
        self._position = self._book.position
        await self._take_up()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._refresh())
            tasks.create_task(self._work())

    async def _take_up(self) -> None:
        """What was left undone between two events: unasked approvers, a delivered lockout that nobody reported."""
        for name in self._enterprises:
            state = await self._handler.state(name)
            for request in state.requests.values():
                self._of[request.id] = name
                if request.phase is Phase.REQUESTED and request.plan:
                    self._unasked[request.id] = 0.0
            if state.lockout:
                for family in routes.LOCKOUT:
                    await self._report_lockout(name, f"{family}:{state.lockout.request}")
        for key in self._book.places:
            if self._enterprise_of(key) is not None:
                self.standing.add(key)
        for key in self._book.doubtful:
            if routes.family(key) == "ask":  # also one that has been answered meanwhile: it may stand there
                _, id_, user = key.split(":")
                self._asks[id_, user] = 0.0

    async def _follow(self) -> None:
        async for entry in self._ledger.subscribe(after=self._position):
            if entry.position > self._head.position:
                self._head = Head(entry.position, entry.hash)
            self._entries.append(entry)
            self._wake.set()

    async def _refresh(self) -> None:
        """The progress of what runs, even when nothing happens."""
        while True:
            await asyncio.sleep(max(EDIT_EVERY, REFRESH_EVERY.total_seconds() / self._clock.rate))
            for name in self._enterprises:
                if running := (await self._handler.state(name)).running:
                    self._mark(f"progress:{running.id}", self._position + 1)

    async def _work(self) -> None:
        """New posts first, in order; then edits; then the questions to approvers.

        Only a new post waits for Slack. An edit or a question that Slack does not take is put off.
        """
        while True:
            self._wake.clear()
            if self._entries:
                await self._announce(self._entries.popleft())
            elif key := self.standing.due():
                await self._bring_up_to_date(key)
            elif asked := _first_due(self._asks):
                await self._ask(*asked)
            elif request := _first_due(self._unasked):
                await self._find_out_whom_to_ask(request)
            else:
                await self._wait()

    async def _wait(self) -> None:
        moments = [*self.standing.moments(), *self._asks.values(), *self._unasked.values()]
        pause = max(0.0, min(moments) - time.monotonic()) if moments else None
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    # --- new messages

    async def _announce(self, entry: Entry) -> None:
        if (name := self._names.get(entry.stream)) is not None:
            # What is of no request is about the enterprise itself.
            subject: str = getattr(entry.event, "request", name)
            if isinstance(entry.event, UpgradeRequested):
                self._of[subject] = name
                await self._forget_what_has_left(name)
            for standing in self.standing.about(subject):
                self._mark(standing, entry.position)
            # What still waits to be edited is read again after a crash.
            waiting = self.standing.waiting_since()
            self._book.reached = min([position - 1 for position in waiting] + [entry.position])
            if isinstance(entry.event, PreflightDone) and entry.event.plan:
                self._unasked[subject] = 0.0
            if (key := routes.key_of(entry)) and not self._book.settled(key):
                await self._post(key, name, entry)
        if entry.stream != STREAM:
            self._position = entry.position

    async def _post(self, key: str, name: str, entry: Entry) -> None:
        async def render() -> Message | None:
            view = await self._view(key)
            message = routes.first(key, view, entry) if view else None
            if message:
                message = routes.sealed(key, message, entry)
                self.standing.say(key, message)
            return message

        if await self._poster.post(key, self._enterprises[name].channel, render):
            self.standing.add(key)
            await self._report_lockout(name, key)

    async def _report_lockout(self, name: str, key: str) -> None:
        """The gate of law 8 opens by this alone: a lockout notice that stands in Slack."""
        if routes.family(key) in routes.LOCKOUT and (place := self._book.places.get(key)):
            command = ReportLockoutAnnounced(
                request=routes.subject_of(key), channel=place.channel, ts=place.ts
            )
            await self._handler.handle(name, command)

    async def _forget_what_has_left(self, name: str) -> None:
        """A request that ended long ago has left the state: nothing of it is edited or asked any more."""
        known = (await self._handler.state(name)).requests
        for request in [r for r, of in self._of.items() if of == name and r not in known]:
            del self._of[request]
            self._unasked.pop(request, None)
            self.standing.forget(request)
        self._asks = {asked: at for asked, at in self._asks.items() if asked[0] in self._of}

    # --- questions to approvers

    async def _find_out_whom_to_ask(self, request: str) -> None:
        view = await self._view(f"card:{request}")
        if not _open_question(view):
            del self._unasked[request]
            for user in (view.awaited if isinstance(view, View) else None) or ():
                if not self._book.settled(routes.ask_key(request, user)):
                    self._asks.setdefault((request, user), 0.0)
        else:
            self._unasked[request] = time.monotonic() + ASK_AGAIN

    async def _ask(self, request: str, user: str) -> None:
        del self._asks[request, user]
        key = routes.ask_key(request, user)

        async def render() -> Message | None:
            if not await self._awaits(request, user):
                return None
            view = await self._view(key)
            message = routes.current(key, view) if view else None
            if message:
                self.standing.say(key, message)
            return message

        doubtful = self._book.doubtful.get(key)
        if doubtful is None and not await self._awaits(request, user):
            return
        try:
            channel = doubtful.channel if doubtful else await self._poster.direct(user)
            if await self._poster.attempt(key, channel, render):
                self.standing.add(key)
                # It may have been answered while Slack did not take the question.
                self._mark(key, self._position + 1)
        except Later as later:
            self._asks[request, user] = time.monotonic() + later.seconds
        except Refused as refused:
            await self._poster.give_up(key, str(refused))

    async def _awaits(self, request: str, user: str) -> bool:
        name = self._of.get(request)
        found = (await self._handler.state(name)).requests.get(request) if name else None
        return found is not None and found.phase is Phase.REQUESTED and user not in found.approvals

    # --- messages that stand there

    def _mark(self, key: str, position: int, earliest: float = 0.0) -> None:
        if self.standing.mark(key, position, earliest):
            self._wake.set()

    async def _bring_up_to_date(self, key: str) -> None:
        edit = self.standing.take(key)
        try:
            view = await self._view(key)
            message = routes.current(key, view) if view else None
            if message and message != self.standing.says(key) and await self._poster.edit(key, message):
                self.standing.say(key, message)
        except Later as later:
            self.standing.put_off(later.seconds)
            self._mark(key, edit.position)
            return
        if routes.family(key) == "card" and _open_question(view):
            self._mark(key, self._position + 1, time.monotonic() + ASK_AGAIN)

    # --- what messages are rendered from

    def _enterprise_of(self, key: str) -> str | None:
        """None for a message about a request that has left the state, or an enterprise that is not configured."""
        subject = routes.subject_of(key)
        if routes.family(key) in routes.OF_ENTERPRISE:
            return subject if subject in self._enterprises else None
        return self._of.get(subject)

    async def _view(self, key: str) -> EnterpriseView | None:
        """A `View` for a message about a request; None when that has left the state."""
        name, family, request = self._enterprise_of(key), routes.family(key), routes.subject_of(key)
        if name is None:
            return None
        state, now = await self._handler.state(name), self._clock.now()
        if family in routes.OF_ENTERPRISE:
            return EnterpriseView(name, self._enterprises[name], state, now)
        if (found := state.requests.get(request)) is None:
            return None
        authority, link = None, None
        if family in routes.NEEDS_AUTHORITY and found.phase is Phase.REQUESTED and found.plan:
            authority = await self._authority(found.plan.rules)
        if (
            family == "ask"
            and found.phase is Phase.REQUESTED
            and (place := self._book.places.get(f"card:{request}"))
        ):
            link = await self._poster.link(place)
        return View(name, self._enterprises[name], state, now, found, authority, link)

    async def _authority(self, rules: Rules) -> Authority | None:
        try:
            return await self._directory.authority(rules)
        except DirectoryUnavailable:
            return None


def _first_due(times: Mapping[_Key, float]) -> _Key | None:
    return next((key for key, at in times.items() if at <= time.monotonic()), None)


def _open_question(view: EnterpriseView | None) -> bool:
    """Whether the card says that Slack could not tell who may approve."""
    if not isinstance(view, View) or view.request.phase is not Phase.REQUESTED:
        return False
    return view.request.plan is not None and view.awaited is None
