"""One console's session: signing in, following controls through the gate, reading pages.

One caller at a time. Errors name the appliance, never a password, a cookie or a token.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from pydantic import SecretStr

from bot.console import controls
from bot.console.allow import Gate, Purpose
from bot.console.controls import Control
from bot.console.http_reader import HttpReader
from bot.console.pages import Page, PageKind, cut
from bot.console.port import ConsoleError, SignInRefused, Unrecognized
from bot.console.profile import Profile
from bot.console.reading import Reader, Target, Timeouts, Upload
from bot.console.recognize import errors, expired
from bot.console.tls import Trust

_TABS = {
    Purpose.PACKAGES: PageKind.PACKAGES,
    Purpose.ENTERPRISE: PageKind.ENTERPRISE,
    Purpose.SYSTEM: PageKind.OPERATIONS,
}
"""What the tabs open. The tab that is open need be no link."""


@dataclass(frozen=True)
class Appliance:
    """One appliance's console: the name that the Enterprise page lists, `https://host:port`, and its trust."""

    name: str
    address: str
    trust: Trust


@dataclass
class Credentials:
    """User and password of all consoles of an enterprise. A refusal, anywhere, is remembered for good."""

    user: str
    password: SecretStr
    refused: str = ""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


Driver = Callable[[Target], Reader]
"""What makes the reader of a console."""


class SessionExpired(Unrecognized):
    """The console answered with its sign-in page: what was pressed was not carried out."""


class Session:
    """A session with one console. `keep` saves a page as evidence and returns its SHA-256.

    `only`: what its gate lets through at all. `driver` makes what reads the console.
    """

    def __init__(
        self,
        appliance: Appliance,
        credentials: Credentials,
        profile: Profile,
        keep: Callable[[bytes], str],
        timeouts: Timeouts,
        only: Collection[Purpose] = frozenset(Purpose),
        driver: Driver = HttpReader,
    ) -> None:
        origin = httpx.URL(appliance.address)
        if origin.scheme != "https" or not origin.host or origin.path not in ("", "/") or origin.userinfo:
            raise ValueError(f"{appliance.name}: the console's address is https://host:port.")
        gate, context = Gate(origin, profile.entry, profile.labels, only), appliance.trust.context()
        self.name = appliance.name
        self.reader = driver(Target(self.name, gate, context, profile, credentials.password, keep, timeouts))
        self.signed_in = 0
        """How often this session has signed in: a page opened under another count is stale."""
        self._credentials = credentials
        self._profile = profile
        self._timeouts = timeouts
        self._page: Page | None = None

    async def open(self, tab: Purpose) -> Page:
        """Follow the link of one of the named tabs, signing in when there is no session."""
        signed_in = self.signed_in
        try:
            page = self._page and await self.reader.now(self._page)
            # Of a page made of frames only one is new after each press: such a page is begun anew.
            if page is None or page.frames or not controls.offers(page, self._profile.labels[tab]):
                page = await self.sign_in()
            return await self._turn(tab, page)
        except SessionExpired:
            if self.signed_in != signed_in:
                raise
        return await self._turn(tab, await self.sign_in())

    async def _turn(self, tab: Purpose, page: Page) -> Page:
        if page.kind is _TABS.get(tab) and not controls.offers(page, self._profile.labels[tab]):
            return page  # just read: only a page that offers the tab comes here otherwise
        return await self.press(tab, page)

    async def press(
        self, purpose: Purpose, page: Page, control: Control | None = None, upload: Upload | None = None
    ) -> Page:
        """Press `control` of `page`, or the one that the profile labels so; the page it leads to.

        Raises `SessionExpired` when that is the sign-in page.
        """
        control = control or controls.action(page, self._profile.labels[purpose])
        return self._stay(await self.reader.press(purpose, page, control, upload))

    async def select(self, page: Page, control: Control, package: str) -> Page:
        """Follow the link on a package's name; the page it leads to. Raises `SessionExpired`."""
        return self._stay(await self.reader.select(page, control, package))

    async def download(self, purpose: Purpose, page: Page, control: Control, into: Path) -> Path | Page:
        """Press `control`; the file that it answers with, or the page it leads to. Raises `SessionExpired`."""
        got = await self.reader.download(purpose, page, control, into)
        return got if isinstance(got, Path) else self._stay(got)

    async def sign_in(self) -> Page:
        """The entry page, after signing in where it asks for that. A refused password is never tried again."""
        async with self._credentials.turn:
            self._page = None
            page = await self.reader.enter()
            if page.kind is PageKind.SIGN_IN and page.frames:
                page = await self.reader.enter()  # the session ended between two frames of a page
            if page.kind is PageKind.SIGN_IN:
                if self._credentials.refused:
                    raise SignInRefused(self._credentials.refused)
                page = await self._send_password(page)
                self.signed_in += 1
                if page.frames or page.popup:
                    page = await self.reader.enter()
            return self._stay(page)

    async def _send_password(self, page: Page) -> Page:
        labels = self._profile.fields_
        written = {
            controls.field(page, labels.user): self._credentials.user,
            controls.field(page, labels.password): self._credentials.password.get_secret_value(),
        }
        page, fill = await self.reader.fill(page, written)
        control = controls.action(page, self._profile.labels[Purpose.SIGN_IN], fill=fill)
        answer = await self.reader.press(Purpose.SIGN_IN, page, control)
        if answer.kind is PageKind.SIGN_IN:
            if expired(answer, self._profile):
                raise Unrecognized(f"{self.name}: the session ends at once.", page=answer.evidence)
            words = cut("; ".join(errors(answer, self._profile))) or "it shows its sign-in page again"
            self._credentials.refused = (
                f"{self.name} refused user {self._credentials.user!r} and password: {words}. "
                "They are not tried again. Correct the password, then start Keyturn again."
            )
            raise SignInRefused(self._credentials.refused)
        return answer

    def _stay(self, page: Page) -> Page:
        if page.kind is PageKind.SIGN_IN:
            self._page = None
            raise SessionExpired(f"{self.name}: the session has expired.", page=page.evidence)
        self._page = page
        return page

    async def close(self) -> None:
        """Sign out, if the console is there to listen, and close the connections."""
        try:
            if self._page is not None:
                with contextlib.suppress(ConsoleError, TimeoutError):
                    async with asyncio.timeout(self._timeouts.connect):
                        await self._sign_out(self._page)
        finally:
            await self.reader.aclose()

    async def _sign_out(self, last: Page) -> None:
        page = await self.reader.now(last) or await self.reader.enter()
        if not controls.offers(page, self._profile.labels[Purpose.SIGN_OUT]):
            page = await self.reader.enter()  # a pop-up or a dialog has no way out of its own
        await self.press(Purpose.SIGN_OUT, page)
