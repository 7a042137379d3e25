"""A real Chromium for tests of pages: found on PATH, installed when this may be done, skipped in plain words
when it cannot be had; under CI (CI=true) that is a failure instead."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from typing import NoReturn

import pytest
from playwright.async_api import Browser, Page, async_playwright

NAMES = ("chromium", "chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _cannot(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"Chromium is needed under CI: {why}")
    pytest.skip(f"Chromium is needed for this test: {why}")


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of a Chromium, installed with apt-get when it is missing and this process may do so."""
    if path := _found():
        return path
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        _cannot("it is not installed, and only root on a Debian system could install it here.")
    for command in ([apt, "update"], [apt, "install", "--yes", "--no-install-recommends", "chromium"]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            _cannot(f"`{' '.join(command)}` failed: {done.stderr.strip()[-300:]}")
    if path := _found():
        return path
    _cannot("apt-get installed it, but it is not on PATH.")


@pytest.fixture
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """A running Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A fresh page; the test fails at its end when a script of the page failed."""
    context = await browser.new_context(
        viewport={"width": 1280, "height": 900}, timezone_id="Europe/Paris", locale="en-GB"
    )
    opened = await context.new_page()
    failures: list[str] = []
    opened.on("pageerror", lambda error: failures.append(str(error)))
    yield opened
    await context.close()
    assert failures == []
