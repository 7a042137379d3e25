"""Finding a control by its visible label, and knowing the request that pressing it would make.

Pure. Never by id, name or position. None, or two of one label, is `Unrecognized`, with what came nearest. What a
person can press but whose request only a script knows is not pressed; the error names it.
"""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_

import httpx

from bot.console.forms import (
    MULTIPART,
    URLENCODED,
    disabled,
    form_of,
    marked,
    same_group,
    selected_options,
    successful,
)
from bot.console.labels import (
    BOX_TYPES,
    BUTTON_TYPES,
    comparable,
    field_label,
    groups,
    kind_of,
    names,
    shown,
)
from bot.console.pages import FRAME, Element, Page, cut, home, own, seen
from bot.console.port import Unrecognized
from bot.console.pressable import LINKS, known, pressable, without_doubles


@dataclass(frozen=True)
class Control:
    """A link or button that was found, and the request that following it would make.

    `names`: everything it is called, seen or not. `groups`: what the parts of the page around it are called.
    `fields`: all successful controls of its form (HTML's term), hidden tokens included.
    `frame`: the frame of the page that it stands in; `target`: which frame or window the answer goes to.
    In a browser only `element` is pressed: `method` is "" for what a script does.
    """

    label: str
    names: tuple[str, ...]
    groups: tuple[str, ...]
    method: str
    url: httpx.URL
    fields: tuple[tuple[str, str], ...] = field_(default=(), repr=False)
    enctype: str = ""
    file_field: str | None = None
    target: str = ""
    frame: Element | None = field_(default=None, repr=False, compare=False)
    element: Element | None = field_(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Choice:
    """A radio button, check box or option to select, and the boxes that are then not marked."""

    element: Element
    unmark: frozenset[Element] = frozenset()


def action(
    page: Page,
    label: str,
    *,
    fill: Mapping[Element, str] | None = None,
    choose: Choice | None = None,
    file: Element | None = None,
    apart: Collection[Element] = (),
) -> Control:
    """The link or button of that label.

    `fill`: what to write into which fields. `choose`: what to select. `file`: the field that takes a file. All
    must belong to the button's form. `apart`: parts of the page that are about something else.
    """
    element = _one(
        page, label, (e for e in pressable(page) if not _within(e, apart)), "button or link", shown
    )
    if not known(element) and page.live:
        return Control(shown(element), names(element), tuple(groups(element)), "", page.url, element=element)
    if not known(element):
        raise Unrecognized(
            f"{label!r} is there on {page}, but needs JavaScript: what it would ask for cannot be known. "
            "The browser driver can press it.",
            page=page.evidence,
            near=(cut(shown(element)),),
        )
    if element.tag in LINKS:
        if fill or choose is not None or file is not None:
            raise Unrecognized(f"{label!r} on {page} is a link, not a button of a form.", page=page.evidence)
        return link(page, element)
    form = form_of(element)
    assert form is not None
    given = [*(fill or {}), *([choose.element] if choose else []), *([file] if file is not None else [])]
    if any(_form_around(other) is not form for other in given):
        raise Unrecognized(
            f"The button {label!r} on {page} belongs to another form than its fields.", page=page.evidence
        )
    enctype = (element.get("formenctype") or form.get("enctype") or URLENCODED).strip().lower()
    if enctype not in (URLENCODED, MULTIPART) or (file is not None and enctype != MULTIPART):
        raise Unrecognized(
            f"The form of {label!r} on {page} is sent as {cut(enctype)!r}.", page=page.evidence
        )
    chosen, unmark = (choose.element, choose.unmark) if choose else (None, frozenset[Element]())
    return Control(
        label=shown(element),
        names=names(element),
        groups=tuple(groups(element)),
        method=_method(element, form),
        url=_url(page, element, element.get("formaction") or form.get("action") or ""),
        fields=tuple(successful(form, element, fill or {}, chosen, unmark)),
        enctype=enctype,
        file_field=None if file is None else file.get("name"),
        target=_target(page, element, element.get("formtarget") or form.get("target")),
        frame=_frame(element),
        element=element,
    )


def link(page: Page, element: Element) -> Control:
    """What following a link asks for."""
    return Control(
        shown(element),
        names(element),
        tuple(groups(element)),
        "GET",
        _url(page, element, element.get("href") or ""),
        target=_target(page, element, element.get("target")),
        frame=_frame(element),
        element=element,
    )


def offers(page: Page, label: str, within: Element | None = None) -> bool:
    """Whether the page, or a part of it, shows a link or button of that label, be it one that needs a script."""
    named = (e for e in pressable(page) if comparable(shown(e)) == comparable(label))
    return any(within is None or within in element.iterancestors() for element in named)


def field(page: Page, label: str) -> Element:
    """The field of that label to write into, or to give a file."""
    kinds = BUTTON_TYPES | BOX_TYPES | {"hidden"}
    fields = (e for e in inputs(page) if kind_of(e) not in kinds)
    return _one(page, label, fields, "field", field_label)


def choice(page: Page, label: str) -> Choice:
    """The radio button, check box or option of that label."""
    return Choice(_one(page, label, (*boxes(page), *options(page)), "choice", choice_label))


def selected(choice: Choice) -> bool:
    """Whether it is selected as the page came, and of those that exclude each other the only one."""
    element = choice.element
    if element.tag == "option":
        return selected_options(next(element.iterancestors("select"))) == [element]
    return [box for box in same_group(element) if marked(box)] == [element]


def choice_label(element: Element) -> str:
    """What a radio button, check box or option is called."""
    return shown(element) or element.get("label") or "" if element.tag == "option" else field_label(element)


def inputs(page: Page) -> Iterator[Element]:
    """The fields of a page that can be seen and used. A file field may hide behind a label that looks better."""
    fields = page.document.iter("input", "select", "textarea")
    return (e for e in fields if seen(_behind(e)) and not disabled(e))


def _behind(field: Element) -> Element:
    around = field.getparent() if kind_of(field) == "file" else None
    return field if around is None else around


def boxes(page: Page) -> Iterator[Element]:
    """The radio buttons and check boxes of a page."""
    return (e for e in inputs(page) if kind_of(e) in BOX_TYPES)


def options(page: Page) -> Iterator[Element]:
    """The options of a page's selection lists."""
    selects = (e for e in inputs(page) if e.tag == "select")
    return (option for select in selects for option in select.iter("option") if not disabled(option))


def leads(document: Element, url: httpx.URL) -> Iterator[tuple[tuple[str, ...], str, httpx.URL]]:
    """Names, method and address of each link and button of a document, seen or not, whose request is known."""
    for element in own(document, *LINKS, "button", "input"):
        form = None if element.tag in LINKS else form_of(element)
        if not known(element):
            continue
        where = element.get("href") if form is None else element.get("formaction") or form.get("action")
        with contextlib.suppress(ValueError):
            address = resolved(base_of(element, url), where or "")
            yield names(element), "GET" if form is None else _method(element, form), address


def _method(element: Element, form: Element) -> str:
    return (element.get("formmethod") or form.get("method") or "get").strip().upper()


def _form_around(element: Element) -> Element | None:
    return form_of(next(element.iterancestors("select"), element) if element.tag == "option" else element)


def _one(
    page: Page, label: str, candidates: Iterable[Element], what: str, called: Callable[[Element], str]
) -> Element:
    named = [(element, called(element)) for element in candidates]
    same = [element for element, name in named if comparable(name) == comparable(label)]
    found = without_doubles(same) if what == "button or link" else same
    if len(found) == 1:
        return found[0]
    if found:
        told = ", ".join(_told(element, called(element)) for element in found[:5])
        # Of more than a few nobody needs to know, and each of them may be the button of a form of a thousand fields.
        requests = {_request(page, element) for element in found} if len(found) <= 5 else {None}
        twice = " All of them ask for the same." if len(requests) == 1 and None not in requests else ""
        raise Unrecognized(
            f"{page} has {len(found)} of the {what} {label!r}; which one is meant is not clear: {told}.{twice}",
            page=page.evidence,
            near=tuple(cut(called(element)) for element in found[:5]),
        )
    there = {comparable(name): cut(name) for _, name in named if name}
    near = tuple(there[key] for key in difflib.get_close_matches(comparable(label), there, n=3, cutoff=0.5))
    hint = f" Nearest: {', '.join(map(repr, near))}." if near else ""
    raise Unrecognized(f"{page} has no {what} {label!r}.{hint}", page=page.evidence, near=near)


def _request(page: Page, element: Element) -> tuple[str, httpx.URL, tuple[tuple[str, str], ...]] | None:
    if not known(element):
        return None
    if element.tag in LINKS:
        return "GET", _url(page, element, element.get("href") or ""), ()
    form = form_of(element)
    assert form is not None
    where = element.get("formaction") or form.get("action") or ""
    return _method(element, form), _url(page, element, where), tuple(successful(form, element, {}, None, ()))


def _told(element: Element, name: str) -> str:
    """A candidate, for the reader of an error: what it is, what it is called, and what it stands under."""
    if element.tag in LINKS:
        what = "link"
    elif element.tag == "input" and kind_of(element) not in BUTTON_TYPES:
        what = {"radio": "radio button", "checkbox": "check box"}.get(kind_of(element), "field")
    else:
        what = {"option": "option", "select": "field", "textarea": "field"}.get(str(element.tag), "button")
    under = next((f" under {cut(group, 40)!r}" for group in groups(element) if group), "")
    script = ", which needs JavaScript" if what in ("link", "button") and not known(element) else ""
    return f"{what} {cut(name)!r}{under}{script}"


def _within(element: Element, parts: Collection[Element]) -> bool:
    return any(above in parts for above in element.iterancestors())


def _frame(element: Element) -> Element | None:
    around = home(element)
    return around if around.tag == FRAME else None


def _target(page: Page, element: Element, given: str | None) -> str:
    if given is None and (frame := _frame(element)) is not None and frame in page.frames:
        given = page.frames[frame].target
    elif given is None:
        given = next((e.get("target") for e in own(element, "base") if e.get("target")), None)
    return (given or "").strip()


def _url(page: Page, element: Element, href: str) -> httpx.URL:
    frame = _frame(element)
    try:
        if frame is not None and frame in page.frames:
            return resolved(page.frames[frame].url, href)
        return resolved(base_of(element, page.url), href)
    except ValueError as error:
        raise Unrecognized(f"A control on {page} leads to no address.", page=page.evidence) from error


def base_of(element: Element, url: httpx.URL) -> httpx.URL:
    """What the addresses of a document are relative to. Raises ValueError."""
    base = next((e.get("href") for e in own(element, "base") if e.get("href")), "")
    return resolved(url, base or "")


def resolved(base: httpx.URL, href: str) -> httpx.URL:
    """The address that `href` is, seen from `base`. Raises ValueError."""
    try:
        return base.join(href.strip()).copy_with(fragment=None)
    except httpx.InvalidURL as error:
        raise ValueError("no address") from error
