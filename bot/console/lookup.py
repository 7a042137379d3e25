"""Looking for what a profile names on the pages of a visit: found, missing with what is nearest, or unclear. Pure.

Nothing is pressed for this: a control is found, and the allow-list asked whether it might be pressed (law 3).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import httpx

from bot.console import choices, controls, recognize
from bot.console.allow import Gate, Purpose
from bot.console.controls import Choice, Control
from bot.console.labels import comparable, field_label, shown
from bot.console.pages import Element, Page, PageKind, elements, normal, text
from bot.console.port import Forbidden, Unrecognized
from bot.console.pressable import pressable
from bot.console.profile import Profile
from bot.console.report import Outcome
from bot.console.visit import View, Visit

NEAREST = 3
READABLE = 60
"""Things to read on a page that a report lists at most."""

KINDS = {
    View.SIGN_IN: PageKind.SIGN_IN,
    View.PACKAGES: PageKind.PACKAGES,
    View.ENTERPRISE: PageKind.ENTERPRISE,
    View.OPERATIONS: PageKind.OPERATIONS,
    View.LOGS: PageKind.LOGS,
}
"""The pages that a heading tells."""

_FIELDS = {View.SIGN_IN: ("user", "password")}
_LABELS = {
    View.SIGN_IN: (Purpose.SIGN_IN,),
    View.START: (Purpose.PACKAGES, Purpose.ENTERPRISE, Purpose.SYSTEM, Purpose.SIGN_OUT),
    View.PACKAGES: (Purpose.OPEN_UPLOAD, Purpose.OPEN_DISTRIBUTION, Purpose.OPEN_INSTALL),
    View.SYSTEM: (Purpose.OPERATIONS, Purpose.LOGS),
    View.LOGS: (Purpose.EXPORT_LOGS,),
}
_COLUMNS = {
    View.PACKAGES: ("package", "package_status"),
    View.ENTERPRISE: ("enterprise_appliance", "enterprise_release"),
    View.OPERATIONS: ("server",),
}
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_CELLS = ("th", "dt", "td")
"""What may head a column or a row: cells of an old table are no `<th>`."""
_OPENS_BY_ITSELF = {
    Purpose.PACKAGES: PageKind.PACKAGES,
    Purpose.ENTERPRISE: PageKind.ENTERPRISE,
    Purpose.SYSTEM: PageKind.OPERATIONS,
    Purpose.OPERATIONS: PageKind.OPERATIONS,
}
"""The tabs whose page may be open already, and which then need be no link (`Session.open`)."""


class Looked(NamedTuple):
    """What came of looking for one thing."""

    outcome: Outcome
    near: Sequence[str] = ()
    reason: str = ""


class Named(NamedTuple):
    """One thing that a profile names on a page: its key there, what it is called, how to look for it."""

    key: str
    expected: str
    look: Callable[[Page], Looked]


def named(view: View, visit: Visit, profile: Profile) -> Iterator[Named]:
    """All that `profile` names on the page of a view, whether the page was seen or not."""
    kind = KINDS.get(view)
    if kind:
        yield Named(
            f"headings.{kind.value}", profile.headings[kind], partial(_heading, kind, profile.headings[kind])
        )
    for name in _FIELDS.get(view, ()):
        label = getattr(profile.fields_, name)
        yield Named(f"fields.{name}", label, partial(_field, label))
    gate = Gate(httpx.URL(visit.address), profile.entry, profile.labels)
    for purpose in _LABELS.get(view, ()):
        label = profile.labels[purpose]
        look = partial(_control, gate, purpose, label, kind)
        if purpose in (Purpose.OPEN_DISTRIBUTION, Purpose.OPEN_INSTALL):
            look = partial(_button, gate, purpose, profile)
        if purpose in _OPENS_BY_ITSELF:
            others = [page for other, page in visit.pages.items() if other is not view]
            look = partial(_tab, look, _OPENS_BY_ITSELF[purpose], label, others)
        yield Named(f"labels.{purpose.value}", label, look)
    for name in _COLUMNS.get(view, ()):
        label = getattr(profile.columns, name)
        yield Named(f"columns.{name}", label, partial(_column, label))


def near(words: str, known: Iterable[str]) -> list[str]:
    """Which of `known` come nearest, the nearest first."""
    there = {comparable(one): one for one in known if one}
    return [there[key] for key in difflib.get_close_matches(comparable(words), there, n=NEAREST, cutoff=0.5)]


def readable(page: Page) -> tuple[str, ...]:
    """What a page's headings, controls, fields and header cells are called: for writing a profile."""
    found = [page.title, *(text(e) for e in elements(page.document, *_HEADINGS))]
    found += [shown(e) for e in pressable(page)]
    found += [field_label(e) for e in controls.inputs(page)]
    found += [text(e) for e in elements(page.document, "th", "dt")]
    return tuple(dict.fromkeys(words for words in found if words))[:READABLE]


