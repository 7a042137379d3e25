"""Values of the domain to start from: a plan, people, and what a look at the consoles shows.

Each builder gives something sensible; keyword arguments change single fields.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.approval import Authority, Person, Rules
from bot.domain.events import Check, Draft
from bot.domain.plan import ATTESTATIONS, ApplianceLevel, ConsoleAddress, Package, Plan
from bot.domain.sight import (
    Activity,
    ApplianceSight,
    IpmInformation,
    Observation,
    PackageSight,
    PackageState,
    ServerState,
    WorkRow,
    WorkState,
)
from bot.domain.windows import Window

T0 = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
"""The moment at which everything begins: a Saturday, when the window opens."""
WINDOW = Window(opens=T0, closes=T0 + timedelta(hours=6))
NEEDS_MINUTES = 150
INSTALL_MINUTES = 90

OLD, NEW = "2024.1 HF 3", "2024.1 HF 7"
APPLIANCES = ("db-1", "db-2", "svc-1")

ASKER, ANNA, BEN, CARLA = "U-ASKER", "U-ANNA", "U-BEN", "U-CARLA"
APPROVERS = (ANNA, BEN, CARLA)
OUTSIDER = "U-OUTSIDER"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def rules(**changes: Any) -> Rules:
    given: dict[str, Any] = {"approver_groups": ("S-APPROVERS",), "requester_groups": ("S-IDENTITY",)}
    return Rules(**{**given, **changes})


def package(**changes: Any) -> Package:
    given: dict[str, Any] = {
        "name": "imprivata-2024-1-hf7",
        "file": "imprivata-2024-1-hf7.ipm",
        "sha256": "a" * 64,
        "size": 4_096,
        "level": NEW,
    }
    return Package(**{**given, **changes})


def draft(**changes: Any) -> Draft:
    given: dict[str, Any] = {
        "package": package(),
        "start": T0,
        "window": WINDOW,
        "reason": "security fix",
        "change": "CHG-1",
        "attestations": tuple(ATTESTATIONS),
    }
    return Draft(**{**given, **changes})


def plan(request: str = "KT-1", **changes: Any) -> Plan:
    given: dict[str, Any] = {
        "request": request,
        "enterprise": "main",
        "consoles": tuple(
            ConsoleAddress(appliance=a, address=f"https://{a}.example:81", trust="sha256:" + "0" * 64)
            for a in APPLIANCES
        ),
        "package": package(),
        "appliances": tuple(ApplianceLevel(appliance=a, level=OLD) for a in APPLIANCES),
        "start": T0,
        "window": WINDOW,
        "needs_minutes": NEEDS_MINUTES,
        "install_minutes": INSTALL_MINUTES,
        "attestations": tuple(ATTESTATIONS),
        "change": "CHG-1",
        "rules": rules(),
        "profile": "b" * 64,
    }
    return Plan(**{**given, **changes})


def person(id_: str, **changes: Any) -> Person:
    return Person(id=id_, **changes)


def authority(approvers: Iterable[str] = APPROVERS, requesters: Iterable[str] = (ASKER,)) -> Authority:
    return Authority(approvers=frozenset(approvers), requesters=frozenset(requesters))


def row(ok: bool = True, detail: str = "as it should be") -> Check:
    return Check(name="levels", ok=ok, detail=detail)


# --- looks at the consoles


def appliances(level: str | None = OLD, **of: Any) -> tuple[ApplianceSight, ...]:
    """All appliances, running at `level`; `db_2={"level": …}` changes one of them."""
    return tuple(
        ApplianceSight(
            **{"name": a, "level": level, "server": ServerState.RUNNING, **of.get(a.replace("-", "_"), {})}
        )
        for a in APPLIANCES
    )


def listed(state: PackageState, name: str | None = None, words: str = "") -> tuple[PackageSight, ...]:
    """The package list: a neighbour, and our package (or `name`) in `state`."""
    neighbour = PackageSight(name="applianceG4-2025-3-1", state=PackageState.INSTALLED)
    return neighbour, PackageSight(name=name or package().name, state=state, words=words)


def look(**changes: Any) -> Observation:
    """Answered, recognized, nobody at work, all appliances at the old level, our package not listed."""
    given: dict[str, Any] = {"answered": True, "appliances": appliances()}
    return Observation(**{**given, **changes})


def silent(reason: str = "connection refused") -> Observation:
    return Observation(answered=False, reason=reason)


def unreadable(reason: str = "no heading") -> Observation:
    return Observation(answered=True, recognized=False, reason=reason)


def console_error(words: str = "Upgrade failed: 0x17", **changes: Any) -> Observation:
    return look(**{"errors": (words,), **changes})


def work(activity: Activity, percent: int | None = 40, **changes: Any) -> Observation:
    """Our package being distributed or installed on every appliance."""
    rows = tuple(WorkRow(appliance=a, state=WorkState.WORKING, percent=percent) for a in APPLIANCES)
    states = {
        Activity.DISTRIBUTING: PackageState.DISTRIBUTING,
        Activity.INSTALLING: PackageState.INSTALLING,
    }
    given: dict[str, Any] = {
        "activity": activity,
        "subject": package().name,
        "rows": rows,
        "packages": listed(states[activity]),
    }
    return look(**{**given, **changes})


def distributing(percent: int | None = 40, **changes: Any) -> Observation:
    return work(Activity.DISTRIBUTING, percent, **changes)


def done_offered() -> Observation:
    """The distribution is finished and not yet acknowledged."""
    rows = tuple(WorkRow(appliance=a, state=WorkState.DONE) for a in APPLIANCES)
    return distributing(rows=rows, finished=True)


def distributed(**changes: Any) -> Observation:
    return look(**{"packages": listed(PackageState.DISTRIBUTED), **changes})


def installing(percent: int | None = 40, **changes: Any) -> Observation:
    return work(Activity.INSTALLING, percent, **{"locked": True, **changes})


def installed(level: str | None = NEW, **changes: Any) -> Observation:
    given: dict[str, Any] = {
        "packages": listed(PackageState.INSTALLED),
        "appliances": appliances(level),
    }
    return look(**{**given, **changes})


def information(**changes: Any) -> IpmInformation:
    given: dict[str, Any] = {"package": package().name, "level": NEW, "all_selected": True}
    return IpmInformation(**{**given, **changes})


OTHER = "imprivata-2024-1-hf9"
"""Another package: somebody else's."""
FOREIGN_WORK = [
    (distributing(subject=OTHER), f"distributing {OTHER}"),
    (installing(subject=OTHER), f"installing {OTHER}"),
    (installing(), f"installing {package().name}"),
    (look(locked=True), "the enterprise lock is on"),
]
"""Looks that show somebody else at work, and how that work is named."""
