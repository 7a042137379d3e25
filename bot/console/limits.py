"""How much of a page is read: what any console's page stays far below, so that reading one keeps nobody waiting.

A page beyond a limit is refused whole. To cut it would be to read another page than a person sees: padded with a
million spaces, "Reboot" is still "Reboot".
"""

from __future__ import annotations

import re
from itertools import islice

from lxml import etree

Element = etree._Element

MAX_ELEMENTS = 20_000
"""Elements of a page. A console's page has hundreds."""
MAX_FIELDS = 1_000
"""Fields of a page."""
MAX_CONTROLS = 3_000
"""Links, fields and whatever else may be pressed on a page."""
MAX_BASES = 20
"""Elements that say what a page's addresses are relative to. HTML allows one."""
MAX_ATTRIBUTES = 100_000
"""Attributes of a page."""
MAX_OF_TAG = 200
"""Attributes of one tag. The parser compares each with all before it."""
MAX_DEPTH = 200
"""Elements that one may stand in. The parser leaves out, without a word, what stands in 255."""
MAX_NESTING = 200_000
"""Elements of a page, each counted once for every element that it stands in."""
MAX_CHARACTERS = 1_000_000
"""Characters of a page's texts and attributes, scripts and styles left out."""
MAX_NESTED_CHARACTERS = 10_000_000
"""The same, each counted once for every element that it stands in."""
MAX_NAMES = 200_000
"""Characters and elements of what links, buttons and labels are called, and of what names something by its id."""
_MAX_SCANNED = 3_000_000
"""Characters looked at for tags of too many attributes; "<" in "<" in "<" would be looked at without an end."""

_OPENING = re.compile(r"<[A-Za-z]")
_CLOSING = re.compile(r"</[A-Za-z]")
_FIELD = re.compile(r"<(?:input|select|textarea|button)\b", re.IGNORECASE)
# A start tag as HTML's tokenizer reads it, as far as its attributes go. Nothing is tried twice.
_TAG = re.compile(
    r"""<[A-Za-z][^\s/>]*+
    (?: [\s/]*+ [^\s/>][^\s/>=]*+ (?: \s*+ = \s*+ (?: "[^"]*+(?:"|\Z) | '[^']*+(?:'|\Z) | [^\s>"'][^\s>]*+ )?+ )?+ )"""
    rf"{{0,{MAX_OF_TAG}}}+(?P<more>[\s/]*+[^\s/>])?+",
    re.VERBOSE,
)
_CONTROLS = frozenset({"a", "area", "button", "input", "select", "textarea", "option"})
_NAMED = frozenset({"a", "area", "button", "label"})
_NAMING = ("aria-label", "title", "alt", "value", "placeholder", "label")
_UNREAD = frozenset({"script", "style"})


def check_source(source: str) -> None:
    """Raises ValueError for a page whose parsing alone would take too long."""
    for pattern, most, what in (
        (_OPENING, MAX_ELEMENTS, "elements"),
        (_CLOSING, MAX_ELEMENTS, "elements"),
        (_FIELD, MAX_FIELDS, "fields"),
    ):
        if next(islice(pattern.finditer(source), most, None), None):
            raise ValueError(f"it has more than {most} {what}")
    scanned = 0
    for opening in _OPENING.finditer(source):
        # From each of them, be it in a script or in a value: what a parser takes for a tag is among them.
        tag = _TAG.match(source, opening.start())
        assert tag is not None
        if tag["more"] is not None:
            raise ValueError(f"a tag has more than {MAX_OF_TAG} attributes")
        scanned += tag.end() - tag.start()
        if scanned > _MAX_SCANNED:
            raise ValueError("its tags stand in one another")


class _Count:
    """What stands in an element so far: `size` in elements and characters that could be read, `characters` in all."""

    __slots__ = ("characters", "size")

    def __init__(self, characters: int, size: int) -> None:
        self.characters = characters
        self.size = size


def check(document: Element) -> None:
    """Raises ValueError for a document that is too much to read, its frames counted with it."""
    totals = dict.fromkeys(_MOST, 0)
    around: list[_Count] = []
    ids: dict[str, int] = {}
    references: list[str] = []
    for event, element in etree.iterwalk(document, events=("start", "end")):
        if event == "start":
            around.append(_counted(element, totals))
            if len(around) > MAX_DEPTH:
                raise ValueError(f"its elements stand in one another more than {MAX_DEPTH} deep")
            totals["elements in one another"] += len(around)
            references += (element.get("aria-labelledby") or "").split()
            continue
        count = around.pop()
        totals["characters in one another"] += count.characters
        if (key := element.get("id")) is not None:
            ids[key] = max(count.size, ids.get(key, 0))
        if element.tag in _NAMED:
            totals["characters that name something"] += count.size
        if around:
            tail = len(element.tail or "")
            around[-1].characters += count.characters + tail
            around[-1].size += count.size + tail
        else:
            totals["characters"] = count.characters
    totals["characters that name something"] += sum(1 + ids.get(key, 0) for key in references)
    for what, found in totals.items():
        if found > _MOST[what]:
            raise ValueError(f"it has {found} {what}, and at most {_MOST[what]} are read")


_MOST = {
    "elements": MAX_ELEMENTS,
    "fields": MAX_FIELDS,
    "controls": MAX_CONTROLS,
    "bases": MAX_BASES,
    "attributes": MAX_ATTRIBUTES,
    "elements in one another": MAX_NESTING,
    "characters": MAX_CHARACTERS,
    "characters in one another": MAX_NESTED_CHARACTERS,
    "characters that name something": MAX_NAMES,
}


def _counted(element: Element, totals: dict[str, int]) -> _Count:
    totals["elements"] += 1
    if not isinstance(element.tag, str):
        return _Count(0, 0)
    attributes, tag = element.attrib, element.tag
    totals["attributes"] += len(attributes)
    field = tag in ("input", "select", "textarea", "button")
    totals["fields"] += field
    totals["bases"] += tag == "base"
    totals["controls"] += tag in _CONTROLS or "onclick" in attributes or "role" in attributes
    text = 0 if tag in _UNREAD else len(element.text or "")
    named = sum(len(attributes.get(name, "")) for name in _NAMING)
    return _Count(text + sum(map(len, attributes.values())), 1 + text + named)