def _heading(kind: PageKind, expected: str, page: Page) -> Looked:
    if page.kind is kind:
        return Looked(Outcome.FOUND)
    there = [page.heading, page.title, *(text(e) for e in elements(page.document, *_HEADINGS))]
    words = [words for words in dict.fromkeys(there) if words]
    if normal(expected) in map(normal, words):
        return Looked(Outcome.UNCLEAR, (), "it is there, but not the one heading where places.headings looks")
    return Looked(Outcome.MISSING, words[:NEAREST])


def _field(label: str, page: Page) -> Looked:
    try:
        controls.field(page, label)
    except Unrecognized as error:
        twice = any(comparable(words) == comparable(label) for words in error.near)
        return _not_one(error, twice)
    return Looked(Outcome.FOUND)


def _control(
    gate: Gate,
    purpose: Purpose,
    label: str,
    kind: PageKind | None,
    page: Page,
    choose: Choice | None = None,
    apart: Collection[Element] = (),
) -> Looked:
    # Where the heading is wrong, that is a finding of its own: the control is judged as on the page that it names.
    page = replace(page, kind=kind or page.kind)
    try:
        gate.examine(purpose, page, controls.action(page, label, choose=choose, apart=apart))
    except Forbidden as error:
        return Looked(Outcome.UNCLEAR, (), str(error))
    except Unrecognized as error:
        return _not_one(error, controls.offers(page, label))
    return Looked(Outcome.FOUND)


def _button(gate: Gate, purpose: Purpose, profile: Profile, page: Page) -> Looked:
    """A button that is pressed for a package: there when a run could press it for one of those that are listed."""
    look = partial(_control, gate, purpose, profile.labels[purpose], PageKind.PACKAGES, page)
    try:
        rows = recognize.package_rows(replace(page, kind=PageKind.PACKAGES), profile)
    except Unrecognized:
        rows = {}
    every = [_button_for(package, rows, profile.labels[purpose], page, look) for package in rows]
    best = (Outcome.FOUND, Outcome.UNCLEAR, Outcome.NOT_SEEN, Outcome.MISSING)
    return min(every, key=lambda looked: best.index(looked.outcome), default=look())


def _button_for(
    package: str, rows: Mapping[str, Element], label: str, page: Page, look: Callable[..., Looked]
) -> Looked:
    apart = [row for name, row in rows.items() if name != package]
    try:
        way = choices.select(page, rows, package, label)
    except Unrecognized as error:
        looked = look(apart=apart)
        return (
            looked if looked.outcome is Outcome.MISSING else Looked(Outcome.UNCLEAR, error.near, str(error))
        )
    if not isinstance(way, Control):
        return look(choose=way, apart=apart)
    looked = look(apart=apart)
    if looked.outcome is Outcome.MISSING and not looked.near:
        return Looked(Outcome.NOT_SEEN, (), "it may only be there once a package is selected")
    return looked


def _tab(
    look: Callable[[Page], Looked], kind: PageKind, label: str, others: Sequence[Page], page: Page
) -> Looked:
    """A tab whose page is open already may be no link there: then it is one on another page, or plain words."""
    looked = look(page)
    if looked.outcome is not Outcome.MISSING or page.kind is not kind:
        return looked
    if any(look(other).outcome is Outcome.FOUND for other in others):
        return Looked(Outcome.FOUND)
    words = (text(e) for e in elements(page.document) if isinstance(e.tag, str) and not len(e))
    if comparable(label) in map(comparable, words):
        return Looked(Outcome.NOT_SEEN, (), "its page opens by itself, and its tab is no link there")
    return looked


def _not_one(error: Unrecognized, there: bool) -> Looked:
    return Looked(Outcome.UNCLEAR, error.near, str(error)) if there else Looked(Outcome.MISSING, error.near)


def _column(label: str, page: Page) -> Looked:
    there = [text(e) for e in elements(page.document, *_CELLS)]
    if comparable(label) in map(comparable, there):
        return Looked(Outcome.FOUND)
    return Looked(Outcome.MISSING, near(label, there))
