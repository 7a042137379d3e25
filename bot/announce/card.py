"""The request's card: what exactly would be done, to what, when, who wants it, who agrees. Pure."""

from __future__ import annotations

from datetime import timedelta

from bot.announce.blocks import (
    Confirm,
    Json,
    Line,
    Message,
    bold,
    button,
    buttons,
    code,
    fact,
    heading,
    lines,
    message,
    quoted,
    small,
    user,
    users,
    when,
)
from bot.announce.status import status
from bot.announce.text import flat, listing, size, utc
from bot.announce.view import View
from bot.domain.events import Check, Phase
from bot.domain.plan import ATTESTATIONS

ROWS = 24
"""Preflight rows that a card shows; a message has room for about 13,000 characters."""


def card(view: View) -> Message:
    """The card in its request's present phase."""
    return message(
        heading(f"Upgrade request {view.id}: {view.title}"),
        lines([bold("Now: "), *status(view)]),
        _what(view),
        _when(view),
        _who(view),
        _preflight(view),
        _small_print(view),
        _buttons(view),
        _commands(view),
    )


def _what(view: View) -> Json:
    plan, package = view.request.plan, view.request.draft.package
    now = quoted(plan.from_level, 80) if plan else "the present level"
    return lines(
        fact("Package", f"{view.package} ({size(package.size)}, SHA-256 {package.sha256[:12]}…)"),
        fact("Level", f"{now} → {quoted(view.level, 80)}"),
        fact(f"Appliances ({len(view.appliances)}), all at the same time", listing(view.appliances)),
        fact(
            "Not to be used meanwhile",
            "the Imprivata Admin Console and the Packages page of the Appliance Console, for administrators and the "
            "service desk: temporary codes, enabling users, badges. Users go on working.",
        ),
    )


def _when(view: View) -> Json | None:
    """Until the run begins; from then on the progress message has the times."""
    request = view.request
    if not request.is_open:
        return None
    window = request.plan.window if request.plan else request.draft.window
    needs = request.plan.needs_minutes if request.plan else view.settings.needs_minutes
    latest = window.closes - timedelta(minutes=needs)
    return lines(
        fact("Window", when(window.opens), " until ", when(window.closes)),
        fact("Earliest start", when(request.draft.start)),
        fact("Latest start", when(latest), f", so that {needs} minutes are left of the window"),
        fact("Expected length of the installation", "45 to 90 minutes, or possibly longer (vendor)"),
    )


def _who(view: View) -> Json:
    request = view.request
    attested: list[Line] = [
        ["✓ ", ATTESTATIONS.get(key, flat(key, 60)), ", says ", user(request.by)]
        for key in request.draft.attestations[:6]
    ]
    return lines(
        fact("Asked by", user(request.by), " ", when(request.asked)),
        fact("Reason", quoted(request.draft.reason, 600)),
        fact("Change", quoted(request.draft.change, 80)),
        fact("Approved by", *users(view.approvals)),
        *attested,
    )


def _preflight(view: View) -> Json | None:
    rows = view.request.rows
    if not rows:
        return None
    more = [f"and {len(rows) - ROWS} more rows"] if len(rows) > ROWS else None
    return lines([bold("Preflight")], *(_row(row) for row in rows[:ROWS]), more)


def _row(row: Check) -> Line:
    mark = "✓" if row.ok else "✗ does not hold:"
    return [f"{mark} {flat(row.name, 60)}: {flat(row.detail, 150)}"]


def _small_print(view: View) -> Json:
    plan = view.request.plan
    digest = [f"Plan {plan.digest[:12]}; an approval belongs to exactly this plan"] if plan else []
    return small(f"Package SHA-256 {view.request.draft.package.sha256}", *digest)


def _buttons(view: View) -> Json | None:
    """Only what does something now."""
    request = view.request
    match request.phase:
        case Phase.REQUESTED if request.plan is None:
            return buttons(button("withdraw", "Withdraw", view.id))
        case Phase.REQUESTED:
            return buttons(
                button("approve", "Approve", view.id, "primary", _confirm(view)),
                button("decline", "Decline", view.id, "danger"),
                button("withdraw", "Withdraw", view.id),
            )
        case Phase.APPROVED:
            return buttons(button("cancel", "Cancel", view.id, "danger"))
        case Phase.PREPARING if request.run and not request.run.cancel_asked:
            return buttons(button("cancel", "Cancel", view.id, "danger"))
    return None


def _confirm(view: View) -> Confirm:
    return Confirm(
        title=f"Approve {view.id}?",
        words=(
            f"{flat(view.package, 80)}, to level {flat(view.level, 40)}, on every appliance of {flat(view.title, 60)}. "
            f"{_then(view)} There is no way back after Install."
        ),
        yes="Approve",
        no="Not yet",
    )


def _then(view: View) -> str:
    if view.needed > 1:
        return "Other people have to approve too."
    start = view.request.draft.start
    return "The run then starts at once." if start <= view.now else f"The run then starts {utc(start)}."


def _commands(view: View) -> Json | None:
    """Every button has a command twin: a lost click is lost."""
    match view.request.phase:
        case Phase.REQUESTED if view.request.plan is not None:
            return lines(
                ["Or type ", code(f"/upgrade approve {view.id}"), " or ", code(f"/upgrade decline {view.id}")]
            )
        case Phase.APPROVED:
            return lines(["Or type ", code(f"/upgrade cancel {view.id}")])
        case Phase.PREPARING:
            return lines(
                [
                    "It can be cancelled until Install, also with ",
                    code(f"/upgrade cancel {view.id}"),
                    "; after that there is no way back.",
                ]
            )
    return None
