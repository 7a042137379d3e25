"""The pages of a check as files, without secrets, and back: for writing a profile far from the console.

A capture is a directory of its owner's alone: `index.json` (`Index`) and one HTML file for each page.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

import httpx
from pydantic import AfterValidator, StringConstraints, ValidationError

from bot.console import scrub
from bot.console.aria import native
from bot.console.certificate import Certificate
from bot.console.pages import Element, Page, PageKind, cut, parse, text
from bot.console.profile import Profile
from bot.console.reading import MAX_PAGE
from bot.console.recognize import kind_of, stands_on
from bot.console.visit import View, Visit
from bot.domain.sight import Words
from bot.domain.values import Moment, Value

INDEX = "index.json"
_IPV4 = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")


class CaptureError(Exception):
    """A directory that cannot be captured into, or that is no capture: which, why, what to do. One line."""


def _is_address(words: str) -> str:
    try:
        httpx.URL(words)
    except httpx.InvalidURL as error:
        raise ValueError("an address is expected") from error
    return words


class CapturedPage(Value):
    """One page. `path`: its address on the console, query values taken out; `kind`: what it was taken for.

    `live`: it was read in a browser.
    """

    view: View
    file: Annotated[str, StringConstraints(pattern=r"^[0-9]+-[a-z_]+\.html$")]
    path: str
    status: int
    kind: PageKind
    live: bool = False


class CapturedConsole(Value):
    """One visit; see `bot.console.visit.Visit`."""

    name: Words
    address: Annotated[Words, AfterValidator(_is_address)]
    certificate: Certificate | None
    trusted: bool | None
    signed_in: bool
    failure: Words
    troubles: dict[View, Words]
    pages: tuple[CapturedPage, ...]


class Index(Value):
    """`profile`: SHA-256 of the content of the one that the pages were come to with."""

    format: Literal["keyturn console capture 1"] = "keyturn console capture 1"
    enterprise: Words
    at: Moment
    profile: Words
    appliances: tuple[Words, ...]
    consoles: tuple[CapturedConsole, ...]


class Kept:
    """The pages of a visit, by hash, their secrets taken out already: give it to `visit` as `keep`."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}

    def __call__(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.pages[digest] = content
        return digest


def prepare(directory: Path) -> None:
    """Make the directory, its owner's alone, or take an empty one. Raises `CaptureError`."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise CaptureError(
                f"{directory} is not empty: name a new directory, so that nothing old is sent with it"
            )
        directory.chmod(0o700)
    except OSError as error:
        raise CaptureError(f"{directory} cannot be used: {error.strerror}; name another directory") from None


def save(
    directory: Path,
    enterprise: str,
    visits: Sequence[Visit],
    kept: Kept,
    profile: Profile,
    at: Moment,
    hide: Callable[[str], str] | None = None,
) -> dict[str, Counter[str]]:
    """Write a capture into the prepared directory; what was taken out of each file, counted.

    `hide` is applied to every page, and to all in the index that names a host. Raises `CaptureError`.
    """
    mask = hide or str
    taken: dict[str, Counter[str]] = {}
    consoles = []
    for number, visit in enumerate(visits, start=1):
        pages = []
        for view, page in visit.pages.items():
            file = f"{number}-{view.value}.html"
            content = mask(kept.pages[page.evidence].decode("utf-8")).encode("utf-8")
            _write(directory / file, content)
            taken[file] = _taken_out(content)
            path = mask(page.url.raw_path.decode("ascii"))
            pages.append(
                CapturedPage(
                    view=view, file=file, path=path, status=page.status, kind=page.kind, live=page.live
                )
            )
        consoles.append(
            CapturedConsole(
                name=mask(visit.name),
                address=mask(visit.address),
                certificate=None if hide else visit.certificate,
                trusted=visit.trusted,
                signed_in=visit.signed_in,
                failure=mask(visit.failure),
                troubles={view: mask(words) for view, words in visit.troubles.items()},
                pages=tuple(pages),
            )
        )
    index = Index(
        enterprise="enterprise" if hide else enterprise,
        at=at,
        profile=profile.digest,
        appliances=tuple(console.name for console in consoles),
        consoles=tuple(consoles),
    )
    _write(directory / INDEX, index.model_dump_json(indent=2).encode() + b"\n")
    return taken


def without_hosts(visits: Sequence[Visit]) -> Callable[[str], str]:
    """A mask: appliances, their hosts and domains, and IPv4 addresses become made-up ones, each always the same."""
    names: dict[str, str] = {}
    for number, visit in enumerate(visits, start=1):
        host = httpx.URL(visit.address).host
        names[visit.name] = f"appliance-{number}"
        if not _IPV4.fullmatch(host):
            names.setdefault(host, f"appliance-{number}.example.org")
            if (domain := host.partition(".")[2]).count("."):
                names[domain] = "example.org"
    made_up = {name.casefold(): new for name, new in names.items()}
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w-])(?:{known})(?![\w-])", re.IGNORECASE)

    def mask(words: str) -> str:
        return _IPV4.sub("192.0.2.1", pattern.sub(lambda found: made_up[found[0].casefold()], words))

    return mask


def load(directory: Path, profile: Profile) -> tuple[Index, list[Visit]]:
    """A capture's visits, their pages named by `profile`. Raises `CaptureError`."""
    try:
        index = Index.model_validate_json(_read(directory / INDEX))
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = cut(".".join(map(str, fault["loc"])))
        raise CaptureError(f"{directory / INDEX} is not of a capture: {where}: {cut(fault['msg'])}") from None
    return index, [_visit(directory, index, console, profile) for console in index.consoles]


def _visit(directory: Path, index: Index, console: CapturedConsole, profile: Profile) -> Visit:
    visit = Visit(
        name=console.name,
        address=console.address,
        certificate=console.certificate,
        trusted=console.trusted,
        signed_in=console.signed_in,
        failure=console.failure,
        # What one profile did not understand says nothing of another.
        troubles=dict(console.troubles) if profile.digest == index.profile else {},
    )
    for page in console.pages:
        visit.pages[page.view] = _page(directory, console, page, profile)
    if visit.opened_by_system:
        visit.pages[View.OPERATIONS] = visit.pages[View.SYSTEM]
    return visit


def _page(directory: Path, console: CapturedConsole, page: CapturedPage, profile: Profile) -> Page:
    file = directory / page.file
    content = _read(file)
    try:
        document = parse(content, "utf-8")
        url = httpx.URL(console.address).join(page.path)
    except (ValueError, httpx.InvalidURL) as error:
        raise CaptureError(f"{file} cannot be read as a page: {error}") from None
    native(document)
    shows, heading = stands_on(document, profile)
    return Page(
        where=console.name,
        url=url,
        status=page.status,
        document=shows,
        title=" ".join(text(title) for title in document.iter("title")),
        heading=heading,
        kind=kind_of(shows, heading, profile),
        evidence=hashlib.sha256(content).hexdigest(),
        live=page.live,
    )


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_PAGE)
    except OSError as error:
        raise CaptureError(
            f"{file} cannot be read: {error.strerror}; name the directory of a capture"
        ) from None


def _write(file: Path, content: bytes) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise CaptureError(
            f"{file} cannot be written: {error.strerror}; remove the directory and try again"
        ) from None


def _taken_out(page: bytes) -> Counter[str]:
    """What stands in a file as taken out, counted by where it stood."""
    found: Counter[str] = Counter()
    for element in parse(page, "utf-8").iter("*"):
        found["scripts"] += element.tag == "script"
        found["text"] += sum(scrub.HIDDEN in (words or "") for words in (element.text, element.tail))
        for name, value in element.attrib.items():
            if scrub.HIDDEN in unquote(str(value)):  # addresses are written with %20
                found[_place(element, str(name))] += 1
    return +found


def _place(element: Element, attribute: str) -> str:
    if (element.tag, attribute) == ("input", "value"):
        return f"field {cut(element.get('name') or 'without a name', 40)!r}"
    return f"{cut(attribute, 40)} of <{element.tag!s}>"
