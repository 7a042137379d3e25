"""The lockout's notices: before, at and after (law 8). Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.enterprise import Request
from bot.domain.events import Phase

NOTICES = (60, 15)
"""Minutes before the start at which a notice is due. T-0 is the lockout's own opening."""


def notice_times(request: Request) -> dict[int, datetime]:
    """The notices that lay ahead when the quorum was reached, by minutes before the start, not yet raised."""
    if request.phase is not Phase.APPROVED or request.plan is None or request.quorum_at is None:
        return {}
    start, since = request.plan.start, request.quorum_at
    times = {m: start - timedelta(minutes=m) for m in NOTICES}
    return {m: at for m, at in times.items() if at >= since and not _raised(request, m)}


def notice_due(request: Request, now: datetime) -> int | None:
    """The notice to raise now: the nearest to the start of those whose time has come, before the start."""
    if request.plan is None or now >= request.plan.start:
        return None
    return min((m for m, at in notice_times(request).items() if at <= now), default=None)


def _raised(request: Request, minutes: int) -> bool:
    """A later notice makes an earlier one pointless."""
    return any(m <= minutes for m in request.notices)
