"""The system's Chromium, for consoles that need JavaScript. It reaches nothing by itself.

A browser draws pages and presses controls; what it asks for goes to `Passage`, which sends it as the http driver
sends: through the gate, over checked connections. Its own network leads nowhere, so what would pass by reaches nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.console.port import Unreachable

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = [
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--proxy-server=http://nowhere.invalid:1",
    "--proxy-bypass-list=<-loopback>",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--disable-gpu",
    "--no-first-run",
    "--no-pings",
]
_SIZE = 1280, 1024
"""CSS pixels; what is drawn depends on it."""


class NoBrowser(Exception):
    """The browser driver cannot be used here. The message says what to install."""


def find() -> str:
    """The path of the system's Chromium. Raises `NoBrowser`, also when Playwright is not installed."""
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        raise NoBrowser("The browser driver needs Playwright: pip install 'keyturn[browser]'.") from None
    if path := next((found for name in NAMES if (found := shutil.which(name))), None):
        return path
    raise NoBrowser(f"The browser driver needs Chromium on PATH, called one of {', '.join(NAMES)}.")


class Chromium:
    """A running Chromium, begun with its first window and ended with its last.

    `picture` saves what a page looked like (PNG) beside the page of that SHA-256.
    """

    def __init__(self, path: str, picture: Callable[[str, bytes], None]) -> None:
        self.picture = picture
        self._path = path
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None
        self._contexts: set[BrowserContext] = set()
        self._turn = asyncio.Lock()

    async def open(self) -> BrowserContext:
        """A place for windows, with cookies of its own, nothing of it on disk. Raises `Unreachable`."""
        from playwright.async_api import Error, async_playwright

        async with self._turn:
            try:
                if self._browser is None or not self._browser.is_connected():
                    await self._end()
                    self._playwright = await async_playwright().start()
                    # Chromium cannot shut itself in when root runs it.
                    self._browser = await self._playwright.chromium.launch(
                        executable_path=self._path, args=_ARGUMENTS, chromium_sandbox=os.geteuid() != 0
                    )
                context = await self._browser.new_context(
                    viewport={"width": _SIZE[0], "height": _SIZE[1]},
                    service_workers="block",
                    accept_downloads=False,
                )
            except Error as error:
                await self._end()
                raise Unreachable(f"Chromium could not be started: {error.message.splitlines()[0]}") from None
            self._contexts.add(context)
            return context

    async def close(self, context: BrowserContext) -> None:
        """Close a place and its windows, and Chromium with the last one."""
        from playwright.async_api import Error

        async with self._turn:
            self._contexts.discard(context)
            with contextlib.suppress(Error):  # it has ended before
                await context.close()
            if not self._contexts:
                await self._end()

    async def _end(self) -> None:
        browser, playwright = self._browser, self._playwright
        self._browser = self._playwright = None
        self._contexts.clear()
        try:
            if browser is not None:
                await browser.close()
        finally:
            if playwright is not None:
                await playwright.stop()
