"""Law 3: the one gate through which every request to a console passes, GET included.

The allow-list is code: a closed set of purposes, each with the pages its control may stand on and the methods
it may use. A profile only says how a purpose's control is labelled. A deny-list stands on top, so that even a
profile cannot name what must never be touched.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import unquote_plus, urlencode

import httpx

from bot.console.controls import Control, leads
from bot.console.labels import comparable, names
from bot.console.pages import Element, Page, PageKind, cut
from bot.console.port import Forbidden, Unrecognized
from bot.console.pressable import known
from bot.console.pressing import Asked, Unreadable, parts, spaced, words

MAX_REDIRECTS = 5
Barred = frozenset[tuple[str, httpx.URL]]
"""Where controls that must never be pressed lead: method and address."""


class Purpose(StrEnum):
    """Everything the bot may ever press."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    PACKAGES = "packages"
    ENTERPRISE = "enterprise"
    SYSTEM = "system"
    OPERATIONS = "operations"
    LOGS = "logs"
    SELECT = "select"
    """The link on a package's name in the list, which shows the Packages page with that package selected."""
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
    Purpose.SELECT: _only(PageKind.PACKAGES, _READ),
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

LABELLED = frozenset(Purpose) - {Purpose.SELECT}
"""The purposes whose controls the profile labels; what selects a package is called by the package's name."""

READ_ONLY = frozenset(
    {
        Purpose.SIGN_IN,
        Purpose.SIGN_OUT,
        Purpose.PACKAGES,
        Purpose.ENTERPRISE,
        Purpose.SYSTEM,
        Purpose.OPERATIONS,
        Purpose.LOGS,
    }
)
"""What `keyturn console check` may send: sign-in, sign-out and the views of the named tabs."""

# The vendor's own names of the neighbours, and the words that their like would carry.
_DENIED_LABELS = frozenset(
    comparable(label)
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
    r"(?<![^\W\d_])(?:remove|delete|reboot|restart|shut[ _-]?down|power[ _-]?off|stop|clear|recreate|reset|restore|"
    r"on this appliance only)(?![^\W\d_])",
    re.IGNORECASE,
)


def denied(label: str) -> bool:
    """Whether no profile may ever name this label for anything that the bot presses."""
    words = comparable(label)
    return words in _DENIED_LABELS or _DENIED_WORDS.search(words) is not None


def off_limits(document: Element, url: httpx.URL) -> Barred:
    """Where the controls of a document that must never be pressed lead: method and address. `url` is its own."""
    found = ((names, method, where) for names, method, where in leads(document, url))
    return frozenset((method, where) for names, method, where in found if any(map(denied, names)))


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
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    content: tuple[str, bytes] | None = field(default=None, repr=False)
    """Content type and content as a browser would send them, instead of `fields`."""


@dataclass
class Press:
    """A control being pressed in a browser, or the entry page being opened; only `Gate` makes them.

    `changes`: how many more requests it may send that are no GET. `own`: where the control leads by itself, as far as
    that is known, and where its answers have led on, `redirects` times. `form`: where alone its form leads, for
    purposes that nothing else may be sent for. `barred`: where controls of the page lead that must never be pressed,
    and `buttons` the names and values that such would send.
    """

    purpose: Purpose | None
    changes: int = 0
    own: set[httpx.URL] = field(default_factory=set)
    barred: Barred = frozenset()
    buttons: frozenset[tuple[str, str]] = frozenset()
    form: httpx.URL | None = None
    redirects: int = 0


def never_pressed(document: Element) -> frozenset[tuple[str, str]]:
    """What only the buttons of a document that must never be pressed would send: a name and a value."""
    buttons = [e for e in document.iter("button", "input") if e.get("name") and known(e)]
    never = {e for e in buttons if any(map(denied, names(e)))}
    sent = [
        {(e.get("name") or "", e.get("value") or "") for e in some} for some in (never, set(buttons) - never)
    ]
    return frozenset(sent[0] - sent[1])


