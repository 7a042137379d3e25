"""Reading one console in a browser: pages as they stand there, and presses that a script may carry out.

Between two calls the page's scripts stand still and none of its requests leaves: what was read is what is pressed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from bot.console import controls, frames, scrub
from bot.console.allow import READ_ONLY, Permit, Press, Purpose
from bot.console.browser.chromium import Chromium
from bot.console.browser.passage import Passage, Traffic
from bot.console.controls import Choice, Control
from bot.console.forms import MULTIPART, URLENCODED, marked
from bot.console.frames import Sheet
from bot.console.labels import BOX_TYPES, groups, kind_of, names, shown
from bot.console.pages import Element, Page, PageKind, cut, parse, text
from bot.console.port import ConsoleError, Unreachable, Unrecognized
from bot.console.press import not_sent
from bot.console.pressable import pressable
from bot.console.pressing import Asked, parts
from bot.console.reading import MAX_PAGE, Pages, Target, Upload
from bot.console.wire import Wire, told
from bot.domain.sight import InstallOutcome

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Dialog, ElementHandle, Frame, JSHandle
    from playwright.async_api import Page as Window

log = logging.getLogger(__name__)

MARK = "data-keyturn"
QUIET = 120
"""Milliseconds without a change after which a page is at rest."""
LONGEST = 2000
"""Milliseconds after which a page that always changes is read as it is."""
PATIENCE = 3.0
"""Seconds that a page which is not known yet is given to become one: scripts draw when they like."""
_HANDS = 5000
"""Milliseconds for one movement of the hand: an element that is covered or keeps moving is not pressed."""
_ATTEMPTS = 3
_ROUNDS = 20
"""How often a page is waited for that asks for something again and again."""
_DATA = frozenset({PageKind.PACKAGES, PageKind.ENTERPRISE, PageKind.OPERATIONS})


@dataclass
class _Living:
    """A page, and the living element that each element of it stands for: a document's elements, and which one.

    `words`: what can be read on it, secrets too.
    """

    page: Page
    origins: dict[Element, tuple[JSHandle, int]]
    words: str


@dataclass
class _Drawn:
    """A page in the making. `words`: what can be read on it, before secrets are taken out."""

    sheet: Sheet
    origins: dict[Element, tuple[JSHandle, int]] = field(default_factory=dict)
    words: str = ""


class BrowserReader:
    """See `bot.console.reading.Reader`."""

    def __init__(self, chromium: Chromium, target: Target) -> None:
        self.cookies = httpx.Cookies()
        self._chromium = chromium
        self._target = target
        self._pages = Pages(target, self.cookies)
        self._wire = Wire(target.context, self.cookies)
        self._passage = Passage(target, self._wire, self.cookies, self._pages)
        self._context: BrowserContext | None = None
        self._windows: list[Window] = []
        self._controls: dict[Window, CDPSession] = {}
        self._asked: list[str] = []
        self._living: _Living | None = None

    async def enter(self) -> Page:
        """See `Reader`. Windows that have opened on the way are closed."""
        permit = self._target.gate.enter()
        window = await self._first_window()

        async def go() -> None:
            await window.goto("about:blank")
            await window.goto(str(permit.url), wait_until="commit", timeout=0)

        return await self._do(Traffic(Press(None)), go)

    async def now(self, page: Page) -> Page | None:
        """See `Reader`."""
        if not self._windows or not self._windows[-1].url.startswith("http"):
            return None
        async with self._broken():
            return await self._read(Traffic(Press(None)))

    async def fill(self, page: Page, words: Mapping[Element, str]) -> tuple[Page, Mapping[Element, str]]:
        """See `Reader`."""
        handles = [(await self._handle(page, element), value) for element, value in words.items()]

        async def write() -> None:
            for handle, value in handles:
                await handle.fill(value, timeout=_HANDS)

        return await self._do(Traffic(self._target.gate.touch(page)), write), {}

    async def choose(self, page: Page, choice: Choice) -> tuple[Page, Choice | None]:
        """See `Reader`."""
        if controls.selected(choice):
            return page, None
        marks = [choice.element, *(other for other in choice.unmark if marked(other) and _is_box(other))]
        handles = [await self._handle(page, element) for element in marks]

        async def mark() -> None:
            for unmark in handles[1:]:
                if await unmark.evaluate("e => e.type === 'checkbox'"):
                    await _hit(unmark)
            await _mark(handles[0])

        return await self._do(Traffic(self._target.gate.touch(page)), mark), None

    async def attach(self, page: Page, field: Element, file: Path) -> tuple[Page, Element | None]:
        """See `Reader`. The browser is told the file's name and size; its content goes another way (`Passage`)."""
        handle = await self._handle(page, field)
        return await self._do(
            Traffic(self._target.gate.touch(page)), lambda: handle.set_input_files(file, timeout=_HANDS)
        ), None

    async def press(
        self, purpose: Purpose, page: Page, control: Control, upload: Upload | None = None
    ) -> Page:
        """See `Reader`."""
        return await self._press(
            Traffic(self._target.gate.press(purpose, page, control), upload), page, control
        )

    async def select(self, page: Page, control: Control, package: str) -> Page:
        """See `Reader`."""
        press = self._target.gate.press(Purpose.SELECT, page, control, package)
        return await self._press(Traffic(press), page, control)

    async def download(self, purpose: Purpose, page: Page, control: Control, into: Path) -> Path | Page:
        """See `Reader`."""
        traffic = Traffic(self._target.gate.press(purpose, page, control), into=into)
        if control.element is not None and control.element.get("download") is not None:
            # Chromium asks for what such a link leads to by another way than its windows.
            return await self._passage.file(traffic, control.url) or await self.enter()
        page = await self._press(traffic, page, control)
        return traffic.saved or page

    async def install(self, page: Page, control: Control, gate: Callable[[], None]) -> InstallOutcome:
        """See `Reader`. The browser asks once, and is not answered: its request is sent as the http driver sends it."""
        held: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        try:
            traffic = Traffic(self._target.gate.press(Purpose.INSTALL, page, control), install=held)
            handle = await self._aimed(page, control.element)
            async with self._awake(traffic), asyncio.timeout(self._target.timeouts.connect):
                await _hit(handle)
                self._refuse_questions()
                await held
                await asyncio.sleep(QUIET / 1000)
                if traffic.more:
                    return not_sent("the page asks for more than one thing")
        except TimeoutError:
            return not_sent("the press asked the console for nothing")
        except Exception as error:
            return not_sent(_why(error))
        permit = held.result()
        if not _says(permit, control):
            return not_sent("the page asks for something else than its form says")
        try:
            return await self._pages.install(permit, gate)
        finally:
            with contextlib.suppress(Exception):
                await self._leave()

    async def aclose(self) -> None:
        """Close the windows and all connections."""
        try:
            await self._leave()
        finally:
            await self._wire.aclose()

    async def _press(self, traffic: Traffic, page: Page, control: Control) -> Page:
        element = control.element
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(_DrawnAnew):
                handle = await self._aimed(page, element)
                new = await self._do(traffic, partial(_hit, handle))
                break
            page = await self._do(Traffic(self._target.gate.touch(page)), _nothing)
            element = _same(page, control)
        else:
            raise Unrecognized(f"{page} is drawn anew all the time: {control.label!r} was not pressed.")
        if traffic.press.purpose not in READ_ONLY or self._lost(new):
            assert self._living is not None
            await self._picture(self._living)
        return new

    async def _aimed(self, page: Page, element: Element | None) -> ElementHandle:
        """The living element, when it can be seen, lies under nothing else and does not move."""
        handle = await self._handle(page, element)
        async with self._broken():
            if not await handle.evaluate("e => e.isConnected"):
                raise _DrawnAnew
            if not await handle.evaluate(
                "e => e.tagName === 'AREA'"
            ):  # a part of a picture has no place of its own
                await handle.click(trial=True, timeout=_HANDS)
        return handle

    async def _do(self, traffic: Traffic, act: Callable[[], Awaitable[object]]) -> Page:
        """What stands in the browser when it has come to rest after `act`."""
        self._asked = []
        async with self._broken(), self._awake(traffic):
            begun = asyncio.get_running_loop().time()
            try:
                await act()
            except _DrawnAnew:
                raise
            except Exception:
                if traffic.trouble is None:
                    raise
            await self._rest(traffic)
            page = await self._judged(traffic)
            while traffic.saved is None and self._hopes(page, traffic, begun):
                await self._rest(traffic)
                page = await self._judged(traffic)
        if page.kind in _DATA and traffic.press.purpose and not traffic.answered:
            raise Unrecognized(
                f"{page} was opened without asking the console: what it shows may be old. Look at the console.",
                page=page.evidence,
            )
        return page

    def _hopes(self, page: Page, traffic: Traffic, begun: float) -> bool:
        """Whether a page may still become one that is known, or be drawn anew with what the console says now."""
        data = page.kind in _DATA
        old = data and traffic.press.purpose is not None and not traffic.answered
        bare = data and next(page.document.iter("td", "dd"), None) is None  # its rows may be on the way
        return (old or bare or self._lost(page)) and asyncio.get_running_loop().time() - begun < PATIENCE

    def _lost(self, page: Page) -> bool:
        """Whether a page is neither known nor leads on to those that are."""
        return page.kind is PageKind.OTHER and not controls.offers(
            page, self._target.profile.labels[Purpose.PACKAGES]
        )

    async def _judged(self, traffic: Traffic) -> Page:
        if traffic.trouble is not None:
            raise traffic.trouble
        self._refuse_questions()
        return await self._read(traffic)

    def _refuse_questions(self) -> None:
        if self._asked:
            words = cut(scrub.redact("; ".join(self._asked), self._pages.secrets), 200)
            raise Unrecognized(
                f"{self._target.name}: the page asked {words!r}, and was answered no. Look at the console."
            )

    async def _rest(self, traffic: Traffic) -> None:
        """Wait until no request is under way and nothing changes; not for ever. Raises `TimeoutError`."""
        from playwright.async_api import Error

        limit = None if traffic.upload or traffic.into else self._target.timeouts.page
        async with asyncio.timeout(limit):
            for _ in range(_ROUNDS):
                await self._passage.still()
                begun = self._passage.begun
                try:
                    every = self._windows[-1].frames
                    await asyncio.gather(*(f.evaluate(_script("quiet.js"), [QUIET, LONGEST]) for f in every))
                except Error:
                    await asyncio.sleep(QUIET / 1000)  # another document has come, or the window has gone
                    continue
                if self._passage.begun == begun or traffic.trouble is not None:
                    return

    @contextlib.asynccontextmanager
    async def _awake(self, traffic: Traffic) -> AsyncIterator[None]:
        """Scripts run, and what they ask for may leave. Raises `TimeoutError`."""
        await self._scripts(True)
        self._passage.traffic, broken = traffic, True
        try:
            yield
            await self._scripts(False)
            broken = False
        finally:
            await self._passage.end(broken=broken)

    async def _scripts(self, run: bool) -> None:
        async with asyncio.timeout(self._target.timeouts.connect):
            for window in list(self._windows):
                if window not in self._controls:
                    self._controls[window] = await window.context.new_cdp_session(window)
                await self._controls[window].send("Emulation.setScriptExecutionDisabled", {"value": not run})

    async def _read(self, traffic: Traffic) -> Page:
        """The page that stands in the window which opened last, kept as evidence."""
        window = self._windows[-1]
        async with asyncio.timeout(self._target.timeouts.page):
            drawn = await self._drawn(window.main_frame, iter(range(frames.MAX_FRAMES)))
            await self._forget()
        sheet = drawn.sheet
        sheet.status, sheet.unread = traffic.status or 200, [*sheet.unread, *traffic.left_out]
        page = await self._pages.named(sheet, len(self._windows) > 1, drawn.origins)
        if traffic.over and page.kind is not PageKind.SIGN_IN:
            page = replace(page, status=max(page.status, traffic.over))
        self._living = _Living(page, drawn.origins, drawn.words)
        return page

    async def _forget(self) -> None:
        """Let the browser forget the elements of the page that was read before."""
        from playwright.async_api import Error

        living, self._living = self._living, None
        for handle in {handle for handle, _ in living.origins.values()} if living else ():
            with contextlib.suppress(Error):
                await handle.dispose()

    async def _drawn(self, frame: Frame, room: Any) -> _Drawn:
        handle = await frame.evaluate_handle(_script("snapshot.js"))
        html = str(await handle.evaluate("o => o.html"))
        if len(html) > MAX_PAGE:
            raise Unrecognized(f"{self._target.name}: a page is longer than {MAX_PAGE} characters.")
        try:
            document, url = parse(html.encode(), "utf-8"), httpx.URL(frame.url).copy_with(fragment=None)
        except (ValueError, httpx.InvalidURL) as error:
            raise Unrecognized(f"{self._target.name}: what stands in the browser is no page.") from error
        places = {
            e: int(e.attrib.pop(MARK)) for e in document.iter() if isinstance(e.tag, str) and MARK in e.attrib
        }
        drawn = _Drawn(Sheet(document, url, 200, " ".join(text(t) for t in document.iter("title"))))
        drawn.words = " ".join([text(document), *_in_fields(document)])
        scrub.redact_text(document, self._pages.secrets)
        for stand_in, _, _ in frames.stand_ins(document):
            if next(room, None) is None:
                raise Unrecognized(f"{self._target.name}: a page has more than {frames.MAX_FRAMES} frames.")
            element = await _element(handle, places[stand_in])
            inner = await element.content_frame()
            if inner is not None:
                below = await self._drawn(inner, room)
                with contextlib.suppress(ValueError):
                    frames.put(drawn.sheet, stand_in, below.sheet, stand_in.get("name") or "")
                drawn.origins |= below.origins
                drawn.words += f" {below.words}"
        drawn.origins |= {element: (handle, at) for element, at in places.items()}
        return drawn

    async def _handle(self, page: Page, element: Element | None) -> ElementHandle:
        """The living element. Raises `Unrecognized` when another page stands in the browser by now."""
        living = self._living
        if living is None or living.page is not page or element is None or element not in living.origins:
            raise Unrecognized(f"{page} is not the page that stands in the browser.", page=page.evidence)
        async with self._broken():
            return await _element(*living.origins[element])

    async def _picture(self, living: _Living) -> None:
        """Save what a page looks like beside it; never one that shows a secret. Its failure is no trouble."""
        if scrub.redact(living.words, self._pages.secrets) != living.words:
            return
        try:
            window = self._windows[-1]
            picture = await window.screenshot(
                full_page=True, mask=[window.locator("input[type=password]")], timeout=_HANDS
            )
            await asyncio.to_thread(self._chromium.picture, living.page.evidence, picture)
        except Exception as error:
            log.warning("%s: no picture of a page could be kept (%s)", self._target.name, _why(error))

    async def _first_window(self) -> Window:
        async with self._broken():
            if self._context is None:
                self._context = self._passage.context = await self._chromium.open()
                await self._context.route("**/*", self._passage.handle)
                await self._context.route_web_socket("**/*", lambda socket: socket.close())
                self._context.on("page", self._opened)
            for window in self._windows[1:]:
                await window.close()
            if not self._windows:
                await self._context.new_page()
            return self._windows[0]

    def _opened(self, window: Window) -> None:
        self._windows.append(window)
        window.on("dialog", self._question)
        window.on("close", self._closed)
        window.on("crash", self._closed)

    def _closed(self, window: Window) -> None:
        if window in self._windows:
            self._windows.remove(window)
            self._controls.pop(window, None)

    async def _question(self, dialog: Dialog) -> None:
        from playwright.async_api import Error

        self._asked.append(dialog.message)
        with contextlib.suppress(Error):
            await dialog.dismiss()

    @contextlib.asynccontextmanager
    async def _broken(self) -> AsyncIterator[None]:
        """A browser that breaks or hangs says nothing about the enterprise: it is silence, and begun anew."""
        from playwright.async_api import Error

        try:
            yield
        except TimeoutError:
            await self._leave()  # a script that never ends holds whatever is asked of its window later
            raise Unreachable(f"{self._target.name}: a page did not come to rest in the browser.") from None
        except Error as error:
            if self._context is not None and self._windows and not self._windows[-1].is_closed():
                raise Unrecognized(f"{self._target.name}: in the browser: {_why(error)}") from None
            await self._leave()
            raise Unreachable(f"{self._target.name}: the browser has ended ({_why(error)}).") from None

    async def _leave(self) -> None:
        context, self._context, self._living = self._context, None, None
        self._windows, self._controls = [], {}
        if context is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._target.timeouts.connect):
                    await self._chromium.close(context)


