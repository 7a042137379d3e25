"""A page of the console as it was read: parsed, named, and what a person would see of it.

Everything here is untrusted text. Nothing is found by id, name or position.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import httpx
from lxml import etree, html

from bot.console.limits import check, check_source

Element = etree._Element
Answer = TypeVar("Answer")

FRAME = "keyturn-frame"
"""The element in whose place a frame of a page stood; it holds what the frame's own document shows."""

BREAKING = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "br",
        "button",
        "caption",
        "center",
        "dd",
        "details",
    }
    | {"dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "frameset"}
    | {
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "img",
        "input",
        "legend",
        "li",
        "main",
        "menu",
        "nav",
    }
    | {
        "ol",
        "optgroup",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "td",
        "textarea",
    }
    | {"tfoot", "th", "thead", "tr", "ul", FRAME}
)
"""What ends a word. Everything else stands in the line: "R<u>e</u>boot" is one word, in a <font> as well."""
_UNSEEN = frozenset({"script", "style", "template", "noscript", "noframes", "frame", "iframe", "head"})
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)

_NO_KEY = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What no XML may hold: no browser agrees with another on what such an id names."""


class PageKind(StrEnum):
    """The pages that the procedure knows. The words one stands on are part of every control's label."""

    SIGN_IN = "sign_in"
    PACKAGES = "packages"
    UPLOAD = "upload"
    DISTRIBUTE = "distribute"
    IPM_INFORMATION = "ipm_information"
    OPERATIONS = "operations"
    LOGS = "logs"
    ENTERPRISE = "enterprise"
    OTHER = "other"
    """Signed in or not, on a page that the profile names by no heading."""


@dataclass(frozen=True)
class Frame:
    """A document that stands in a frame: what its addresses are relative to, and where its links lead if not told.

    `name`: what other documents call the frame by.
    """

    url: httpx.URL
    name: str
    target: str
    status: int


@dataclass(frozen=True, eq=False)
class Page:
    """One page of a console, the documents of its frames in it (`FRAME`).

    `where` names the appliance; `status` is the highest of its documents'; `document` is what one stands on: the
    page, or the dialog that is open on it; `heading` the text of its only visible <h1>, "" when there is none or more
    than one; `evidence` is the SHA-256 of the page as kept, its secrets taken out.
    `unread`: frames that were not looked into, and why. `popup`: it opened in a window of its own.
    `live`: it stands in a browser, where scripts can be pressed; what a press asks for is judged when it asks.
    """

    where: str
    url: httpx.URL
    status: int
    document: Element
    title: str
    heading: str
    kind: PageKind
    evidence: str
    frames: Mapping[Element, Frame] = field(default_factory=dict)
    unread: tuple[str, ...] = ()
    popup: bool = False
    live: bool = False

    def __str__(self) -> str:
        unread = f" (not looked into: {'; '.join(self.unread)})" if self.unread else ""
        return f"{self.where}, page {cut(self.heading or self.title or 'without a heading')!r}{unread}"


def parse(body: bytes, charset: str) -> Element:
    """The document in `body`.

    Raises ValueError when that is no page: empty, in a charset nobody knows, or more than any console's (`limits`).
    """
    try:
        text = body.decode(charset or "utf-8", errors="replace")
    except (LookupError, UnicodeError):
        # Neither quoted nor chained: the charset is the console's word, and not read from a page.
        raise ValueError("its charset is unknown") from None
    check_source(text)
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        document = html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError) as error:
        raise ValueError("there is no text in it" if not text.strip() else "it is no HTML page") from error
    check(document)
    return document


def elements(root: Element, *tags: str) -> Iterator[Element]:
    """The elements of these tags that a person can see, in the page's order."""
    if not seen(root):
        return
    walk = etree.iterwalk(root, events=("start",))
    for _, element in walk:
        if element.tag in _UNSEEN or _hides(element):
            walk.skip_subtree()
        elif not tags or element.tag in tags:
            yield element


def seen(element: Element) -> bool:
    """Whether nothing in the page itself hides this element or what it stands in."""
    node: Element | None = element
    while node is not None:
        if node.tag in _UNSEEN or _hides(node):
            return False
        node = node.getparent()
    return True


