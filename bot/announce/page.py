"""Getting people: the on-call group is mentioned until somebody acknowledges. Pure."""

from __future__ import annotations

from bot.announce.blocks import (
    Inline,
    Line,
    Message,
    button,
    buttons,
    code,
    fact,
    group,
    heading,
    lines,
    message,
    user,
    users,
    when,
)
from bot.announce.status import outcome, step
from bot.announce.view import View
from bot.config import EnterpriseSettings

_HAPPENED = {
    "failed": "the upgrade failed",
    "unknown": "nobody can tell from the console what became of the upgrade",
    "overdue": "the upgrade takes longer than planned",
    "level": "the appliances show another level than the stated one",
}

_IN_SHORT = {"failed": "failed", "unknown": "unknown", "overdue": "overdue", "level": "unexpected level"}


def page(view: View) -> Message | None:
    """The call; None when nobody needs to be called any more."""
    trouble = view.request.trouble
    if trouble is None or trouble.acknowledged:
        return None
    return message(
        heading(f"Somebody is needed: {view.title}, upgrade {view.id}: {_IN_SHORT[trouble.kind]}"),
        lines(
            [*oncall(view.settings), f": {_HAPPENED[trouble.kind]}."],
            fact("Since", when(trouble.since)),
            fact("Do", "read the message about it in this channel before you touch anything"),
            fact("Call", view.support),
            [
                "This is said again until somebody presses Acknowledge or types ",
                code(f"/upgrade ack {view.id}"),
            ],
        ),
        buttons(button("acknowledge", "Acknowledge", view.id, "primary")),
    )


def answered(view: View) -> Message:
    """What a call becomes once it is acknowledged, or once there is nothing to look at any more."""
    trouble = view.request.trouble
    if trouble and trouble.acknowledged:
        said: Line = [
            user(trouble.acknowledged),
            f" has acknowledged: {_HAPPENED[trouble.kind]}, since ",
            when(trouble.since),
            ".",
        ]
        return message(heading(f"Acknowledged: {view.title}, upgrade {view.id}"), lines(said))
    now = ["Watched on: ", *step(view), "."] if view.request.is_running else outcome(view)
    return message(heading(f"Settled: {view.title}, upgrade {view.id}"), lines(now))


def oncall(settings: EnterpriseSettings) -> list[Inline]:
    """Mentions of the group and the people who are on call."""
    named = settings.oncall_group
    people = users(settings.oncall_ids) if settings.oncall_ids else []
    if named is None:
        return people
    return [group(named), " ", *people] if people else [group(named)]