def _in_fields(document: Element) -> Iterator[str]:
    """What can be read in a document's fields and on its pictures."""
    for element in document.iter("input", "textarea", "option", "img"):
        yield from (element.get(name) or "" for name in ("value", "placeholder", "alt", "title"))


def _is_box(element: Element) -> bool:
    return element.tag == "input" and kind_of(element) in BOX_TYPES


class _DrawnAnew(Exception):
    """The element is not in the page any more: a script has put others in its place."""


async def _hit(handle: ElementHandle) -> None:
    """Press an element, in one movement: between aiming and a real mouse a script could put another in its place."""
    if not await handle.evaluate(_script("hit.js")):
        raise _DrawnAnew


def _says(permit: Permit, control: Control) -> bool:
    """Whether the request of a form that is sent by POST carries all that the form held when it was read.

    A picture that is a button also says where it was hit.
    """
    content_type, content = permit.content or ("", b"")
    if control.method != "POST":
        return True  # what a script does is not told by the page
    if content_type.partition(";")[0].strip().lower() not in (URLENCODED, MULTIPART):
        return False
    sent = {
        (part.name, part.value) for part in parts(Asked("POST", permit.url, True, (), content_type, content))
    }
    where = {"x", "y"} if control.element is not None and kind_of(control.element) == "image" else set[str]()
    return {one for one in control.fields if one[0].rpartition(".")[2] not in where} <= sent


