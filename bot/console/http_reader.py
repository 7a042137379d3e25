"""Reading one console over HTTP: permitted requests, and the pages that they lead to, made of all their documents."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import httpx

from bot.console import controls, frames, scrub
from bot.console.allow import Barred, Permit, Purpose, off_limits
from bot.console.body import PackageBody
from bot.console.controls import Choice, Control
from bot.console.download import save
from bot.console.frames import Sheet
from bot.console.pages import Element, Page, cut, parse, text
from bot.console.port import Forbidden, Unreachable, Unrecognized
from bot.console.press import not_sent
from bot.console.reading import Pages, Target, Upload, send
from bot.console.wire import Wire, told
from bot.domain.sight import InstallOutcome

BUSY = (502, 503, 504)
"""What a busy or starting console answers: silence (law 5)."""
_HTML = ("text/html", "application/xhtml+xml")


class HttpReader:
    """See `bot.console.reading.Reader`."""

    def __init__(self, target: Target) -> None:
        self.cookies = httpx.Cookies()
        self._target = target
        self._pages = Pages(target, self.cookies)
        self._wire = Wire(target.context, self.cookies)

    async def enter(self) -> Page:
        """See `Reader`."""
        return await self._read(self._target.gate.enter())

    async def now(self, page: Page) -> Page | None:
        """A page without scripts stays as it came."""
        return page

    async def fill(self, page: Page, words: Mapping[Element, str]) -> tuple[Page, Mapping[Element, str]]:
        """A form is given its words with its button."""
        return page, words

    async def choose(self, page: Page, choice: Choice) -> tuple[Page, Choice | None]:
        """A form is given what is selected with its button."""
        return page, choice

    async def attach(self, page: Page, field: Element, file: Path) -> tuple[Page, Element | None]:
        """A form is given its file with its button."""
        return page, field

    async def press(
        self, purpose: Purpose, page: Page, control: Control, upload: Upload | None = None
    ) -> Page:
        """See `Reader`."""
        permit, body = self._target.gate.follow(purpose, page, control), None
        if upload is not None:
            if not control.file_field:
                raise Unrecognized(f"The file field on {page} has no name to send it by.", page=page.evidence)
            body = PackageBody(upload.file, upload.sha256, permit.fields, control.file_field, upload.progress)
        return await self._read(permit, (page, control), body)

    async def select(self, page: Page, control: Control, package: str) -> Page:
        """See `Reader`."""
        return await self._read(self._target.gate.select(page, control, package), (page, control))

    async def download(self, purpose: Purpose, page: Page, control: Control, into: Path) -> Path | Page:
        """See `Reader`."""
        async with self._answer(self._target.gate.follow(purpose, page, control)) as response:
            if response.status_code == 200 and "content-disposition" in response.headers:
                return await save(response, into, self._target.timeouts.stall)
            return await self._pages.named(await self._sheet(response), popup=False)

    async def install(self, page: Page, control: Control, gate: Callable[[], None]) -> InstallOutcome:
        """See `Reader`."""
        try:
            permit = self._target.gate.follow(Purpose.INSTALL, page, control)
        except Forbidden as error:
            return not_sent(str(error))
        return await self._pages.install(permit, gate)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._wire.aclose()

    async def _read(
        self, permit: Permit, pressed: tuple[Page, Control] | None = None, body: PackageBody | None = None
    ) -> Page:
        """The page that a permit leads to, in its place on the page where it was `pressed`."""
        frame, popup = frames.lands(*pressed) if pressed else (None, False)
        async with self._answer(permit, body) as response:
            sheet = await self._sheet(response)
        if pressed and frame is not None:
            sheet = frames.replaced(pressed[0], frame, sheet)
        return await self._pages.named(sheet, popup)

    @contextlib.asynccontextmanager
    async def _answer(self, permit: Permit, body: PackageBody | None = None) -> AsyncIterator[httpx.Response]:
        """The answer to a permitted request, redirects and refreshes followed, its body unread.

        Raises `Unreachable`.
        """
        gate, name = self._target.gate, self._target.name
        try:
            while True:
                response = await send(self._wire, permit, self._target.timeouts, body)
                body = None
                try:
                    location = response.headers.get("location", "")
                    if 300 <= response.status_code < 400 and location:
                        permit = gate.redirected(permit, response.status_code, location, name)
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
            raise Unreachable(f"{name}: the console gave no answer ({told(error)}).") from None

    async def _led_on(self, permit: Permit, response: httpx.Response) -> tuple[httpx.Response, Permit | None]:
        """The answer, and where it leads on by itself, after the time that it says (`frames.refresh_of`)."""
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in _HTML or response.status_code >= 400 or "content-disposition" in response.headers:
            return response, None
        body, header = await self._pages.body(response), response.headers.get("refresh", "")
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
        barred = off_limits(document, request.url)
        onward = self._target.gate.refreshed(permit, refresh.url, barred, self._target.name)
        await response.aclose()
        await asyncio.sleep(refresh.delay)
        return whole, onward

    async def _sheet(
        self, response: httpx.Response, barred: Barred = frozenset(), room: Iterator[int] | None = None
    ) -> Sheet:
        """The document in an answer, and those of its frames. `room`: how many more of those there may be."""
        status, url, permit = (
            response.status_code,
            response.request.url,
            response.request.extensions["permit"],
        )
        if status in BUSY:
            raise Unreachable(
                f"{self._target.name}: the console answered {status}, which a busy or starting one does."
            )
        body = await self._pages.body(response)
        try:
            if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
                raise ValueError("it is compressed, which was not asked for")
            document = parse(body, response.charset_encoding or "")
        except ValueError as error:
            raise await self._pages.none(body, f"(status {status}) is no page: {error}") from error
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
        scrub.redact_text(document, self._pages.secrets)
        title = " ".join(text(title) for title in document.iter("title"))
        sheet, barred = Sheet(document, url, status, title), barred | off_limits(document, url)
        for frame, where, inline in frames.stand_ins(document):
            if next(room, None) is None:
                raise Unrecognized(f"{self._target.name}: a page has more than {frames.MAX_FRAMES} frames.")
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
                    seen = self._target.gate.frame(permit, controls.resolved(base, where), called, barred)
                    async with self._answer(seen) as response:
                        inner = await self._sheet(response, barred, room)
                frames.put(sheet, frame, inner, frame.get("name") or "")
            except (Forbidden, ValueError) as error:
                sheet.unread.append(cut(f"{called[0]!r}: {error}" if called else str(error), 200))
        sheet.status = max([status, *(frame.status for frame in sheet.frames.values())])
        return sheet
