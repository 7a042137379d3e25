"""Selecting one package of a list, by its exact name, however the page lets a person do that."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from bot.console import controls
from bot.console.allow import denied
from bot.console.controls import Choice, Control
from bot.console.forms import same_group
from bot.console.labels import FIELD_TAGS, comparable, field_label, kind_of, own_label, shown
from bot.console.pages import Element, Page, cut, elements, remembered, text
from bot.console.port import Unrecognized
from bot.console.pressable import LINKS, known

_SELECTING = frozenset({"select", "choose", "pick", "mark"})


def select(page: Page, rows: Mapping[str, Element], package: str, label: str) -> Choice | Control | None:
    """How `package` is selected before the button `label` is pressed.

    `rows`: the row of each package in the list. In this order: a radio button or check box that is called by
    exactly that name, or stands in the package's row without another purpose, or an option of exactly that name;
    nothing (None) when the row has that button of its own; the link on the name. Raises `Unrecognized` when there is
    none, or two of one kind.
    """
    row = rows[package]
    found = [box for box in controls.boxes(page) if _stands_for(box, rows, package)]
    found += [
        option
        for option in controls.options(page)
        if _called(option) == package and not _denied(option, package)
    ]
    if not found and not controls.offers(page, label, within=row):
        links = [e for e in elements(row, *LINKS) if known(e) and " ".join(shown(e).split()) == package]
        if len(links) == 1:
            return controls.link(page, links[0])
        found = links or _none(page, package)
    if len(found) > 1:
        what = ", ".join(f"{_kind(e)} {cut(_called(e))!r}" for e in found[:5])
        raise Unrecognized(
            f"{page} has {len(found)} ways to select {package!r}; which one is meant is not clear: {what}.",
            page=page.evidence,
        )
    return Choice(found[0], _others(found[0], row)) if found else None


def _none(page: Page, package: str) -> list[Element]:
    near = difflib.get_close_matches(
        package, {_called(e) for e in (*controls.boxes(page), *controls.options(page))}
    )
    hint = f" Nearest: {', '.join(repr(cut(name)) for name in near)}." if near else ""
    raise Unrecognized(
        f"{page} lists {package!r}, but nothing to select it by: no radio button, check box, option or link of that "
        f"name, and no button in its row.{hint}",
        page=page.evidence,
        near=tuple(map(cut, near)),
    )


def _others(chosen: Element, row: Element) -> frozenset[Element]:
    """The boxes that select something else: those of the list, and those of the same name."""
    boxes = set(next(row.iterancestors("table")).iter("input"))
    if chosen.tag == "input":
        boxes |= set(same_group(chosen))
    return frozenset(boxes - {chosen})


def _stands_for(box: Element, rows: Mapping[str, Element], package: str) -> bool:
    """Whether this box selects the package: by its label, or by its row when no label says that it does otherwise."""
    around = [name for name, row in rows.items() if any(above is row for above in box.iterancestors("tr"))]
    if _denied(box, package):
        return False
    if not around:
        return _called(box) == package
    own, cell = own_label(box) or box.get("title") or "", next(box.iterancestors("td", "th"), None)
    beside = "" if cell is None else text(cell, alts=False, without=FIELD_TAGS)
    named = package in (own, beside) or _selects(_header(box), package)
    return around == [package] and _selects(own, package) and named


def _selects(words: str, package: str) -> bool:
    first = words.split()[:1]
    return not first or first == [package] or comparable(first[0]) in _SELECTING


def _denied(element: Element, package: str) -> bool:
    """Whether a box, or the list of an option, is called as something never to be touched; the package may be."""
    if element.tag == "option":
        return any(denied(field_label(above)) for above in element.iterancestors("select"))
    called = (own_label(element), element.get("title") or "", _header(element))
    return any(denied(words.replace(package, " ")) for words in called)


def _header(box: Element) -> str:
    """What the column is called that a box stands in."""
    cell = next(box.iterancestors("td", "th"), None)
    row = None if cell is None else cell.getparent()
    table = None if row is None else next(row.iterancestors("table"), None)
    if cell is None or row is None or table is None:
        return ""
    at, cells = len(list(cell.itersiblings("td", "th", preceding=True))), list(row.iterchildren("td", "th"))
    return text(_heads(table)[len(cells)][at], without=FIELD_TAGS)


@remembered
def _heads(table: Element) -> Mapping[int, list[Element]]:
    """The cells of the first row of each length."""
    heads: dict[int, list[Element]] = {}
    for row in table.iter("tr"):
        cells = list(row.iterchildren("td", "th"))
        heads.setdefault(len(cells), cells)
    return heads


def _called(element: Element) -> str:
    return " ".join((shown(element) if element.tag in LINKS else controls.choice_label(element)).split())


def _kind(element: Element) -> str:
    return {"option": "option", "input": kind_of(element)}.get(str(element.tag), "link")
