"""What is more than any console's page is refused whole, with the reason; a console's page is far below all limits."""

from __future__ import annotations

import httpx
import pytest

from bot.console import frames, limits
from bot.console.frames import Sheet
from bot.console.limits import MAX_CHARACTERS, MAX_ELEMENTS, MAX_FIELDS, MAX_NAMES, MAX_OF_TAG
from bot.console.pages import FRAME, Element, parse
from bot.console.pressing import words

URL = httpx.URL("https://appliance.example:81/")


def attributes(count: int) -> str:
    return " ".join(f"a{n}={n}" for n in range(count))


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("<b>x</b>" * (MAX_ELEMENTS + 1), "more than 20000 elements"),
        ("<p>x" + "</p>" * (MAX_ELEMENTS + 1), "more than 20000 elements"),
        ("<input>" * (MAX_FIELDS + 1), "more than 1000 fields"),
        ("<a href=x>x</a>" * 3_001, "3001 controls, and at most 3000 are read"),
        ("<base>" * 21, "21 bases"),
        ("<div>" * 150 + "<b>x</b>" * 5_000, "elements in one another"),
        ("<div>" * 250 + "x", "more than 200 deep"),
        (f"<p {attributes(MAX_OF_TAG + 1)}>x</p>", "more than 200 attributes"),
        (f"<p x='>' {attributes(MAX_OF_TAG)}>x</p>", "more than 200 attributes"),
        (f"<p x='<script>'><b {attributes(MAX_OF_TAG + 1)}>x</b></p>", "more than 200 attributes"),
        ("<p " + "a='1'b" * MAX_OF_TAG + ">x</p>", "more than 200 attributes"),
        ("<p " + "a/b/" * MAX_OF_TAG + ">x</p>", "more than 200 attributes"),
        (f"<p {attributes(150)}>x</p>" * 700, "attributes, and at most 100000"),
        ("<a<a<a<a<a<a" * 1_000, "tags stand in one another"),
        ("x" * (MAX_CHARACTERS + 1), "characters, and at most 1000000"),
        ("<div>" * 100 + "x" * 200_000, "characters in one another"),
        ("<a href=/x>Reboot" + " " * MAX_NAMES + "</a>", "characters that name something"),
        (f"<a href=/x title='{'x' * MAX_NAMES}Reboot'>y</a>", "characters that name something"),
        ("<b id=l>" + "x" * 1_000 + "</b>" + "<i aria-labelledby=l></i>" * 300, "that name something"),
    ],
)
def test_a_page_of_more_than_any_consoles_is_none(source: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(source.encode(), "utf-8")


def test_frames_count_together() -> None:
    part = "<p>x</p>" * 15_000
    sheet = Sheet(parse(f"<iframe></iframe>{part}".encode(), ""), URL, 200, "")
    (frame, _, _), *_ = frames.stand_ins(sheet.document)
    with pytest.raises(ValueError, match="elements, and at most 20000 are read"):
        frames.put(sheet, frame, Sheet(parse(part.encode(), ""), URL, 200, ""), "")
    assert (frame.tag, len(frame), sheet.frames) == (FRAME, 0, {})


def test_a_consoles_page_is_far_below_every_limit() -> None:
    source = console_page()
    assert len(source) > 200_000
    for found, most in half(parse(source.encode(), "utf-8")):
        assert found < most / 2


def half(document: Element) -> list[tuple[int, int]]:
    every = list(document.iter())
    depths = [sum(1 for _ in e.iterancestors()) + 1 for e in every]
    return [
        (len(every), limits.MAX_ELEMENTS),
        (sum(1 for _ in document.iter("input", "button", "select", "textarea")), limits.MAX_FIELDS),
        (sum(1 for _ in document.iter("input", "button", "select", "a")), limits.MAX_CONTROLS),
        (sum(len(e.attrib) for e in every), limits.MAX_ATTRIBUTES),
        (max(depths), limits.MAX_DEPTH),
        (sum(depths), limits.MAX_NESTING),
    ]


def console_page() -> str:
    """200 packages with a box, a link and a button each, 6 appliances, 12 elements deep, 200 KB."""
    row = (
        "<tr class='row odd' id=p{n}><td class='cell first'><input type=radio name=package value={n}></td>"
        "<td class=cell><a class='link name' href='/packages?selected={n}&amp;token=0123456789abcdef'>package-{n}.ipm"
        "</a></td><td class=cell><span class='state ok' title='state'>Uploaded</span></td><td class=cell>1.2 GB</td>"
        "<td class=cell><button class='button small secondary' name=remove value={n} style='margin: 0 2px; padding: "
        "2px 4px; background: #eeeeee; border: 1px solid #cccccc; color: #333333; font: 12px sans-serif'>Remove"
        "</button></td><td class='cell last' data-id='{n}' data-kind='hotfix' data-state='uploaded' "
        "data-when='2026-11-22T23:00:00Z'>2026-11-22 23:00 by administrator of the enterprise</td></tr>"
    )
    rows = "".join(row.replace("{n}", str(n)) for n in range(200))
    appliances = "".join(f"<tr><td>appliance-{n}</td><td>7.9</td></tr>" for n in range(6))
    scripts = (
        "<script>" + 'for (var i = 0; i<n; i++) { if (a[i] > b) { c("<td>" + i); } }\n' * 900 + "</script>"
    )
    menu = "".join(f"<li><a href=/menu/{n}>Menu {n}</a></li>" for n in range(150))
    return (
        f"<h1>Packages</h1>{scripts}{'<div class=around>' * 8}<ul>{menu}</ul><form><table><tr><th>Package</table>"
        f"<table>{rows}</table><table>{appliances}</table></form>"
    )


@pytest.mark.parametrize("value", ["a" * 10_000 + "!", "a_" * 5_000])
def test_a_long_value_is_no_name_in_code(value: str) -> None:
    assert words(value) == ""


@pytest.mark.parametrize("content", [" " * 100_000 + "x", "5" + " " * 100_000 + "x", "0;" + " " * 100_000])
def test_a_refresh_of_spaces_leads_nowhere(content: str) -> None:
    document = parse(f"<meta http-equiv=refresh content='{content}'><p>x</p>".encode(), "")
    assert frames.refresh_of(document, "", URL) is None
