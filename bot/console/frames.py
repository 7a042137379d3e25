"""Pages made of frames: which documents belong to one, and where an answer goes. Pure; nothing is loaded here.

A page is read whole: the document of each frame stands in the page's own, in a `FRAME` element where the frame was.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field

import httpx

from bot.console.controls import Control, base_of, resolved
from bot.console.limits import check
from bot.console.pages import FRAME, Element, Frame, Page, forget, own, seen
from bot.console.port import Unrecognized

MAX_FRAMES = 16
"""Documents of one page."""
MAX_DELAY = 5.0
"""Seconds; a page that refreshes later is a page to read, not one to be led on from."""
_REFRESH = re.compile(
    r"^\s*+(?P<delay>\d{0,4}+(?:\.\d*+)?+)\s*+[;,]\s*+(?:url\s*+=\s*+)?+(?P<url>.*+)$",
    re.IGNORECASE | re.DOTALL,
)


@dataclass
class Sheet:
    """A document as it came, and those of its frames in it, before it is a `Page`. `url`: where it came from."""

    document: Element
    url: httpx.URL
    status: int
    title: str
    frames: dict[Element, Frame] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Refresh:
    """Where a page leads on to by itself, in seconds."""

    url: httpx.URL
    delay: float


def refresh_of(document: Element, header: str, url: httpx.URL) -> Refresh | None:
    """Where a page leads on by itself, told by its `<meta>` or its header; None when it does not.

    `url`: its own. Raises ValueError when it leads to no address.
    """
    metas = (
        meta for meta in own(document, "meta") if (meta.get("http-equiv") or "").strip().lower() == "refresh"
    )
    told = [
        header,
        *(meta.get("content") or "" for meta in metas if next(meta.iterancestors("noscript"), None) is None),
    ]
    match = next((found for words in told if (found := _REFRESH.match(words))), None)
    if match is None or not (where := match["url"].strip().strip("'\"")):
        return None
    delay = float(match["delay"].rstrip(".") or 0)
    target = resolved(base_of(document, url), where)
    return Refresh(target, delay) if delay <= MAX_DELAY else None


def stand_ins(document: Element) -> list[tuple[Element, str, str]]:
    """Put a `FRAME` element in the place of each frame; those that can be seen, with their address and inline page.

    What stands between a frame's tags is for browsers without frames, and goes.
    """
    for frameset in list(own(document, "frameset")):
        frameset.tag = "div"
    found = []
    for frame in list(own(document, "frame", "iframe")):
        _empty(frame)
        frame.tag = FRAME
        if seen(frame) and _has_size(frame):
            found.append((frame, (frame.get("src") or "").strip(), frame.get("srcdoc") or ""))
        for name in ("src", "srcdoc", "longdesc"):
            if name in frame.attrib:
                del frame.attrib[name]
        if title := frame.get("title"):
            frame.set("aria-label", title)
    forget()
    return found


def _empty(frame: Element) -> None:
    frame.text = None
    for child in list(frame):
        frame.remove(child)


def _has_size(frame: Element) -> bool:
    return not any(
        (frame.get(side) or "").strip().lower() in ("0", "0px", "1", "1px") for side in ("width", "height")
    )


def put(sheet: Sheet, frame: Element, inner: Sheet, name: str) -> None:
    """Let `frame`, of `sheet`, hold the document `inner`.

    Raises ValueError for a document without an address, and for one with which the page were too much to read.
    """
    base = base_of(inner.document, inner.url)
    target = next((e.get("target") for e in own(inner.document, "base") if e.get("target")), None)
    _empty(frame)
    frame.append(_content(inner.document))
    forget()
    try:
        check(sheet.document)
    except ValueError:
        _empty(frame)
        raise
    sheet.frames[frame] = Frame(base, name, target or "", inner.status)
    sheet.frames.update(inner.frames)
    sheet.unread += inner.unread


def _content(document: Element) -> Element:
    """What a document shows, as a part of another."""
    for head in list(document.iterchildren("head")):
        document.remove(head)
    for body in document.iterchildren("body"):
        body.tag = "div"
    document.tag = "div"
    return document


def lands(page: Page, control: Control) -> tuple[Element | None, bool]:
    """Where the answer to `control` goes: the frame that it replaces, None for all; and whether to another window.

    Raises `Unrecognized` when two frames have the name that the control's target says.
    """
    keyword = control.target.lower()
    if keyword in ("", "_self"):
        return control.frame, page.popup
    if keyword == "_parent" and control.frame is not None:
        return next(control.frame.iterancestors(FRAME), None), page.popup
    if keyword in ("_top", "_parent"):
        return None, page.popup
    named = [frame for frame, known in page.frames.items() if known.name == control.target]
    if len(named) > 1:
        raise Unrecognized(
            f"{page} has {len(named)} frames that {control.label!r} could lead to.", page=page.evidence
        )
    return (named[0], page.popup) if named else (None, True)


def replaced(page: Page, frame: Element, answer: Sheet) -> Sheet:
    """`page` with another document in one of its frames, the others as they were. Raises `Unrecognized`."""
    old = frame.getroottree().getroot()
    new = deepcopy(old)
    pairs = list(zip(old.iter(FRAME), new.iter(FRAME), strict=True))
    place = next(copy for one, copy in pairs if one is frame)
    inside = set(place.iter(FRAME))
    kept = {copy: page.frames[one] for one, copy in pairs if one in page.frames and copy not in inside}
    sheet = Sheet(new, page.url, answer.status, page.title, kept, list(page.unread))
    sheet.status = max([answer.status, *(known.status for known in kept.values())])
    try:
        put(sheet, place, answer, page.frames[frame].name)
    except ValueError as error:
        raise Unrecognized(f"A frame of {page} cannot be read: {error}.", page=page.evidence) from error
    return sheet
