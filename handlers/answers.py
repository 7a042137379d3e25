"""What people are told, for their eyes only, after a command, a click or a submission. Pure.

Whatever somebody typed or a console said is escaped here (law 9).
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.announce.text import escape
from bot.config import EnterpriseSettings
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Event
from bot.domain.handle import Decision
from bot.domain.plan import Plan
from handlers.text import moment
from handlers.words import COMMANDS, Help, spelled

LONGEST = 2900
"""Slack's sections end at 3000 characters; answers stay within one."""
LISTED = 20

UNAVAILABLE = "Slack cannot say who you are right now; nothing was recorded; {again} again."
UNWRITTEN = (
    "Keyturn cannot write its ledger right now, so this was not recorded; {again} again when the enterprise's channel "
    "says that it records again."
)
BROKEN = (
    "Keyturn could not finish this because of a fault of its own, which is in its log. Look at `/upgrade status` "
    "and `/upgrade list` before you repeat it."
)
FOREIGN = "This Keyturn serves another workspace; nothing was done."
UNKNOWN_CONTROL = (
    "Keyturn does not know this button or form; nothing was done. `/upgrade list` shows the requests, and "
    "`/upgrade help` a command for every button."
)
NO_REQUEST = "This button names no request; nothing was done. `/upgrade list` shows the requests there are."
NO_PACKAGE = (
    "There is no package to upgrade with. Download it from the vendor and add it on the bot's host with "
    "`keyturn package add FILE --level LEVEL`; then type `/upgrade` again."
)
NOT_OPENED = (
    "Slack did not open the form, which has to happen within three seconds; nothing was done. Try again."
)


def help_text(wish: Help) -> str:
    """The commands, after what was not understood, if anything."""
    lines = []
    if wish.usage:
        lines.append(f"“{escape(wish.said)}” is not complete. It is written `/upgrade {wish.usage}`.")
    elif wish.said:
        lines.append(f"“{escape(wish.said)}” is no command of Keyturn.")
    for word, (arguments, does) in COMMANDS.items():
        lines.append(f"`/upgrade {f'{word} {arguments}'.strip()}` {does}")
    lines.append(
        "`attest`, `release`, `confirm`, `failed` and `compared` act when two different approvers state the same."
    )
    return "\n".join(lines)


def no_hold(title: str) -> str:
    """The button of a hold that is over."""
    return f"This hold of {escape(title)} is over; nothing was done. `/upgrade status` shows how it stands."


def asked(request: str, channel: str) -> str:
    """A new request was accepted."""
    return (
        f"{request} is asked for. Its preflight is running; the card in <#{channel}> shows the plan and takes "
        "the approvals."
    )


def outcome(decision: Decision, request: str) -> str:
    """What a command about `request` came to."""
    events: list[Event] = [event for event in decision.events if getattr(event, "request", None) == request]
    if len(events) > 1:
        events = [event for event in events if not isinstance(event, e.Approved | e.Stated)]
    after = decision.state.requests[request]
    lines = [line for event in events if (line := _line(event, after))]
    return " ".join(lines) or f"Nothing has changed: {request} is {after.phase.value}."


def compared(decision: Decision) -> str:
    """What a comparison came to."""
    over = next((event for event in decision.events if isinstance(event, e.Compared)), None)
    if over is None:
        return "Recorded. The hold ends when a second approver has compared too and states the same head."
    return f"The hold is over: {mentions(over.by)} compared and stated the same head."


def _line(event: Event, after: Request) -> str:
    match event:
        case e.Approved():
            return f"Your approval of {after.id} counts. {_missing(after)}"
        case e.QuorumReached():
            return f"Approved: {after.id} has its quorum, {mentions(event.by)}; {_starts(after)}."
        case e.Expired():
            return f"{after.id} has expired: not enough of its window is left. Ask again with `/upgrade`."
        case e.Voided():
            return f"{after.id} is void: {_words(event.reason)}. Ask again with `/upgrade`."
        case e.Declined():
            return f"{after.id} is declined."
        case e.Withdrawn():
            return f"{after.id} is withdrawn."
        case e.Cancelled():
            return f"{after.id} is cancelled; Install was not pressed."
        case e.CancelAsked():
            return (
                f"{after.id} will be cancelled: the current step ends first, and Install will not be pressed."
            )
        case e.Acknowledged():
            return f"You have acknowledged {after.id}; the page is not repeated."
        case e.Stated():
            twin = escape(spelled(after.id, event.statement, event.value), limit=1500)
            return f"Recorded. It acts when a second approver states the same: `{twin}`"
        case e.Released():
            case_number = f" with case {_words(event.case)}" if event.case else ""
            return f"The enterprise is released{case_number} by {mentions(event.by)}."
        case e.Stopped():
            return f"{after.id} is stopped: {_words(event.reason)}."
        case e.WatchResumed():
            return f"{after.id} is watched again: {mentions(event.by)} saw it installing."
        case e.Succeeded():
            return f"{after.id} has succeeded at level {_words(event.level)}."
        case e.Failed():
            return f"{after.id} has failed: {_words(event.words)}. The enterprise is in quarantine."
    return ""


