"""One story: the simulated enterprise, the local workspace, and a bot that is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.clock import Clock
from bot.config import load_settings
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.ledger import Entry
from bot.sandbox.demo import LEVEL, PACKAGE, Demo, download, running_parts
from bot.sandbox.holds import Passed
from bot.sandbox.mortal import mortal
from bot.upgrade.packages import PackageStore
from storage.ledger import Broken
from storage.sqlite import SqliteLedger
from tests.crash.announced import messages_are_up_to_date, no_message_is_lost
from tests.crash.history import History, Killed
from tests.crash.kills import Kill, Story
from tests.crash.kinds import KINDS, RATE, Kind
from tests.crash.oracle import judge
from tests.crash.people import People, Stuck
from tests.crash.restoring import copy_in_a_run, put_back
from tests.kill.scene import MAIN

ROOT = Path(__file__).parents[2]
KILLED = -9

SETTLED_WITHIN = 20.0
"""Real seconds until the messages have caught up with the ledger."""
QUIET = 0.4
"""Real seconds without a new event: the bot has nothing more to say."""


@dataclass
class Told:
    """A story that was told, and what the oracle says. `passed`: the points in the order in which they came."""

    story: Story
    history: History
    violations: list[str]
    passed: list[Passed]


@dataclass
class Stage:
    """Everything that runs during one story."""

    kind: Kind
    directory: Path
    demo: Demo
    ledger: SqliteLedger
    epoch: datetime
    began: float = field(default_factory=time.time)
    """Unix seconds: points that were passed before are not of this story."""
    lost: Sequence[Entry] = ()
    killed: list[Killed] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    alive: asyncio.Event = field(default_factory=asyncio.Event)

    async def state(self) -> Enterprise:
        """The enterprise as it stands in the ledger."""
        return replay((x.at, x.event) for x in await self.ledger.read(stream(MAIN)))

    @property
    def people(self) -> People:
        clock = Clock(RATE, self.epoch)
        return People(self.demo.workspace, self.demo.enterprise, self.state, clock.now)

    # --- the bot's lives

    async def live(self, kill: Kill | None) -> None:
        """One life of the bot, until it is killed, or cancelled: then it is told to end."""
        log = (self.directory / "bot.log").open("ab")
        at_append = kill if kill and kill.where == "append" else None
        arguments = [*map(str, at_append[:2]), str(at_append.nth)] if at_append else []
        trap = asyncio.create_task(await self._trap(kill)) if kill and kill is not at_append else None
        with log:
            bot = await asyncio.create_subprocess_exec(
                *mortal(sys.executable, "-m", "tests.crash.bot", str(self.demo.config), str(self.diary)),
                *arguments,
                env=self.demo.environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        self.alive.set()
        ending = asyncio.create_task(bot.wait())
        try:
            await asyncio.wait([ending, *([trap] if trap else [])], return_when=asyncio.FIRST_COMPLETED)
            if trap and trap.done() and not ending.done():
                trap.result()
                bot.kill()
            code = await ending
            self.alive.clear()
            await self._bury(kill, code)
        finally:
            if trap:
                trap.cancel()
                await self._let_go()
            if bot.returncode is None:
                bot.terminate()
                if code := await bot.wait():
                    self.trouble.append(f"the bot ended with {code} when it was told to end")

    async def _trap(self, kill: Kill) -> Coroutine[Any, Any, object]:
        """What ends when the bot is to be killed."""
        if kill.where == "console":
            await self.demo.enterprise.hold(*kill)
            return self.demo.enterprise.held()
        if kill.where == "slack":
            await self.demo.workspace.hold(*kill)
            return self.demo.workspace.held()
        return asyncio.sleep(kill.nth / 1000)

    async def _let_go(self) -> None:
        await self.demo.enterprise.let_go()
        await self.demo.workspace.control("let_go")

    async def _bury(self, kill: Kill | None, code: int) -> None:
        """Note a kill; what was held is let go once nobody waits for it."""
        await self.demo.workspace.wait_for_connections(0)
        await self._let_go()
        if kill is None or code != KILLED:
            raise Stuck(f"the bot ended by itself with {code}")
        state = await self.state()
        newest = max(state.requests.values(), key=lambda request: request.asked, default=None)
        run = newest.run if newest else None
        undecided = run is not None and run.install_intended is not None and run.pressed is None
        self.killed.append(Killed(kill, time.time(), newest.id if newest else "", undecided))

    async def lives(self, kills: tuple[Kill, ...]) -> None:
        """A life for each kill, and one more."""
        for kill in kills:
            await self.live(kill)
        await self.live(None)

    # --- the end

    async def settle(self) -> None:
        """Until the bot has said all that it has to say."""
        clock, until = asyncio.get_running_loop().time, asyncio.get_running_loop().time() + SETTLED_WITHIN
        rules = (no_message_is_lost, messages_are_up_to_date)
        head, since = await self.ledger.head(), clock()
        while clock() < until:
            await self.alive.wait()
            await self.demo.workspace.wait_for_connections(1)
            if (now := await self.ledger.head()) != head or judge(await self.history(), rules):
                head, since = now, clock()
            elif clock() - since >= QUIET:
                return
            await asyncio.sleep(0.05)

    async def history(self) -> History:
        """Everything there is to judge."""
        try:
            broken = ""
            await self.ledger.verify()
        except Broken as error:
            broken = str(error)
        log = self.directory / "bot.log"
        return History(
            errs=self.kind.errs,
            hides=self.kind.hides,
            level=self.kind.level,
            install_seconds=self.kind.simulated.install_seconds,
            rate=RATE,
            epoch=self.epoch,
            settings=load_settings(self.demo.config).enterprises[MAIN],
            killed=self.killed,
            entries=await self.ledger.read_all(),
            lost=self.lost,
            broken=broken,
            acknowledged=[(x["position"], x["hash"]) for x in self._diary() if "position" in x],
            requests=await self.demo.enterprise.requests(),
            consoles=await self.demo.enterprise.state(),
            messages=await self.demo.workspace.messages(),
            log=log.read_text(encoding="utf-8") if log.exists() else "",
        )

    async def passed(self) -> list[Passed]:
        """The points that the bot came to, in order."""
        appends = [Passed(x["at"], x["point"]) for x in self._diary() if "point" in x]
        passed = [*appends, *await self.demo.enterprise.points(), *await self.demo.workspace.points()]
        return sorted(point for point in passed if point.at >= self.began)

    @property
    def diary(self) -> Path:
        return self.directory / "diary.jsonl"

    def _diary(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self.diary.read_text().splitlines()] if self.diary.exists() else []
        )


@contextlib.asynccontextmanager
async def open_stage(kind: Kind, directory: Path) -> AsyncIterator[Stage]:
    """The enterprise and the workspace, and a package added; no bot yet. In some, a copy of its ledger was put back."""
    epoch = datetime.now(UTC)
    file = directory / "state" / "ledger.sqlite"
    async with running_parts(directory, kind.simulated, kind.options, epoch=epoch) as demo:
        file.parent.mkdir()
        async with SqliteLedger.open(file) as ledger:
            store = PackageStore(directory / "state" / "packages", ledger, Clock(RATE, epoch))
            await store.add(await download(directory, kind.options), LEVEL, PACKAGE, None, "tests")
        lost: Sequence[Entry] = ()
        if kind.restored:
            lost = await _lived_and_lost(kind, directory, demo, file, epoch)
        async with SqliteLedger.open(file) as ledger:
            yield Stage(kind, directory, demo, ledger, epoch, lost=lost)


async def _lived_and_lost(
    kind: Kind, directory: Path, demo: Demo, file: Path, epoch: datetime
) -> Sequence[Entry]:
    """A run, up to its end, of which the ledger that is put back knows nothing; the entries that it does not have."""
    async with SqliteLedger.open(file) as ledger:
        stage = Stage(kind, directory, demo, ledger, epoch)
        living = asyncio.create_task(stage.live(None))
        try:
            copy = await copy_in_a_run(stage.people, file)
            await stage.settle()
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)
        entries = await ledger.read_all()
    stage.diary.unlink()
    return entries[put_back(copy, file) :]


async def tell(story: Story, directory: Path) -> Told:
    """The story from its beginning to its end, judged."""
    async with open_stage(KINDS[story.kind], directory) as stage:
        acting = asyncio.create_task(stage.kind.act(stage.people))
        living = asyncio.create_task(stage.lives(story.kills))
        try:
            await asyncio.wait([acting, living], return_when=asyncio.FIRST_COMPLETED)
            if acting.done():
                acting.result()
                settling = asyncio.create_task(stage.settle())
                await asyncio.wait([settling, living], return_when=asyncio.FIRST_COMPLETED)
                settling.cancel()
            if living.done():
                living.result()
        except Stuck as stuck:
            stage.trouble.append(str(stuck))
        finally:
            for task in (acting, living):
                task.cancel()
            await asyncio.gather(acting, living, return_exceptions=True)
        history = await stage.history()
        if not story.kills:
            stage.trouble += missing(stage.kind, history)
        return Told(story, history, stage.trouble + judge(history), await stage.passed())


def missing(kind: Kind, history: History) -> list[str]:
    """The events for which the kind is there, and which have not come about."""
    came = {type(entry.event) for entry in history.entries}
    return [f"no {event.__name__} came about" for event in kind.brings - came]
