"""The real bot, its ledger as another process sees it, and the means to end the bot at a chosen moment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from bot.clock import Clock
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request, replay, stream
from bot.domain.ledger import Entry
from bot.sandbox import person
from bot.sandbox.demo import LEVEL, PACKAGE, Demo, Options, download, running_parts
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.workspace.client import Message
from bot.upgrade.packages import PackageStore
from storage.sqlite import SqliteLedger
from tests.kill.relay import Relay, relay_to

MAIN = "main"
SECONDS = 30.0
"""Real seconds after which an awaited moment has not come."""

E = TypeVar("E", bound=e.Event)


@dataclass
class Scene:
    """A demonstration whose first console is reached through `relay`; `ledger` is opened for looking only."""

    demo: Demo
    relay: Relay
    ledger: SqliteLedger
    log: Path
    bot: asyncio.subprocess.Process
    entries: list[Entry] = field(default_factory=list)

    async def approved(self) -> None:
        """Ana asks, Ben and Chloe approve."""
        await person.ask(self.demo.workspace)
        await self.approve()

    async def approve(self) -> None:
        """Ben and Chloe approve."""
        card = await person.card(self.demo.workspace, person.BEN)
        await person.approve(self.demo.workspace, person.BEN, card)
        await person.approve(self.demo.workspace, person.CHLOE, card)

    # --- what the ledger holds

    async def facts(self, kind: type[E]) -> list[E]:
        """All events of that kind so far, oldest first."""
        found = await self.ledger.read_all(after=len(self.entries))
        self.entries += [x for x in found if x.position > len(self.entries)]  # nobody else was quicker
        return [x.event for x in self.entries if isinstance(x.event, kind)]

    async def has(self, kind: type[e.Event]) -> bool:
        """Whether there is any event of that kind."""
        return bool(await self.facts(kind))

    async def fact(self, kind: type[E], holds: Callable[[E], bool] = lambda _: True) -> E:
        """The first event of that kind for which `holds`, as soon as there is one."""
        try:
            async with asyncio.timeout(SECONDS):
                async for entry in self.ledger.subscribe():
                    if isinstance(entry.event, kind) and holds(entry.event):
                        return entry.event
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} within {SECONDS:g} s; {self.words()}") from None
        raise AssertionError("the ledger was closed")

    async def state(self) -> Enterprise:
        """The enterprise as the ledger has it."""
        return replay((x.at, x.event) for x in await self.ledger.read(stream(MAIN)))

    async def request(self) -> Request:
        """The newest request."""
        return list((await self.state()).requests.values())[-1]

    async def ended(self, phase: e.Phase) -> Request:
        """The newest request at its end, which is `phase`."""
        ends = e.Succeeded | e.Stopped | e.Failed | e.BecameUnknown | e.Voided | e.Expired | e.Cancelled
        await self.fact(e.Event, lambda event: isinstance(event, ends))
        request = await self.request()
        assert request.phase is phase, (request.phase, request.reason, self.words())
        return request

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Look again and again, for what nobody tells."""
        async with asyncio.timeout(SECONDS):
            while not await holds():  # noqa: ASYNC110  # another process's state: there is no event
                await asyncio.sleep(0.02)

    async def standing(self, family: str) -> Message:
        """The message of that family, as soon as it stands in Slack."""
        return await self.demo.workspace.wait_for_message(lambda m: key(m).startswith(f"{family}:"))

    # --- the bot's end

    async def reached(self, held: asyncio.Event) -> None:
        """The wire is held."""
        try:
            async with asyncio.timeout(SECONDS):
                await held.wait()
        except TimeoutError:
            raise AssertionError(f"the moment has not come within {SECONDS:g} s; {self.words()}") from None

    async def end(self, by: signal.Signals = signal.SIGKILL) -> int:
        """End the bot; its exit code, once Slack has noticed too. The wire is open afterwards."""
        assert self.bot.returncode is None, self.words()
        self.bot.send_signal(by)
        return await self.gone()

    async def restart(self) -> None:
        """The bot again, on the same state."""
        self.bot = await self.demo.serve(self.log)

    async def gone(self) -> int:
        """The exit code of a bot that ends by itself, once Slack has noticed too. The wire is open afterwards."""
        async with asyncio.timeout(SECONDS):
            code = await self.bot.wait()
        await self.demo.workspace.wait_for_connections(0)
        self.relay.open()
        return code

    def words(self) -> str:
        """What the bot logged."""
        return self.log.read_text(encoding="utf-8")

    async def said(self, words: str) -> None:
        """The bot has logged these words."""

        async def logged() -> bool:
            return words in self.words()

        try:
            await self.until(logged)
        except TimeoutError:
            raise AssertionError(f"{words!r} was not logged: {self.words()}") from None

    # --- what must hold whatever happened

    async def laws_hold(self) -> None:
        """Laws 1, 3, 7 and 8: one click, nothing else touched, a whole ledger, no message doubled."""
        seen = await self.demo.enterprise.state()
        assert seen.install_clicks <= 1
        assert len(await self.facts(e.InstallIntended)) <= 1
        assert len(await self.facts(e.InstallPressed)) <= 1
        assert seen.sends <= 1
        assert not seen.dangerous
        assert seen.admin_console_requests == 0
        assert (await self.ledger.verify()).position
        keys = Counter(key(m) for m in await self.demo.workspace.messages() if not m.raw.get("deleted"))
        assert [k for k, count in keys.items() if k and count > 1] == []
        assert "Traceback" not in self.words()


def key(message: Message) -> str:
    """The key that the bot gave its message, empty for other people's."""
    return str(((message.metadata or {}).get("event_payload") or {}).get("key", ""))


@contextlib.asynccontextmanager
async def scene(directory: Path, *faults: str, **changes: object) -> AsyncIterator[Scene]:
    """Everything running; ends the bot and looks at the laws at the end."""
    quick = Settings(rate=600, appliances=2, distribution_seconds=300, install_seconds=1200, faults=faults)
    options = Options(package_bytes=12_000_000, poll_seconds=90)
    state = directory / "state"
    state.mkdir(mode=0o700)
    file = state / "ledger.sqlite"
    async with running_parts(directory, quick.model_copy(update=changes), options) as demo:
        async with SqliteLedger.open(file) as ledger:
            store = PackageStore(state / "packages", ledger, Clock())
            await store.add(await download(directory, options), LEVEL, PACKAGE, None, "tests")
        first = (await demo.enterprise.connection()).appliances[0].address
        async with relay_to(first) as relay, SqliteLedger.open(file, audit=True, poll=0.01) as ledger:
            demo.config.write_text(demo.config.read_text().replace(first, relay.address))
            log = directory / "bot.log"
            here = Scene(demo, relay, ledger, log, await demo.serve(log))
            try:
                yield here
                await here.laws_hold()
            finally:
                if here.bot.returncode is None:
                    await here.end()
