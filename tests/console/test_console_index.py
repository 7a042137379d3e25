"""Elements looked up in one walk of a document are those of the plain definitions."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from bot.console import pages
from bot.console.aria import native
from bot.console.labels import field_label
from bot.console.pages import FRAME, Element, home, parse, seen
from bot.console.scrub import HIDDEN, redact_text

TAGS = ("div", "label", "input", "form", "span", FRAME, "dialog", "p")
attributes = st.sampled_from(
    ["", " id=a", " id=b", " for=a", " hidden", " open", " for=b id=a", " style='display:none'"]
)


def nested(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    parts = st.tuples(st.sampled_from(TAGS), attributes, st.lists(children, max_size=4).map("".join))
    return parts.map(lambda part: f"<{part[0]}{part[1]}>{part[2]}</{part[0]}>")


documents = st.lists(st.recursive(st.just("x"), nested, max_leaves=12), min_size=1, max_size=4).map("".join)


def plainly_own(element: Element, *tags: str) -> Iterator[Element]:
    around = home(element)
    return (e for e in around.iter(*tags or ("*",)) if e is not around and home(e) is around)


def plainly_found(path: str, element: Element) -> list[Element]:
    found = element.xpath(path)
    assert isinstance(found, list)
    return [e for e in found if isinstance(e, Element) and home(e) is home(element)]


@given(documents)
def test_the_index_gives_what_the_definitions_give(source: str) -> None:
    document = parse(f"<body>{source}</body>".encode(), "utf-8")
    for element in document.iter():
        assert list(pages.own(element)) == list(plainly_own(element))
        for tags in (("form",), ("input", "label"), ("label", "input")):
            assert list(pages.own(element, *tags)) == list(plainly_own(element, *tags))
        for key in ("a", "b", "c"):
            forms = (form for form in plainly_own(element, "form") if form.get("id") == key)
            assert pages.form_by_id(element, key) is next(forms, None)
            assert pages.by_id(element, key) is next(iter(plainly_found(f"//*[@id='{key}']", element)), None)
            assert pages.labels_for(element, key) == plainly_found(f"//label[@for='{key}']", element)
        for some in ((), ("input",), ("div", "label")):
            assert list(pages.elements(element, *some)) == [e for e in element.iter(*some) if seen(e)]


def test_what_was_known_of_a_document_is_forgotten_when_it_is_put_together_anew() -> None:
    document = parse(b"<p id=a>x</p><div>y</div>", "")
    assert pages.by_id(document, "b") is None
    next(document.iter("div")).set("id", "b")
    pages.forget()
    assert pages.by_id(document, "b") is next(document.iter("div"))


def test_what_was_known_of_a_document_is_forgotten_when_roles_become_elements() -> None:
    document = parse(b"<div role=radio aria-checked=true id=a>x</div><div role=row>y</div>", "")
    assert not list(pages.own(document, "label", "input", "tr"))
    native(document)
    assert [e.tag for e in pages.own(document, "label", "input", "tr")] == ["label", "input", "tr"]


def test_what_was_known_of_a_label_is_forgotten_when_its_secrets_are_taken_out() -> None:
    document = parse(b"<label>tok-12345<input></label>", "")
    field = next(document.iter("input"))
    assert field_label(field) == "tok-12345"
    redact_text(document, ["tok-12345"])
    assert field_label(field) == HIDDEN
