"""A read-only visit to one console: sign in, look at each page that a tab leads to, sign out.

It cannot do more: its session's gate lets nothing else through (`allow.READ_ONLY`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import httpx

from bot.console import certificate, controls, scrub
from bot.console.allow import READ_ONLY, Purpose
from bot.console.certificate import Certificate
from bot.console.http_reader import HttpReader
from bot.console.pages import Page, PageKind
from bot.console.port import CertificateMismatch, Forbidden, SignInRefused, Unreachable, Unrecognized
from bot.console.profile import Profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance, Credentials, Driver, Session
from bot.console.tls import fetch_certificate


class View(StrEnum):
    """What a visit looks at, in this order. START is the page after signing in; SYSTEM may be OPERATIONS already."""

    SIGN_IN = "sign_in"
    START = "start"
    PACKAGES = "packages"
    ENTERPRISE = "enterprise"
    SYSTEM = "system"
    OPERATIONS = "operations"
    LOGS = "logs"


@dataclass
class Visit:
    """What a console showed. A view is in `pages`, or in `troubles` with the reason, or its tab was not there.

    The pages' addresses are without secrets: nothing is sent from here any more.
    `failure`: why the console could not be reached, trusted or signed in to; empty otherwise.
    `trusted`: whether the certificate is the pinned one or signed by the CA; None when that was not seen.
    """

    name: str
    address: str
    certificate: Certificate | None = None
    trusted: bool | None = None
    signed_in: bool = False
    failure: str = ""
    pages: dict[View, Page] = field(default_factory=dict)
    troubles: dict[View, str] = field(default_factory=dict)

    @property
    def opened_by_system(self) -> bool:
        """Whether System opens Operations by itself."""
        system = self.pages.get(View.SYSTEM)
        return system is not None and system.kind is PageKind.OPERATIONS


def read_only(
    appliance: Appliance,
    credentials: Credentials,
    profile: Profile,
    keep: Callable[[bytes], str],
    timeouts: Timeouts,
    driver: Driver = HttpReader,
) -> Session:
    """A session that can sign in, sign out and open the named tabs; all else raises `Forbidden`, nothing sent."""
    return Session(appliance, credentials, profile, keep, timeouts, READ_ONLY, driver)


async def visit(
    appliance: Appliance,
    credentials: Credentials,
    profile: Profile,
    keep: Callable[[bytes], str],
    timeouts: Timeouts | None = None,
    driver: Driver = HttpReader,
) -> Visit:
    """One console, from its certificate to the sign-out. Never raises for the console."""
    timeouts = timeouts or Timeouts()
    session = read_only(appliance, credentials, profile, keep, timeouts, driver)
    seen = Visit(appliance.name, appliance.address)
    walk = _Walk(session, profile, seen, {credentials.password.get_secret_value()})
    try:
        seen.certificate = await _certificate(appliance, timeouts.connect)
        await walk.all()
    except (Unreachable, SignInRefused) as error:
        seen.failure = str(error)
    except CertificateMismatch as error:
        seen.trusted, seen.failure = False, str(error)
    finally:
        await session.close()
    seen.signed_in = session.signed_in > 0
    for view, page in seen.pages.items():
        seen.pages[view] = replace(page, url=httpx.URL(scrub.address(str(page.url), walk.secrets)))
    return seen


async def _certificate(appliance: Appliance, timeout: float) -> Certificate | None:
    origin = httpx.URL(appliance.address)
    der = await fetch_certificate(origin.host, origin.port or 443, timeout)
    try:
        return certificate.read(der)
    except ValueError:
        return None


@dataclass
class _Walk:
    """`secrets`: the password, and every cookie that the console has set on the way."""

    session: Session
    profile: Profile
    seen: Visit
    secrets: set[str]

    async def all(self) -> None:
        """Every view that can be come to. Raises `Unreachable`, `SignInRefused`, `CertificateMismatch`."""
        entry = await self._look(View.SIGN_IN, self._entry())
        if entry is None or entry.kind is not PageKind.SIGN_IN:
            return
        start = await self._look(View.START, self.session.sign_in())
        if start is None:
            return
        for view, tab, kind in (
            (View.PACKAGES, Purpose.PACKAGES, PageKind.PACKAGES),
            (View.ENTERPRISE, Purpose.ENTERPRISE, PageKind.ENTERPRISE),
            (View.SYSTEM, Purpose.SYSTEM, PageKind.OPERATIONS),
        ):
            if self._offers(start, tab) or start.kind is kind:
                await self._look(view, self.session.open(tab))
        if system := self.seen.pages.get(View.SYSTEM):
            await self._below(system)

    async def _below(self, system: Page) -> None:
        if self.seen.opened_by_system:
            self.seen.pages[View.OPERATIONS] = system
        elif self._offers(system, Purpose.OPERATIONS):
            await self._look(View.OPERATIONS, self.session.press(Purpose.OPERATIONS, system))
        if self._offers(system, Purpose.LOGS):
            await self._look(View.LOGS, self.session.press(Purpose.LOGS, system))

    async def _entry(self) -> Page:
        """The entry page as it comes to somebody who is not signed in."""
        page = await self.session.reader.enter()
        self.seen.trusted = True
        return page

    async def _look(self, view: View, opening: Awaitable[Page]) -> Page | None:
        try:
            self.seen.pages[view] = await opening
        except (Unrecognized, Forbidden) as error:
            self.seen.troubles[view] = str(error)
        self.secrets |= {cookie.value or "" for cookie in self.session.reader.cookies.jar}
        return self.seen.pages.get(view)

    def _offers(self, page: Page, purpose: Purpose) -> bool:
        return controls.offers(page, self.profile.labels[purpose])
