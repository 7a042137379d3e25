"""What a person can press on a page, and whether the request that it makes can be known.

What only a script knows is pressable, and not known: it is never pressed, but told.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.console.forms import disabled, form_of
from bot.console.labels import kind_of
from bot.console.pages import Element, Page, elements

LINKS = frozenset({"a", "area"})
_ROLES = frozenset({"button", "link", "tab", "menuitem"})
_SCRIPTED = ("javascript:", "#")


def pressable(page: Page) -> Iterator[Element]:
    """Links, buttons, and what a script makes one, that can be seen and used."""
    return (e for e in elements(page.document) if _is_pressable(e) and not disabled(e))


def _is_pressable(element: Element) -> bool:
    if not isinstance(element.tag, str):
        return False
    if element.tag in LINKS and element.get("href"):
        return True
    if element.tag in ("button", "input"):
        return kind_of(element) in ("submit", "image", "button")
    scripted = (element.get("role") or "").strip().lower() in _ROLES or element.get("onclick") is not None
    # What holds a link or a button is not pressed itself, least of all when that is disabled.
    return scripted and next(element.iterdescendants(*LINKS, "button", "input"), None) is None


def known(element: Element) -> bool:
    """Whether the request that pressing an element makes can be known without running a script."""
    if element.tag in LINKS:
        href = (element.get("href") or "").strip().lower()
        return bool(href) and not href.startswith(_SCRIPTED)
    submits = element.tag in ("button", "input") and kind_of(element) in ("submit", "image")
    return submits and form_of(element) is not None


def without_doubles(found: list[Element]) -> list[Element]:
    """One of each that stands in another: a link and what a script makes a button in it are one control."""
    every = frozenset(found)
    return [e for e in found if known(e) or every.isdisjoint(e.iterancestors())]
