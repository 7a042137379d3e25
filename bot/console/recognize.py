"""From pages to values of the domain. Pure; every word of the console is untrusted.

A word that the profile does not know is an UNRECOGNIZED state with the word kept; a page that is not as the
profile says is `Unrecognized`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bot.console.allow import Purpose
from bot.console.controls import choice, offers, selected
from bot.console.labels import dialog_name, is_dialog
from bot.console.pages import Element, Page, PageKind, cut, elements, normal, seen, text
from bot.console.port import Unrecognized
from bot.console.profile import Profile
from bot.console.rows import body_of, cell_of, columns_of, name_of, rows_of, table_of, unclear
from bot.domain.sight import (
    WORDS_LIMIT,
    Activity,
    IpmInformation,
    PackageSight,
    PackageState,
    ServerState,
    WorkRow,
    WorkState,
)

_HEADINGS = ("legend", "h2", "h3", "h4", "h5", "h6")
"""Of the parts of a page; below one stand those after it."""
State = TypeVar("State", bound=StrEnum)


@dataclass(frozen=True)
class PackagesSight:
    """The Packages page. `activity` is UNRECOGNIZED, and `reason` says why, when its parts contradict."""

    packages: tuple[PackageSight, ...]
    activity: Activity
    subject: str | None
    rows: tuple[WorkRow, ...]
    finished: bool
    reason: str = ""


@dataclass(frozen=True)
class _Panel:
    activity: Activity
    subject: str | None
    rows: tuple[WorkRow, ...]


def stands_on(document: Element, profile: Profile) -> tuple[Element, str]:
    """What one stands on, and its heading: the dialog that is open and that the profile names, else the page."""
    known = {normal(heading) for heading in profile.headings.values()}
    dialogs = [(e, dialog_name(e)) for e in elements(document) if is_dialog(e)]
    open_ = [(dialog, name) for dialog, name in dialogs if normal(name) in known]
    if not open_:
        return document, heading_of(document, profile)
    return open_[0] if len(open_) == 1 else (document, "")


def kind_of(document: Element, heading: str, profile: Profile) -> PageKind:
    """Which of the profile's pages this is, by its heading."""
    found = next((k for k, h in profile.headings.items() if normal(h) == normal(heading)), PageKind.OTHER)
    asks = any((e.get("type") or "").lower() == "password" for e in elements(document, "input"))
    # A real console may head every page with the product's name: only one that asks for a password signs in.
    return PageKind.OTHER if found is PageKind.SIGN_IN and not asks else found


def heading_of(document: Element, profile: Profile) -> str:
    """The text of the only visible heading where the profile looks for one, "" when there is none or more than one.

    What the sign-in page is headed by does not count beside another one: it may stand on all pages, and in each frame.
    What stands in small print does not count either.
    """
    places = profile.places.elements(profile.places.headings, document)
    found = [text(e, without=("small",)) or text(e) for e in places if seen(e)]
    if len(found) > 1:
        product = normal(profile.headings[PageKind.SIGN_IN])
        found = [heading for heading in found if normal(heading) != product] or found[:1]
    return found[0] if len(found) == 1 else ""


def expect(page: Page, kind: PageKind, profile: Profile) -> None:
    """Raises `Unrecognized` unless `page` is the page of that kind, answered without an error status."""
    if page.kind is kind and page.status < 400:
        return
    if _search(profile.patterns.wizard, page.title):
        found = "the Appliance Setup Wizard: this appliance is not configured"
    else:
        shown = page.heading or page.title
        found = f"a page headed {cut(shown)!r}" if shown else "a page without a heading"
    status = "" if page.status < 400 else f", status {page.status}"
    unread = f" (not looked into: {'; '.join(page.unread)})" if page.unread else ""
    raise Unrecognized(
        f"{page.where}: expected the page {profile.headings[kind]!r}, got {found}{status}{unread}. "
        "Look at the console.",
        page=page.evidence,
    )


def errors(page: Page, profile: Profile) -> tuple[str, ...]:
    """The error messages on a page, in the console's own words, uncut."""
    found = [text(e) for e in profile.places.elements(profile.places.errors, page.document)]
    return tuple(dict.fromkeys(words for words in found if words))


def locked(page: Page, profile: Profile) -> bool:
    """Whether a notice on the page speaks of the enterprise lock."""
    found = profile.places.elements(profile.places.notices, page.document)
    return any(_search(profile.patterns.lock, text(e)) for e in found)


def expired(page: Page, profile: Profile) -> bool:
    """Whether a sign-in page says that a session has ended, rather than that it refuses."""
    return bool(_search(profile.patterns.session_expired, text(page.document)))


def confirms(page: Page, profile: Profile) -> bool:
    """Whether a page only says that a step was done."""
    return page.kind is PageKind.OTHER and bool(_search(profile.patterns.confirmation, page.heading))


