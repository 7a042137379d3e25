"""An enterprise that a new epoch holds: why, what is void, and what two people compare before it is released. Pure.

Nobody is shown the head that somebody else gave: two people who look for themselves are the point of it (law 1).
"""

from __future__ import annotations

from bot.announce.blocks import (
    Inline,
    Line,
    Message,
    bold,
    bullets,
    button,
    buttons,
    code,
    fact,
    heading,
    lines,
    message,
    quoted,
    user,
    users,
    when,
)
from bot.announce.page import oncall
from bot.announce.text import flat
from bot.announce.view import EnterpriseView
from bot.domain import events as e
from bot.domain.enterprise import Hold, Request

NO_HEAD = "00000000"
"""Stated where no head was ever announced: what the chain begins with."""

SHOWN = 12
"""Void requests and appliances that are named; a message has room for about 13,000 characters."""


def hold(view: EnterpriseView, epoch: int) -> Message:
    """The hold of that epoch; once it is over, that."""
    held = view.state.hold
    if held is None or held.epoch != epoch:
        return _over(view, epoch)
    return message(
        heading(f"{view.title} is held: two people have to compare the consoles"),
        lines(
            [*oncall(view.settings), f": two approvers of {view.title} are needed."],
            fact("Since", when(held.since)),
            fact("Why", quoted(held.reason)),
            [
                "What Keyturn knows comes from a copy of its ledger. It does not know what happened after the copy was "
                "made. What it said above in this channel about later things is no longer kept up to date, and the "
                "buttons there do nothing."
            ],
            _void(view, held),
            fact(
                "Held", "nothing can be asked for, approved or started here until two approvers have compared"
            ),
            _locked(view),
            _quarantined(view),
        ),
        lines([bold("What two approvers do, each with their own eyes")]),
        bullets(*_steps(view)),
        lines([bold("Do not release "), _DO_NOT_RELEASE, f" Call {view.support}."]),
        lines(_compared_so_far(held)),
        buttons(button("compare", "I have compared", f"{view.name}:{epoch}", "primary")),
        lines(["Or type ", code(f"/upgrade compared {view.name} HEAD")]),
    )


def compared(view: EnterpriseView, event: e.Compared) -> Message:
    """The hold is over."""
    return message(
        heading(f"The hold of {view.title} is over"),
        lines(
            [*users(event.by), " compared the consoles and stated the same last announced head."],
            fact("The head that they stated", code(event.head)),
            ["New requests are possible; those that became void have to be asked for anew."]
            if view.state.quarantine is None
            else ["The quarantine stays, and needs its own release."],
        ),
    )


_DO_NOT_RELEASE = (
    "when a console shows that anything is being distributed or installed, that something has failed, or a level that "
    "nobody can explain. Use neither the Admin Console nor the Packages page, run no upgrade, remove no appliance, "
    "upload nothing and reboot nothing; wait until it has ended, and look again."
)


def _steps(view: EnterpriseView) -> list[Line]:
    levels = [f"{flat(a, 60)} {quoted(level, 80)}" for a, level in sorted(view.state.levels.items())]
    last = f" This ledger last saw: {', '.join(levels[:SHOWN])}." if levels else ""
    return [
        [
            "Open the Appliance Console of every appliance, read only. Is anything being distributed or installed? Is "
            f"an error shown? Which level has each one?{last}"
        ],
        [
            "Find the last head that Keyturn itself announced in this channel before this message: the small print "
            "“Ledger entry …, head …” at the end of a run or a request. If there is none, it is ",
            code(NO_HEAD),
            ".",
        ],
        ["Press the button and give that head, its first 8 digits or more. Do not copy it from each other."],
    ]


def _void(view: EnterpriseView, held: Hold) -> Line:
    void = [r for r in view.state.requests.values() if r.epoch == held.epoch]
    if not void:
        return fact("Void", "no request was open")
    named: list[Inline] = []
    for request in void[:SHOWN]:
        named += [", " if named else "", *_named(request)]
    more = f" and {len(void) - SHOWN} more" if len(void) > SHOWN else ""
    return fact("Void", *named, more)


def _named(request: Request) -> list[Inline]:
    asked: list[Inline] = [f"{request.id}, asked for by ", user(request.by)]
    return [*asked, " (its run was under way and is no longer watched)"] if request.run else asked


def _locked(view: EnterpriseView) -> Line | None:
    lockout = view.state.lockout
    if lockout is None:
        return None
    return fact(
        "Lockout", "on since ", when(lockout.since), "; use neither the Admin Console nor the Packages page"
    )


def _quarantined(view: EnterpriseView) -> Line | None:
    quarantine = view.state.quarantine
    if quarantine is None:
        return None
    return fact("Quarantine", f"that of {quarantine.request} stays, and needs its own release")


def _compared_so_far(held: Hold) -> Line:
    if not held.stated:
        return [bold("Compared so far: "), "nobody; two approvers are needed."]
    return [bold("Compared so far: "), *users(held.stated), "; another approver is needed."]


def _over(view: EnterpriseView, epoch: int) -> Message:
    newer = view.state.epoch > epoch
    said = "A newer epoch has begun since." if newer else "Two approvers have compared the consoles."
    return message(
        heading(f"The hold of {view.title} by epoch {epoch} is over"),
        lines([f"{said} See the newest message about it in this channel."]),
    )
