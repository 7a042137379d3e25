"""A direct message to each awaited approver. Pure."""

from __future__ import annotations

from bot.announce.blocks import (
    Inline,
    Message,
    channel,
    code,
    fact,
    heading,
    lines,
    link,
    message,
    quoted,
    user,
    when,
)
from bot.announce.status import outcome
from bot.announce.view import View
from bot.domain.events import Phase


def ask(view: View, approver: str) -> Message:
    """The question; once it is answered or no longer needed, that."""
    request = view.request
    if request.ended and request.phase is not Phase.SUCCEEDED:
        return message(heading(f"Ended: upgrade {view.id} of {view.title}"), lines(outcome(view)))
    if approver in request.approvals:
        return message(
            heading(f"Thank you: upgrade {view.id} of {view.title}"),
            lines(["Your approval counts since ", when(request.approvals[approver]), "."]),
        )
    if request.phase is not Phase.REQUESTED:
        return message(
            heading(f"No longer needed: upgrade {view.id} of {view.title}"),
            lines(
                ["Your approval is not needed any more. The card ", *_where(view), " says what became of it."]
            ),
        )
    return message(
        heading(f"Your approval is asked for: upgrade {view.id} of {view.title}"),
        lines(
            fact("Asked by", user(request.by), f": {quoted(request.draft.reason, 300)}"),
            fact("Package", f"{view.package}, to level {quoted(view.level, 80)}"),
            fact("Earliest start", when(request.draft.start)),
        ),
        lines(
            ["Read the whole plan and its preflight ", *_where(view), ", then approve or decline there."],
            ["Or type ", code(f"/upgrade approve {view.id}")],
        ),
    )


def _where(view: View) -> list[Inline]:
    place: list[Inline] = ["in ", channel(view.settings.channel)]
    return [*place, " (", link(view.card_link, "the request"), ")"] if view.card_link else place
