"""Finding a control by its visible label, and knowing the request that pressing it would make.

Pure. Never by id, name or position. None, or two of one label, is `Unrecognized`, with what came nearest.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as field_

import httpx

from bot.console.pages import Element, Page, cut, elements, normal, seen, text
from bot.console.port import Unrecognized

_FIELD_TAGS = ("input", "select", "textarea", "button")
_BUTTON_TYPES = frozenset({"submit", "image", "button", "reset"})
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6", "legend", "caption", "summary")
_PARTS = ("fieldset", "form", "section", "article", "details", "table", "div", "td", "li")
URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


@dataclass(frozen=True)
class Control:
    """A link or button that was found, and the request that following it would make.

    `names`: everything it is called, seen or not. `groups`: what the parts of the page around it are called.
    `fields`: all successful controls of its form (HTML's term), hidden tokens included.
    """

    label: str
    names: tuple[str, ...]
    groups: tuple[str, ...]
    method: str
    url: httpx.URL
    fields: tuple[tuple[str, str], ...] = field_(default=(), repr=False)
    enctype: str = ""
    file_field: str | None = None


def action(
    page: Page,
    label: str,
    *,
    fill: Mapping[Element, str] | None = None,
    choose: Element | None = None,
    file: Element | None = None,
) -> Control:
    """The link or button of that label.

    `fill`: what to write into which fields. `choose`: the radio button to select. `file`: the field that
    takes a file. All must belong to the button's form.
    """
    element = _one(page, label, _actions(page), "button or link")
    names = tuple(name for name in (_shown(element), *_other_names(element)) if name)
    groups = tuple(_groups(element))
    if element.tag == "a":
        if fill or choose is not None or file is not None:
            raise Unrecognized(f"{label!r} on {page} is a link, not a button of a form.", page=page.evidence)
        return Control(_shown(element), names, groups, "GET", _url(page, element.get("href") or ""))
    form = _form_of(element)
    if form is None:
        raise Unrecognized(f"The button {label!r} on {page} belongs to no form.", page=page.evidence)
    given = [*(fill or {}), *(e for e in (choose, file) if e is not None)]
    if any(_form_of(other) is not form for other in given):
        raise Unrecognized(
            f"The button {label!r} on {page} belongs to another form than its fields.", page=page.evidence
        )
    method = (element.get("formmethod") or form.get("method") or "get").upper()
    enctype = (element.get("formenctype") or form.get("enctype") or URLENCODED).strip().lower()
    if enctype not in (URLENCODED, MULTIPART) or (file is not None and enctype != MULTIPART):
        raise Unrecognized(
            f"The form of {label!r} on {page} is sent as {cut(enctype)!r}.", page=page.evidence
        )
    return Control(
        label=_shown(element),
        names=names,
        groups=groups,
        method=method,
        url=_url(page, element.get("formaction") or form.get("action") or ""),
        fields=tuple(_successful(form, element, fill or {}, choose)),
        enctype=enctype,
        file_field=None if file is None else file.get("name"),
    )


def offers(page: Page, label: str) -> bool:
    """Whether the page shows a link or button of that label that can be pressed."""
    return any(normal(_shown(element)) == normal(label) for element in _actions(page))


def field(page: Page, label: str) -> Element:
    """The field of that label to write into, or to give a file."""
    kinds = _BUTTON_TYPES | {"hidden", "radio", "checkbox"}
    return _one(page, label, (f for f in _inputs(page) if _type(f) not in kinds), "field")


def radio(page: Page, label: str) -> Element:
    """The radio button of that label."""
    return _one(page, label, (f for f in _inputs(page) if _type(f) == "radio"), "radio button")


def selected(element: Element) -> bool:
    """Whether a radio button is the selected one of its group as the page came, and the only one."""
    root, form, name = element.getroottree().getroot(), _form_of(element), element.get("name")
    group = [e for e in root.iter("input") if _type(e) == "radio" and e.get("name") == name]
    return [e for e in group if _form_of(e) is form and _checked(e)] == [element]


def _one(page: Page, label: str, candidates: Iterable[Element], what: str) -> Element:
    named = [(element, _label_of(element)) for element in candidates]
    found = [element for element, name in named if normal(name) == normal(label)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Unrecognized(
            f"{page} has {len(found)} of the {what} {label!r}; which one is meant is not clear.",
            page=page.evidence,
            near=tuple(cut(_label_of(element)) for element in found[:5]),
        )
    shown = {normal(name): cut(name) for _, name in named if name}
    near = tuple(shown[key] for key in difflib.get_close_matches(normal(label), shown, n=3, cutoff=0.5))
    hint = f" Nearest: {', '.join(map(repr, near))}." if near else ""
    raise Unrecognized(f"{page} has no {what} {label!r}.{hint}", page=page.evidence, near=near)


def _actions(page: Page) -> Iterator[Element]:
    for element in elements(page.document, "a", "button", "input"):
        if element.tag == "a":
            # A link that only runs a script makes no request that could be known.
            if (element.get("href") or "#").strip()[:11].lower() != "javascript:" and element.get("href"):
                yield element
        elif _type(element) in ("submit", "image") and not _disabled(element):
            yield element


def _inputs(page: Page) -> Iterator[Element]:
    return (e for e in elements(page.document, "input", "select", "textarea") if not _disabled(e))


def _type(element: Element) -> str:
    default = {"button": "submit", "input": "text"}.get(str(element.tag), str(element.tag))
    return (element.get("type") or default).strip().lower()


def _label_of(element: Element) -> str:
    is_action = element.tag in ("a", "button") or _type(element) in _BUTTON_TYPES
    return _shown(element) if is_action else _field_label(element)


def _shown(element: Element) -> str:
    """What a person reads on a link or button."""
    if element.tag == "input":
        default = "Submit" if _type(element) == "submit" else ""
        return (element.get("alt" if _type(element) == "image" else "value") or default).strip()
    return text(element) or element.get("aria-label") or ""


def _other_names(element: Element) -> Iterator[str]:
    return (element.get(name) or "" for name in ("aria-label", "title", "value"))


def _field_label(element: Element) -> str:
    if aria := element.get("aria-label"):
        return aria
    root = element.getroottree().getroot()
    if by := element.get("aria-labelledby"):
        return " ".join(text(e) for key in by.split() for e in root.iter() if e.get("id") == key)
    if key := element.get("id"):
        for label in root.iter("label"):
            if label.get("for") == key and seen(label):
                return text(label)
    for above in element.iterancestors("label"):
        return text(above)
    return ""


def _groups(element: Element) -> Iterator[str]:
    for above in element.iterancestors(*_PARTS):
        if name := above.get("aria-label"):
            yield name
        yield from (text(child) for child in above if child.tag in _HEADINGS)


def _form_of(element: Element) -> Element | None:
    if key := element.get("form"):
        root = element.getroottree().getroot()
        return next((form for form in root.iter("form") if form.get("id") == key), None)
    return next(element.iterancestors("form"), None)


def _checked(element: Element) -> bool:
    return element.get("checked") is not None


def _disabled(element: Element) -> bool:
    if element.get("disabled") is not None:
        return True
    return any(above.get("disabled") is not None for above in element.iterancestors("fieldset"))


def _successful(
    form: Element, button: Element, fill: Mapping[Element, str], choose: Element | None
) -> Iterator[tuple[str, str]]:
    """What a browser would send (HTML, "constructing the entry list"), the file left out."""
    for element in form.getroottree().getroot().iter(*_FIELD_TAGS):
        name, kind = element.get("name") or "", _type(element)
        if not name or _form_of(element) is not form or _disabled(element):
            continue
        if element.tag == "button" or kind in _BUTTON_TYPES:
            if element is button and kind != "image":
                yield name, element.get("value") or ""
        elif element in fill:
            yield name, _newlines(fill[element])
        elif kind == "radio" and choose is not None and name == choose.get("name"):
            if element is choose:
                yield name, element.get("value", "on")
        elif kind in ("radio", "checkbox"):
            if _checked(element):
                yield name, element.get("value", "on")
        elif element.tag == "select":
            yield from ((name, value) for value in _options(element))
        elif kind != "file":
            value = element.text if element.tag == "textarea" else element.get("value")
            yield name, _newlines(value or "")


def _options(select: Element) -> Iterator[str]:
    options = [option for option in select.iter("option") if option.get("disabled") is None]
    chosen = [option for option in options if option.get("selected") is not None]
    if select.get("multiple") is None:
        chosen = chosen[-1:] or options[:1]
    return (option.get("value", text(option)) for option in chosen)


def _newlines(value: str) -> str:
    return "\r\n".join(value.splitlines()) if "\n" in value or "\r" in value else value


def _url(page: Page, href: str) -> httpx.URL:
    base = next((e.get("href") for e in page.document.iter("base") if e.get("href")), "")
    try:
        return page.url.join(base or "").join(href.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError) as error:
        raise Unrecognized(f"A control on {page} leads to no address.", page=page.evidence) from error
