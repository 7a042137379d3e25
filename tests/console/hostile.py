"""How long the largest page of each bad shape keeps the event loop: python -m tests.console.hostile [SHAPE ...].

Of each shape the largest page is measured that is still read, and how long the refusal of 4 MiB of it takes. For each
the longest single stage is told, and all stages together, in seconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing.connection import Connection

import httpx

from bot.console import controls, frames, lookup, recognize, scrub
from bot.console.allow import never_pressed, off_limits
from bot.console.aria import native
from bot.console.pages import Page, PageKind, parse, text
from bot.console.port import ConsoleError
from bot.console.profile import load_profile
from bot.console.reading import MAX_PAGE
from tests.console.hostile_shapes import SHAPES, Shape

LONGEST = 120.0
"""Seconds after which a page is given up."""
SECRETS = ['Passw0rd&"<', "d2f0a5c6e1b84e7aa1c3"]
URL = httpx.URL("https://appliance.example:81/packages")


def stages(source: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that is done with a page, one stage after the other."""
    profile = load_profile()
    holds: dict[str, Page] = {}
    document = parse(source.encode(), "utf-8")

    def page(kind: PageKind) -> Page:
        return replace(holds["page"], kind=kind)

    def stand() -> None:
        on, heading = recognize.stands_on(document, profile)
        kind = recognize.kind_of(on, heading, profile)
        holds["page"] = Page("a", URL, 200, on, "", heading, kind, "")

    def rows() -> None:
        known = recognize.package_rows(page(PageKind.PACKAGES), profile)
        for package in list(known)[:1]:
            lookup.choices.select(page(PageKind.PACKAGES), known, package, "Install")

    yield "parse", lambda: parse(source.encode(), "utf-8")
    yield "refresh", lambda: frames.refresh_of(document, "", URL)
    yield "redact", lambda: scrub.redact_text(document, SECRETS)
    yield "off_limits", lambda: off_limits(document, URL)
    yield "never_pressed", lambda: never_pressed(document)
    yield "evidence", lambda: scrub.evidence(document, SECRETS)
    yield "native", lambda: native(document)
    yield "stands_on", stand
    yield "errors", lambda: recognize.errors(page(PageKind.PACKAGES), profile)
    yield "locked", lambda: recognize.locked(page(PageKind.PACKAGES), profile)
    yield "expired", lambda: recognize.expired(page(PageKind.PACKAGES), profile)
    yield "packages", lambda: recognize.packages(page(PageKind.PACKAGES), profile)
    yield "levels", lambda: recognize.levels(page(PageKind.ENTERPRISE), profile)
    yield "server", lambda: recognize.server(page(PageKind.OPERATIONS), profile)
    yield "ipm_information", lambda: recognize.ipm_information(page(PageKind.IPM_INFORMATION), profile)
    yield "action", lambda: controls.action(page(PageKind.PACKAGES), "Install")
    yield "field", lambda: controls.field(page(PageKind.SIGN_IN), "User name")
    yield "choice", lambda: controls.choice(page(PageKind.PACKAGES), "package-1.ipm")
    yield "offers", lambda: controls.offers(page(PageKind.PACKAGES), "Done")
    yield "select", rows
    yield "readable", lambda: lookup.readable(page(PageKind.PACKAGES))
    yield "text", lambda: text(document)


def measured(source: str) -> dict[str, float]:
    """Seconds of each stage, by its name."""
    seconds: dict[str, float] = {}
    for name, stage in stages(source):
        begun = time.perf_counter()
        with contextlib.suppress(ConsoleError, ValueError):  # an answer as good as any
            stage()
        seconds[name] = time.perf_counter() - begun
    return seconds


def largest(shape: Shape) -> str:
    """The largest page of a shape that is read, near enough."""
    low, high = 1, 1
    while high < MAX_PAGE and _read(shape, high):
        low, high = high, high * 2
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if _read(shape, middle) else (low, middle)
    return shape(low)


def _read(shape: Shape, count: int) -> bool:
    source = shape(count)
    if len(source) > MAX_PAGE:
        return False
    try:
        parse(source.encode(), "utf-8")
    except ValueError:
        return False
    return True


def whole(shape: Shape) -> str:
    """About 4 MiB of a shape."""
    count = 1
    while len(shape(count * 2)) < MAX_PAGE and count < MAX_PAGE:
        count *= 2
    return shape(count * 2)[:MAX_PAGE]


def _measure(shape: Shape, answer: Connection) -> None:
    source = whole(shape)
    begun = time.perf_counter()
    try:
        parse(source.encode(), "utf-8")
        refused = "read"
    except ValueError as error:
        refused = str(error)
    answer.send((time.perf_counter() - begun, refused))
    source = largest(shape)
    answer.send((len(source), measured(source)))


def report(name: str) -> None:
    """One line for a shape."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_measure, args=(SHAPES[name], there))
    process.start()
    told: list[tuple[object, ...]] = []
    until = time.monotonic() + LONGEST
    while len(told) < 2 and here.poll(max(0.0, until - time.monotonic())):
        told.append(here.recv())
    process.kill()
    process.join()
    if len(told) < 2:
        print(f"{name:24} given up after {LONGEST:.0f} s {told}", flush=True)
        return
    (refusal, why), (size, seconds) = told
    assert isinstance(seconds, dict)
    worst = max(seconds, key=lambda stage: seconds[stage])
    print(
        f"{name:24} {size:9} read: longest {worst:15} {seconds[worst]:6.2f}, all {sum(seconds.values()):6.2f}; "
        f"4 MiB in {refusal:5.2f}: {why}",
        flush=True,
    )


def main(names: list[str]) -> None:
    """Print a line for each shape, and what else the machine was doing."""
    print("load", *(f"{load:.1f}" for load in os.getloadavg()), flush=True)
    for name in names or SHAPES:
        report(name)


if __name__ == "__main__":
    main(sys.argv[1:])
