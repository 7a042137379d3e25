"""What must hold of the messages of a whole story: said, once, in time, and up to date (law 8).

A message is called for by an event, approvers are asked by the plan. It may be left out only when it was folded: its
moment passed before the announcer came to it, and the announcer could not come to it earlier, because the bot had just
been killed or the moment was that short. Which message an event calls for, and when its moment has passed, is written
here once more and not taken from `bot/announce`, which is what is judged.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import NamedTuple

from bot.announce import routes
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, evolve
from bot.domain.events import Phase
from bot.domain.ledger import Entry
from bot.sandbox.person import BEN, CHLOE
from tests.crash.history import History
from tests.kill.scene import key

LIVELY = 2.0
"""Real seconds after an event within which a bot that lives may come too late to its message."""
RETURNING = 10.0
"""Real seconds after a kill by which a bot that is started again has come to what it found."""

FAMILIES: dict[type[e.Event], str] = {
    e.UpgradeRequested: "card",
    e.Approved: "approved",
    e.NoticeRaised: "notice",
    e.RunStarted: "progress",
    e.LockoutClosed: "unlocked",
    e.Failed: "failure",
    e.BecameUnknown: "failure",
    e.BecameOverdue: "overdue",
    e.LevelUnexpected: "level",
    e.Paged: "page",
    e.Stated: "stated",
    e.Released: "released",
    e.WatchResumed: "resumed",
    e.LogsCollected: "logs",
    e.LogsRefused: "logs",
    e.EvidenceLost: "evidence",
    e.EpochBegan: "hold",
    e.Compared: "compared",
    **dict.fromkeys(
        (e.Succeeded, e.Stopped, e.Voided, e.Expired, e.Declined, e.Withdrawn, e.Cancelled), "finish"
    ),
}
"""What each event calls for; LockoutOpened for the notice of the run or of somebody else's work."""

Over = Callable[[Enterprise, Entry], bool]
"""Whether the moment of a message has passed in a state, at an entry."""


class Due(NamedTuple):
    """The message `key` is called for by `entry`. `over` says when it need not be said any more."""

    key: str
    entry: Entry
    over: Over


def due(history: History) -> Iterator[Due]:
    """Every message that the ledger calls for, in order; the questions to approvers behind their plan."""
    for entry in history.own:
        if wanted := routes.key_of(entry):
            yield Due(wanted, entry, _over(entry.event))
        if isinstance(entry.event, e.PreflightDone) and entry.event.plan:
            for user in (BEN, CHLOE):
                yield Due(
                    routes.ask_key(entry.event.request, user), entry, _answered(entry.event.request, user)
                )


def family_of(event: e.Event) -> str | None:
    """The family of the message that the event calls for."""
    if isinstance(event, e.LockoutOpened):
        return "foreign" if event.foreign else "lockout"
    return FAMILIES.get(type(event))


def _over(event: e.Event) -> Over:
    """When nobody needs the event's message any more. Most are needed for ever."""

    def over(state: Enterprise, now: Entry) -> bool:
        match event:
            case e.Approved():
                return state.requests[event.request].ended is not None
            case e.NoticeRaised():
                request = state.requests[event.request]
                begun = request.plan is not None and now.at >= request.plan.start
                return begun or request.ended is not None or min(request.notices) < event.minutes
            case e.LockoutOpened():
                return state.lockout is None or state.lockout.request != event.request
            case e.BecameUnknown():
                return state.requests[event.request].phase is not Phase.UNKNOWN
            case e.BecameOverdue() | e.LevelUnexpected():
                return not state.requests[event.request].is_running
            case e.Paged():
                trouble = state.requests[event.request].trouble
                return trouble is None or trouble.acknowledged is not None or trouble.paged != event.count
            case e.EpochBegan():
                return state.hold is None or state.hold.epoch != event.epoch
        return False

    return over


def _answered(request: str, user: str) -> Over:
    def over(state: Enterprise, _: Entry) -> bool:
        asked = state.requests[request]
        return asked.phase is not Phase.REQUESTED or user in asked.approvals

    return over


class Folded(NamedTuple):
    """A message that was left out. `at`: when its moment had passed, in Unix seconds; None when it never has."""

    due: Due
    at: float | None


def folded(history: History) -> Iterator[Folded]:
    """Every message that the ledger calls for and that was never posted."""
    posted = {x.event.key for x in history.entries if isinstance(x.event, e.Posted)}
    for message in due(history):
        if message.key not in posted:
            yield Folded(message, _passed(history, message.entry, message.over))


def _passed(history: History, since: Entry, over: Over) -> float | None:
    """Some moments pass by time alone: the announcer's own entries are moments too."""
    state = Enterprise()
    for entry in history.entries:
        if entry.stream == since.stream:
            state = evolve(state, entry.event, entry.at)
        if entry.position >= since.position and over(state, entry):
            return history.real(entry)
    return None


# --- the rules


