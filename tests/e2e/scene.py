"""Everything at once, each part a process of its own: the bot, the simulated enterprise, the local workspace.

A test acts as people, puts faults on, and looks at what people see, at the ledger, and at what reached the consoles.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from bot.clock import Clock
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Event, Phase
from bot.domain.handle import Handler
from bot.domain.ledger import Entry
from bot.sandbox import person
from bot.sandbox.demo import LEVEL, PACKAGE, Demo, Options, download, running_parts
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.workspace.client import Json, Message, WorkspaceClient
from bot.upgrade.packages import PackageStore
from storage.sqlite import SqliteLedger

E = TypeVar("E", bound=Event)
T = TypeVar("T")

MAIN = "main"
SAM = "U0SAM"
"""Is on call, and approves nothing."""

SIMULATED = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=1200)
QUICK = Options(package_bytes=200_000, poll_seconds=60)
"""A minute is a tenth of a second; a look at the consoles each minute."""

LOOK_EVERY = 0.02
PATIENCE = 30.0
"""Real seconds until an awaited state counts as missed, on a busy machine."""


PASSING = {None, "ratelimited", "HTTP 503", "user_disabled"}
"""What a call to Slack may end with: good, or what a test has brought about."""


@dataclass
class Scene:
    """What a test holds in its hands."""

    demo: Demo
    ledger: SqliteLedger
    handler: Handler
    clock: Clock
    directory: Path
    bot: asyncio.subprocess.Process

    @property
    def workspace(self) -> WorkspaceClient:
        return self.demo.workspace

    @property
    def enterprise(self) -> EnterpriseProcess:
        return self.demo.enterprise

    @property
    def log(self) -> Path:
        return self.directory / "bot.log"

    # --- the ledger

    async def state(self) -> Enterprise:
        return await self.handler.state(MAIN)

    async def request(self, id_: str) -> Request:
        return (await self.state()).requests[id_]

    async def entries(self) -> Sequence[Entry]:
        return await self.ledger.read_all()

    async def events(self, kind: type[E]) -> list[E]:
        return [entry.event for entry in await self.entries() if isinstance(entry.event, kind)]

    async def until(self, id_: str, holds: Callable[[Request], object]) -> Request:
        """The request as soon as `holds`."""

        async def look() -> Request | None:
            request = (await self.state()).requests.get(id_)
            return request if request and holds(request) else None

        try:
            return await eventually(look)
        except TimeoutError:
            raise AssertionError(f"not in time: {await self.request(id_)}") from None

    async def ends(self, id_: str, phase: Phase) -> Request:
        request = await self.until(id_, lambda r: r.ended)
        assert request.phase is phase, (request.phase, request.reason)
        return request

    # --- people

    async def ask(
        self, user: str = person.ANA, start: datetime | None = None, reason: str = "Monthly"
    ) -> str:
        """The id of a request that the form has accepted."""
        known = set((await self.state()).requests)
        answer = await person.ask(self.workspace, user, start=start, reason=reason)
        assert answer["ok"], answer
        (fresh,) = set((await self.state()).requests) - known
        return fresh

    async def asked(self, user: str = person.ANA, start: datetime | None = None) -> str:
        """The id of a request that can be approved."""
        id_ = await self.ask(user, start)
        await self.until(id_, lambda r: r.plan)
        return id_

    async def approved(self, start: datetime | None = None) -> str:
        """The id of a request that Ben and Chloe have approved."""
        id_ = await self.asked(start=start)
        await self.approve(id_)
        return id_

    async def approve(self, id_: str) -> None:
        """Ben and Chloe do."""
        for user in (person.BEN, person.CHLOE):
            await self.type(user, f"/upgrade approve {id_}")
        assert len((await self.request(id_.upper())).approvals) == 2

    def ahead(self, minutes: float) -> datetime:
        """So many minutes from now, by the bot's clock."""
        return self.clock.now() + timedelta(minutes=minutes)

    async def told(self, user: str) -> list[str]:
        """What the bot has said to that person alone in the channel, oldest first."""
        return [m.text for m in await self.workspace.messages() if m.raw["only_for"] == user]

    async def type(self, user: str, text: str) -> str:
        """Type a command; the answer."""
        return await self._answered(user, lambda: self.workspace.command(user, text))

    async def click(self, user: str, message: Message, action: str) -> str:
        """Press a button; the answer."""
        return await self._answered(user, lambda: self.workspace.click(user, message, action))

    async def _answered(self, user: str, act: Callable[[], Awaitable[Json]]) -> str:
        before = len(await self.told(user))
        taken = await act()
        assert taken["ok"], taken

        async def answer() -> list[str]:
            return (await self.told(user))[before:]

        return (await self.workspace.wait_for(answer, PATIENCE, f"an answer to {user}"))[0]

    # --- messages

    async def posted(self, key: str, holds: Callable[[Message], object] = lambda _: True) -> Message:
        """The newest message whose key begins so, as soon as it `holds`."""
        return await self.workspace.wait_for_message(
            lambda m: key_of(m).startswith(key) and bool(holds(m)), timeout=PATIENCE
        )

    async def card(self, id_: str) -> Message:
        """The request's card, once it can be approved."""
        return await self.posted(f"card:{id_}", lambda m: "approve" in m.actions)

    async def keys(self) -> list[str]:
        """The keys of all announcements, in the order in which they were posted."""
        return [key for m in await self.workspace.messages() if (key := key_of(m))]

    # --- what must hold in every scene

    async def check_laws(self) -> None:
        """What no fault may change, whatever the test is about."""
        await self.ledger.verify()
        intents = [intent.request for intent in await self.events(e.InstallIntended)]
        consoles = await self.enterprise.state()
        assert len(set(intents)) == len(intents), "Install intended twice (law 1)"
        assert consoles.install_clicks <= len(intents), "Install without an intent (law 1)"
        assert not consoles.dangerous, "a control outside the procedure (law 3)"
        assert consoles.admin_console_requests == 0, "a request to the Admin Console (law 3)"
        keys = await self.keys()
        assert len(set(keys)) == len(keys), f"a message doubled: {keys}"
        refused = {call["error"] for call in await self.workspace.calls()} - PASSING
        assert not refused, "Slack refused a call of the bot's, or its blocks"
        await self._check_announced_first(intents)
        await self._check_secrets()
        assert self.bot.returncode is None, self.log.read_text()
        assert "Traceback" not in self.log.read_text(), self.log.read_text()

    async def _check_announced_first(self, intents: list[str]) -> None:
        """Law 8, by the ledger: the lockout's notice was delivered before Install was intended."""
        at = {(type(x.event), getattr(x.event, "request", "")): x.position for x in await self.entries()}
        for request in intents:
            assert at[e.LockoutAnnounced, request] < at[e.InstallIntended, request]

    async def _check_secrets(self) -> None:
        """Law 9: neither in Slack, nor in the ledger, nor in the log."""
        told = str([m.raw for m in await self.workspace.messages()])
        kept = str(await self.ledger.read_all())
        connection = await self.enterprise.connection()
        for secret in (connection.password, self.workspace.bot_token, self.workspace.app_token):
            for place in (told, kept, self.log.read_text()):
                assert secret not in place


