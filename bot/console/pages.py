"""A page of the console as it was read: parsed, named, and what a person would see of it.

Everything here is untrusted text. Nothing is found by id, name or position.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import httpx
from lxml import etree, html

Element = etree._Element

_INLINE = frozenset(
    {"a", "abbr", "b", "bdi", "bdo", "button", "cite", "code", "em", "i", "kbd", "label"}
    | {"mark", "q", "s", "small", "span", "strong", "sub", "sup", "time", "u"}
)
_UNSEEN = frozenset({"script", "style", "template", "noscript", "head"})
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


@dataclass(frozen=True, eq=False)
class Page:
    """One answer of a console.

    `where` names the appliance; `evidence` is the SHA-256 of the page as kept, its secrets taken out;
    `heading` the text of its only visible <h1>, "" when there is none or more than one.
    """

    where: str
    url: httpx.URL
    status: int
    document: Element
    title: str
    heading: str
    kind: PageKind
    evidence: str

    def __str__(self) -> str:
        return f"{self.where}, page {cut(self.heading or self.title or 'without a heading')!r}"


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
    return element.get("hidden") is not None or bool(_HIDING.search(element.get("style") or ""))


def text(element: Element) -> str:
    """What is seen of an element, on one line."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: Element) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str) and child.tag not in _UNSEEN and not _hides(child):
            gap = "" if child.tag in _INLINE else " "
            yield gap
            yield (child.get("alt") or "") if child.tag == "img" else ""
            yield from _pieces(child)
            yield gap
        yield child.tail or ""


def normal(label: str) -> str:
    """A label as it is compared: white space, letter case and a closing colon make no difference."""
    flat = " ".join(unicodedata.normalize("NFKC", label).split())
    return flat.removesuffix(":").rstrip().casefold()


def cut(words: str, limit: int = 120) -> str:
    """Untrusted words for an error message: printable, one line, at most `limit` characters."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in words[: limit * 10]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
