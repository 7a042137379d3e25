"""Other processes: they race, are killed, run out of disk. All of an append or nothing, whatever happens."""

from __future__ import annotations

import json
import random
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.domain.events import Withdrawn
from storage.sqlite import SqliteLedger
from tests.storage.ledger_child import BATCH, Child

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
BOUND = 20.0


async def whole_batches(path: Path) -> int:
    """How many batches stand in the ledger; each of them whole, in order, and the chain verified."""
    async with SqliteLedger.open(path) as ledger:
        head = await ledger.verify()
        events = [json.loads(entry.event.model_dump_json()) for entry in await ledger.read("batches")]
    assert head.position == len(events)
    assert len(events) % BATCH == 0
    for place, event in enumerate(events):
        assert event == {"request": str(place // BATCH), "by": str(place % BATCH)}
    return len(events) // BATCH


async def test_two_processes_race_and_nothing_is_lost(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "ledger.db"
    # Both also create the ledger: nobody was here before.
    racers = [child("race", path, name, 150) for name in ("a", "b")]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        assert racer.wait(BOUND) == 0
    async with SqliteLedger.open(path) as ledger:
        events = [entry.event for entry in await ledger.read("busy")]
        assert (await ledger.verify()).position == 300
    for name in ("a", "b"):
        mine = [event.request for event in events if isinstance(event, Withdrawn) and event.by == name]
        assert mine == [str(number) for number in range(150)]


async def test_killed_between_the_first_and_the_last_event_of_an_append(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "ledger.db"
    async with SqliteLedger.open(path) as ledger:
        before = await ledger.append("calm", 0, [Withdrawn(request="1", by="a")], AT)
    killed = child("deadly", path)
    said = killed.communicate(timeout=BOUND)[0]
    assert killed.returncode == -signal.SIGKILL
    # The first event's row was more than SQLite's cache holds: it stood in the write-ahead log already.
    assert int(said) > 1_000_000
    assert path.with_name("ledger.db-wal").stat().st_size == int(said)

    async with SqliteLedger.open(path) as ledger:
        assert await ledger.read_all() == before
        assert (await ledger.verify(before[-1].hash)).position == 1
        assert (await ledger.append("deadly", 0, [Withdrawn(request="2", by="a")], AT))[0].position == 2


@pytest.mark.parametrize("seed", range(3))
async def test_killed_at_any_moment(tmp_path: Path, child: Child, seed: int) -> None:
    path = tmp_path / "ledger.db"
    chance = random.Random(seed)
    acknowledged = 0
    for _ in range(3):
        appending = child("batches", path)
        assert appending.stdout is not None
        for _ in range(chance.randint(1, 30)):
            acknowledged = int(appending.stdout.readline()) + 1
        moment = time.perf_counter() + chance.uniform(0, 0.002)
        while time.perf_counter() < moment:
            pass
        appending.kill()
        # Not communicate(): it passes over what readline() has read ahead.
        for line in appending.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                acknowledged = int(line) + 1
        # What was acknowledged is there; one append may have been done without a word.
        assert await whole_batches(path) - acknowledged in (0, 1)


async def test_a_full_disk_leaves_whole_appends(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "ledger.db"
    full = child("disk_full", path)
    line, done = full.communicate(timeout=BOUND)[0].splitlines()
    assert full.returncode == 0
    assert str(path) in line
    assert "disk refuses" in line
    assert int(done) > 5
    assert await whole_batches(path) == int(done) + 1  # and one more when there was room again
