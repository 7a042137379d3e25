"""Snapshots: whatever the history, a snapshot and its tail come to the full replay; what is not that, is found."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.events import EVENTS, Event, decode, encode
from bot.domain.handle import ENTERPRISE_FOLD, Handler
from bot.domain.ledger import Entry, Snapshot
from bot.domain.snapshot import APART, DOMAIN, Folded, SnapshotCheck, SnapshotWrong, kind_of, refuse
from tests.domain import test_events  # noqa: F401  # registers the strategies of the plan and its parts
from tests.support import story as s
from tests.support import values as v
from tests.support.ledger import MemoryLedger, StillClock
from tests.support.strategies import moments, whole

MAIN = stream("main")
Recorded = tuple[datetime, Event]

ids = st.sampled_from(["KT-1", "KT-2", "KT-3"])
SINGLE = sorted(EVENTS.keys() - {"WatchResumed"})
"""Events that may stand anywhere; a watch is resumed of a run only."""


def resumed() -> s.Story:
    """Nobody could tell; two people saw it installing."""
    story = s.became_unknown()
    story.both(e.Statement.INSTALLING)
    return story


STORIES = (s.asked, s.approved, s.ready, s.failed, resumed, s.overdue, s.at_other_level)


def told(story: s.Story, id_: str) -> list[Recorded]:
    """The story's events as those of another request."""
    written = ((at, *encode(event)) for at, event in story.recorded)
    return [
        (at, decode(name, schema, data.replace('"KT-1"', f'"{id_}"'))) for at, name, schema, data in written
    ]


def anything(name: str) -> st.SearchStrategy[Event]:
    """Any event of that type, of one of the requests."""
    kind = EVENTS[name]
    return whole(kind, request=ids) if "request" in kind.model_fields else whole(kind)


stories = st.builds(told, st.sampled_from([story() for story in STORIES]), ids)
single = st.tuples(moments, st.sampled_from(SINGLE).flatmap(anything)).map(lambda one: [one])
histories = st.lists(st.one_of(stories, single), min_size=1, max_size=12).map(
    lambda pieces: list(itertools.chain(*pieces))
)
properties = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


async def recorded(ledger: MemoryLedger, history: Sequence[Recorded]) -> None:
    """Append each at its own moment."""
    for at, event in history:
        await ledger.append(MAIN, len(ledger.entries), [event], at)


def same(one: Enterprise, other: Enterprise) -> bool:
    """Equal, with the requests in the same order."""
    return one == other and list(one.requests) == list(other.requests)


async def standing(ledger: MemoryLedger) -> SnapshotCheck:
    """The check of the snapshot that stands now."""
    snapshot = await ledger.snapshot(MAIN, ENTERPRISE_FOLD.kind)
    return SnapshotCheck({MAIN: (ENTERPRISE_FOLD, snapshot)} if snapshot else {})


async def checked(ledger: MemoryLedger) -> str:
    """What the check says of the ledger's snapshots; nothing when all are right."""
    check = await standing(ledger)
    for entry in ledger.entries:
        check.take(entry)
    return await said(check, ledger)


async def said(check: SnapshotCheck, ledger: MemoryLedger) -> str:
    """What the check says at its end."""
    try:
        await refuse(ledger, check.wrong)
    except SnapshotWrong as wrong:
        return str(wrong)
    return ""


@properties
@given(histories)
def test_a_state_is_read_as_it_was_written(history: list[Recorded]) -> None:
    state = replay(history)
    again = ENTERPRISE_FOLD.read(ENTERPRISE_FOLD.write(state))
    assert same(again, state)
    # Nothing that happens next can tell them apart.
    assert same(replay(history, again), replay(history, state))


