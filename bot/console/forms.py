"""What a form sends: which elements are its own, and the fields of its request, as HTML has it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from bot.console.labels import BOX_TYPES, BUTTON_TYPES, FIELD_TAGS, kind_of
from bot.console.pages import Element, form_by_id, own, text

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def form_of(element: Element) -> Element | None:
    """The form that an element belongs to."""
    if key := element.get("form"):
        return form_by_id(element, key)
    return next(element.iterancestors("form"), None)


def disabled(element: Element) -> bool:
    """Whether an element, or what it stands in, cannot be used."""
    if element.get("disabled") is not None or _says_so(element, "aria-disabled"):
        return True
    around = element.iterancestors()
    return element.get("inert") is not None or any(
        above.get("inert") is not None or (above.tag == "fieldset" and above.get("disabled") is not None)
        for above in around
    )


def _says_so(element: Element, name: str) -> bool:
    return (element.get(name) or "").strip().lower() == "true"


def marked(element: Element) -> bool:
    """Whether a radio button or check box is marked as the page came."""
    return element.get("checked") is not None


def same_group(box: Element) -> list[Element]:
    """The radio buttons of which one can be marked with this one at most; of a check box, those of its name."""
    form, name, kind = form_of(box), box.get("name"), kind_of(box)
    boxes = (e for e in own(box, "input") if kind_of(e) == kind and e.get("name") == name)
    return [e for e in boxes if form_of(e) is form]


def selected_options(select: Element) -> list[Element]:
    """The options that are selected as the page came."""
    options = [option for option in select.iter("option") if option.get("disabled") is None]
    chosen = [option for option in options if option.get("selected") is not None]
    return chosen if select.get("multiple") is not None else chosen[-1:] or options[:1]


def successful(
    form: Element,
    button: Element,
    fill: Mapping[Element, str],
    choose: Element | None,
    unmark: Collection[Element],
) -> Iterator[tuple[str, str]]:
    """What a browser would send (HTML, "constructing the entry list"), the file left out.

    `choose`: the one radio button, check box or option that is marked; `unmark`: boxes that are not.
    """
    for element in own(form, *FIELD_TAGS):
        name, kind = element.get("name") or "", kind_of(element)
        if form_of(element) is not form or _left_out(element):
            continue
        if kind == "image":
            if element is button:
                # Where a click hit it: a console may ask for one that is not zero.
                yield from ((f"{name}.{axis}" if name else axis, "1") for axis in ("x", "y"))
        elif not name:
            continue
        elif element.tag == "button" or kind in BUTTON_TYPES:
            if element is button:
                yield name, element.get("value") or ""
        elif kind in BOX_TYPES:
            if _is_marked(element, choose, unmark):
                yield name, element.get("value", "on")
        elif element in fill:
            yield name, _newlines(fill[element])
        elif element.tag == "select":
            own_choice = choose is not None and next(choose.iterancestors("select"), None) is element
            options = [choose] if own_choice and choose is not None else selected_options(element)
            yield from ((name, option.get("value", text(option))) for option in options)
        elif kind != "file":
            value = element.text if element.tag == "textarea" else element.get("value")
            yield name, _newlines(value or "")


def _left_out(element: Element) -> bool:
    """HTML's sense of disabled, which no `aria-disabled` changes."""
    if element.get("disabled") is not None:
        return True
    return any(above.get("disabled") is not None for above in element.iterancestors("fieldset"))


def _is_marked(box: Element, choose: Element | None, unmark: Collection[Element]) -> bool:
    if choose is None:
        return marked(box)
    if box is choose:
        return True
    same = kind_of(box) == kind_of(choose) == "radio" and box.get("name") == choose.get("name")
    return marked(box) and not same and box not in unmark


def _newlines(value: str) -> str:
    return "\r\n".join(value.splitlines()) if "\n" in value or "\r" in value else value
