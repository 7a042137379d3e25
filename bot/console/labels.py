"""What controls and fields are called, and when two labels are the same.

A label is what a person reads. Where an icon leaves nothing to read, it is what the icon is called.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping

from bot.console.pages import (
    BREAKING,
    FRAME,
    Element,
    by_id,
    home,
    labels_for,
    normal,
    remembered,
    seen,
    text,
)

FIELD_TAGS = ("input", "select", "textarea", "button")
BUTTON_TYPES = frozenset({"submit", "image", "button", "reset"})
BOX_TYPES = frozenset({"radio", "checkbox"})

_MODIFIER = "(?:alt ?gr|alt|ctrl|control|strg|shift|cmd|command|option|meta|win)"
_KEY = r"(?:\w|f\d\d?|enter|return|space|tab|esc(?:ape)?|del(?:ete)?|ins(?:ert)?|home|end|page ?(?:up|down))"
_KEYS = rf"\s*(?:(?:{_MODIFIER}\s*[+-]\s*){{1,4}}|(?:access ?key|shortcut)\s*:?\s*){_KEY}\s*"
_HINT = re.compile(rf"\s*\({_KEYS}\)$|\s*\[{_KEYS}\]$|\s(?:{_MODIFIER}\s*\+\s*){{1,4}}{_KEY}$")
_LONGEST_HINT = 80
"""Characters of a hint: no more of a label's end is searched for one."""
_LONGEST = 1_000
"""Characters of a label that could be a control's; of a longer one nothing is taken off."""
_ACCESS_KEY = re.compile(r"&(?=\w)")
_CLOSING = " .:*"
_ICONS = frozenset({"So", "Co"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6", "legend", "caption", "summary"})
_PARTS = frozenset(
    {"fieldset", "form", "section", "article", "aside", "details", "dialog", "table", "tr", "td", "div", "li"}
    | {"ul", "ol", "menu", "nav", "main", FRAME}
)
_NAMING = ("aria-label", "title", "alt", "value")


@functools.lru_cache(maxsize=1_024)
def comparable(label: str) -> str:
    """A label as it is compared, for what is pressed and for what must never be pressed alike.

    White space, letter case, a closing colon, dots or asterisk ("Distribute…", "User name: *"), keyboard hints
    ("Distribute (Alt+D)", "&Distribute"), invisible characters and icons around it make no difference.
    """
    if not label.isascii() and len(label) <= _LONGEST * 10:
        label = "".join(c for c in label if unicodedata.category(c) != "Cf")
    whole = normal(label)
    if len(whole) > _LONGEST:
        return whole
    bare, before = _ACCESS_KEY.sub("", whole), ""
    while bare != before:
        before = bare
        bare = _without_icons(bare).rstrip(_CLOSING)
        if hint := _HINT.search(bare, max(0, len(bare) - _LONGEST_HINT)):
            bare = bare[: hint.start()]
    return bare or whole


def _without_icons(label: str) -> str:
    if label.isascii():
        return label
    start, end = 0, len(label)
    while start < end and (label[start].isspace() or unicodedata.category(label[start]) in _ICONS):
        start += 1
    while end > start and (label[end - 1].isspace() or unicodedata.category(label[end - 1]) in _ICONS):
        end -= 1
    return label[start:end]


def kind_of(element: Element) -> str:
    """The type of a form's element, as HTML has it: what an `<input>` is without one is a text field."""
    default = {"button": "submit", "input": "text"}.get(str(element.tag), str(element.tag))
    return (element.get("type") or default).strip().lower()


def shown(element: Element) -> str:
    """What a person reads on a link or button; what its icon is called when there is nothing to read."""
    if element.tag == "input":
        default = "Submit" if kind_of(element) == "submit" and element.get("value") is None else ""
        read = element.get("value") or default if kind_of(element) != "image" else ""
    elif element.tag == "area":
        read = ""
    else:
        read = text(element, alts=False)
    if not _readable(read):
        read = next((name for name in _called(element) if _readable(name)), read)
    return read.strip()


def _readable(name: str) -> bool:
    return any(c.isalnum() for c in name)


def _called(element: Element) -> Iterator[str]:
    """What an icon is called, the surest first."""
    yield element.get("alt") or ""
    if element.tag != "input":
        yield text(element)
    yield _labelled_by(element)
    yield element.get("aria-label") or ""
    yield element.get("title") or ""
    for part in element.iterdescendants():
        if isinstance(part.tag, str) and seen(part):
            yield part.get("aria-label") or part.get("title") or ""
    if kind_of(element) == "image":
        yield element.get("value") or ""


def names(element: Element) -> tuple[str, ...]:
    """Everything that a link or button is called, seen or not; for the deny-list."""
    found = [shown(element), text(element), " ".join("".join(map(str, element.itertext())).split())]
    found += [_labelled_by(element)]
    found += [part.get(name) or "" for part in element.iter("*") for name in _NAMING]
    return tuple(dict.fromkeys(name for name in found if name))


def groups(element: Element) -> Iterator[str]:
    """What the parts of the page around an element are called."""
    for above in element.iterancestors():
        dialog = is_dialog(above)
        if above.tag in _PARTS or dialog:
            yield from (name for name in (above.get("aria-label"), _labelled_by(above)) if name)
            heads = above.iter(*_HEADINGS) if dialog else iter(above)
            row = above.tag == "tr"
            yield from (text(e) for e in heads if e.tag in _HEADINGS or (row and e.tag == "th"))


def is_dialog(element: Element) -> bool:
    """Whether an element is a dialog, open or not."""
    return element.tag == "dialog" or (element.get("role") or "").strip().lower() in ("dialog", "alertdialog")


def dialog_name(dialog: Element) -> str:
    """What a dialog is called: by its label, or by its first heading."""
    heads = (text(e) for e in dialog.iter("h1", "h2", "h3", "h4", "h5", "h6") if seen(e))
    return _labelled_by(dialog) or dialog.get("aria-label") or next(heads, "")


def field_label(field: Element) -> str:
    """What a field is called: by its label, by what stands beside it, at last by its title or placeholder."""
    at_last = (name for name in map(field.get, ("title", "placeholder")) if name)
    return own_label(field) or _cell_label(field) or next(at_last, "")


def own_label(field: Element) -> str:
    """What a field is called by a label of its own, or a box by the words right after it."""
    return _given_label(field) or (_text_after(field) if kind_of(field) in BOX_TYPES else "")


def _given_label(field: Element) -> str:
    if name := _labelled_by(field) or (field.get("aria-label") or "").strip():
        return name
    if (key := field.get("id")) and by_id(field, key) is field:
        for label in labels_for(field, key):
            if seen(label) and (name := _label_text(label)):
                return name
    return next((_label_text(above) for above in field.iterancestors("label") if not above.get("for")), "")


@remembered
def _label_text(label: Element) -> str:
    return text(label, without=FIELD_TAGS)


def _labelled_by(element: Element) -> str:
    found = (by_id(element, key) for key in (element.get("aria-labelledby") or "").split())
    return " ".join(name for e in found if e is not None and (name := _label_text(e)))


def _text_after(box: Element) -> str:
    """The words right after a box, as old forms have it; none when its line begins with words instead of a box."""
    parent = box.getparent()
    assert parent is not None
    return _after_fields(parent).get(box, "")


@remembered
def _after_fields(parent: Element) -> Mapping[Element, str]:
    """The words right after each field, in the lines that begin with one."""
    found: dict[Element, str] = {}
    field: Element | None = None
    words, begins = [parent.text or ""], True
    for child in (*parent, None):
        goes_on = child is not None and child.tag not in BREAKING
        if child is not None and goes_on:
            words += [text(child) if seen(child) else "", child.tail or ""]
            continue
        said = " ".join("".join(words).split())
        if field is not None and begins:
            found[field] = said
        elif field is None:
            begins = not said
        if child is not None and child.tag in FIELD_TAGS:
            field = child
        else:
            field, begins = None, True
        words = [] if child is None else [child.tail or ""]
    return found


def _cell_label(field: Element) -> str:
    """The text of the cell before the field's; of a box's, the one after it when there is none before."""
    cell = next(field.iterancestors("td", "th"), None)
    if cell is None or home(cell) is not home(field):
        return ""
    before, after = (
        _cell_text(next(cell.itersiblings("td", "th", preceding=p), None)) for p in (True, False)
    )
    if kind_of(field) in BOX_TYPES:
        return "" if before and after else before or after
    return before


def _cell_text(cell: Element | None) -> str:
    return "" if cell is None else _plain_text(cell)


@remembered
def _plain_text(cell: Element) -> str:
    if not seen(cell) or next(cell.iter(*FIELD_TAGS, "a", "table"), None) is not None:
        return ""
    return text(cell)
