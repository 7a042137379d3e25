"""The kinds of stories: how the simulated enterprise behaves, what people do, and which events that brings about."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bot.domain import events as e
from bot.sandbox.demo import LEVEL, Options
from bot.sandbox.enterprise.settings import Settings
from tests.crash import acts
from tests.crash.people import People

RATE = 600.0
"""A minute is a tenth of a second."""
OPTIONS = Options(package_bytes=200_000, poll_seconds=60)
IMPATIENT = replace(OPTIONS, budgets={"overdue": 5})
"""An installation is overdue after five minutes."""
BRIEF = replace(OPTIONS, needs_minutes=24 * 60 - 60)
"""A window closes a day after the start at the latest, so that a request expires an hour after its start."""
BASE = Settings(rate=RATE, appliances=2, distribution_seconds=120, install_seconds=600)

Events = frozenset[type[e.Event]]


@dataclass(frozen=True)
class Kind:
    """`brings`: the events that a telling without a kill brings about, beyond those of the kinds before it.

    `errs`: the console shows an error. `hides`: it shows a page that nobody knows. `level`: of every appliance after
    an installation. `restored`: the kills fall on a ledger that was copied before Install and put back after it.
    """

    act: Callable[[People], Coroutine[Any, Any, None]]
    simulated: Settings
    brings: Events
    options: Options = OPTIONS
    errs: bool = False
    hides: bool = False
    level: str = LEVEL
    restored: bool = False


def _brings(*events: type[e.Event]) -> Events:
    return frozenset(events)


def _with(*faults: str, **changes: object) -> Settings:
    return BASE.model_copy(update={"faults": faults, **changes})


KINDS = {
    "success": Kind(
        acts.upgrade,
        BASE,
        _brings(
            e.UpgradeRequested,
            e.PreflightDone,
            e.Approved,
            e.QuorumReached,
            e.RunStarted,
            e.LockoutOpened,
            e.LockoutAnnounced,
            e.StepIntended,
            e.StepFinished,
            e.InstallIntended,
            e.InstallPressed,
            e.Observed,
            e.Succeeded,
            e.LockoutClosed,
            e.PostIntended,
            e.Posted,
        ),
    ),
    "install-error": Kind(
        acts.upgrade,
        _with("install-error"),
        _brings(e.Failed, e.Quarantined, e.LogsCollected, e.Paged, e.Stated, e.Released),
        errs=True,
    ),
    "blackout": Kind(acts.upgrade, _with("blackout"), _brings()),
    "second-thoughts": Kind(
        acts.second_thoughts,
        _with(distribution_seconds=600.0),
        _brings(e.Declined, e.Withdrawn, e.CancelAsked, e.Cancelled),
    ),
    "foreign-work": Kind(acts.foreign_work, _with(distribution_seconds=300.0), _brings(e.Stopped)),
    "drift": Kind(acts.drift, BASE, _brings(e.NoticeRaised, e.Voided, e.Stopped, e.Expired), options=BRIEF),
    "another-level": Kind(
        acts.another_level,
        _with("unexpected-level"),
        _brings(e.BecameOverdue, e.Acknowledged, e.LevelUnexpected),
        options=IMPATIENT,
        level=f"{LEVEL} R2",
    ),
    "unreadable": Kind(
        acts.unreadable,
        _with("logs-refused"),
        _brings(e.BecameUnknown, e.LogsRefused, e.WatchResumed),
        options=IMPATIENT,
        hides=True,
    ),
    "restored": Kind(
        acts.compare,
        _with(distribution_seconds=300.0),
        _brings(e.EpochBegan, e.Voided, e.ComparisonStated, e.Compared),
        restored=True,
    ),
}

UNTOLD: dict[type[e.Event], str] = {
    e.PackageAdded: "no event of the bot's: `keyturn package add` writes it beside the bot, in a story the stage does",
    e.PostAbandoned: "only a kill or a refusal of Slack brings it about: a post in doubt whose moment has passed",
    e.UploadProgressed: "needs an upload of more than a minute: tests/upgrade",
    e.EvidenceLost: "needs a disk that takes no evidence: tests/faults",
    e.Announced: "never alone: it is written in one append with the Posted or PostAbandoned of the same message",
}
"""The events that no kind brings about, and why."""
