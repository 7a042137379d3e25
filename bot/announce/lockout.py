"""The lockout's notices: before, at and after (law 8). Pure.

"Reachable" is never said as "usable": only the closed lockout of a successful run is an all-clear.
"""

from __future__ import annotations

from datetime import datetime

from bot.announce.blocks import (
    Json,
    Line,
    Message,
    bold,
    bullets,
    fact,
    heading,
    lines,
    message,
    quoted,
    user,
    when,
)
from bot.announce.text import span
from bot.announce.view import View
from bot.domain.events import LockoutClosed, Phase

CONSOLES = "the Imprivata Admin Console and the Packages page of the Appliance Console"
CAUTION: Line = [bold("Even if the Admin Console answers, do not use it. Changes may be lost.")]


def notice(view: View, minutes: int) -> Message | None:
    """Before: None once its moment has passed, or a later one was raised."""
    request = view.request
    plan = request.plan
    if request.phase is not Phase.APPROVED or plan is None or view.now >= plan.start:
        return None
    if any(raised < minutes for raised in request.notices):
        return None
    return message(
        heading(f"In {span(plan.start - view.now)}: consoles of {view.title} locked out"),
        lines(
            fact("What", f"hotfix upgrade {view.id}, package {view.package}"),
            fact(
                "From", when(plan.start), " at the earliest, until Keyturn says here that the lockout is over"
            ),
            fact("Do not use", f"{CONSOLES}, of every appliance"),
            CAUTION,
        ),
        lines(
            ["Finish or save what you do there before the start. Users go on working."],
            fact("Expected length of the installation", "45 to 90 minutes, or possibly longer"),
            fact("Questions", "to ", user(request.by), ", who asked for it"),
        ),
    )


def opened(view: View) -> Message | None:
    """At: nobody uses the consoles from now on. Edited when it is over; None when it was over before it was said."""
    if not _is_open(view):
        return None
    since = view.state.lockout.since if view.state.lockout else view.now
    return message(
        heading(f"Lockout now: do not use the consoles of {view.title}"),
        lines(
            fact("What", f"hotfix upgrade {view.id}, package {view.package}, has begun"),
            fact("Since", when(since)),
            fact("Until", "Keyturn says here that the lockout is over"),
            fact("Do not use", f"{CONSOLES}, of every appliance"),
            CAUTION,
        ),
        _meanwhile(),
        lines(fact("Questions", "to ", user(view.request.by), f", who asked for it; vendor: {view.support}")),
    )


def opened_foreign(view: View) -> Message | None:
    """At, because of somebody else's work on the console (law 6); None when it was over before it was said."""
    if not _is_open(view):
        return None
    since = view.state.lockout.since if view.state.lockout else view.now
    return message(
        heading(f"Lockout: somebody else is at work on {view.title}"),
        lines(
            fact("What", "a distribution or an installation that Keyturn did not begin"),
            fact("Since", when(since), "; Keyturn only watches, until the console is idle"),
            fact("Upgrade", f"{view.id} has ended: {quoted(view.request.reason)}"),
            fact("Do not use", f"{CONSOLES}, of every appliance"),
            CAUTION,
        ),
        lines(["Whoever began it: please say so in this channel."]),
    )


def over(view: View) -> Message:
    """What a lockout notice becomes once the lockout is over."""
    return message(
        heading(f"The lockout of {view.title} is over"),
        lines([f"It was for hotfix upgrade {view.id}. See the newest message about it in this channel."]),
    )


def closed(view: View, event: LockoutClosed, at: datetime) -> Message:
    """After: usable again after success only; else what became of it."""
    match view.request.phase:
        case Phase.SUCCEEDED:
            return message(
                heading(f"The lockout of {view.title} is over"),
                lines(
                    [f"{CONSOLES[0].upper()}{CONSOLES[1:]} are usable again since ", when(at), "."],
                    fact("Why", f"upgrade {view.id} has succeeded"),
                ),
            )
        case Phase.FAILED | Phase.UNKNOWN:
            return message(
                heading(f"The lockout of {view.title} is over"),
                lines(
                    ["Two people released the enterprise ", when(at), f" after upgrade {view.id}."],
                    [f"Before you use {CONSOLES}, do what {view.support} said."],
                ),
            )
        case Phase.VOID if view.request.epoch is not None:
            return message(
                heading(f"The lockout of {view.title} is over"),
                lines(
                    ["Over since ", when(at), f": {quoted(event.reason)}."],
                    [f"Before you use {CONSOLES}, ask the two who compared what they saw there."],
                ),
            )
    return message(
        heading(f"The lockout of {view.title} is over"),
        lines(
            ["Over since ", when(at), f": {quoted(event.reason)}."],
            [f"Keyturn installed nothing; the warning about {CONSOLES} is withdrawn."],
        ),
    )


def _is_open(view: View) -> bool:
    return view.state.lockout is not None and view.state.lockout.request == view.id


def _meanwhile() -> Json:
    return bullets(
        ["Users go on working: sign-in at workstations is not affected, no reboot is needed."],
        ["The service desk cannot give temporary codes, enable users or fix badges in the Admin Console."],
        ["The installation is expected to take 45 to 90 minutes, or possibly longer (vendor)."],
    )
