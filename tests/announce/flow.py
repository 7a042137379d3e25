"""An enterprise whose events come about by commands, and an announcer that can be killed and started again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.announcer import Announcer
from bot.announce.book import STREAM
from bot.clock import Clock
from bot.directory import SlackDirectory
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Authority
from bot.domain.events import Event, Step
from bot.domain.handle import Handler
from bot.domain.plan import Plan
from bot.domain.progress import Budgets
from bot.domain.sight import InstallOutcome, Observation, Press
from bot.domain.windows import Window
from bot.sandbox.workspace.client import Message, WorkspaceClient
from storage.sqlite import SqliteLedger
from tests.announce.examples import RULES, settings
from tests.support import values as v

ANA, BEN, CHLOE = "U0ANA", "U0BEN", "U0CHLOE"
AUTHORITY = Authority(approvers=frozenset({ANA, BEN, CHLOE}), requesters=frozenset({ANA, BEN}))


@dataclass
class Flow:
    """`key(message)` names a message by its metadata."""

    workspace: WorkspaceClient
    ledger: SqliteLedger
    handler: Handler
    clock: Clock
    slack: AsyncWebClient

    @asynccontextmanager
    async def announcing(self) -> AsyncIterator[asyncio.Task[None]]:
        """An announcer that is killed at the end, or earlier by cancelling the task. Raises what it raised."""
        async with self.running(self.announcer()) as task:
            yield task

    def announcer(self) -> Announcer:
        directory = SlackDirectory(self.slack)
        return Announcer(self.ledger, self.handler, self.slack, directory, {"main": settings()}, self.clock)

    @asynccontextmanager
    async def running(self, announcer: Announcer) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(announcer.run())
        try:
            yield task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    # --- what happens

    async def do(self, command: c.Command) -> Sequence[Event]:
        return (await self.handler.handle("main", command)).events

    async def ask(self, id_: str = "KT-1", start: timedelta = timedelta(0)) -> None:
        now = self.clock.now()
        draft = v.draft(
            start=now + start, window=Window(opens=now - timedelta(hours=1), closes=now + timedelta(hours=7))
        )
        await self.do(
            c.Ask(
                request=id_, by=v.person(ANA), authority=AUTHORITY, draft=draft, needs_minutes=v.NEEDS_MINUTES
            )
        )

    async def preflight(self, id_: str = "KT-1") -> None:
        await self.do(c.ReportPreflight(request=id_, rows=(v.row(),), plan=await self.plan(id_)))

    async def plan(self, id_: str = "KT-1") -> Plan:
        request = (await self.handler.state("main")).requests[id_]
        return v.plan(id_, start=request.draft.start, window=request.draft.window, rules=RULES)

    async def approve(self, by: str, id_: str = "KT-1") -> None:
        await self.do(c.Approve(request=id_, by=v.person(by), authority=AUTHORITY, plan=await self.plan(id_)))

    async def asked(self, id_: str = "KT-1", start: timedelta = timedelta(0)) -> None:
        await self.ask(id_, start)
        await self.preflight(id_)

    async def started(self, id_: str = "KT-1") -> None:
        await self.asked(id_)
        await self.approve(BEN, id_)
        await self.approve(CHLOE, id_)
        await self.do(c.Start(request=id_, authority=AUTHORITY, rows=(v.row(),), plan=await self.plan(id_)))

    async def sent(self, id_: str = "KT-1") -> None:
        await self.do(c.Intend(request=id_, step=Step.UPLOAD, observation=v.look()))
        await self.do(c.Finish(request=id_, step=Step.UPLOAD))
        await self.do(c.Intend(request=id_, step=Step.DISTRIBUTE, observation=v.look()))
        await self.observe(v.distributing(), id_)

    async def pressed(self, id_: str = "KT-1") -> None:
        """From Send to the last button; the lockout notice has to be delivered by now."""
        await self.observe(v.done_offered(), id_)
        await self.do(c.Finish(request=id_, step=Step.DISTRIBUTE))
        await self.do(
            c.IntendInstall(
                request=id_,
                authority=AUTHORITY,
                plan=await self.plan(id_),
                observation=v.distributed(),
                seen_at=self.clock.now(),
                information=v.information(),
            )
        )
        await self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=Press.ANSWERED)))

    async def observe(self, seen: Observation, id_: str = "KT-1") -> None:
        now = self.clock.now()
        await self.do(c.Observe(request=id_, observation=seen, seen_at=now, watching=now, budgets=Budgets()))

    # --- what is read

    async def posted(self) -> list[Message]:
        return [m for m in await self.workspace.messages() if m.metadata]

    async def keys(self) -> list[str]:
        """The keys of all messages, in the order of posting."""
        return [key(m) for m in await self.posted()]

    async def message(self, wanted: str) -> Message:
        return await self.workspace.wait_for_message(lambda m: key(m).startswith(wanted))

    async def reads(self, wanted: str, words: str) -> Message:
        """The message of that key as soon as it holds these words."""
        return await self.workspace.wait_for_message(
            lambda m: key(m).startswith(wanted) and words in m.text, timeout=15
        )

    async def until(self, kind: type[Event], holds: Callable[[Any], bool] = lambda event: True) -> Any:
        """The first such event in the ledger."""
        async with asyncio.timeout(15):
            async for entry in self.ledger.subscribe():
                if isinstance(entry.event, kind) and holds(entry.event):
                    return entry.event

    async def book(self) -> list[Event]:
        """The announcer's own stream."""
        return [entry.event for entry in await self.ledger.read(STREAM)]

    async def note(self, *events: Event) -> None:
        """Write into the announcer's stream, as one that was killed would have left it."""
        version = len(await self.ledger.read(STREAM))
        await self.ledger.append(STREAM, version, events, self.clock.now())


def key(message: Message) -> str:
    return str(message.metadata["event_payload"]["key"]) if message.metadata else ""


class MovedClock(Clock):
    """A clock that can be put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> None:
    """Look until it holds."""
    async with asyncio.timeout(seconds):
        while not await holds():  # noqa: ASYNC110 - what is looked at is in another process
            await asyncio.sleep(0.02)


async def no_more(flow: Flow, id_: str = "KT-9") -> None:
    """Everything before is announced: a request of its own stands in the channel, behind it."""
    if id_ not in (await flow.handler.state("main")).requests:
        await flow.ask(id_)
    await flow.until(e.Posted, lambda posted: posted.key == f"card:{id_}")


@asynccontextmanager
async def web_client(workspace: WorkspaceClient) -> AsyncIterator[AsyncWebClient]:
    async with aiohttp.ClientSession() as session:
        yield AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