@properties
@given(histories, st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(1, 40))
def test_a_snapshot_and_its_tail_come_to_the_full_replay(
    history: list[Recorded], lives: list[int], apart: int
) -> None:
    """Several bots after another, each for so many entries, each beginning with the snapshot of the one before."""

    async def live() -> None:
        ledger, rest = MemoryLedger(), list(history)
        for length in lives:
            bot = Folded(ledger, MAIN, ENTERPRISE_FOLD, apart)
            for count in range(length):
                assert same(await bot.catch_up(), replay((x.at, x.event) for x in ledger.entries)), count
                await bot.keep()
                await recorded(ledger, rest[:1])
                del rest[:1]
        assert await checked(ledger) == ""
        assert len(ledger.entries) <= apart or ledger.snapshots

    asyncio.run(live())


@properties
@given(histories, st.data())
def test_an_edited_snapshot_is_found(history: list[Recorded], data: st.DataObject) -> None:
    """Whatever another history comes to, put in the place of what this one does."""

    async def edit() -> None:
        ledger = MemoryLedger()
        await recorded(ledger, history)
        version = data.draw(st.integers(1, len(history)))
        true, other = replay(history[:version]), replay(data.draw(histories))
        for state, is_true in ((true, True), (other, other == true)):
            ledger.snapshots.clear()
            snapshot = Snapshot(version, ledger.entries[version - 1].hash, ENTERPRISE_FOLD.write(state))
            await ledger.keep_snapshot(MAIN, ENTERPRISE_FOLD.kind, snapshot)
            assert (await checked(ledger) == "") is is_true

    asyncio.run(edit())


async def test_a_removed_quarantine_is_found_and_named() -> None:
    ledger = MemoryLedger()
    story = s.failed()
    await recorded(ledger, story.recorded)
    free = replace(story.state, quarantine=None, lockout=None)
    snapshot = Snapshot(len(story.recorded), "", ENTERPRISE_FOLD.write(free))
    await ledger.keep_snapshot(MAIN, ENTERPRISE_FOLD.kind, snapshot)
    assert not (await Handler(ledger, StillClock(v.T0)).state("main")).is_held, "it is used until it is found"
    assert f"that of {MAIN} at version {len(story.recorded)}" in await checked(ledger)
    assert await ledger.snapshot(MAIN, ENTERPRISE_FOLD.kind) is None, "no later start builds on it"


async def test_what_replaces_an_edited_snapshot_meanwhile_does_not_hide_it() -> None:
    ledger = MemoryLedger()
    story = s.failed()
    await recorded(ledger, story.recorded)
    edited = Snapshot(1, "", ENTERPRISE_FOLD.write(Enterprise()))
    await ledger.keep_snapshot(MAIN, ENTERPRISE_FOLD.kind, edited)
    check = await standing(ledger)
    honest = Snapshot(len(story.recorded), "", ENTERPRISE_FOLD.write(story.state))
    await ledger.keep_snapshot(MAIN, ENTERPRISE_FOLD.kind, honest)
    for entry in ledger.entries:
        check.take(entry)
    assert MAIN in await said(check, ledger)


async def test_a_snapshot_of_what_the_ledger_does_not_hold_is_found() -> None:
    beyond = Snapshot(3, "", ENTERPRISE_FOLD.write(Enterprise()))
    check = SnapshotCheck({MAIN: (ENTERPRISE_FOLD, beyond)})
    check.take(Entry(1, MAIN, 1, v.T0, e.Expired(request="KT-1"), ""))
    assert MAIN in await said(check, MemoryLedger())


async def test_a_snapshot_of_other_code_is_not_used() -> None:
    ledger = MemoryLedger()
    story = s.failed()
    await recorded(ledger, story.recorded)
    await ledger.keep_snapshot(
        MAIN, "0" * 64, Snapshot(len(story.recorded), "", ENTERPRISE_FOLD.write(Enterprise()))
    )
    assert await Folded(ledger, MAIN, ENTERPRISE_FOLD).catch_up() == story.state
    assert await checked(ledger) == ""