def _missing(request: Request) -> str:
    """Who is still needed, by the plan's own rules; who is in a group is asked anew at each click."""
    if request.plan is None:
        return ""
    rules = request.plan.rules
    count = max(1, rules.quorum - len(request.approvals))
    asker_counts = rules.requester_may_approve
    ids = [u for u in rules.approver_ids if u not in request.approvals and (asker_counts or u != request.by)]
    people = ", ".join([f"<@{u}>" for u in ids] + [f"<!subteam^{g}>" for g in rules.approver_groups])
    return f"Still needed: {'one' if count == 1 else count} of {people}."


def _starts(request: Request) -> str:
    plan: Plan | None = request.plan
    if plan is None or (request.quorum_at and plan.start <= request.quorum_at):
        return "it starts now"
    return f"it starts at {moment(plan.start)}"


def status(standing: Mapping[str, tuple[EnterpriseSettings, Enterprise]]) -> str:
    """How enterprises stand, by name."""
    return _fit("\n\n".join(_standing(name, *both) for name, both in standing.items()))


def _standing(name: str, settings: EnterpriseSettings, state: Enterprise) -> str:
    lines = [f"*{escape(settings.title)}* (`{name}`)"]
    if hold := state.hold:
        stated = (
            f"{mentions(tuple(hold.stated))} compared; another is needed" if hold.stated else "nobody has yet"
        )
        lines.append(
            f"Held since {moment(hold.since)}: {_words(hold.reason)}. Nothing can begin until two approvers have "
            f"compared its consoles with the last announced head ({stated}); the message in <#{settings.channel}> "
            "says how."
        )
    if held := state.quarantine:
        lines.append(
            f"In quarantine since {moment(held.since)} after {held.request}: {_words(held.reason)}. "
            "Nothing starts until two approvers release it with the vendor's case number."
        )
    if state.lockout:
        lines.append(
            f"Lockout since {moment(state.lockout.since)}: nobody uses the Admin Console or the Packages page."
        )
    if running := state.running:
        flag = ", overdue" if running.run and running.run.overdue else ""
        lines.append(f"Under way{flag}: {_entry(running)}")
    lines += [f"Waiting: {_entry(request)}" for request in state.requests.values() if request.is_open]
    if len(lines) == 1:
        lines.append("Nothing is going on and nothing waits.")
    if state.levels:
        levels = ", ".join(f"{escape(a)} {escape(level)}" for a, level in sorted(state.levels.items()))
        lines.append(f"Levels last seen: {levels}")
    return "\n".join(lines)


def listing(states: Mapping[str, Enterprise]) -> str:
    """The newest requests of all enterprises, newest first."""
    found = sorted(
        ((name, request) for name, state in states.items() for request in state.requests.values()),
        key=lambda pair: pair[1].asked,
        reverse=True,
    )
    if not found:
        return "Nobody has asked for an upgrade yet. `/upgrade` opens the form."
    lines = [f"{_entry(request)} on `{name}`" for name, request in found[:LISTED]]
    if len(found) > LISTED:
        lines.append("and older ones; `keyturn ledger show` has them all")
    return _fit("\n".join(lines))


def _entry(request: Request) -> str:
    package = request.draft.package
    start = f", start {moment(request.plan.start)}" if request.plan and request.is_open else ""
    return (
        f"`{request.id}` {request.phase.value}: {escape(package.name, 80)}, asked by <@{request.by}> "
        f"{moment(request.asked)}{start}"
    )


def mentions(people: tuple[str, ...]) -> str:
    """People by mention, as part of a sentence."""
    return " and ".join(f"<@{user}>" for user in people)


def _words(text: str) -> str:
    return escape(text).rstrip(".")


def _fit(text: str) -> str:
    """Whole lines only: half a mention or date would show its markup."""
    return text if len(text) <= LONGEST else text[:LONGEST].rpartition("\n")[0] + "\n…"