async def _nothing() -> None:
    pass


def _same(page: Page, control: Control) -> Element:
    """The one control of a page drawn anew that is called all that `control` was, under the same headings."""
    found = [
        e
        for e in pressable(page)
        if (shown(e), names(e), tuple(groups(e))) == (control.label, control.names, control.groups)
    ]
    if len(found) != 1:
        raise Unrecognized(
            f"{page} was drawn anew, with {len(found)} of {control.label!r}.", page=page.evidence
        )
    return found[0]


async def _mark(handle: ElementHandle) -> None:
    """Select a box, an option, or what a script makes one of them."""
    if await handle.evaluate("e => e.tagName === 'OPTION'"):
        select = (await handle.evaluate_handle("e => e.closest('select')")).as_element()
        assert select is not None
        await select.select_option(index=await handle.evaluate("e => e.index"), timeout=_HANDS)
    else:
        await _hit(handle)


async def _element(handle: JSHandle, at: int) -> ElementHandle:
    element = (await handle.evaluate_handle("(o, at) => o.elements[at]", at)).as_element()
    assert element is not None
    return element


def _why(error: Exception) -> str:
    if isinstance(error, _DrawnAnew):
        return "the page was drawn anew"
    if isinstance(error, ConsoleError | TimeoutError):
        return told(error)
    return cut(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)


@cache
def _script(name: str) -> str:
    return resources.files("bot.console.browser").joinpath(name).read_text(encoding="utf-8")
