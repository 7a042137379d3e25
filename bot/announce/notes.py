"""Short notices: who approved, who stated what, what became of logs and evidence. Said once, never edited. Pure."""

from __future__ import annotations

from bot.announce.blocks import Line, Message, code, lines, message, quoted, user, users
from bot.announce.status import missing
from bot.announce.text import flat
from bot.announce.view import View
from bot.domain import events as e
from bot.domain.enterprise import same_statement
from bot.domain.events import Phase, Statement

_COMMANDS = {
    Statement.RELEASE: "release {id} {value}",
    Statement.NOT_STARTED: "attest {id} not-started",
    Statement.INSTALLING: "attest {id} installing",
    Statement.CANNOT_TELL: "attest {id} cannot-tell {value}",
    Statement.LEVEL: "confirm {id} {value}",
    Statement.FAILURE: "failed {id} {value}",
}


def approved(view: View, event: e.Approved) -> Message | None:
    """None when the request has ended before it could be said."""
    if view.request.ended is not None:
        return None
    said: Line = [user(event.by), f" approved {view.id}, plan {event.digest[:12]}. "]
    if view.request.phase is Phase.REQUESTED:
        return message(lines([*said, *missing(view)]))
    last = list(view.request.approvals)[-1] == event.by
    return message(lines([*said, *(["The quorum is complete."] if last else [])]))


def stated(view: View, event: e.Stated) -> Message:
    """One person's statement, and how a second one states the same."""
    value = f" ({quoted(event.value)})" if event.value else ""
    said: Line = [user(event.by), f" stated about {view.id}: {event.statement.value}{value}."]
    waiting = event in view.request.statements
    if not waiting or len(same_statement(view.request, event.statement, event.value)) >= 2:
        return message(lines(said))
    twin = _COMMANDS[event.statement].format(id=view.id, value=flat(event.value, 300)).strip()
    return message(lines(said, ["A second approver has to state the same: ", code(f"/upgrade {twin}")]))


def released(view: View, event: e.Released) -> Message:
    """The quarantine is over."""
    case = f", case {quoted(event.case, 80)}" if event.case else ""
    return message(
        lines(
            [f"{view.title} is released from quarantine by ", *users(event.by), f"{case}. "],
            ["New requests are possible."],
        )
    )


def resumed(view: View, event: e.WatchResumed) -> Message:
    """Two people saw it installing."""
    return message(
        lines(
            [*users(event.by), f" saw on the console that {view.id} is being installed."],
            ["Keyturn watches it on. The lockout stays on."],
        )
    )


def evidence_lost(view: View, event: e.EvidenceLost) -> Message:
    """The disk takes no evidence, while the ledger goes on."""
    return message(
        lines(
            [
                f"The evidence of {view.id} is not complete: the bot's host could not keep a page of a console, or "
                f"the ledger's head: {quoted(event.reason)}."
            ],
            ["The run goes on."] if view.request.is_running else None,
            [
                "To do: look on the bot's host for what the reason names, such as a full or read-only disk, "
                "rights, or too many open files."
            ],
        )
    )


def logs(view: View, event: e.LogsCollected | e.LogsRefused) -> Message:
    """The log export of a failed run."""
    if isinstance(event, e.LogsCollected):
        return message(
            lines(
                [f"The appliance logs of {view.id} were exported for {view.support}."],
                ["File on the bot's host: ", code(flat(event.file, 200))],
                ["SHA-256: ", code(event.sha256 or "not known")],
            )
        )
    return message(
        lines(
            [f"The appliance logs of {view.id} could not be exported: {quoted(event.reason)}."],
            ["Export them by hand: System, Logs, on the Appliance Console; change nothing else there."],
        )
    )
