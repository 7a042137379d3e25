"""Reading one console: what a driver has to offer for it, and what both drivers have in common.

Errors name the appliance, never a password, a cookie or a token.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

import httpx
from pydantic import SecretStr

from bot.console import scrub
from bot.console.allow import Gate, Permit, Purpose
from bot.console.aria import native
from bot.console.body import PackageBody
from bot.console.controls import Choice, Control
from bot.console.frames import Sheet
from bot.console.pages import Element, Page, cut, parse, text
from bot.console.port import Unrecognized
from bot.console.press import press_once
from bot.console.profile import Profile
from bot.console.recognize import heading_of, kind_of, stands_on
from bot.console.wire import Wire, payload
from bot.domain.sight import InstallOutcome

T = TypeVar("T")
MAX_PAGE = 4 * 1024 * 1024


@dataclass(frozen=True)
class Timeouts:
    """Real seconds. `page`: a whole page. `stall`: between two pieces of an upload or a download.

    `upload`: the answer to an upload, whose signature the console checks first. `install`: the answer to Install.
    """

    connect: float = 10.0
    page: float = 60.0
    stall: float = 60.0
    upload: float = 900.0
    install: float = 120.0


@dataclass(frozen=True)
class Upload:
    """A package to send with a form: `sha256` in hex; `progress` is told the bytes sent so far."""

    file: Path
    sha256: str
    progress: Callable[[int], None]


@dataclass
class Target:
    """One console as its readers know it. `keep` saves a page as evidence and returns its SHA-256."""

    name: str
    gate: Gate
    context: ssl.SSLContext
    profile: Profile
    password: SecretStr
    keep: Callable[[bytes], str]
    timeouts: Timeouts


async def send(
    wire: Wire, permit: Permit, limits: Timeouts, body: PackageBody | None = None
) -> httpx.Response:
    """The answer to a permitted request, its body unread; `body` instead of the permit's own content.

    Raises as `Wire.send`, and `TimeoutError`.
    """
    timeout = httpx.Timeout(limits.page, connect=limits.connect)
    headers, content = payload(permit)
    if body is not None:
        headers |= {"Content-Type": body.content_type, "Content-Length": str(body.length)}
        timeout = httpx.Timeout(limits.upload, connect=limits.connect, write=limits.stall)
        return await wire.send(permit, headers, body, timeout)
    async with asyncio.timeout(limits.page):
        return await wire.send(permit, headers, content, timeout)


class Reader(Protocol):
    """Reads one console through its gate, one caller at a time. What does not answer raises `Unreachable`."""

    cookies: httpx.Cookies

    async def enter(self) -> Page:
        """The console's entry page."""
        ...

    async def now(self, page: Page) -> Page | None:
        """`page` as it stands by now: one that runs scripts may have changed. None when it is not open any more."""
        ...

    async def fill(self, page: Page, words: Mapping[Element, str]) -> tuple[Page, Mapping[Element, str]]:
        """Write into fields; the page as it stands then, and what a form has still to be given with its button."""
        ...

    async def choose(self, page: Page, choice: Choice) -> tuple[Page, Choice | None]:
        """Select what can be selected; the page as it stands then, and what a form has still to be given."""
        ...

    async def attach(self, page: Page, field: Element, file: Path) -> tuple[Page, Element | None]:
        """Give a field its file; the page as it stands then, and the field that a form has still to be given."""
        ...

    async def press(
        self, purpose: Purpose, page: Page, control: Control, upload: Upload | None = None
    ) -> Page:
        """Press `control` of `page`; the page it leads to. `upload`: the package that goes with it."""
        ...

    async def select(self, page: Page, control: Control, package: str) -> Page:
        """Follow the link that is called exactly as `package`; the page it leads to."""
        ...

    async def download(self, purpose: Purpose, page: Page, control: Control, into: Path) -> Path | Page:
        """Press `control`; the file that it answers with, saved in the directory `into`, or the page it leads to."""
        ...

    async def install(self, page: Page, control: Control, gate: Callable[[], None]) -> InstallOutcome:
        """Press the last Install. See `bot.console.press.press_once`."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class Pages:
    """Makes `Page`s of the documents of one console, without its secrets."""

    def __init__(self, target: Target, cookies: httpx.Cookies) -> None:
        self._target = target
        self._cookies = cookies

    @property
    def secrets(self) -> list[str]:
        """The password and every cookie."""
        cookies = [cookie.value or "" for cookie in self._cookies.jar]
        return [self._target.password.get_secret_value(), *cookies]

    async def named(self, sheet: Sheet, popup: bool, origins: dict[Element, T] | None = None) -> Page:
        """The page that a document and those of its frames make, kept as evidence.

        `origins`: which living element each stands for, of a page in a browser.
        """
        target = self._target
        evidence = scrub.evidence(sheet.document, self.secrets)
        native(sheet.document, origins)
        document, heading = stands_on(sheet.document, target.profile)
        return Page(
            where=target.name,
            url=sheet.url,
            status=sheet.status,
            document=document,
            title=sheet.title,
            heading=heading,
            kind=kind_of(document, heading, target.profile),
            evidence=await asyncio.to_thread(target.keep, evidence),
            frames=sheet.frames,
            unread=tuple(sheet.unread),
            popup=popup,
            live=origins is not None,
        )

    async def none(self, body: bytes, why: str) -> Unrecognized:
        """The error for what is no page; what came is kept."""
        kept = scrub.redact(body.decode("latin-1"), self.secrets).encode("latin-1", "replace")
        return Unrecognized(
            f"{self._target.name}: what came {why}. Look at the console.",
            page=await asyncio.to_thread(self._target.keep, kept),
        )

    async def body(self, response: httpx.Response) -> bytes:
        """The body of a page. Raises `Unrecognized` for one longer than a page may be, `TimeoutError`."""
        body = bytearray()
        async with asyncio.timeout(self._target.timeouts.page):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_PAGE:
                    raise Unrecognized(f"{self._target.name}: a page is longer than {MAX_PAGE} bytes.")
        return bytes(body)

    async def install(self, permit: Permit, gate: Callable[[], None]) -> InstallOutcome:
        """Send the one request of the last Install."""
        limits = self._target.timeouts
        return await press_once(
            permit,
            self._target.context,
            self._cookies,
            httpx.Timeout(limits.install, connect=limits.connect),
            limits.connect + limits.install,
            gate,
            self._heard,
        )

    def _heard(self, body: bytes, response: httpx.Response) -> str:
        """What an answer says, in a few words; for Install, whose answer is not followed. Never raises."""
        places = self._target.profile.places
        if location := response.headers.get("location"):
            return f"to {cut(scrub.redact(location.partition('?')[0], self.secrets))}"
        try:
            document = parse(body, response.charset_encoding or "")
        except ValueError:
            return "no page"
        scrub.redact_text(document, self.secrets)
        found = [heading_of(document, self._target.profile)]
        found += [text(e) for e in places.elements(places.errors, document)]
        return cut("; ".join(words for words in found if words), 200)