def no_message_is_doubled(history: History) -> Iterator[str]:
    """Each key stands in Slack once."""
    for wanted, messages in history.standing().items():
        if len(messages) > 1:
            yield f"{wanted} stands in Slack {len(messages)} times"


def no_message_is_lost(history: History) -> Iterator[str]:
    """What the ledger calls for was posted or rightly folded; what was posted stands there, and is in the ledger."""
    posted = {x.event.key: x.event.ts for x in history.entries if isinstance(x.event, e.Posted)}
    abandoned = {x.event.key: x for x in history.entries if isinstance(x.event, e.PostAbandoned)}
    there = {(key(m), m.ts) for m in history.messages if not m.raw.get("deleted")}
    for entry in history.own:
        called, wanted = family_of(entry.event), routes.key_of(entry)
        if called and (wanted is None or routes.family(wanted) != called):
            yield f"{type(entry.event).__name__} calls for a message of the family {called}, and not for {wanted}"
    for message, at in folded(history):
        came = abandoned.get(message.key) or _came_to_the_next(history, message)
        if at is None or (came and at > history.real(came)):
            yield f"{message.key} was never posted, although its moment had not passed"
        elif not _excused(history, message.entry, at):
            yield f"{message.key} was never posted, although the bot lived while it was to be said"
    for wanted, ts in posted.items():
        if (wanted, ts) not in there:
            yield f"{wanted} is not in Slack at {ts}"
    for wanted in history.standing():
        if wanted not in posted:
            yield f"{wanted} stands in Slack, and the ledger does not know it"
    for intended in (x.event.key for x in history.entries if isinstance(x.event, e.PostIntended)):
        if intended not in posted and intended not in abandoned:
            yield f"{intended} was intended, and what became of it is not known"
    for wanted, entry in abandoned.items():
        if isinstance(entry.event, e.PostAbandoned) and entry.event.reason.startswith("Slack says"):
            yield f"{wanted} was given up: {entry.event.reason}"


def _came_to_the_next(history: History, message: Due) -> Entry | None:
    """The announcer's first intent for a later event: it works in order, so it had come to this one before.

    Approvers are asked when nothing else is to be said: nothing follows from what is said meanwhile.
    """
    if routes.family(message.key) == "ask":
        return None
    later = {
        wanted for x in history.own if x.position > message.entry.position and (wanted := routes.key_of(x))
    }
    intents = (x for x in history.entries if isinstance(x.event, e.PostIntended) and x.event.key in later)
    return next(intents, None)


def _excused(history: History, since: Entry, at: float) -> bool:
    """Whether something that was called for by `since` may not have been said until `at`."""
    began = history.real(since)
    dead = [killed.at + RETURNING for killed in history.killed if began - RETURNING <= killed.at <= at]
    return at <= max([began + LIVELY, *dead])


def messages_are_up_to_date(history: History) -> Iterator[str]:
    """What is kept up to date reads as the end has it."""
    for wanted, messages in history.standing().items():
        rendered = history.rendered(wanted) if routes.family(wanted) in routes.EDITED else None
        if rendered and messages[0].text != rendered.text:
            lines = itertools.zip_longest(messages[0].text.splitlines(), rendered.text.splitlines())
            reads, should = next(pair for pair in lines if pair[0] != pair[1])
            yield f"{wanted} reads {reads!r}, and should read {should!r}"


def the_lockout_is_announced_first(history: History) -> Iterator[str]:
    """Each install intent has the delivered lockout notice of its run before it."""
    delivered: set[str] = set()
    for entry in sorted([*history.entries, *history.lost], key=lambda entry: entry.at):
        match entry.event:
            case e.Posted():
                delivered.add(entry.event.key)
            case e.InstallIntended() if f"lockout:{entry.event.request}" not in delivered:
                yield f"Install of {entry.event.request} was intended before its lockout was announced"


TROUBLE = e.Failed | e.BecameUnknown | e.BecameOverdue | e.LevelUnexpected


def people_are_paged(history: History) -> Iterator[str]:
    """Each trouble is followed by a page about it, unless it was settled before one could be written."""
    for entry in history.own:
        if isinstance(entry.event, TROUBLE) and not _paged(history, entry, entry.event.request):
            yield f"nobody was paged about {type(entry.event).__name__} of {entry.event.request}"


def _paged(history: History, since: Entry, request: str) -> bool:
    later = [entry for entry in history.own if entry.position > since.position]
    for entry in later:
        if getattr(entry.event, "request", "") == request:
            if isinstance(entry.event, e.Paged):
                return True
            if isinstance(entry.event, TROUBLE | e.Succeeded | e.Stopped | e.WatchResumed | e.Released):
                return _excused(history, since, history.real(entry))
    return False


RULES = (
    no_message_is_doubled,
    no_message_is_lost,
    messages_are_up_to_date,
    the_lockout_is_announced_first,
    people_are_paged,
)
