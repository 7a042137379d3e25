"""Law 3: the one gate through which every request to a console passes, GET included.

The allow-list is code: a closed set of purposes, each with the pages its control may stand on and the methods
it may use. A profile only says how a purpose's control is labelled. A deny-list stands on top, so that even a
profile cannot name what must never be touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlencode

import httpx

from bot.console.controls import Control
from bot.console.pages import Page, PageKind, cut, normal
from bot.console.port import Forbidden, Unrecognized

MAX_REDIRECTS = 5


class Purpose(StrEnum):
    """Everything the bot may ever press."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    PACKAGES = "packages"
    ENTERPRISE = "enterprise"
    SYSTEM = "system"
    OPERATIONS = "operations"
    LOGS = "logs"
    OPEN_UPLOAD = "open_upload"
    UPLOAD = "upload"
    OPEN_DISTRIBUTION = "open_distribution"
    SEND = "send"
    FINISH_DISTRIBUTION = "finish_distribution"
    OPEN_INSTALL = "open_install"
    INSTALL = "install"
    EXPORT_LOGS = "export_logs"


@dataclass(frozen=True)
class Rule:
    """Where a purpose's control may stand, and which methods its request may use."""

    pages: frozenset[PageKind]
    methods: frozenset[str]


_SIGNED_IN = frozenset(PageKind) - {PageKind.SIGN_IN}
_READ = frozenset({"GET"})
_CHANGE = frozenset({"POST"})
_EITHER = _READ | _CHANGE


def _only(page: PageKind, methods: frozenset[str]) -> Rule:
    return Rule(frozenset({page}), methods)


RULES: Mapping[Purpose, Rule] = {
    Purpose.SIGN_IN: _only(PageKind.SIGN_IN, _CHANGE),
    Purpose.SIGN_OUT: Rule(_SIGNED_IN, _EITHER),
    Purpose.PACKAGES: Rule(_SIGNED_IN, _READ),
    Purpose.ENTERPRISE: Rule(_SIGNED_IN, _READ),
    Purpose.SYSTEM: Rule(_SIGNED_IN, _READ),
    Purpose.OPERATIONS: Rule(_SIGNED_IN, _READ),
    Purpose.LOGS: Rule(_SIGNED_IN, _READ),
    Purpose.OPEN_UPLOAD: _only(PageKind.PACKAGES, _EITHER),
    Purpose.UPLOAD: _only(PageKind.UPLOAD, _CHANGE),
    Purpose.OPEN_DISTRIBUTION: _only(PageKind.PACKAGES, _EITHER),
    Purpose.SEND: _only(PageKind.DISTRIBUTE, _CHANGE),
    Purpose.FINISH_DISTRIBUTION: _only(PageKind.PACKAGES, _CHANGE),
    Purpose.OPEN_INSTALL: _only(PageKind.PACKAGES, _EITHER),
    Purpose.INSTALL: _only(PageKind.IPM_INFORMATION, _CHANGE),
    Purpose.EXPORT_LOGS: _only(PageKind.LOGS, _EITHER),
}
"""The allow-list. Adding a line here is the only way to let the bot press something more."""

# The vendor's own names of the neighbours, and the words that their like would carry.
_DENIED_LABELS = frozenset(
    normal(label)
    for label in (
        "Remove",
        "Remove Appliance",
        "Permanently Delete",
        "Reboot/shutdown options",
        "Stop/restart options",
        "Clear Logs",
        "Recreate Self Signed Certs",
    )
)
_DENIED_WORDS = re.compile(
    r"\b(?:remove|delete|reboot|restart|shut ?down|power ?off|stop|clear|recreate|reset|restore|"
    r"on this appliance only)\b",
    re.IGNORECASE,
)


def denied(label: str) -> bool:
    """Whether no profile may ever name this label for anything that the bot presses."""
    return normal(label) in _DENIED_LABELS or _DENIED_WORDS.search(normal(label)) is not None


@dataclass(frozen=True)
class Permit:
    """One request that the gate let through; only `Gate` makes them."""

    purpose: Purpose | None
    """None for the console's entry page, to which no control leads."""
    method: str
    url: httpx.URL
    fields: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    enctype: str = ""
    file_field: str | None = None
    redirects: int = 0


class Gate:
    """Lets requests to one console through: `origin` is `https://host:port`, `labels` the profile's."""

    def __init__(self, origin: httpx.URL, entry: str, labels: Mapping[Purpose, str]) -> None:
        self._origin = origin
        self._entry = entry
        self._labels = labels

    def enter(self) -> Permit:
        """The console's entry page."""
        return Permit(None, "GET", self._here(self._origin.join(self._entry), "the entry page"))

    def follow(self, purpose: Purpose, page: Page, control: Control) -> Permit:
        """Press `control` of `page` for `purpose`. Raises `Forbidden`, before a byte is sent."""
        what = f"{control.label!r} on {page}"
        rule, label = RULES[purpose], self._labels[purpose]
        if any(denied(name) for name in (label, *control.names)):
            raise Forbidden(f"{what} must never be pressed: it is on the deny-list.")
        if any(normal(group) in _DENIED_LABELS for group in control.groups):
            raise Forbidden(f"{what} stands under {_list(control.groups)}, which must never be touched.")
        if normal(label) != normal(control.label):
            raise Forbidden(f"{what} is not {label!r}, which {purpose.value!r} presses.")
        if page.kind not in rule.pages:
            raise Forbidden(f"{what} is not the control of {purpose.value!r}: that stands on another page.")
        if control.method not in rule.methods:
            raise Forbidden(f"{what} would send a {control.method}; {purpose.value!r} may not.")
        url = self._here(control.url, what)
        if control.method == "GET":
            if control.fields:
                url = url.copy_with(query=urlencode(control.fields).encode())
            return Permit(purpose, "GET", url)
        return Permit(purpose, control.method, url, control.fields, control.enctype, control.file_field)

    def redirected(self, permit: Permit, status: int, location: str, page: str) -> Permit:
        """Go where the answer to `permit` points: by GET, on the same origin, five times at most.

        Raises `Forbidden` for another origin; `Unrecognized` for a redirect that repeats a body (law 1) or leads
        nowhere.
        """
        if status in (307, 308) and permit.method != "GET":
            raise Unrecognized(
                f"{page} answered {status}, which asks to send the same request again. That was not done. "
                "Look at the console.",
            )
        if permit.redirects >= MAX_REDIRECTS:
            raise Unrecognized(f"{page} redirected more than {MAX_REDIRECTS} times. Look at the console.")
        try:
            target = permit.url.join(location).copy_with(fragment=None)
        except (httpx.InvalidURL, ValueError):
            # Not chained: the error quotes the address, its query too.
            raise Unrecognized(f"{page} redirected to something that is no address.") from None
        here = self._here(target, f"The redirect of {page}")
        return Permit(permit.purpose, "GET", here, redirects=permit.redirects + 1)

    def _here(self, url: httpx.URL, what: str) -> httpx.URL:
        if origin_of(url) != origin_of(self._origin):
            there = cut(f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}")
            raise Forbidden(f"{what} leads away from the console at {self._origin}, to {there}.")
        return url


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port, the port never left out."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme, 0)


def _list(words: Iterable[str]) -> str:
    return ", ".join(repr(cut(word)) for word in words)
