"""Taking secrets out of what a console says: passwords, cookies, tokens (law 9)."""

from __future__ import annotations

import html as markup
import json
import re
from collections.abc import Iterable, Sequence
from copy import deepcopy
from urllib.parse import quote, quote_plus

from lxml import html

from bot.console.pages import Element, forget, text

HIDDEN = "[taken out]"
_SHORTEST = 4
"""Shorter values (a cookie "dark=1") are no secrets, and taking them out would leave no page."""
_QUERY = re.compile(r"(?<==)[^&;#]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VALUES = (("input", "value"), ("meta", "content"))
_READ = ("title", "alt", "aria-label", "placeholder", "label")
"""Attributes that an icon or a field is called by, and that no request carries."""
_ADDRESSES = ("href", "action", "formaction", "src", "xlink:href")


def redact(words: str, secrets: Iterable[str]) -> str:
    """`words` without the secrets, and without those as addresses, markup and scripts write them."""
    return _without(words, _forms(secrets))


def _without(words: str, forms: Sequence[str]) -> str:
    for form in forms:
        words = words.replace(form, HIDDEN)
    return words


def _forms(secrets: Iterable[str]) -> Sequence[str]:
    """The ways that the secrets may be written, the longest first."""
    found = {
        form
        for secret in secrets
        if len(secret) >= _SHORTEST
        for form in (
            *(secret, quote(secret, safe=""), quote_plus(secret)),
            *(markup.escape(secret), json.dumps(secret)[1:-1]),
        )
    }
    return sorted(found, key=len, reverse=True)


def redact_text(document: Element, secrets: Iterable[str]) -> None:
    """Take secrets out of everything that can be read on a page; its controls go on working."""
    forms = _forms(secrets)
    for element in document.iter():
        if element.text:
            element.text = _printable(_without(element.text, forms))
        if element.tail:
            element.tail = _printable(_without(element.tail, forms))
        for name in _READ if isinstance(element.tag, str) else ():
            if old := element.get(name):
                element.set(name, _printable(_without(old, forms)))
    forget()


def _printable(words: str) -> str:
    """Without what no XML text may hold, which a page can smuggle in all the same."""
    return _UNPRINTABLE.sub("\ufffd", words)


def address(words: str, secrets: Iterable[str]) -> str:
    """An address without secrets, path parameters and the values of its query; its names stay."""
    words = redact(words, secrets)
    if words.strip().lower().startswith("javascript:"):
        return f"javascript:{HIDDEN}"
    path, mark, query = words.partition("?")
    return path.split(";")[0] + mark + _QUERY.sub(HIDDEN, query)


def evidence(document: Element, secrets: Iterable[str]) -> bytes:
    """The page as it is kept: without secrets, hidden values, query values and scripts. UTF-8."""
    known, kept = list(secrets), deepcopy(document)
    redact_text(kept, known)
    forms = _forms(known)
    try:
        for element in kept.iter():
            _clean(element, forms)
    except ValueError:
        # An attribute whose name no XML may hold cannot be cleaned: what a person reads is kept.
        return text(kept).encode()
    page: bytes = html.tostring(kept, encoding="utf-8", doctype="<!DOCTYPE html>")
    return page


def _clean(element: Element, forms: Sequence[str]) -> None:
    kind = (element.get("type") or "text").lower()
    if element.tag == "script":
        element.text = None
    for name, old in element.attrib.items():
        new = _printable(_without(str(old), forms))
        if name in _ADDRESSES:
            new = address(new, ())
        elif str(name).startswith(("on", "data-", "srcdoc")):
            new = HIDDEN  # scripts, what is for scripts, and documents of their own
        elif (element.tag, name) in _VALUES and (element.tag == "meta" or kind in ("hidden", "password")):
            new = HIDDEN
        if new != old:
            element.set(name, new)