class Gate:
    """Lets requests to one console through: `origin` is `https://host:port`, `labels` the profile's.

    `only`: the purposes that it lets through at all. A control that the profile calls by the label of any other
    purpose that changes something is not let through either: a profile that calls the Packages tab "Install" presses
    no Install.
    """

    def __init__(
        self,
        origin: httpx.URL,
        entry: str,
        labels: Mapping[Purpose, str],
        only: Collection[Purpose] = frozenset(Purpose),
    ) -> None:
        self._origin = origin
        self._entry = entry
        self._labels = labels
        self._only = frozenset(only)
        changing = set(labels) - self._only - {Purpose.EXPORT_LOGS}
        self._others = {comparable(labels[purpose]): purpose for purpose in changing}

    def enter(self) -> Permit:
        """The console's entry page."""
        return Permit(None, "GET", self._here(self._origin.join(self._entry), "the entry page"))

    def follow(self, purpose: Purpose, page: Page, control: Control) -> Permit:
        """Press `control` of `page` for `purpose`. Raises `Forbidden`, before a byte is sent."""
        other = purpose if purpose not in self._only else self._others.get(comparable(control.label))
        if other is not None:
            raise Forbidden(f"{control.label!r} on {page} is for {other.value!r}, which is not done here.")
        url = self.examine(purpose, page, control)
        if control.method == "GET":
            if control.fields:
                url = url.copy_with(query=urlencode(control.fields).encode())
            return Permit(purpose, "GET", url)
        return Permit(purpose, control.method, url, control.fields, control.enctype, control.file_field)

    def press(self, purpose: Purpose, page: Page, control: Control, package: str | None = None) -> Press:
        """Press `control` of a page in a browser. Raises `Forbidden`; what it asks for is judged by `ask`.

        `package`: what SELECT selects.
        """
        other = purpose if purpose not in self._only else self._others.get(comparable(control.label))
        if other is not None:
            raise Forbidden(f"{control.label!r} on {page} is for {other.value!r}, which is not done here.")
        url = self.examine(purpose, page, control, package)
        own = {url.copy_with(query=urlencode(control.fields).encode()) if control.fields else url}
        press = self.touch(page)
        press.purpose, press.changes = purpose, int("POST" in RULES[purpose].methods)
        if control.method == "GET":
            press.own = own
        elif control.method == "POST" and purpose in (Purpose.SIGN_IN, Purpose.SIGN_OUT, Purpose.INSTALL):
            press.form = url
        return press

    def touch(self, page: Page) -> Press:
        """Write into fields of a page in a browser, or mark boxes: nothing may be changed at the console by that."""
        root = page.document.getroottree().getroot()
        return Press(None, barred=off_limits(root, page.url), buttons=never_pressed(root))

    def ask(self, press: Press, asked: Asked) -> Permit:
        """Send what a browser asks for while `press` is going on. Raises `Forbidden`, before a byte is sent."""
        what = f"A request of the page while {press.purpose.value if press.purpose else 'it opens'!r} was pressed"
        here = self._here(asked.url, what)
        if asked.method == "GET":
            if here not in press.own:
                self._view(here, press.barred, what)
            if (
                asked.navigation
                and press.changes
                and press.purpose
                and RULES[press.purpose].methods == _CHANGE
            ):
                raise Forbidden(f"{what} would send a GET; {press.purpose.value!r} may not.")
            return Permit(press.purpose, "GET", here, redirects=press.redirects, headers=asked.headers)
        if asked.method != "POST" or press.purpose is None or "POST" not in RULES[press.purpose].methods:
            raise Forbidden(f"{what} would send a {asked.method}, which it may not.")
        if not press.changes:
            raise Forbidden(f"{what} would change something a second time.")
        if press.form not in (None, here):
            raise Forbidden(f"{what} does not go where its form does.")
        if denied(_words_of(here)):
            raise Forbidden(f"{what} leads to what must never be touched.")
        self._content(press, asked, what)
        press.changes -= 1
        content = (asked.content_type, asked.content)
        return Permit(press.purpose, "POST", here, headers=asked.headers, content=content)

    def _content(self, press: Press, asked: Asked, what: str) -> None:
        try:
            found = parts(asked)
        except Unreadable as error:
            raise Forbidden(f"{what} cannot be judged: {error}.") from None
        signs_in = press.purpose is Purpose.SIGN_IN  # a password may be any word
        said = [word for part in found for word in (part.name, "" if signs_in else part.value)]
        if any((part.name, part.value) in press.buttons for part in found) or any(
            map(denied, map(words, said))
        ):
            raise Forbidden(f"{what} names what must never be touched.")

    def select(self, page: Page, control: Control, package: str) -> Permit:
        """Follow the link that is called exactly as `package`. Raises `Forbidden`, before a byte is sent."""
        if Purpose.SELECT not in self._only:
            raise Forbidden(f"{control.label!r} on {page} would select a package, which is not done here.")
        return Permit(Purpose.SELECT, "GET", self.examine(Purpose.SELECT, page, control, package))

    def examine(
        self, purpose: Purpose, page: Page, control: Control, package: str | None = None
    ) -> httpx.URL:
        """Where pressing `control` of `page` for `purpose` leads, if the allow-list knows it; permits nothing.

        `package`: what SELECT selects; a package may be called anything. Raises `Forbidden`.
        """
        what = f"{control.label!r} on {page}"
        rule, label = RULES[purpose], self._labels[purpose] if package is None else package
        if any(denied(name) for name in (label, *control.names) if name != package):
            raise Forbidden(f"{what} must never be pressed: it is on the deny-list.")
        if any(comparable(group) in _DENIED_LABELS for group in control.groups):
            raise Forbidden(f"{what} stands under {_list(control.groups)}, which must never be touched.")
        if comparable(label) != comparable(control.label) or package not in (None, control.label):
            raise Forbidden(f"{what} is not {label!r}, which {purpose.value!r} presses.")
        if page.kind not in rule.pages:
            raise Forbidden(f"{what} is not the control of {purpose.value!r}: that stands on another page.")
        if control.method not in rule.methods and not page.live:
            raise Forbidden(f"{what} would send a {control.method}; {purpose.value!r} may not.")
        return self._here(control.url, what)

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

    def refreshed(self, permit: Permit, url: httpx.URL, barred: Barred, page: str) -> Permit:
        """Go where the page that `permit` led to leads on by itself: as a redirect, counted with them.

        `barred`: what its own controls that must never be pressed lead to. Raises as `redirected`.
        """
        self._view(url, barred, f"The refresh of {page}")
        return self.redirected(permit, 302, str(url), page)

    def frame(self, permit: Permit, url: httpx.URL, names: Iterable[str], barred: Barred) -> Permit:
        """Look into a frame of the page that `permit` led to: by GET, on the same origin, and nothing more.

        `names`: what the frame is called. `barred`: what controls of the page that must never be pressed lead to.
        Raises `Forbidden`.
        """
        what = "A frame"
        if any(map(denied, names)):
            raise Forbidden(f"{what} is called as something that must never be touched.")
        here = self._here(url, what)
        self._view(here, barred, what)
        return Permit(permit.purpose, "GET", here)

    def _view(self, url: httpx.URL, barred: Barred, what: str) -> None:
        """Raises `Forbidden` for an address that a page loads by itself and that does more, for all that is known."""
        if denied(_words_of(url)) or any(_same_place(url, method, where) for method, where in barred):
            raise Forbidden(f"{what} leads to what must never be touched.")

    def _here(self, url: httpx.URL, what: str) -> httpx.URL:
        if origin_of(url) != origin_of(self._origin):
            there = cut(f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}")
            raise Forbidden(f"{what} leads away from the console at {self._origin}, to {there}.")
        return url


def _words_of(url: httpx.URL) -> str:
    return spaced(unquote_plus(f"{url.path} {url.query.decode('ascii', 'replace')}"))


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port, the port never left out."""
    return url.scheme, url.host, url.port or {"https": 443, "http": 80}.get(url.scheme, 0)


def _same_place(url: httpx.URL, method: str, barred: httpx.URL) -> bool:
    """Whether viewing `url` may do what is barred: a link's address with other or no parameters counts as well."""
    if url == barred:
        return True
    bare = url.query == b"" or barred.query == b""
    return method == "GET" and bare and url.copy_with(query=None) == barred.copy_with(query=None)


def _list(words: Iterable[str]) -> str:
    return ", ".join(repr(cut(word)) for word in words)