def key_of(message: Message) -> str:
    """The key that an announcement carries; empty for what is none."""
    return str(((message.metadata or {}).get("event_payload") or {}).get("key", ""))


def says(words: str) -> Callable[[Message], bool]:
    """Whether a message has these words."""
    return lambda message: words in message.words


def versions(message: Message) -> list[Message]:
    """The message in every version that it has had, oldest first."""
    earlier = [Message({**message.raw, **version}) for version in message.raw["earlier"]]
    return [*earlier, message]


async def eventually(look: Callable[[], Awaitable[T | None]], seconds: float = PATIENCE) -> T:
    """What `look` returns as soon as that is true. Raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await look():
                return found
            await asyncio.sleep(LOOK_EVERY)


@contextlib.asynccontextmanager
async def open_scene(
    directory: Path, *faults: str, options: Options = QUICK, **simulated: object
) -> AsyncIterator[Scene]:
    """All parts running, a package added. At the end the bot is asked to end."""
    settings = SIMULATED.model_copy(update={"faults": faults, **simulated})
    epoch = datetime.now(UTC)
    clock = Clock(settings.rate, epoch)
    state = directory / "state"
    async with running_parts(directory, settings, options, epoch=epoch) as demo:
        bot = await demo.serve(directory / "bot.log")
        try:
            async with SqliteLedger.open(state / "ledger.sqlite", audit=True) as ledger:
                store = PackageStore(state / "packages", ledger, clock)
                await store.add(await download(directory, options), LEVEL, PACKAGE, None, "tests")
                scene = Scene(demo, ledger, Handler(ledger, clock), clock, directory, bot)
                yield scene
        finally:
            if bot.returncode is None:
                bot.terminate()
            status = await bot.wait()
        assert status == 0, scene.log.read_text()
