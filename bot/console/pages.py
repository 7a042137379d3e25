"""A page of the console as it was read: parsed, named, and what a person would see of it.

Everything here is untrusted text. Nothing is found by id, name or position.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import httpx
from lxml import etree, html

Element = etree._Element

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
    """The document in `body`. Raises ValueError when that is no page: empty, or in a charset nobody knows."""
    try:
        text = body.decode(charset or "utf-8", errors="replace")
    except (LookupError, UnicodeError):
        # Neither quoted nor chained: the charset is the console's word, and not read from a page.
        raise ValueError("its charset is unknown") from None
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        return html.document_fromstring(text.encode("utf-8", errors="replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, AssertionError) as error:
        raise ValueError("there is no text in it" if not text.strip() else "it is no HTML page") from error


def elements(root: Element, *tags: str) -> Iterator[Element]:
    """The elements of these tags that a person can see, in the page's order."""
    return (element for element in root.iter(*tags) if seen(element))


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


def own(element: Element, *tags: str) -> Iterator[Element]:
    """The elements of these tags in the document that `element` stands in, frames of it left out."""
    around = home(element)
    return (other for other in around.iter(*tags or ("*",)) if other is not around and home(other) is around)


def text(element: Element, *, alts: bool = True, without: Container[str] = ()) -> str:
    """What is seen of an element, on one line; an image counts by its `alt`, unless told not to.

    `without`: tags whose content is left out.
    """
    return " ".join("".join(_pieces(element, alts, without)).split())


def _pieces(element: Element, alts: bool, without: Container[str]) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNSEEN and not _hides(child):
            gap = " " if child.tag in BREAKING else ""
            yield gap
            yield (child.get("alt") or "") if alts and child.tag == "img" else ""
            if child.tag not in without:
                yield from _pieces(child, alts, without)
            yield gap
        yield child.tail or ""


def normal(label: str) -> str:
    """Words as they are compared: white space, letter case and a closing colon make no difference."""
    flat = " ".join(unicodedata.normalize("NFKC", label).split())
    return flat.removesuffix(":").rstrip().casefold()


def cut(words: str, limit: int = 120) -> str:
    """Untrusted words for an error message: printable, one line, at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in words[: limit * 10]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
