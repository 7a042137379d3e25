"""Judging what was seen (laws 4, 5 and 6), and when it will probably end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field

from bot.domain.plan import Plan
from bot.domain.sight import Activity, Observation, PackageState, ServerState, WorkState
from bot.domain.values import Value


class Budgets(Value):
    """How long each thing may take before a person is asked, in minutes.

    Vendor: "The appliance upgrade may take 45 to 90 minutes, or possibly longer".
    """

    distribute: int = Field(default=60, gt=0)
    settle: int = Field(default=15, gt=0)
    """Answering and idle for this long after the install intent: unknown (design, "The life of a request")."""
    expected: int = Field(default=90, gt=0)
    overdue: int = Field(default=120, gt=0)


class Seen(NamedTuple):
    """An observation and when it was first made; it held until the next one."""

    at: datetime
    observation: Observation


class Judgement(StrEnum):
    WATCH = "watch"
    FINISHED = "finished"
    FOREIGN = "foreign"
    SUCCEEDED = "succeeded"
    UNEXPECTED_LEVEL = "unexpected level"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """`words` are the console's for FAILED, the level for SUCCEEDED and UNEXPECTED_LEVEL, else a reason.

    `overdue` is a flag beside WATCH, and FINISHED while Done is still to be pressed: people are paged, it goes on.
    """

    judgement: Judgement
    words: str = ""
    overdue: bool = False


def errors(seen: Observation, package: str) -> list[str]:
    """The console's error messages that concern this run, in its own words."""
    found = list(seen.errors)
    if not found and seen.subject in (None, package):
        found = [f"{r.appliance}: {r.words}" for r in seen.rows if r.state is WorkState.ERROR]
    listed = seen.package(package)
    if not found and listed and listed.state is PackageState.ERROR:
        found.append(f"{package}: {listed.words}")
    return found


def foreign(seen: Observation) -> str | None:
    """What is going on at the console while nothing of ours is: somebody else's work (law 6)."""
    if seen.activity in (Activity.DISTRIBUTING, Activity.INSTALLING):
        return f"{seen.activity.value} {seen.subject or 'a package'}"
    if seen.locked:
        return "the enterprise lock is on"
    return None


def _not_ours(seen: Observation, package: str) -> str | None:
    """Somebody else's work beside our distribution, before anything of ours is installed (law 6)."""
    ours = seen.activity is Activity.DISTRIBUTING and seen.subject in (None, package)
    at_work = seen.activity in (Activity.DISTRIBUTING, Activity.INSTALLING)
    return foreign(seen) if at_work and not ours else None


def judge_distribution(
    plan: Plan,
    history: Sequence[Seen],
    intended: datetime,
    watching: datetime,
    budgets: Budgets,
    now: datetime,
) -> Verdict:
    """After Send: FINISHED when Done is offered or the package is listed as distributed on the console.

    `history` ends with the newest look; `watching` is when looking began without a gap.
    """
    seen = history[-1].observation
    name = plan.package.name
    if words := errors(seen, name):
        return Verdict(Judgement.FAILED, "; ".join(words))
    overdue = now - intended >= timedelta(minutes=budgets.distribute)
    if not seen.answered:
        return Verdict(Judgement.WATCH, f"no answer: {seen.reason}", overdue)
    if not seen.recognized:
        return _unreadable(history, watching, timedelta(minutes=budgets.settle), now, overdue)
    if other := _not_ours(seen, name):
        return Verdict(Judgement.FOREIGN, other)
    listed = seen.package(name)
    if seen.finished and seen.subject == name:
        return Verdict(Judgement.FINISHED, "the distribution is finished, and Done was not answered", overdue)
    if listed and listed.state is PackageState.DISTRIBUTED and seen.activity is Activity.IDLE:
        return Verdict(Judgement.FINISHED)
    return Verdict(Judgement.WATCH, "distributing", overdue)


def judge_install(
    plan: Plan,
    history: Sequence[Seen],
    intended: datetime,
    watching: datetime,
    budgets: Budgets,
    now: datetime,
) -> Verdict:
    """After the install intent. Silence is not failure and reachability is not success (law 5)."""
    seen = history[-1].observation
    name = plan.package.name
    if words := errors(seen, name):
        return Verdict(Judgement.FAILED, "; ".join(words))
    overdue = now - intended >= timedelta(minutes=budgets.overdue)
    if not seen.answered:
        return Verdict(Judgement.WATCH, f"no answer: {seen.reason}", overdue)
    if not seen.recognized:
        return _unreadable(history, watching, timedelta(minutes=budgets.overdue), now, overdue)
    if seen.activity is not Activity.IDLE or seen.locked:
        return Verdict(Judgement.WATCH, "installing", overdue)
    listed = seen.package(name)
    if listed and listed.state is PackageState.INSTALLED:
        return _verify(plan, seen, overdue)
    idle = _since(history, watching, now, lambda o: _idle(o, name))
    if idle is not None and now - idle >= timedelta(minutes=budgets.settle):
        return Verdict(
            Judgement.UNKNOWN,
            f"the console answers and nothing is being installed, {budgets.settle} minutes after Install",
        )
    return Verdict(Judgement.WATCH, "nothing is being installed yet", overdue)


