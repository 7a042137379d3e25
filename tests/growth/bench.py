"""`make growth`: the figures of a large ledger, measured with real processes.

Makes a ledger of so many entries through the real append, then starts the bot on it, beside the local workspace, and
prints a table for docs/growth.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from bot.sandbox.demo import Demo, running_parts
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.person import ANA
from bot.sandbox.workspace.client import Message
from storage.sqlite import SqliteLedger
from tests.growth.history import grow

ENTERPRISES = ("main", *(f"e{number:02}" for number in range(2, 21)))
STARTS = 3
"""How often the bot is started; the median counts."""
ANSWERS = 100
VERIFIED = "the ledger verifies"
"""What the bot logs when everything may begin."""
PATIENCE = 1800.0
"""Real seconds within which a bot has verified its ledger."""


class Started(NamedTuple):
    """A bot that listens: seconds since its process was started, by the clock and of a processor; its memory then, in
    MiB: now and at most."""

    process: asyncio.subprocess.Process
    seconds: float
    busy: float
    memory: tuple[float, float]


class Bench:
    """A demonstration on a grown ledger. `rows` is the table so far."""

    def __init__(self, demo: Demo, ledger: Path, log: Path) -> None:
        self.demo = demo
        self.ledger = ledger
        self.log = log
        self.rows: list[tuple[str, str]] = []

    def say(self, what: str, figure: str) -> None:
        self.rows.append((what, figure))
        print(f"{what}: {figure}", file=sys.stderr, flush=True)

    async def start(self) -> Started:
        began = time.perf_counter()
        process = await self.demo.serve(self.log, timeout=PATIENCE)
        return Started(process, time.perf_counter() - began, busy(process.pid), memory(process.pid))

    @contextlib.asynccontextmanager
    async def started(self) -> AsyncIterator[Started]:
        started = await self.start()
        try:
            yield started
        finally:
            started.process.send_signal(signal.SIGTERM)
            await started.process.wait()

    async def verified(self) -> None:
        """Until the newest bot has logged it."""
        already = self.log.read_text().count(VERIFIED)
        async with asyncio.timeout(PATIENCE):
            while self.log.read_text().count(VERIFIED) == already:  # noqa: ASYNC110  # another process's log
                await asyncio.sleep(0.2)

    async def answer(self) -> float:
        """Milliseconds from `/upgrade status` to the answer on the person's screen."""
        before = len(await self._told())

        async def more() -> bool:
            return len(await self._told()) > before

        began = time.perf_counter()
        await self.demo.workspace.command(ANA, "/upgrade status")
        await self.demo.workspace.wait_for(more)
        return (time.perf_counter() - began) * 1000

    async def _told(self) -> list[Message]:
        return [m for m in await self.demo.workspace.messages() if m.raw["only_for"] == ANA]

    async def answers(self) -> str:
        taken = sorted([await self.answer() for _ in range(ANSWERS)])
        return f"{statistics.median(taken):.0f} ms median, {taken[int(ANSWERS * 0.99) - 1]:.0f} ms p99"

    async def command(self, *arguments: str) -> tuple[float, str]:
        """Seconds that a command took, and what it printed."""
        began = time.perf_counter()
        said = await self.demo.keyturn(*arguments)
        return time.perf_counter() - began, said


def busy(pid: int) -> float:
    """Seconds of a processor that it has used, its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> tuple[float, float]:
    """Resident memory in MiB: now, and at most so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    now, most = (int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) for name in ("VmRSS", "VmHWM"))  # type: ignore[index]
    return now / 1024, most / 1024


def _of_all(config: str) -> str:
    """The settings with every enterprise: only the first one's consoles exist."""
    first = config[config.index("[enterprises.main]") :]
    others = (first.replace("127.0.0.1", f"{name}.invalid") for name in ENTERPRISES[1:])
    renamed = (
        other.replace("enterprises.main", f"enterprises.{name}")
        for name, other in zip(ENTERPRISES[1:], others, strict=True)
    )
    return "\n".join([config, *renamed])


