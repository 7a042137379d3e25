"""Reading one console: permitted requests, and the pages that they lead to, made of all their documents.

Errors name the appliance, never a password, a cookie or a token.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

import httpx
from pydantic import SecretStr

from bot.console import controls, frames, scrub
from bot.console.allow import Barred, Gate, Permit, off_limits
from bot.console.body import PackageBody, encode
from bot.console.controls import Control
from bot.console.frames import Sheet
from bot.console.pages import Element, Page, cut, parse, text
from bot.console.port import Forbidden, Unreachable, Unrecognized
from bot.console.profile import Profile
from bot.console.recognize import heading_of, kind_of, stands_on
from bot.console.wire import Wire, told

MAX_PAGE = 4 * 1024 * 1024
_BUSY = (502, 503, 504)
_HTML = ("text/html", "application/xhtml+xml")


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


class Reader:
    """Reads one console through its gate. `keep` saves a page as evidence and returns its SHA-256."""

    def __init__(
        self,
        name: str,
        gate: Gate,
        context: ssl.SSLContext,
        profile: Profile,
        password: SecretStr,
        keep: Callable[[bytes], str],
        timeouts: Timeouts,
    ) -> None:
        self.name = name
        self.gate = gate
        self.context = context
        self.cookies = httpx.Cookies()
        self._profile = profile
        self._password = password
        self._keep = keep
        self._timeouts = timeouts
        self._wire = Wire(context, self.cookies)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def read(
        self, permit: Permit, pressed: tuple[Page, Control] | None = None, body: PackageBody | None = None
    ) -> Page:
        """The page that a permit leads to, in its place on the page where it was `pressed`."""
        frame, popup = frames.lands(*pressed) if pressed else (None, False)
        async with self.answer(permit, body) as response:
            sheet = await self._sheet(response)
        if pressed and frame is not None:
            sheet = frames.replaced(pressed[0], frame, sheet)
        return await self._named(sheet, popup)

    @contextlib.asynccontextmanager
    async def answer(self, permit: Permit, body: PackageBody | None = None) -> AsyncIterator[httpx.Response]:
        """The answer to a permitted request, redirects and refreshes followed, its body unread.

        Raises `Unreachable`.
        """
        try:
            while True:
                async with self._bounded(body is not None):
                    response = await self._send(permit, body)
                body = None
                try:
                    location = response.headers.get("location", "")
                    if 300 <= response.status_code < 400 and location:
                        permit = self.gate.redirected(permit, response.status_code, location, self.name)
                        continue
                    whole, onward = await self._led_on(permit, response)
                    if onward is None:
                        yield whole
                        return
                    permit = onward
                finally:
                    await response.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            # Not chained: a traceback would tell what `told` leaves out.
            raise Unreachable(f"{self.name}: the console gave no answer ({told(error)}).") from None

    async def _led_on(self, permit: Permit, response: httpx.Response) -> tuple[httpx.Response, Permit | None]:
        """The answer, and where it leads on by itself, after the time that it says (`frames.refresh_of`)."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _HTML or response.status_code >= 400 or "content-disposition" in response.headers:
            return response, None
        body, header = await self._body(response), response.headers.get("refresh", "")
        request = response.request
        whole = httpx.Response(
            response.status_code, headers=response.headers, stream=httpx.ByteStream(body), request=request
        )
        if not header and b"refresh" not in body.lower():
            return whole, None
        try:
            document = parse(body, response.charset_encoding or "")
            refresh = frames.refresh_of(document, header, request.url)
        except ValueError:
            return whole, None
        if refresh is None or (
            permit.method == "GET" and refresh.url == request.url.copy_with(fragment=None)
        ):
            return whole, None  # one that only loads itself again leads nowhere
        onward = self.gate.refreshed(permit, refresh.url, off_limits(document, request.url), self.name)
        await response.aclose()
        await asyncio.sleep(refresh.delay)
        return whole, onward

    async def page(self, response: httpx.Response) -> Page:
        """The page in an answer, its frames in it, kept as evidence. Raises `Unrecognized` when it is none."""
        return await self._named(await self._sheet(response), popup=False)

    async def _sheet(
        self, response: httpx.Response, barred: Barred = frozenset(), room: Iterator[int] | None = None
    ) -> Sheet:
        """The document in an answer, and those of its frames. `room`: how many more of those there may be."""
        status, url, permit = (
            response.status_code,
            response.request.url,
            response.request.extensions["permit"],
        )
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
        await response.aclose()
        return await self._with_frames(
            document, url, status, permit, barred, iter(range(frames.MAX_FRAMES)) if room is None else room
        )

    async def _with_frames(
        self,
        document: Element,
        url: httpx.URL,
        status: int,
        permit: Permit,
        barred: Barred,
        room: Iterator[int],
    ) -> Sheet:
        scrub.redact_text(document, self._secrets())
        title = " ".join(text(title) for title in document.iter("title"))
        sheet, barred = Sheet(document, url, status, title), barred | off_limits(document, url)
        for frame, where, inline in frames.stand_ins(document):
            if next(room, None) is None:
                raise Unrecognized(f"{self.name}: a page has more than {frames.MAX_FRAMES} frames.")
            called = [
                name for name in (frame.get("title"), frame.get("name"), frame.get("aria-label")) if name
            ]
            try:
                base = controls.base_of(document, url)
                if inline:
                    inner = await self._with_frames(
                        parse(inline.encode(), ""), base, 200, permit, barred, room
                    )
                elif where.lower() in ("", "about:blank") or where.lower().startswith("javascript:"):
                    inner = Sheet(parse(b"<p></p>", ""), base, 200, "")
                else:
                    seen = self.gate.frame(permit, controls.resolved(base, where), called, barred)
                    async with self.answer(seen) as response:
                        inner = await self._sheet(response, barred, room)
                frames.put(sheet, frame, inner, frame.get("name") or "")
            except (Forbidden, ValueError) as error:
                sheet.unread.append(cut(f"{called[0]!r}: {error}" if called else str(error), 200))
        sheet.status = max([status, *(frame.status for frame in sheet.frames.values())])
        return sheet

    async def _named(self, sheet: Sheet, popup: bool) -> Page:
        evidence = scrub.evidence(sheet.document, self._secrets())
        document, heading = stands_on(sheet.document, self._profile)
        return Page(
            where=self.name,
            url=sheet.url,
            status=sheet.status,
            document=document,
            title=sheet.title,
            heading=heading,
            kind=kind_of(document, heading, self._profile),
            evidence=await asyncio.to_thread(self._keep, evidence),
            frames=sheet.frames,
            unread=tuple(sheet.unread),
            popup=popup,
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
        return [self._password.get_secret_value(), *cookies]

    def _without_secrets(self, body: bytes) -> bytes:
        return scrub.redact(body.decode("latin-1"), self._secrets()).encode("latin-1", "replace")