def not_begun(seen: Observation, package: str) -> bool:
    """Whether the package is seen uploaded and no distribution of it has begun, for certain."""
    listed = seen.package(package)
    return _quiet(seen) and not seen.errors and listed is not None and listed.state is PackageState.UPLOADED


def _idle(seen: Observation, package: str) -> bool:
    listed = seen.package(package)
    return _quiet(seen) and not (listed and listed.state is PackageState.INSTALLED)


def _quiet(seen: Observation) -> bool:
    return seen.answered and seen.recognized and seen.activity is Activity.IDLE and not seen.locked


def _verify(plan: Plan, seen: Observation, overdue: bool) -> Verdict:
    """The package is shown installed: one same new level on every appliance, and each one running?"""
    names = {a.appliance for a in plan.appliances}
    shown = {a.name: a for a in seen.appliances}
    if others := sorted(name for name, a in shown.items() if a.level is not None and name not in names):
        return Verdict(Judgement.WATCH, f"not in the plan: {', '.join(others)}", overdue)
    if missing := sorted(names - shown.keys()):
        return Verdict(Judgement.WATCH, f"not listed: {', '.join(missing)}", overdue)
    for name in sorted(names):
        appliance = shown[name]
        if not appliance.answered or appliance.server is not ServerState.RUNNING:
            return Verdict(Judgement.WATCH, f"{name}: Imprivata Server is not shown as Running", overdue)
    levels = {shown[name].level for name in names}
    level = next(iter(levels))
    if len(levels) != 1 or level is None or level == plan.from_level:
        listing = ", ".join(f"{n} {shown[n].level or 'no level'}" for n in sorted(names))
        return Verdict(Judgement.WATCH, f"levels are not one new level: {listing}", overdue)
    if level != plan.package.level:
        return Verdict(Judgement.UNEXPECTED_LEVEL, level, overdue)
    return Verdict(Judgement.SUCCEEDED, level)


def shows_level(plan: Plan, seen: Observation | None, level: str) -> bool:
    """Whether a look shows the package installed, nobody at work, and exactly `level` on every appliance."""
    if seen is None or not _quiet(seen) or seen.errors:
        return False
    verdict = _verify(plan, seen, overdue=False)
    listed = seen.package(plan.package.name)
    installed = listed is not None and listed.state is PackageState.INSTALLED
    return installed and verdict.judgement is not Judgement.WATCH and verdict.words == level


def _unreadable(
    history: Sequence[Seen], watching: datetime, budget: timedelta, now: datetime, overdue: bool
) -> Verdict:
    since = _since(history, watching, now, lambda o: o.answered and not o.recognized)
    reason = history[-1].observation.reason
    if since is not None and now - since >= budget:
        return Verdict(Judgement.UNKNOWN, f"a page that the profile does not recognize: {reason}")
    return Verdict(Judgement.WATCH, f"a page that the profile does not recognize: {reason}", overdue)


def unbroken(since: datetime, watching: datetime, now: datetime) -> datetime:
    """Since when something is known to have held: a gap in the looks begins it anew, and so does a clock that was set
    back, by which it would begin in the future."""
    return watching if since > now else max(since, watching)


def _since(
    history: Sequence[Seen], watching: datetime, now: datetime, holds: Callable[[Observation], bool]
) -> datetime | None:
    """Since when every look, without a gap, has been such that `holds`; None when the last one is not."""
    since: datetime | None = None
    for seen in reversed(history):
        if not holds(seen.observation):
            break
        since = seen.at
    return None if since is None else unbroken(since, watching, now)


TELLING = 10.0
"""Per cent done below which the share says nothing about the end yet."""


class Estimate(NamedTuple):
    """The install's expected end, and its latest before it counts as overdue."""

    likely: datetime
    overdue: datetime


def estimate(history: Sequence[Seen], intended: datetime, budgets: Budgets) -> Estimate:
    """When the install will probably end: from the share done at the latest progress seen, else the expected length.

    Never earlier than the newest look that still showed it going on.
    """
    likely = intended + timedelta(minutes=budgets.expected)
    going_on = [s for s in history if s.observation.activity is Activity.INSTALLING]
    for seen in reversed(going_on):
        shares = [r.percent for r in seen.observation.rows if r.percent is not None]
        if shares and (done := sum(shares) / len(shares)) >= TELLING:
            likely = intended + (seen.at - intended) * (100 / done)
            break
    likely = max([likely, *(s.at for s in going_on[-1:])])
    return Estimate(likely, intended + timedelta(minutes=budgets.overdue))
