"""One console's session: signing in, following controls through the gate, reading pages.

One caller at a time. Errors name the appliance, never a password, a cookie or a token.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import httpx
from pydantic import SecretStr

from bot.console import controls, scrub
from bot.console.allow import Gate, Permit, Purpose
from bot.console.body import PackageBody, encode
from bot.console.controls import Control
from bot.console.pages import Page, PageKind, cut, parse, text
from bot.console.port import ConsoleError, SignInRefused, Unreachable, Unrecognized
from bot.console.profile import Profile
from bot.console.recognize import errors, expired, heading_of, kind_of
from bot.console.tls import Trust
from bot.console.wire import Wire, told

MAX_PAGE = 4 * 1024 * 1024
_BUSY = (502, 503, 504)


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


class SessionExpired(Unrecognized):
    """The console answered with its sign-in page: what was pressed was not carried out."""


class Session:
    """A session with one console. `keep` saves a page as evidence and returns its SHA-256."""

    def __init__(
        self,
        appliance: Appliance,
        credentials: Credentials,
        profile: Profile,
        keep: Callable[[bytes], str],
        timeouts: Timeouts,
    ) -> None:
        origin = httpx.URL(appliance.address)
        if origin.scheme != "https" or not origin.host or origin.path not in ("", "/") or origin.userinfo:
            raise ValueError(f"{appliance.name}: the console's address is https://host:port.")
        self.name = appliance.name
        self.gate = Gate(origin, profile.entry, profile.labels)
        self.context = appliance.trust.context()
        self.signed_in = 0
        """How often this session has signed in: a page opened under another count is stale."""
        self._credentials = credentials
        self._profile = profile
        self._keep = keep
        self._timeouts = timeouts
        self._page: Page | None = None
        self.cookies = httpx.Cookies()
        self._wire = Wire(self.context, self.cookies)

    async def open(self, tab: Purpose) -> Page:
        """Follow the link of one of the named tabs, signing in when there is no session."""
        if self._page is not None and controls.offers(self._page, self._profile.labels[tab]):
            with contextlib.suppress(SessionExpired):
                return await self.press(tab, self._page)
        return await self.press(tab, await self.sign_in())

    async def press(self, purpose: Purpose, page: Page, control: Control | None = None) -> Page:
        """Press `control` of `page`, or the one that the profile labels so; the page it leads to.

        Raises `SessionExpired` when that is the sign-in page.
        """
        control = control or controls.action(page, self._profile.labels[purpose])
        return self._stay(await self._read(self.gate.follow(purpose, page, control)))

    async def submit(self, page: Page, control: Control, body: PackageBody) -> Page:
        """Press the Upload button with a package."""
        permit = self.gate.follow(Purpose.UPLOAD, page, control)
        return self._stay(await self._read(permit, body))

    async def sign_in(self) -> Page:
        """The entry page, after signing in where it asks for that. A refused password is never tried again."""
        async with self._credentials.turn:
            self._page = None
            page = await self._read(self.gate.enter())
            if page.kind is PageKind.SIGN_IN:
                if self._credentials.refused:
                    raise SignInRefused(self._credentials.refused)
                page = await self._send_password(page)
                self.signed_in += 1
            return self._stay(page)

    async def _send_password(self, page: Page) -> Page:
        labels = self._profile.fields_
        fill = {
            controls.field(page, labels.user): self._credentials.user,
            controls.field(page, labels.password): self._credentials.password.get_secret_value(),
        }
        control = controls.action(page, self._profile.labels[Purpose.SIGN_IN], fill=fill)
        answer = await self._read(self.gate.follow(Purpose.SIGN_IN, page, control))
        if answer.kind is PageKind.SIGN_IN:
            if expired(answer, self._profile):
                raise Unrecognized(f"{self.name}: the session ends at once.", page=answer.evidence)
            words = cut("; ".join(errors(answer, self._profile))) or "it shows its sign-in page again"
            self._credentials.refused = (
                f"{self.name} refused user {self._credentials.user!r} and password: {words}. "
                "They are not tried again. Correct the password, then ask again."
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
                        await self.press(Purpose.SIGN_OUT, self._page)
        finally:
            await self._wire.aclose()

    async def _read(self, permit: Permit, body: PackageBody | None = None) -> Page:
        async with self.answer(permit, body) as response:
            return await self.page(response)

    @contextlib.asynccontextmanager
    async def answer(self, permit: Permit, body: PackageBody | None = None) -> AsyncIterator[httpx.Response]:
        """The answer to a permitted request, its redirects followed, its body unread. Raises `Unreachable`."""
        try:
            while True:
                async with self._bounded(body is not None):
                    response = await self._send(permit, body)
                try:
                    location = response.headers.get("location", "")
                    if not (300 <= response.status_code < 400 and location):
                        yield response
                        return
                    permit = self.gate.redirected(permit, response.status_code, location, self.name)
                    body = None
                finally:
                    await response.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            # Not chained: a traceback would tell what `told` leaves out.
            raise Unreachable(f"{self.name}: the console gave no answer ({told(error)}).") from None

    async def page(self, response: httpx.Response) -> Page:
        """The page in an answer, kept as evidence. Raises `Unrecognized` when it is none."""
        status = response.status_code
        if status in _BUSY:
            raise Unreachable(
                f"{self.name}: the console answered {status}, which a busy or starting one does."
            )
        body = await self._body(response)
        try:
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise ValueError("it is compressed, which was not asked for")
            document = parse(body, response.charset_encoding or "")
        except ValueError as error:
            kept = self._without_secrets(body)
            raise Unrecognized(
                f"{self.name}: what came (status {status}) is no page: {error}. Look at the console.",
                page=await asyncio.to_thread(self._keep, kept),
            ) from error
        secrets = self._secrets()
        scrub.redact_text(document, secrets)
        heading = heading_of(document)
        return Page(
            where=self.name,
            url=response.request.url,
            status=status,
            document=document,
            title=" ".join(text(title) for title in document.iter("title")),
            heading=heading,
            kind=kind_of(document, heading, self._profile),
            evidence=await asyncio.to_thread(self._keep, scrub.evidence(document, secrets)),
        )

    def heard(self, body: bytes, response: httpx.Response) -> str:
        """What an answer says, in a few words; for Install, whose answer is not followed. Never raises."""
        if location := response.headers.get("location"):
            return f"to {cut(scrub.redact(location.partition('?')[0], self._secrets()))}"
        try:
            document = parse(body, response.charset_encoding or "")
        except ValueError:
            return "no page"
        scrub.redact_text(document, self._secrets())
        found = [heading_of(document)]
        found += [text(e) for e in self._profile.places.elements(self._profile.places.errors, document)]
        return cut("; ".join(words for words in found if words), 200)

    async def _send(self, permit: Permit, body: PackageBody | None) -> httpx.Response:
        limits = self._timeouts
        timeout = httpx.Timeout(limits.page, connect=limits.connect)
        if body is not None:
            headers = {"Content-Type": body.content_type, "Content-Length": str(body.length)}
            timeout = httpx.Timeout(limits.upload, connect=limits.connect, write=limits.stall)
            return await self._wire.send(permit, headers, body, timeout)
        if permit.method == "GET":
            return await self._wire.send(permit, {}, b"", timeout)
        content_type, content = encode(permit.fields, permit.enctype)
        return await self._wire.send(permit, {"Content-Type": content_type}, content, timeout)

    def _bounded(self, uploading: bool) -> asyncio.Timeout:
        return asyncio.timeout(None if uploading else self._timeouts.page)

    async def _body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async with self._bounded(False):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_PAGE:
                    raise Unrecognized(f"{self.name}: a page is longer than {MAX_PAGE} bytes.")
        return bytes(body)

    def _secrets(self) -> list[str]:
        cookies = [cookie.value or "" for cookie in self.cookies.jar]
        return [self._credentials.password.get_secret_value(), *cookies]

    def _without_secrets(self, body: bytes) -> bytes:
        return scrub.redact(body.decode("latin-1"), self._secrets()).encode("latin-1", "replace")
