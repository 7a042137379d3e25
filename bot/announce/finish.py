"""How a request ended: what to do now after success, one short notice for every ending without harm. Pure."""

from __future__ import annotations

from bot.announce.blocks import Message, bold, bullets, fact, heading, lines, message, quoted, user, when
from bot.announce.status import evidence, outcome
from bot.announce.text import span
from bot.announce.view import View
from bot.domain.events import Phase, Step

_TITLES = {
    Phase.DECLINED: "was declined",
    Phase.WITHDRAWN: "was withdrawn",
    Phase.EXPIRED: "has expired",
    Phase.VOID: "is void",
    Phase.CANCELLED: "was cancelled",
    Phase.STOPPED: "has stopped",
}


def finish(view: View) -> Message | None:
    """None while the request has not ended, or where its end is told as a failure."""
    if view.request.phase is Phase.SUCCEEDED:
        return _success(view)
    if view.request.phase not in _TITLES:
        return None
    again = None
    if view.request.phase in (Phase.STOPPED, Phase.EXPIRED, Phase.VOID, Phase.CANCELLED):
        held = view.state.quarantine is not None or view.state.hold is not None
        again = ["Nothing can be asked for until the enterprise is released." if held else _possible(view)]
    return message(
        heading(f"Upgrade {view.id} of {view.title} {_TITLES[view.request.phase]}"),
        lines(outcome(view), fact("Asked by", user(view.request.by)), evidence(view), again),
    )


def _possible(view: View) -> str:
    run = view.request.run
    if view.request.epoch is None and (run is None or Step.UPLOAD not in run.intended):
        return "A new request is possible."
    return (
        "A new request is possible. If the console lists the package now, a person has to remove it there first: "
        "what Keyturn finds listed and did not upload for the same request it does not touch."
    )


def _success(view: View) -> Message:
    request = view.request
    run = request.run
    level = run.level if run and run.level else view.level
    took = span(request.ended - run.started) if run and request.ended else ""
    return message(
        heading(f"Upgrade {view.id} of {view.title} has succeeded"),
        lines(
            [
                f"Every appliance is at level {quoted(level, 80)} and running, seen ",
                when(request.ended or view.now),
                ".",
            ],
            fact("Package", view.package),
            fact("It took", took) if took else None,
            fact("Asked by", user(request.by)),
            evidence(view),
        ),
        lines([bold("What to do now")]),
        bullets(
            [
                "Jobs that fell into the upgrade were skipped: audit record maintenance, automated domain password "
                "changes, domain synchronization, scheduled reports. Each runs at its next scheduled time; start by "
                "hand what cannot wait."
            ],
            ["Some users may have to enter credentials again. Tell the service desk."],
            [
                "Passwords reset and changes provisioned during the upgrade may be lost: look at them once more."
            ],
            [
                "Agents set to update automatically follow at their next refresh, within about ten minutes; the "
                "others need the MSI."
            ],
            ["The rotation of the console's password can go on."],
        ),
    )
