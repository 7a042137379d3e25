"""What the machine of the laws draws from: people, requests, and looks at the consoles."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple

from hypothesis import strategies as st

from bot.domain import events as e
from bot.domain.events import Event, Phase, Statement
from bot.domain.sight import Activity, Observation, PackageState, ServerState
from bot.domain.windows import Day, WeeklyWindow
from tests.support import story as s
from tests.support import values as v

REQUESTS = ("KT-1", "KT-2", "KT-3")
OTHER_LEVEL = "2024.1 HF 8"
PEOPLE = (
    v.person(v.ASKER),
    v.person(v.ANNA),
    v.person(v.BEN),
    v.person(v.CARLA),
    v.person(v.OUTSIDER),
    v.person("U-GUEST", guest=True),
    v.person("U-BOT", bot=True),
    v.person("U-GONE", active=False),
)

LOOKS = (
    v.look(),
    v.look(locked=True),
    v.look(appliances=v.appliances(v.OLD, db_2={"level": "2024.1 HF 2"})),
    v.silent(),
    v.unreadable(),
    v.console_error(),
    v.distributing(),
    v.distributing(subject=v.OTHER),
    v.done_offered(),
    v.distributed(),
    v.distributed(appliances=v.appliances(v.OLD)[:2]),
    v.installing(),
    v.installing(subject=v.OTHER),
    v.installed(),
    v.installed(locked=True),
    v.installed(v.OLD),
    v.installed(OTHER_LEVEL),
    v.installed(appliances=v.appliances(v.NEW, db_2={"level": v.OLD})),
    v.installed(appliances=v.appliances(v.NEW)[:2]),
    v.installed(errors=("late",)),
    v.installed(appliances=v.appliances(v.NEW, db_2={"server": ServerState.DOWN})),
)
LEVELS = st.sampled_from([v.OLD, v.NEW, OTHER_LEVEL, None])
ANY_LOOK = st.builds(
    Observation,
    answered=st.just(True),
    recognized=st.booleans(),
    activity=st.sampled_from(Activity),
    subject=st.sampled_from([None, v.package().name, v.OTHER]),
    locked=st.booleans(),
    finished=st.booleans(),
    errors=st.sampled_from([(), (), ("0x17",)]),
    packages=st.sampled_from(PackageState).map(v.listed),
    appliances=LEVELS.flatmap(lambda one: LEVELS.map(lambda two: v.appliances(one, db_2={"level": two}))),
)
THROUGH_INSTALL = 8
"""How many steps lead from a request with its preflight through the one press of Install."""


class Way(NamedTuple):
    """Where the machine begins: after so many sensible steps and these looks, with the minutes after each.

    `reaches`: the event that this way comes to. `restored`: the ledger is a copy then, and a new epoch has begun.
    """

    reaches: type[Event]
    steps: int = THROUGH_INSTALL
    looks: Sequence[tuple[Observation, int]] = ()
    restored: bool = False


WAYS = {
    "asked": Way(e.PreflightDone, 0),
    "approved": Way(e.QuorumReached, 1),
    "begun": Way(e.RunStarted, 2),
    "sent": Way(e.StepIntended, 5),
    "unknown before Install": Way(e.BecameUnknown, 5, [(v.unreadable(), 20), (v.unreadable(), 1)]),
    "distributed": Way(e.StepFinished, 6),
    "pressed": Way(e.InstallPressed),
    "succeeded": Way(e.Succeeded, looks=[(v.installing(), 60), (v.installed(), 1)]),
    "failed": Way(e.Failed, looks=[(v.silent(), 60), (v.console_error(), 1)]),
    "unknown": Way(e.BecameUnknown, looks=[(v.distributed(), 20), (v.distributed(), 1)]),
    "overdue": Way(e.BecameOverdue, looks=[(v.silent(), 130), (v.silent(), 1)]),
    "restored while asked": Way(e.EpochBegan, 1, restored=True),
    "restored in mid-run": Way(e.EpochBegan, 5, restored=True),
    "restored in quarantine": Way(
        e.EpochBegan, looks=[(v.distributed(), 20), (v.distributed(), 1)], restored=True
    ),
    "another level": Way(e.LevelUnexpected, looks=[(v.installed(OTHER_LEVEL), 1)]),
}
HEADS = (s.HEAD, s.HEAD[:8], "0" * 8, "none")
"""Heads that people state: the last announced one, its beginning, another one, and none at all."""
WEEKLY = (WeeklyWindow(day=Day.saturday, start=time(21), end=time(4, 30), zone="Europe/Berlin"),)
NIGHTS = (
    datetime(2027, 3, 27, 20, 30, tzinfo=UTC),
    datetime(2027, 3, 28, 0, 50, tzinfo=UTC),
    datetime(2027, 10, 30, 20, 30, tzinfo=UTC),
    datetime(2027, 10, 31, 0, 50, tzinfo=UTC),
)
"""In those windows the clocks of Berlin are changed: the first two are an hour shorter, the others an hour longer."""
looks = st.one_of(st.sampled_from(LOOKS), ANY_LOOK)
requests = st.sampled_from(("KT-1", *REQUESTS))
people = st.sampled_from(PEOPLE)
heads = st.sampled_from((s.HEAD, *HEADS))

STATEMENTS = {
    Phase.FAILED: [(Statement.RELEASE, "CS-1"), (Statement.RELEASE, "CS-2"), (Statement.NOT_STARTED, "")],
    Phase.UNKNOWN: [
        (Statement.INSTALLING, ""),
        (Statement.NOT_STARTED, ""),
        (Statement.CANNOT_TELL, "CS-1"),
    ],
    Phase.INSTALLING: [(Statement.FAILURE, "stuck"), (Statement.LEVEL, v.NEW), (Statement.RELEASE, "CS-1")],
    Phase.VERIFYING: [(Statement.LEVEL, OTHER_LEVEL), (Statement.FAILURE, ""), (Statement.LEVEL, v.NEW)],
}
"""What two people may sensibly state in a phase."""
SEEN_WRONG = {
    "error": v.console_error(),
    "foreign": v.installing(subject=v.OTHER),
    "levels": v.distributed(appliances=v.appliances(v.OLD, db_2={"level": "2024.1 HF 2"})),
}
WRONG = ("nothing", "authority", "plan", "preflight", "late", "cancelled", "information", *SEEN_WRONG)
"""The one thing that is not as it should be when a gate is tried."""