def test_the_code_is_named_by_every_source_of_the_domain(tmp_path: Path) -> None:
    assert {"enterprise.py", "events.py", "snapshot.py", "plan.py"} <= {source.name for source in DOMAIN}
    assert ENTERPRISE_FOLD.kind == kind_of(DOMAIN)
    source = tmp_path / "rule.py"
    source.write_text("QUORUM = 2\n")
    before = kind_of([*DOMAIN, source])
    source.write_text("QUORUM = 3\n")
    assert before != kind_of([*DOMAIN, source]) != kind_of(DOMAIN)


@pytest.mark.parametrize("state", ["", "{", "[]", '{"requests": 3}'])
async def test_a_snapshot_that_cannot_be_read_is_told_and_not_used(
    state: str, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = MemoryLedger()
    story = s.failed()
    await recorded(ledger, story.recorded)
    await ledger.keep_snapshot(MAIN, ENTERPRISE_FOLD.kind, Snapshot(2, "", state))
    assert await Folded(ledger, MAIN, ENTERPRISE_FOLD).catch_up() == story.state
    assert f"{MAIN}: the snapshot at version 2 cannot be read" in caplog.text
    assert await checked(ledger) == "", "nothing was built on it"


class Writes(MemoryLedger):
    """Notes what was written, in order; `full`: nothing can be kept."""

    def __init__(self, full: bool = False) -> None:
        super().__init__()
        self.full = full
        self.written: list[str] = []

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        self.written.append("events")
        return await super().append(stream, expected, events, at)

    async def keep_snapshot(self, stream: str, kind: str, snapshot: Snapshot) -> None:
        self.written.append("snapshot")
        if self.full:
            raise OSError("no space left on device")
        await super().keep_snapshot(stream, kind, snapshot)


async def long_asked(ledger: MemoryLedger, entries: int) -> None:
    """A request that can be approved, after so many entries."""
    story = s.asked()
    noise = [(v.T0, e.Paged(request="KT-0", count=n)) for n in range(entries - len(story.recorded))]
    await ledger.append(MAIN, 0, [event for _, event in [*noise, *story.recorded]], v.T0)


def approve(by: str) -> c.Approve:
    return c.Approve(request="KT-1", by=v.person(by), authority=v.authority(), plan=v.plan())


async def test_a_snapshot_is_kept_before_a_command_is_decided_and_not_after() -> None:
    """What was intended is done at once: no write of a snapshot lies between."""
    ledger = Writes()
    await long_asked(ledger, APART - 1)
    handler = Handler(ledger, StillClock(v.T0))
    await handler.handle("main", approve(v.ANNA))
    assert ledger.written == ["events", "events"]
    await handler.handle("main", approve(v.BEN))
    assert ledger.written == ["events", "events", "snapshot", "events"]
    _, snapshot = ledger.snapshots[MAIN]
    assert snapshot.version == APART


async def test_a_disk_that_takes_no_snapshot_refuses_no_command(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Writes(full=True)
    await long_asked(ledger, APART)
    handler = Handler(ledger, StillClock(v.T0))
    with caplog.at_level(logging.ERROR):
        decision = await handler.handle("main", approve(v.ANNA))
        await handler.handle("main", approve(v.BEN))
    assert decision.state.requests["KT-1"].approvals.keys() == {v.ANNA}
    assert ledger.written.count("snapshot") == 1, "not at every command"
    assert f"{MAIN}: no snapshot could be kept at version {APART}" in caplog.text
    ledger.full = False
    noise = [e.Paged(request="KT-0", count=n) for n in range(APART)]
    await ledger.append(MAIN, len(ledger.entries), noise, v.T0)
    await handler.state("main")
    assert ledger.snapshots[MAIN][1].version == len(ledger.entries)


async def test_a_look_beside_a_running_bot_writes_nothing() -> None:
    ledger = Writes()
    await long_asked(ledger, 3 * APART)
    await Folded(ledger, MAIN, ENTERPRISE_FOLD).catch_up()
    assert ledger.written == ["events"]
