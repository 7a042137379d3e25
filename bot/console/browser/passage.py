"""Every request of a browser's windows on its way to one console: through the gate, over the wire, or not at all.

The answers are handed to the browser. It opens no connection, so it can repeat no request either: Chromium sends a
POST again by itself when a kept-alive connection is reset.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bot.console.allow import READ_ONLY, Gate, Permit, Press, Purpose, never_pressed, off_limits
from bot.console.body import PackageBody
from bot.console.download import save
from bot.console.http_reader import BUSY
from bot.console.pages import cut, parse
from bot.console.port import Forbidden, Unreachable, Unrecognized
from bot.console.pressing import Asked, Unreadable, parts
from bot.console.reading import Pages, Target, Upload, send
from bot.console.wire import Wire, told

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Request, Route

_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "content-type", "cookie", "accept-encoding", "user-agent"}
)
"""What the wire says itself."""
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"})
_LOOKS = frozenset({"image", "font", "stylesheet", "media", "manifest", "other"})
"""What a page can do without, as without a frame: when one is not let through, the page is read without it."""
_ASIDE = frozenset({"ping", "cspreport", "eventsource"})
"""What a page sends or listens to beside what it does; never let through, and no harm to leave out."""
_AT_ONCE = 4
"""Requests that a console is asked at once; browsers ask six."""


@dataclass
class Traffic:
    """The requests of one press, and what came of them.

    `upload`: the package that takes the place of the file in the request that carries one. `into`: where a file is
    saved that comes as an answer. `install`: takes the first request that changes something, which is then not sent
    from here; `more`: there was another. `changed`: a request that changes something was let through. `answered`: how
    many documents, and answers to what scripts asked. `status`: the highest of the documents'; a script's from 500 on.
    `over`: what a script was told when the session was over. `left_out`: what was not sent. `tasks`: what is under way.
    """

    press: Press
    upload: Upload | None = None
    into: Path | None = None
    install: asyncio.Future[Permit] | None = None
    answered: int = 0
    status: int = 0
    over: int = 0
    trouble: Exception | None = None
    left_out: list[str] = field(default_factory=list)
    saved: Path | None = None
    changed: bool = False
    more: bool = False
    tasks: set[asyncio.Future[None]] = field(default_factory=set)


class Passage:
    """Carries the requests of a `context` while a `traffic` is on; without one nothing leaves."""

    def __init__(self, target: Target, wire: Wire, cookies: httpx.Cookies, pages: Pages) -> None:
        self.traffic: Traffic | None = None
        self.context: BrowserContext | None = None
        self._target = target
        self._wire = wire
        self._cookies = cookies
        self._pages = pages
        self._under_way: set[int] = set()
        self._begun = 0
        self._leading = 0
        self._changed = asyncio.Event()
        self._room = asyncio.Semaphore(_AT_ONCE)

    @property
    def begun(self) -> int:
        """How many requests there have been."""
        return self._begun

    async def still(self) -> None:
        """Wait until no request that is under way now is so any more, and none is about to follow a redirect."""
        now = set(self._under_way)
        while now & self._under_way or self._leading:
            self._changed.clear()
            await self._changed.wait()

    async def end(self, *, broken: bool) -> None:
        """Let nothing more leave. What is under way is waited for, or ended when its press was `broken` off."""
        traffic, self.traffic = self.traffic, None
        if traffic is None:
            return
        tasks = [task for task in traffic.tasks if not task.done()]
        if broken:
            for task in tasks:
                task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=self._target.timeouts.page)

    async def handle(self, route: Route) -> None:
        """What Playwright calls for each request of a window."""
        traffic = self.traffic
        if traffic is None:
            await _refuse(route)
            return
        if route.request.resource_type in _ASIDE:
            traffic.left_out.append(f"what the page sends beside ({route.request.resource_type})")
            await _refuse(route)
            return
        self._begun += 1
        number = self._begun
        self._under_way.add(number)
        if route.request.is_navigation_request():
            self._leading = 0
        try:
            await self._carry(route, traffic)
        except (
            Exception
        ) as error:  # whatever it is, the browser waits for an end, and the press for its reason
            self._note(traffic, route.request, error)
            await _refuse(route)
        finally:
            self._under_way.discard(number)
            self._changed.set()

    async def file(self, traffic: Traffic, url: httpx.URL) -> Path | None:
        """What a link to a file leads to, saved; None when no file comes. Raises `Unreachable`."""
        asked = Asked("GET", url, False, (), "", b"")
        try:
            response = await self._answer(self._target.gate.ask(traffic.press, asked), asked, traffic)
            try:
                if traffic.into is not None and _is_file(response):
                    return await save(response, traffic.into, self._target.timeouts.stall)
            finally:
                await response.aclose()
        except (httpx.TransportError, TimeoutError) as error:
            raise Unreachable(f"{self._target.name}: the console gave no answer ({told(error)}).") from None
        return None

    def _note(self, traffic: Traffic, request: Request, error: Exception) -> None:
        if isinstance(error, httpx.TransportError | TimeoutError):
            error = Unreachable(f"{self._target.name}: the console gave no answer ({told(error)}).")
        looks = request.method == "GET" and (request.resource_type in _LOOKS or _inner(request))
        beside = request.method != "GET" and not request.is_navigation_request()
        idle = traffic.changed or traffic.press.purpose in READ_ONLY - {Purpose.SIGN_IN, Purpose.SIGN_OUT}
        if isinstance(error, Forbidden) and (looks or (beside and idle)):
            traffic.left_out.append(cut(str(error), 200))
        elif traffic.trouble is None:
            traffic.trouble = error

    async def _carry(self, route: Route, traffic: Traffic) -> None:
        request, gate = route.request, self._target.gate
        asked = _asked(request)
        if traffic.install is not None:
            if asked.method != "GET":
                await self._take_over_cookies()
                traffic.more = traffic.install.done()
                _settle(traffic.install, gate, traffic.press, asked)
            raise Forbidden("Install is one request, and nothing beside it is sent.")
        permit = gate.ask(traffic.press, asked)
        if (
            asked.navigation
            and asked.method == "GET"
            and asked.url not in traffic.press.own
            and _inner(request)
        ):
            permit = gate.frame(permit, asked.url, [request.frame.name], traffic.press.barred)
        await self._take_over_cookies()
        async with self._room:
            if self.traffic is not traffic:
                raise Forbidden("The press was over before this request's turn came.")
            response = await self._answer(permit, asked, traffic)
        try:
            await self._hand_over(route, response, asked, traffic)
        finally:
            await response.aclose()

    async def _take_over_cookies(self) -> None:
        """Cookies that a script has set in the browser."""
        known = {cookie.name for cookie in self._cookies.jar}
        for cookie in (
            [] if self.context is None else await self.context.cookies(str(self._target.gate.enter().url))
        ):
            if (name := cookie.get("name", "")) and name not in known:
                self._cookies.set(name, cookie.get("value", ""), path=cookie.get("path", "/"))

    async def _answer(self, permit: Permit, asked: Asked, traffic: Traffic) -> httpx.Response:
        limits, body = self._target.timeouts, None
        if traffic.upload is not None and permit.method == "POST":
            body = _package(asked, traffic.upload, self._target.name)
        while True:
            response = await send(self._wire, permit, limits, body)
            location = response.headers.get("location", "")
            if asked.navigation or not (300 <= response.status_code < 400 and location):
                return response
            # A script does not see redirects; the browser would follow them past the gate.
            await response.aclose()
            if self.traffic is not traffic and traffic.into is None:
                raise Forbidden("The press was over before this redirect.")
            permit = self._target.gate.redirected(permit, response.status_code, location, self._target.name)
            body = None

    async def _hand_over(
        self, route: Route, response: httpx.Response, asked: Asked, traffic: Traffic
    ) -> None:
        name, status = self._target.name, response.status_code
        if status in BUSY:
            raise Unreachable(f"{name}: the console answered {status}, which a busy or starting one does.")
        if traffic.into is not None and _is_file(response):
            traffic.saved = await save(response, traffic.into, self._target.timeouts.stall)
            await _refuse(route)
            return
        if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Unrecognized(f"{name}: an answer is compressed, which was not asked for.")
        body = await self._pages.body(response)
        scripted = route.request.resource_type in ("xhr", "fetch")
        traffic.answered += status < 400 and (asked.navigation or scripted)
        headers = _headers(response)
        location = response.headers.get("location", "")
        if asked.navigation and 300 <= status < 400 and location:
            # The browser would follow a redirect past the gate: it is led on by a page instead.
            permit: Permit = response.request.extensions["permit"]
            onward = self._target.gate.redirected(permit, status, location, name)
            traffic.press.redirects = onward.redirects
            traffic.press.own.add(onward.url)
            self._leading += 1
            where = escape(str(onward.url), quote=True)
            body = f'<meta http-equiv="refresh" content="0;url={where}">'.encode()
            headers |= {"content-type": "text/html; charset=utf-8"}
            headers.pop("location")
            status = 200
        elif asked.navigation or status >= 500:
            traffic.status = max(traffic.status, status)
        if scripted and status in (401, 403):
            traffic.over = status
        if asked.navigation:
            _learn(traffic.press, body, response, inner=_inner(route.request))
        await route.fulfill(status=status, headers=headers, body=body)


def _settle(install: asyncio.Future[Permit], gate: Gate, press: Press, asked: Asked) -> None:
    if install.done():
        return
    try:
        install.set_result(gate.ask(press, asked))
    except Forbidden as error:
        install.set_exception(error)


async def _refuse(route: Route) -> None:
    from playwright.async_api import Error

    with contextlib.suppress(Error):  # its window is gone
        await route.abort()


def _learn(press: Press, body: bytes, response: httpx.Response, *, inner: bool) -> None:
    """What the controls of a document that has come lead to and must never be pressed."""
    try:
        document = parse(body, response.charset_encoding or "")
    except ValueError:
        return
    barred, buttons = off_limits(document, response.request.url), never_pressed(document)
    # Forms of a page that is gone lead to what others of the next may show; its links stay barred.
    kept = press.barred if inner else frozenset(one for one in press.barred if one[0] == "GET")
    press.barred, press.buttons = kept | barred, press.buttons | buttons


def _inner(request: Request) -> bool:
    """Whether a request is that of a frame in a page."""
    from playwright.async_api import Error

    try:
        return request.frame.parent_frame is not None
    except Error:  # a window that is only about to open
        return False


def _asked(request: Request) -> Asked:
    headers = {name.lower(): value for name, value in request.headers.items()}
    own = {name: value for name, value in headers.items() if name not in _OWN_HEADERS}
    try:
        url = httpx.URL(request.url).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise Forbidden("A request of the page leads to no address.") from None
    return Asked(
        request.method,
        url,
        request.is_navigation_request(),
        tuple((name, value) for name, value in own.items() if not name.startswith(("sec-", ":"))),
        headers.get("content-type", ""),
        request.post_data_buffer or b"",
    )


def _package(asked: Asked, upload: Upload, name: str) -> PackageBody:
    """The package in the place of the file, which the browser has not read."""
    try:
        found = parts(asked)
    except Unreadable as error:
        raise Unrecognized(
            f"{name}: the package would be sent in a way that is not known: {error}."
        ) from None
    files = [part.name for part in found if part.file]
    if len(files) != 1:
        raise Unrecognized(f"{name}: the request of the upload carries {len(files)} files, not one.")
    fields = [(part.name, part.value) for part in found if not part.file]
    return PackageBody(upload.file, upload.sha256, fields, files[0], upload.progress)


def _is_file(response: httpx.Response) -> bool:
    return response.status_code == 200 and "content-disposition" in response.headers


def _headers(response: httpx.Response) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        key = name.lower()
        if key not in _HOP:
            # Playwright's way to give a header more than once.
            found[key] = f"{found[key]}\n{value}" if key in found else value
    return found
