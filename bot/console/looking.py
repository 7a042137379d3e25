"""One look at the consoles of an enterprise: pages read in order, put together to one observation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.console import recognize
from bot.console.allow import Purpose
from bot.console.pages import Page, PageKind
from bot.console.port import Unreachable, Unrecognized
from bot.console.profile import Profile
from bot.console.recognize import PackagesSight
from bot.console.session import Session
from bot.domain.sight import Activity, ApplianceSight, Observation, ServerState

Seen = TypeVar("Seen")


@dataclass
class _Sheet:
    """What one console showed."""

    answered: bool = True
    reasons: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    locked: bool = False


async def look(sessions: Sequence[Session], profile: Profile) -> Observation:
    """Packages, Enterprise and Operations of the first console, Operations of the others. Read-only.

    Silence of the first is `answered=False`; what is not understood is `recognized=False`, the rest kept.
    Raises `SignInRefused`, `CertificateMismatch`, `Forbidden`.
    """
    sheet = _Sheet()
    first, others = sessions[0], sessions[1:]
    try:
        packages = await _seen(sheet, profile, first, Purpose.PACKAGES, recognize.packages)
        levels = await _seen(sheet, profile, first, Purpose.ENTERPRISE, recognize.levels)
        server = await _seen(sheet, profile, first, Purpose.SYSTEM, recognize.server)
    except Unreachable as error:
        return Observation(answered=False, reason=str(error))
    if packages is None:
        packages = PackagesSight((), Activity.UNRECOGNIZED, None, (), False)
    elif packages.reason:
        sheet.reasons.append(packages.reason)
    read = await _all(_server(session, profile) for session in others)
    sheets = [sheet, *(one for one, _ in read)]
    servers = [server if server is not None else ServerState.UNRECOGNIZED, *(state for _, state in read)]
    reasons = [reason for one in sheets for reason in one.reasons]
    return Observation(
        answered=True,
        recognized=not reasons,
        reason=" ".join(reasons),
        activity=packages.activity,
        subject=packages.subject,
        rows=packages.rows,
        finished=packages.finished,
        locked=any(one.locked for one in sheets),
        errors=tuple(dict.fromkeys(words for one in sheets for words in one.errors)),
        packages=packages.packages,
        appliances=_appliances(sessions, sheets, servers, levels or {}),
        pages=tuple(page for one in sheets for page in one.pages),
    )


async def _all(looks: Iterable[Coroutine[Any, Any, Seen]]) -> list[Seen]:
    """All results, or the first error once every look has ended: none goes on behind the caller's back."""
    results = await asyncio.gather(*looks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _appliances(
    sessions: Sequence[Session],
    sheets: Sequence[_Sheet],
    servers: Sequence[ServerState | None],
    levels: dict[str, str | None],
) -> tuple[ApplianceSight, ...]:
    """The configured appliances, then those that only the Enterprise page lists."""
    listed = {name.casefold(): level for name, level in levels.items()}
    configured = {session.name.casefold() for session in sessions}
    own = [
        ApplianceSight(
            name=session.name,
            level=listed.get(session.name.casefold()),
            server=state,
            answered=sheet.answered,
        )
        for session, sheet, state in zip(sessions, sheets, servers, strict=True)
    ]
    strange = [
        ApplianceSight(name=name, level=level, answered=False)
        for name, level in levels.items()
        if name.casefold() not in configured
    ]
    return (*own, *strange)


async def _server(session: Session, profile: Profile) -> tuple[_Sheet, ServerState | None]:
    sheet = _Sheet()
    try:
        state = await _seen(sheet, profile, session, Purpose.SYSTEM, recognize.server)
    except Unreachable:
        sheet.answered = False
        return sheet, None
    return sheet, state if state is not None else ServerState.UNRECOGNIZED


async def _seen(
    sheet: _Sheet,
    profile: Profile,
    session: Session,
    tab: Purpose,
    read: Callable[[Page, Profile], Seen],
) -> Seen | None:
    """Open a tab and read it; None, with the reason noted, when it is not understood."""
    try:
        page = await session.open(tab)
        if tab is Purpose.SYSTEM and page.kind is not PageKind.OPERATIONS:
            page = await session.press(Purpose.OPERATIONS, page)
        sheet.pages.append(page.evidence)
        sheet.errors += recognize.errors(page, profile)
        sheet.locked |= recognize.locked(page, profile)
        return read(page, profile)
    except Unrecognized as error:
        if error.page and error.page not in sheet.pages:
            sheet.pages.append(error.page)
        sheet.reasons.append(str(error))
    return None