def _hides(element: Element) -> bool:
    if element.get("hidden") is not None or element.get("popover") is not None:
        return True
    if (element.get("aria-hidden") or "").strip().lower() == "true":
        return True
    return _shut(element) or bool(_HIDING.search(element.get("style") or ""))


def _shut(element: Element) -> bool:
    return element.tag == "dialog" and element.get("open") is None


def home(element: Element) -> Element:
    """What holds the document that an element stands in: the frame around it, or the page's root."""
    return next(element.iterancestors(FRAME), element.getroottree().getroot())


class _Index:
    """The elements of one document, frames of it left out, looked up in one walk instead of one for each question."""

    def __init__(self, around: Element) -> None:
        self.all: list[Element] = []
        self.tags: dict[str, list[Element]] = {}
        self.forms: dict[str, Element] = {}
        self.ids: dict[str, Element] = {}
        self.labels: dict[str, list[Element]] = {}
        walk = etree.iterwalk(around, events=("start",))
        for _, element in walk:
            if element is not around:
                self.all.append(element)
                self.tags.setdefault(element.tag, []).append(element)
            if element is not around or element.tag != FRAME:
                self._note(element)
            if element is not around and element.tag == FRAME:
                walk.skip_subtree()

    def _note(self, element: Element) -> None:
        if (key := element.get("id")) is not None:
            if element.tag == "form":
                self.forms.setdefault(key, element)
            if not _NO_KEY.search(key):
                self.ids.setdefault(key, element)
        if element.tag == "label" and (key := element.get("for")) is not None and not _NO_KEY.search(key):
            self.labels.setdefault(key, []).append(element)


_index = functools.lru_cache(maxsize=4)(_Index)
_forgetting: list[Callable[[], None]] = [_index.cache_clear]


def remembered(answer: Callable[[Element], Answer]) -> Callable[[Element], Answer]:
    """`answer`, which is about an element as it stands in its document, worked out once until `forget`."""
    known = functools.lru_cache(maxsize=2_048)(answer)
    _forgetting.append(known.cache_clear)
    return known


def forget() -> None:
    """To be called when documents were changed: what was known of them may be wrong."""
    for clear in _forgetting:
        clear()


def own(element: Element, *tags: str) -> Iterator[Element]:
    """The elements of these tags in the document that `element` stands in, frames of it left out."""
    known = _index(home(element))
    if len(tags) == 1:
        return iter(known.tags.get(tags[0], ()))
    return (other for other in known.all if not tags or other.tag in tags)


def by_id(element: Element, key: str) -> Element | None:
    """The first element of that id in the document that `element` stands in."""
    return _index(home(element)).ids.get(key)


def form_by_id(element: Element, key: str) -> Element | None:
    """The first form of that id in the document that `element` stands in."""
    return _index(home(element)).forms.get(key)


def labels_for(element: Element, key: str) -> list[Element]:
    """The labels in the document that `element` stands in that say they are for the element of that id."""
    return _index(home(element)).labels.get(key, [])


def text(element: Element, *, alts: bool = True, without: Container[str] = ()) -> str:
    """What is seen of an element, on one line; an image counts by its `alt`, unless told not to.

    `without`: tags whose content is left out.
    """
    pieces: list[str] = []
    _gather(pieces, element, alts, without)
    return " ".join("".join(pieces).split())


def _gather(pieces: list[str], element: Element, alts: bool, without: Container[str]) -> None:
    pieces.append(element.text or "")
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNSEEN and not _hides(child):
            gap = " " if child.tag in BREAKING else ""
            pieces.append(gap)
            if alts and child.tag == "img":
                pieces.append(child.get("alt") or "")
            if child.tag not in without:
                _gather(pieces, child, alts, without)
            pieces.append(gap)
        pieces.append(child.tail or "")


def normal(label: str) -> str:
    """Words as they are compared: white space, letter case and a closing colon make no difference."""
    flat = " ".join(unicodedata.normalize("NFKC", label).split())
    return flat.removesuffix(":").rstrip().casefold()


def cut(words: str, limit: int = 120) -> str:
    """Untrusted words for an error message: printable, one line, at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in words[: limit * 10]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
