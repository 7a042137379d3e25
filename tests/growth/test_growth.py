"""The proportions of growth: what a start reads follows from the distance of the snapshots, not from the ledger's size.

The figures themselves are measured by `make growth`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bot.announce.book import BOOK_FOLD
from bot.announce.book import STREAM as ANNOUNCER
from bot.app import VERIFIED_FIRST
from bot.domain.enterprise import KEPT, enterprise_of
from bot.domain.events import Event
from bot.domain.handle import ENTERPRISE_FOLD, Handler
from bot.domain.ledger import Entry, Snapshot
from bot.domain.snapshot import APART, PAGE, Fold, Folded, SnapshotWrong
from bot.verification import NotWhole, snapshots, verify, verify_beside
from storage.sqlite import SqliteLedger
from tests.growth.history import grow
from tests.support import values as v
from tests.support.ledger import StillClock
from tests.test_command_line import GOOD
from tests.test_start import serve

ENTRIES = VERIFIED_FIRST + 1
ENTERPRISES = ("north", "south", "west")
LONGEST = 300
"""More entries than one request comes to: a batch of the history, which no snapshot divides."""


class Counted:
    """The port of `handle` over a ledger; counts the entries that are read."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger
        self.reads: list[int] = []

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        return await self._ledger.append(stream, expected, events, at)

    async def read(self, stream: str, after: int = 0, limit: int | None = None) -> Sequence[Entry]:
        found = await self._ledger.read(stream, after, limit)
        self.reads.append(len(found))
        return found

    async def snapshot(self, stream: str, kind: str) -> Snapshot | None:
        return await self._ledger.snapshot(stream, kind)

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        await self._ledger.keep_snapshot(stream, kind, snapshot)


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of some years; not to be changed."""
    path = tmp_path_factory.mktemp("growth") / "ledger.sqlite"

    async def make() -> None:
        async with SqliteLedger.open(path) as ledger:
            await grow(ledger, ENTRIES, ENTERPRISES)

    asyncio.run(make())
    return path


@pytest.fixture
def file(years: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(years, tmp_path / "ledger.sqlite"))


def falsified(file: Path) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("DROP TRIGGER events_no_update")
        database.execute("UPDATE events SET at = replace(at, 'T', 'U') WHERE position = 4000")


async def folds(ledger: SqliteLedger) -> dict[str, Fold[Any]]:
    """How each stream with a state is folded."""
    enterprises = [name for name in await ledger.streams() if enterprise_of(name)]
    assert len(enterprises) == len(ENTERPRISES)
    return {ANNOUNCER: BOOK_FOLD, **dict.fromkeys(enterprises, ENTERPRISE_FOLD)}


async def test_a_start_reads_what_lies_after_the_snapshots(file: Path) -> None:
    async with SqliteLedger.open(file) as ledger:
        assert (await ledger.head()).position >= ENTRIES
        counted = Counted(ledger)
        handler = Handler(counted, StillClock(v.T0))
        for name in ENTERPRISES:
            await handler.state(name)
        await Folded(counted, ANNOUNCER, BOOK_FOLD).catch_up()
        streams = len(ENTERPRISES) + 1
        assert sum(counted.reads) <= streams * (APART + LONGEST) < ENTRIES / 5
        counted.reads.clear()
        for name in ENTERPRISES:
            await handler.state(name)
        assert sum(counted.reads) == 0, "what is known is not read again"


async def test_a_replay_reads_page_by_page(file: Path) -> None:
    """After an upgrade of Keyturn: everything is read, and never much at once."""
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM snapshots")
    async with SqliteLedger.open(file) as ledger:
        counted = Counted(ledger)
        name = ENTERPRISES[0]
        await Handler(counted, StillClock(v.T0)).state(name)
        assert sum(counted.reads) > ENTRIES / 10
        assert max(counted.reads) == PAGE
        counted.reads.clear()
        await Handler(counted, StillClock(v.T0)).state(name)
        assert sum(counted.reads) == 0, "the replay has kept a snapshot"


async def test_snapshots_come_to_the_full_replay_and_stay_small(file: Path) -> None:
    async with SqliteLedger.open(file) as ledger:
        for stream, fold in (await folds(ledger)).items():
            snapshot = await ledger.snapshot(stream, fold.kind)
            assert snapshot is not None
            full = fold.state()
            for entry in itertools.islice(await ledger.read(stream), snapshot.version):
                full = fold.take(full, entry)
            assert fold.read(snapshot.state) == full
            if fold is ENTERPRISE_FOLD:
                assert len(full.requests) <= KEPT + 1
                assert len(snapshot.state) < 10_000 * KEPT, "the looks of a run that has ended are not kept"


@pytest.mark.parametrize("beside", [False, True], ids=["in this process", "in one of its own"])
async def test_the_verification_finds_the_snapshot_that_was_edited(file: Path, beside: bool) -> None:
    heard: list[str] = []

    async def verified() -> None:
        async with SqliteLedger.open(file) as ledger:
            standing = await snapshots(ledger)
            assert standing.keys() == (await folds(ledger)).keys()
            await (
                verify_beside(ledger, file, standing, heard.append) if beside else verify(ledger, standing)
            )

    await verified()
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        changed = database.execute(
            "UPDATE snapshots SET state = replace(state, 'succeeded', 'failed') WHERE stream = 'enterprise:south'"
        )
        assert changed.rowcount == 1
    with pytest.raises(SnapshotWrong, match="that of enterprise:south at version"):
        await verified()
    async with SqliteLedger.open(file) as ledger:
        assert await ledger.snapshot("enterprise:south", ENTERPRISE_FOLD.kind) is None
    assert not heard


async def test_the_process_that_verifies_says_where_the_ledger_is_not_whole(file: Path) -> None:
    falsified(file)
    async with SqliteLedger.open(file) as ledger:
        with pytest.raises(NotWhole, match=r"entry 4000 .* does not fit the chain of hashes"):
            await verify_beside(ledger, file, {}, print)


async def test_a_verification_without_a_finding_is_begun_again(file: Path, tmp_path: Path) -> None:
    """There is no file, then another ledger, then the open one's own history."""
    place, heard = tmp_path / "place.sqlite", asyncio.Queue[str]()
    async with SqliteLedger.open(file) as ledger:
        verifying = asyncio.create_task(verify_beside(ledger, place, {}, heard.put_nowait, again=0.01))
        async with asyncio.timeout(30):
            assert "could not be verified" in await heard.get()
            async with SqliteLedger.open(tmp_path / "another.sqlite") as another:
                await grow(another, 1000, ENTERPRISES)
            (tmp_path / "another.sqlite").rename(place)
            for _ in range(heard.qsize() + 2):
                assert "could not be verified" in await heard.get()
            assert not verifying.done(), "an honest ledger, but another one"
            shutil.copy(file, tmp_path / "copy.sqlite")
            (tmp_path / "copy.sqlite").replace(place)
            await verifying


