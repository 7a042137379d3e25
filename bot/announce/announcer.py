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
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.announce import routes
from bot.announce.blocks import Message
from bot.announce.book import STREAM, Book
from bot.announce.poster import Later, Poster, Refused
from bot.announce.view import View
from bot.clock import Clock
from bot.config import EnterpriseSettings
from bot.domain.approval import Authority, Directory, DirectoryUnavailable, Rules
from bot.domain.commands import ReportLockoutAnnounced
from bot.domain.enterprise import stream
from bot.domain.events import Phase, PreflightDone
from bot.domain.handle import Handler
from bot.domain.ledger import Entry
from storage.ledger import Ledger

_Key = TypeVar("_Key")

EDIT_EVERY = 1.5
"""Real seconds between two edits of one message; chat.update takes about fifty a minute."""

ASK_AGAIN = 30.0
"""Real seconds until Slack is asked again who may approve, after it could not tell."""

REFRESH_EVERY = timedelta(minutes=1)
"""How often the progress of a run is brought up to date when nothing happens, in the clock's time."""


@dataclass
class _Edit:
    """A message to bring up to date: because of the event at `position`, not before `earliest` (monotonic)."""

    position: int
    earliest: float


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
        self._poster = Poster(slack, self._book)
        self._names = {stream(name): name for name in enterprises}
        self._entries: deque[Entry] = deque()
        self._wake = asyncio.Event()
        self._position = 0
        self._edits: dict[str, _Edit] = {}
        self._edits_from = 0.0
        self._keys: dict[str, list[str]] = {}
        self._shown: dict[str, tuple[Message, float]] = {}
        self._unasked: dict[str, float] = {}
        self._asks: dict[tuple[str, str], float] = {}
        self._of: dict[str, str] = {}

    async def run(self) -> None:
        """Announce until cancelled.

        Raises an `ExceptionGroup` of what came in between: `Conflict` when a second announcer is at work on the
        ledger, `LedgerUnavailable`.
        """
        await self._book.open()
        self._position = self._book.position
        await self._take_up()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._refresh())
            tasks.create_task(self._work())

    async def _take_up(self) -> None:
        """What was left undone between two events: unasked approvers, a delivered lockout that nobody reported."""
        for key in self._book.places:
            self._keys.setdefault(routes.request_of(key), []).append(key)
        for name in self._enterprises:
            state = await self._handler.state(name)
            for request in state.requests.values():
                self._of[request.id] = name
                if request.phase is Phase.REQUESTED and request.plan:
                    self._unasked[request.id] = 0.0
            if state.lockout:
                for family in routes.LOCKOUT:
                    await self._report_lockout(name, f"{family}:{state.lockout.request}")

    async def _follow(self) -> None:
        async for entry in self._ledger.subscribe(after=self._position):
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
            elif key := self._due():
                await self._bring_up_to_date(key)
            elif asked := _first_due(self._asks):
                await self._ask(*asked)
            elif request := _first_due(self._unasked):
                await self._find_out_whom_to_ask(request)
            else:
                await self._wait()

    async def _wait(self) -> None:
        moments = [self._due_at(key) for key in self._edits] + [
            *self._asks.values(),
            *self._unasked.values(),
        ]
        pause = max(0.0, min(moments) - time.monotonic()) if moments else None
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return

    # --- new messages

    async def _announce(self, entry: Entry) -> None:
        name = self._names.get(entry.stream)
        request: str | None = getattr(entry.event, "request", None)
        if name is not None and request is not None:
            self._of[request] = name
            for standing in self._keys.get(request, ()):
                self._mark(standing, entry.position)
            # What still waits to be edited is read again after a crash.
            self._book.reached = min([e.position - 1 for e in self._edits.values()] + [entry.position])
            if isinstance(entry.event, PreflightDone) and entry.event.plan:
                self._unasked[request] = 0.0
            if (key := routes.key_of(entry)) and not self._book.settled(key):
                await self._post(key, request, entry)
        if entry.stream != STREAM:
            self._position = entry.position

    async def _post(self, key: str, request: str, entry: Entry) -> None:
        async def render() -> Message | None:
            message = routes.first(key, await self._view(key, request), entry)
            if message:
                message = routes.sealed(key, message, entry)
                self._shown[key] = message, time.monotonic()
            return message

        name = self._of[request]
        if await self._poster.post(key, self._enterprises[name].channel, render):
            self._keep(key)
            await self._report_lockout(name, key)

    async def _report_lockout(self, name: str, key: str) -> None:
        """The gate of law 8 opens by this alone: a lockout notice that stands in Slack."""
        if routes.family(key) in routes.LOCKOUT and (place := self._book.places.get(key)):
            command = ReportLockoutAnnounced(
                request=routes.request_of(key), channel=place.channel, ts=place.ts
            )
            await self._handler.handle(name, command)

    def _keep(self, key: str) -> None:
        self._keys.setdefault(routes.request_of(key), []).append(key)

    # --- questions to approvers

    async def _find_out_whom_to_ask(self, request: str) -> None:
        view = await self._view(f"card:{request}", request)
        if view.request.phase is not Phase.REQUESTED or view.awaited is not None:
            del self._unasked[request]
            for user in view.awaited or ():
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
            message = routes.current(key, await self._view(key, request))
            if message:
                self._shown[key] = message, time.monotonic()
            return message

        doubtful = self._book.doubtful.get(key)
        if doubtful is None and not await self._awaits(request, user):
            return
        try:
            channel = doubtful or await self._poster.direct(user)
            if await self._poster.attempt(key, channel, render):
                self._keep(key)
                # It may have been answered while Slack did not take the question.
                self._mark(key, self._position + 1)
        except Later as later:
            self._asks[request, user] = time.monotonic() + later.seconds
        except Refused as refused:
            await self._poster.give_up(key, str(refused))

    async def _awaits(self, request: str, user: str) -> bool:
        found = (await self._handler.state(self._of[request])).requests[request]
        return found.phase is Phase.REQUESTED and user not in found.approvals

    # --- messages that stand there

    def _mark(self, key: str, position: int, earliest: float = 0.0) -> None:
        if routes.family(key) not in routes.EDITED or key not in self._book.places:
            return
        known = self._edits.get(key)
        self._edits[key] = _Edit(min(position, known.position) if known else position, earliest)
        self._wake.set()

    def _due_at(self, key: str) -> float:
        """When the message may be edited (monotonic)."""
        _, last = self._shown.get(key, (None, 0.0))
        return max(self._edits[key].earliest, self._edits_from, last + EDIT_EVERY)

    def _due(self) -> str | None:
        now = time.monotonic()
        return next((key for key in self._edits if self._due_at(key) <= now), None)

    async def _bring_up_to_date(self, key: str) -> None:
        edit = self._edits.pop(key)
        try:
            view = await self._view(key, routes.request_of(key))
            message = routes.current(key, view)
            shown, _ = self._shown.get(key, (None, 0.0))
            if message is not None and message != shown and await self._poster.edit(key, message):
                self._shown[key] = message, time.monotonic()
        except Later as later:
            self._edits_from = time.monotonic() + later.seconds
            self._mark(key, edit.position)
            return
        if routes.family(key) == "card" and _open_question(view):
            self._mark(key, self._position + 1, time.monotonic() + ASK_AGAIN)

    # --- what messages are rendered from

    async def _view(self, key: str, request: str) -> View:
        name = self._of[request]
        state = await self._handler.state(name)
        found, family = state.requests[request], routes.family(key)
        authority, link = None, None
        if family in routes.NEEDS_AUTHORITY and found.phase is Phase.REQUESTED and found.plan:
            authority = await self._authority(found.plan.rules)
        if (
            family == "ask"
            and found.phase is Phase.REQUESTED
            and (place := self._book.places.get(f"card:{request}"))
        ):
            link = await self._poster.link(place)
        return View(self._enterprises[name], state, found, self._clock.now(), authority, link)

    async def _authority(self, rules: Rules) -> Authority | None:
        try:
            return await self._directory.authority(rules)
        except DirectoryUnavailable:
            return None


def _first_due(times: Mapping[_Key, float]) -> _Key | None:
    return next((key for key, at in times.items() if at <= time.monotonic()), None)


def _open_question(view: View) -> bool:
    """Whether the card says that Slack could not tell who may approve."""
    return view.request.phase is Phase.REQUESTED and view.request.plan is not None and view.awaited is None
