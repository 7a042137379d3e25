"""What scripts build of plain elements and ARIA roles, as the HTML elements that mean the same. Pure."""

from __future__ import annotations

from typing import TypeVar

from lxml import html

from bot.console.pages import Element, forget

T = TypeVar("T")
_TAGS = {
    "table": "table",
    "grid": "table",
    "treegrid": "table",
    "row": "tr",
    "columnheader": "th",
    "rowheader": "th",
    "cell": "td",
    "gridcell": "td",
}
_BOXES = {"radio": "radio", "menuitemradio": "radio", "option": "radio", "checkbox": "checkbox"}
_PLAIN = frozenset({"div", "span", "p", "li", "ul", "ol", "section", "article", "label", "a", "button"})


def native(document: Element, origins: dict[Element, T] | None = None) -> None:
    """Let tables, headings and boxes that are told by their role be elements of that kind.

    `origins`: which living element each stands for; a box that is put in stands for what it was made of.
    """
    for element in list(document.iter()):
        if not isinstance(element.tag, str):
            continue
        role = (element.get("role") or "").strip().lower()
        if element.tag in _PLAIN and role in _TAGS:
            element.tag = _TAGS[role]
        elif (
            element.tag in _PLAIN and role == "heading" and (element.get("aria-level") or "") in set("123456")
        ):
            element.tag = f"h{element.get('aria-level')}"
        elif element.tag in _PLAIN - {"button"} and role in _BOXES:
            element.tag = "label"
            _put_box(element, element, _BOXES[role], origins)
        elif (
            role == "progressbar"
            and (now := element.get("aria-valuenow"))
            and not "".join(map(str, element.itertext())).strip()
        ):
            element.text = f"{now}%" if element.get("aria-valuemax", "100") == "100" else f"{now}"
    for row in document.iter("tr"):
        if row.get("aria-selected") and len(row) and next(row.iter("input"), None) is None:
            _put_box(row, row[0], "radio", origins)
    forget()


def _put_box(element: Element, into: Element, kind: str, origins: dict[Element, T] | None) -> None:
    box = html.Element("input", type=kind)
    if "true" in (element.get("aria-checked"), element.get("aria-selected")):
        box.set("checked", "")
    if element.get("aria-disabled") == "true":
        box.set("disabled", "")
    box.tail, into.text = into.text, None
    into.insert(0, box)
    if origins is not None and element in origins:
        origins[box] = origins[element]