async def test_a_large_ledger_that_is_not_whole_ends_the_bot(file: Path) -> None:
    """While runs are watched already: what begins waits for this verification."""
    falsified(file)
    (file.parent / "state").mkdir()
    file.rename(file.parent / "state" / "ledger.sqlite")
    bot = await serve(file.parent, GOOD)
    _, said = await asyncio.wait_for(bot.communicate(), 60)
    assert bot.returncode == 2
    assert said.decode().splitlines()[-1].startswith("keyturn: entry 4000 ")
    assert "runs go on meanwhile" in said.decode(), "it had begun to watch"


async def test_its_process_ends_with_a_killed_bot(file: Path) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from bot.verification import verify_beside\n"
        "from storage.sqlite import SqliteLedger\n"
        "async def verify(file):\n"
        "    async with SqliteLedger.open(file) as ledger:\n"
        "        await verify_beside(ledger, file, {}, print)\n"
        "asyncio.run(verify(Path(sys.argv[1])))\n"
    )
    bot = await asyncio.create_subprocess_exec(sys.executable, "-c", code, file)
    children = Path(f"/proc/{bot.pid}/task/{bot.pid}/children")
    async with asyncio.timeout(30):
        while not (verifying := children.read_text().split()):  # noqa: ASYNC110  # another process's start
            await asyncio.sleep(0.01)
        bot.kill()
        await bot.wait()
        while Path(f"/proc/{verifying[0]}").exists():  # noqa: ASYNC110  # another process's end
            await asyncio.sleep(0.01)


async def test_its_process_ends_with_the_bot(file: Path) -> None:
    def children() -> list[str]:
        return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()

    already = children()
    async with SqliteLedger.open(file) as ledger:
        verifying = asyncio.create_task(verify_beside(ledger, file, {}, print))
        async with asyncio.timeout(20):
            while children() == already:  # noqa: ASYNC110  # another process's start
                await asyncio.sleep(0.01)
        verifying.cancel()
        await asyncio.wait([verifying])
    assert children() == already


async def test_a_snapshot_of_another_history_is_not_used(file: Path) -> None:
    """The same version, another entry: a ledger that was restored and went on otherwise."""
    async with SqliteLedger.open(file) as ledger:
        stream = "enterprise:north"
        honest = await ledger.snapshot(stream, ENTERPRISE_FOLD.kind)
        assert honest is not None
    with contextlib.closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE snapshots SET hash = ? WHERE stream = ?", ["f" * 64, stream])
    async with SqliteLedger.open(file) as ledger:
        counted = Counted(ledger)
        await Folded(counted, stream, ENTERPRISE_FOLD).catch_up()
        assert sum(counted.reads) == len(await ledger.read(stream))