def packages(page: Page, profile: Profile) -> PackagesSight:
    """The Packages page: the list, and what goes on. Raises `Unrecognized`."""
    expect(page, PageKind.PACKAGES, profile)
    table, columns = _package_table(page, profile)
    rows = rows_of(page, table, columns)
    listed = tuple(
        PackageSight(name=name, state=_package_state(words, profile), words=words) for name, words in rows
    )
    panels = list(_panels(page, profile))
    moving = {
        PackageState.DISTRIBUTING: Activity.DISTRIBUTING,
        PackageState.INSTALLING: Activity.INSTALLING,
    }
    going_on = {(panel.activity, panel.subject) for panel in panels}
    going_on |= {(moving[p.state], p.name) for p in listed if p.state in moving}
    finished = offers(page, profile.labels[Purpose.FINISH_DISTRIBUTION])
    if not going_on and not finished:
        return PackagesSight(listed, Activity.IDLE, None, (), False)
    if len(panels) > 1 or len(going_on) != 1:
        reason = f"{page} shows more than one piece of work, or none that is named."
        return PackagesSight(listed, Activity.UNRECOGNIZED, None, (), False, reason)
    activity, subject = going_on.pop()
    work = panels[0].rows if panels else ()
    reason = f"{page} shows work under a heading that is not known." if subject is None else ""
    done = finished and activity is Activity.DISTRIBUTING
    return PackagesSight(listed, activity, subject, work, done, reason)


def package_rows(page: Page, profile: Profile) -> dict[str, Element]:
    """The row of each package in the list of the Packages page. Raises `Unrecognized`."""
    table, columns = _package_table(page, profile)
    names = [name for name, _ in rows_of(page, table, columns)]
    return dict(zip(names, (row for row, _ in body_of(table, columns)), strict=True))


def _package_table(page: Page, profile: Profile) -> tuple[Element, tuple[str, str]]:
    columns = (profile.columns.package, profile.columns.package_status)
    return table_of(page, columns), columns


def levels(page: Page, profile: Profile) -> dict[str, str | None]:
    """The Enterprise page: each appliance's release, None where the cell is empty. Raises `Unrecognized`."""
    expect(page, PageKind.ENTERPRISE, profile)
    columns = (profile.columns.enterprise_appliance, profile.columns.enterprise_release)
    return {name: level or None for name, level in rows_of(page, table_of(page, columns), columns)}


def server(page: Page, profile: Profile) -> ServerState:
    """System > Operations: the state of the Imprivata Server. Raises `Unrecognized`."""
    expect(page, PageKind.OPERATIONS, profile)
    words = cell_of(page, profile.columns.server)
    if words is None:
        raise unclear(page, f"no cell {profile.columns.server!r}")
    return _state(words, profile.server_words, ServerState.UNRECOGNIZED)


def ipm_information(page: Page, profile: Profile) -> IpmInformation:
    """The IPM Information page. Raises `Unrecognized`."""
    expect(page, PageKind.IPM_INFORMATION, profile)
    name = cell_of(page, profile.columns.ipm_name)
    if not name:
        raise unclear(page, f"no cell {profile.columns.ipm_name!r}")
    return IpmInformation(
        package=name_of(page, name),
        level=cell_of(page, profile.columns.ipm_release) or None,
        all_selected=selected(choice(page, profile.fields_.all_appliances)),
    )


def _panels(page: Page, profile: Profile) -> Iterator[_Panel]:
    """The sections of a distribution or an installation: a heading, then perhaps a table, before the next."""
    columns = (profile.columns.work_appliance, profile.columns.work_status)
    open_panel: tuple[Activity, str | None] | None = None
    rows: tuple[WorkRow, ...] = ()
    rank = 0
    for element in elements(page.document, *_HEADINGS, "table"):
        if element.tag != "table":
            work, below = _work(page, text(element), profile), _HEADINGS.index(str(element.tag)) > rank
            if open_panel and not rows and work is None and below:
                continue  # of a part of the section
            if open_panel:
                yield _Panel(*open_panel, rows)
            open_panel, rows, rank = work, (), _HEADINGS.index(str(element.tag))
        elif columns_of(element, columns):
            if rows or open_panel is None:
                if open_panel:
                    yield _Panel(*open_panel, rows)
                open_panel = (Activity.UNRECOGNIZED, None)
            found = rows_of(page, element, columns)
            rows = tuple(_work_row(name, words, profile) for name, words in found)
    if open_panel:
        yield _Panel(*open_panel, rows)


def _work(page: Page, heading: str, profile: Profile) -> tuple[Activity, str | None] | None:
    for activity, pattern in (
        (Activity.DISTRIBUTING, profile.patterns.distribution),
        (Activity.INSTALLING, profile.patterns.installation),
    ):
        if match := _search(pattern, heading):
            return activity, name_of(page, match["package"] or "")
    return None


def _work_row(name: str, words: str, profile: Profile) -> WorkRow:
    state = _state(words, profile.work_words, WorkState.UNRECOGNIZED)
    percent = None
    if match := _search(profile.patterns.percent, words):
        percent = int(match["percent"]) if int(match["percent"]) <= 100 else None
        state = WorkState.UNRECOGNIZED if percent is None else WorkState.WORKING
    elif _search(profile.patterns.error, words):
        state = WorkState.ERROR
    return WorkRow(appliance=name, state=state, percent=percent, words=words)


def _package_state(words: str, profile: Profile) -> PackageState:
    if _search(profile.patterns.error, words):
        return PackageState.ERROR
    return _state(words, profile.package_words, PackageState.UNRECOGNIZED)


def _state(words: str, known: Mapping[State, tuple[str, ...]], otherwise: State) -> State:
    return next((s for s, ws in known.items() if normal(words) in map(normal, ws)), otherwise)


def _search(pattern: str, words: str) -> re.Match[str] | None:
    return re.search(pattern, words[:WORDS_LIMIT], re.IGNORECASE)