async def measure(directory: Path, entries: int) -> list[tuple[str, str]]:
    """The table of a ledger of about `entries` entries in `directory`: made there, unless there is one already."""
    ledger = directory / "state" / "ledger.sqlite"
    ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    began = time.perf_counter()
    async with SqliteLedger.open(ledger) as grown:
        before = (await grown.head()).position
        if not before:
            await grow(grown, entries, ENTERPRISES)
        head = await grown.head()
    seconds = time.perf_counter() - began
    async with running_parts(directory, Settings(appliances=2)) as demo:
        demo.config.write_text(_of_all(demo.config.read_text()))
        passwords = {
            f"KEYTURN_ENTERPRISES__{name.upper()}__PASSWORD": demo.environment[
                "KEYTURN_ENTERPRISES__MAIN__PASSWORD"
            ]
            for name in ENTERPRISES
        }
        demo = replace(demo, environment=demo.environment | passwords)
        bench = Bench(demo, ledger, directory / "bot.log")
        bench.log.touch()
        bench.say("Entries", f"{head.position:,} in {len(ENTERPRISES) + 2} streams")
        bench.say("The ledger's file", f"{ledger.stat().st_size / 2**20:,.0f} MiB")
        if not before:
            bench.say("Making it, through the real append", f"{head.position / seconds:,.0f} entries/s")
        await _starts(bench)
        await _commands(bench, head.position)
        await _after_an_upgrade(bench)
        return bench.rows


async def _starts(bench: Bench) -> None:
    all_started = []
    for _ in range(STARTS - 1):
        async with bench.started() as started:
            all_started.append(started)
    async with bench.started() as started:
        all_started.append(started)
        waiting = asyncio.create_task(bench.verified())
        now = time.perf_counter()
        bench.say("Start until it listens, with snapshots", _start(all_started))
        bench.say("Memory then", _memory(started.memory))
        bench.say("`/upgrade status` during the verification", await bench.answers())
        await waiting
        bench.say("Verification in the background", f"{time.perf_counter() - now:.0f} s")
        bench.say("Memory after it", _memory(memory(started.process.pid)))
        bench.say("`/upgrade status` afterwards", await bench.answers())


async def _commands(bench: Bench, entries: int) -> None:
    bench.say("`keyturn status`", _seconds([(await bench.command("status"))[0] for _ in range(STARTS)]))
    seconds, _ = await bench.command("ledger", "verify")
    bench.say("`keyturn ledger verify`", f"{seconds:.0f} s, {entries / seconds:,.0f} entries/s")


async def _after_an_upgrade(bench: Bench) -> None:
    with contextlib.closing(sqlite3.connect(bench.ledger)) as database, database:
        database.execute("DELETE FROM snapshots")
    async with bench.started() as started:
        bench.say("Start without snapshots, as after an upgrade of Keyturn", _start([started]))
        bench.say("Memory then", _memory(started.memory))
    async with bench.started() as started:
        bench.say("The start after that one", _start([started]))


def _start(starts: list[Started]) -> str:
    return f"{_seconds([s.seconds for s in starts])}, {statistics.median(s.busy for s in starts):.2f} s of a processor"


def _seconds(taken: list[float]) -> str:
    many = f" (median of {len(taken)})" if len(taken) > 1 else ""
    return f"{statistics.median(taken):.2f} s{many}"


def _memory(mib: tuple[float, float]) -> str:
    return f"{mib[0]:.0f} MiB, at most {mib[1]:.0f} MiB so far"


def main() -> None:
    """`python -m tests.growth.bench [ENTRIES [DIRECTORY]]`: a ledger in DIRECTORY is kept, and used again."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with contextlib.ExitStack() as stack:
        passing = tempfile.TemporaryDirectory(prefix="keyturn-growth-")
        directory = sys.argv[2] if len(sys.argv) > 2 else stack.enter_context(passing)
        rows = asyncio.run(measure(Path(directory), entries))
    rows.append(("Machine", f"{os.cpu_count()} cores, load {os.getloadavg()[1]:.1f} over the last 5 minutes"))
    print("| what | figure |\n|---|---|")
    for what, figure in rows:
        print(f"| {what} | {figure} |")


if __name__ == "__main__":
    main()
