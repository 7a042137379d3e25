"""Which event makes which message, and which message is rendered how. Pure.

A message is named by its key: family, request or enterprise, and what else tells it from others. Where an event can
happen to a request more than once, that is the event's version in its stream, so that an old message is never taken
for a new.
"""

from __future__ import annotations

from bot.announce import ask, card, failure, finish, hold, lockout, notes, page, progress
from bot.announce.blocks import Message, message, small
from bot.announce.view import EnterpriseView, View
from bot.domain import events as e
from bot.domain.enterprise import enterprise_of
from bot.domain.events import Phase
from bot.domain.ledger import Entry

OF_ENTERPRISE = frozenset({"hold", "compared"})
"""Families whose messages are about an enterprise; the others are about a request."""

EDITED = frozenset(
    {"card", "progress", "ask", "lockout", "foreign", "failure", "overdue", "level", "page", "hold"}
)
"""Families whose messages are kept up to date; the others are said once."""

NEEDS_AUTHORITY = frozenset({"card", "approved"})
"""Families that say whose approval is awaited."""

LOCKOUT = ("lockout", "foreign")

SEALED = frozenset({"finish", "unlocked", "logs", "compared"})
"""Families that carry the ledger's head: the end of every run is among them, and none of them is edited."""


def family(key: str) -> str:
    return key.partition(":")[0]


def subject_of(key: str) -> str:
    """The id of the request, or the name of the enterprise, that the message is about."""
    return key.split(":")[1]


def ask_key(request: str, user: str) -> str:
    return f"ask:{request}:{user}"


def hold_key(enterprise: str, epoch: int) -> str:
    return f"hold:{enterprise}:{epoch}"


def key_of(entry: Entry) -> str | None:
    """The key of the message that the event posts; None when it posts none."""
    event = entry.event
    match event:
        case e.UpgradeRequested():
            return f"card:{event.request}"
        case e.Approved():
            return f"approved:{event.request}:{event.by}"
        case e.NoticeRaised():
            return f"notice:{event.request}:{event.minutes}"
        case e.RunStarted():
            return f"progress:{event.request}"
        case e.LockoutOpened():
            return f"{'foreign' if event.foreign else 'lockout'}:{event.request}"
        case e.LockoutClosed():
            return f"unlocked:{event.request}"
        case e.Succeeded() | e.Stopped() | e.Voided() | e.Expired():
            return f"finish:{event.request}"
        case e.Declined() | e.Withdrawn() | e.Cancelled():
            return f"finish:{event.request}"
        case e.Failed() | e.BecameUnknown():
            return f"failure:{event.request}:{entry.version}"
        case e.BecameOverdue():
            return f"overdue:{event.request}:{entry.version}"
        case e.LevelUnexpected():
            return f"level:{event.request}:{entry.version}"
        case e.Paged():
            return f"page:{event.request}:{entry.version}"
        case e.Stated():
            return f"stated:{event.request}:{entry.version}"
        case e.Released():
            return f"released:{event.request}:{entry.version}"
        case e.WatchResumed():
            return f"resumed:{event.request}:{entry.version}"
        case e.LogsCollected() | e.LogsRefused():
            return f"logs:{event.request}:{entry.version}"
        case e.EvidenceLost():
            return f"evidence:{event.request}"
        case e.EpochBegan():
            return hold_key(str(enterprise_of(entry.stream)), event.epoch)
        case e.Compared():
            return f"compared:{enterprise_of(entry.stream)}:{event.epoch}"
    return None


def first(key: str, view: EnterpriseView, entry: Entry) -> Message | None:
    """The message that `entry` posts, from the present state; None when its moment has passed: it is folded."""
    event = entry.event
    if isinstance(event, e.Compared):
        return hold.compared(view, event)
    if not isinstance(view, View):
        stands = view.state.hold and key == hold_key(view.name, view.state.hold.epoch)
        return current(key, view) if stands else None
    match event:
        case e.Approved():
            return notes.approved(view, event)
        case e.NoticeRaised():
            return lockout.notice(view, event.minutes)
        case e.LockoutOpened():
            return lockout.opened_foreign(view) if event.foreign else lockout.opened(view)
        case e.LockoutClosed():
            return lockout.closed(view, event, entry.at)
        case e.Failed():
            return failure.failure(view) if view.request.phase is Phase.FAILED else None
        case e.BecameUnknown():
            return failure.failure(view) if view.request.phase is Phase.UNKNOWN else None
        case e.BecameOverdue():
            return failure.overdue(view) if view.request.is_running else None
        case e.LevelUnexpected():
            return failure.unexpected_level(view) if view.request.is_running else None
        case e.Paged():
            return page.page(view) if _newest_call(view, event) else None
        case e.Stated():
            return notes.stated(view, event)
        case e.Released():
            return notes.released(view, event)
        case e.WatchResumed():
            return notes.resumed(view, event)
        case e.LogsCollected() | e.LogsRefused():
            return notes.logs(view, event)
        case e.EvidenceLost():
            return notes.evidence_lost(view, event)
    return finish.finish(view) if family(key) == "finish" else current(key, view)


def _newest_call(view: View, event: e.Paged) -> bool:
    """A Slack that was away for an hour gets the call once, not twelve times in a second."""
    trouble = view.request.trouble
    return trouble is not None and event.count == trouble.paged


def sealed(key: str, said: Message, entry: Entry) -> Message:
    """With the ledger's head in small print, where the message is said once: `keyturn ledger verify --head` (law 7)."""
    if family(key) not in SEALED:
        return said
    return message(*said.blocks, small(f"Ledger entry {entry.position}, head {entry.hash}"))


def current(key: str, view: EnterpriseView) -> Message | None:
    """A message of the EDITED families as it should read now."""
    if not isinstance(view, View):
        return hold.hold(view, int(key.split(":")[2]))
    match family(key):
        case "card":
            return card.card(view)
        case "progress":
            return progress.progress(view)
        case "ask":
            return ask.ask(view, key.split(":")[2])
        case "lockout":
            return lockout.opened(view) or lockout.over(view)
        case "foreign":
            return lockout.opened_foreign(view) or lockout.over(view)
        case "failure":
            return failure.failure(view)
        case "overdue":
            return failure.overdue(view)
        case "level":
            return failure.unexpected_level(view)
        case "page":
            return page.page(view) or page.answered(view)
    raise ValueError(f"messages of the family {family(key)} are not edited")
