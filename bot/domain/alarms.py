"""What time alone brings about: expiry, notices, pages. And when to look again. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Event, Phase
from bot.domain.lockout import notice_due, notice_times

PAGE_EVERY = timedelta(minutes=5)
"""How long an unacknowledged page waits before it is said again."""


def fallen_due(state: Enterprise, now: datetime) -> list[Event]:
    """The events whose time has come."""
    due: list[Event] = []
    for request in state.requests.values():
        if request.is_open and now > _latest(request):
            due.append(e.Expired(request=request.id))
        elif minutes := notice_due(request, now):
            due.append(e.NoticeRaised(request=request.id, minutes=minutes))
        page = _page_at(request, now)
        if request.trouble and page is not None and now >= page:
            due.append(e.Paged(request=request.id, count=request.trouble.paged + 1))
    return due


def next_look(state: Enterprise, now: datetime) -> datetime | None:
    """The next moment after `now` at which something falls due or a run may start; None when nothing waits."""
    moments: list[datetime] = []
    for request in state.requests.values():
        if request.is_open:
            moments += [_latest(request) + timedelta(microseconds=1), *notice_times(request).values()]
        if request.phase is Phase.APPROVED and request.plan:
            moments.append(request.plan.start)
        if (page := _page_at(request, now)) is not None:
            moments.append(page)
    return min((m for m in moments if m > now), default=None)


def _latest(request: Request) -> datetime:
    return request.plan.latest_start if request.plan else request.draft.window.closes


def _page_at(request: Request, now: datetime) -> datetime | None:
    """A page of the future was said before the clock was set back: nobody waits for that moment to come again."""
    trouble = request.trouble
    if trouble is None or trouble.acknowledged:
        return None
    if trouble.last_paged is None:
        return min(trouble.since, now)
    return now if trouble.last_paged > now else trouble.last_paged + PAGE_EVERY
