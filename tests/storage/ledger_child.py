"""A process of its own that appends, for the tests beside it: `ledger_child.py WAY PATH [ARGUMENT...]`."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import overload

from bot.domain.events import Declined, Event, Withdrawn
from bot.domain.ledger import Conflict
from storage.errors import DiskRefused, LedgerUnavailable
from storage.lock import ProcessLock
from storage.sqlite import SqliteLedger

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
BATCH = 5
Child = Callable[..., subprocess.Popen[str]]
"""The fixture `child`: starts this file with the given arguments."""


def say(word: object) -> None:
    print(word, flush=True)


def batch(number: int) -> list[Event]:
    """Recognizable as one append: all carry its number."""
    return [Withdrawn(request=str(number), by=str(part)) for part in range(BATCH)]


async def race(path: Path, name: str, count: str) -> None:
    """`count` appends to the one stream `busy`, each tried again after a conflict."""
    async with SqliteLedger.open(path) as ledger:
        say("ready")
        sys.stdin.readline()
        version = 0
        for number in range(int(count)):
            while True:
                try:
                    entries = await ledger.append(
                        "busy", version, [Withdrawn(request=str(number), by=name)], AT
                    )
                    version = entries[-1].version
                    break
                except Conflict as conflict:
                    version = conflict.actual


async def batches(path: Path) -> None:
    """Appends batches for ever, saying the number of each that is done."""
    async with SqliteLedger.open(path) as ledger:
        version = len(await ledger.read("batches"))
        while True:
            version = (await ledger.append("batches", version, batch(version // BATCH), AT))[-1].version
            say(version // BATCH - 1)


class Deadly(Sequence[Event]):
    """Gives a first event too big for SQLite's cache; then, inside the transaction, the process kills itself."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __len__(self) -> int:
        return 3

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | Sequence[Event]:
        raise IndexError(index)

    def __iter__(self) -> Iterator[Event]:
        yield Declined(request="deadly", by="first", reason="x" * 8_000_000)
        say(self._path.with_name(self._path.name + "-wal").stat().st_size)
        os.kill(os.getpid(), signal.SIGKILL)
        yield Declined(request="deadly", by="second", reason="")
        yield Declined(request="deadly", by="third", reason="")


async def deadly(path: Path) -> None:
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("deadly", 0, Deadly(path), AT)


async def disk_full(path: Path) -> None:
    """Appends batches until no file may grow further, then says what it was told and how many were done."""
    async with SqliteLedger.open(path) as ledger:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
        done = 0
        try:
            while True:
                await ledger.append("batches", done * BATCH, batch(done), AT)
                done += 1
        except DiskRefused as error:
            say(error)
        say(done)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await ledger.append("batches", done * BATCH, batch(done), AT)


async def try_write(path: Path) -> None:
    """A trial write on a disk that is full, and after there is room again."""
    async with SqliteLedger.open(path) as ledger:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, resource.RLIM_INFINITY))
        try:
            await ledger.try_write()
        except DiskRefused as error:
            say(type(error).__name__)
            say(error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await ledger.try_write()
        say("written again")


async def one(path: Path, request: str) -> None:
    async with SqliteLedger.open(path) as ledger:
        await ledger.append("one", 0, [Withdrawn(request=request, by="child")], AT)


async def as_nobody(path: Path) -> None:
    """Opens as a user who may not write here, and says what it was told."""
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        async with SqliteLedger.open(path):
            say("opened")
    except LedgerUnavailable as error:
        say(type(error).__name__)
        say(error)


async def lock(path: Path) -> None:
    with ProcessLock(path):
        say(os.getpid())
        sys.stdin.readline()


if __name__ == "__main__":
    ways = {f.__name__: f for f in (race, batches, deadly, disk_full, try_write, one, as_nobody, lock)}
    asyncio.run(ways[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:]))
