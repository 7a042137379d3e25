"""Taking secrets out of what a console says: passwords, cookies, tokens (law 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from copy import deepcopy

from lxml import html

from bot.console.pages import Element, text

HIDDEN = "[taken out]"
_SHORTEST = 4
"""Shorter values (a cookie "dark=1") are no secrets, and taking them out would leave no page."""
_QUERY = re.compile(r"(?<==)[^&;#]+")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_VALUES = (("input", "value"), ("meta", "content"))
_ADDRESSES = ("href", "action", "formaction", "src")


def redact(words: str, secrets: Iterable[str]) -> str:
    """`words` without the secrets."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            words = words.replace(secret, HIDDEN)
    return words


def redact_text(document: Element, secrets: Iterable[str]) -> None:
    """Take secrets out of everything that can be read on a page; its controls go on working."""
    known = list(secrets)
    for element in document.iter():
        if element.text:
            element.text = _printable(redact(element.text, known))
        if element.tail:
            element.tail = _printable(redact(element.tail, known))


def _printable(words: str) -> str:
    """Without what no XML text may hold, which a page can smuggle in all the same."""
    return _UNPRINTABLE.sub("\ufffd", words)


def evidence(document: Element, secrets: Iterable[str]) -> bytes:
    """The page as it is kept: without secrets, hidden values, query values and scripts. UTF-8."""
    known, kept = list(secrets), deepcopy(document)
    redact_text(kept, known)
    try:
        for element in kept.iter():
            _clean(element, known)
    except ValueError:
        # An attribute whose name no XML may hold cannot be cleaned: what a person reads is kept.
        return text(kept).encode()
    page: bytes = html.tostring(kept, encoding="utf-8", doctype="<!DOCTYPE html>")
    return page


def _clean(element: Element, secrets: list[str]) -> None:
    kind = (element.get("type") or "text").lower()
    if element.tag == "script":
        element.text = None
    for name, old in element.attrib.items():
        new = _printable(redact(str(old), secrets))
        if name in _ADDRESSES:
            path, mark, query = new.partition("?")
            new = path.split(";")[0] + mark + _QUERY.sub(HIDDEN, query)
        elif (element.tag, name) in _VALUES and (element.tag == "meta" or kind in ("hidden", "password")):
            new = HIDDEN
        if new != old:
            element.set(name, new)
