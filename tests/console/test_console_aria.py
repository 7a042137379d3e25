"""What is told by ARIA roles is read as the HTML that means the same; and what a browser's request carries."""

from __future__ import annotations

import httpx
import pytest
from lxml import html

from bot.console.aria import native
from bot.console.labels import field_label
from bot.console.pages import text
from bot.console.pressing import Asked, Part, Unreadable, parts, words

GRID = """<div role=grid><div role=row><span role=columnheader>Name</span><span role=columnheader>State</span></div>
<div role=row aria-selected=false><span role=gridcell>p-1</span><span role=gridcell>Ready</span></div>
<div role=row aria-selected=true><span role=gridcell>p-2</span><span role=gridcell>New</span></div></div>"""


def test_a_grid_is_a_table_and_a_row_that_can_be_selected_has_a_box() -> None:
    document = html.document_fromstring(GRID)
    rows = list(document.iter("div"))[2:4]
    origins = {row: number for number, row in enumerate(rows)}
    native(document, origins)
    (table,) = document.iter("table")
    assert [[text(cell) for cell in row] for row in table.iter("tr")] == [
        ["Name", "State"],
        ["p-1", "Ready"],
        ["p-2", "New"],
    ]
    boxes = list(document.iter("input"))
    assert [(box.get("type"), "checked" in box.attrib) for box in boxes] == [
        ("radio", False),
        ("radio", True),
    ]
    assert [origins[box] for box in boxes] == [0, 1], "a box stands for its row"


@pytest.mark.parametrize(
    ("given", "label", "checked"),
    [
        ("<div role=radio aria-checked=true>All appliances</div>", "All appliances", True),
        ("<span role=checkbox aria-checked=mixed>All</span>", "All", False),
        ("<li role=option aria-selected=true>p-1</li>", "p-1", True),
        ("<tr aria-selected=false><td><input type=radio checked aria-label=x></td></tr>", "x", True),
    ],
)
def test_boxes(given: str, label: str, checked: bool) -> None:
    document = html.document_fromstring(f"<table>{given}</table>" if "<tr" in given else given)
    native(document)
    (box,) = document.iter("input")
    assert (field_label(box), "checked" in box.attrib) == (label, checked)


@pytest.mark.parametrize(
    ("given", "tag", "words"),
    [
        ("<div role=heading aria-level=1>Packages</div>", "h1", "Packages"),
        ("<div role=heading>Packages</div>", "div", "Packages"),
        ("<div role=progressbar aria-valuenow=40></div>", "div", "40%"),
        ("<div role=progressbar aria-valuenow=4 aria-valuemax=9></div>", "div", "4"),
        ("<div role=progressbar aria-valuenow=40>Copying</div>", "div", "Copying"),
    ],
)
def test_headings_and_progress(given: str, tag: str, words: str) -> None:
    document = html.fragment_fromstring(given)
    native(document)
    assert (document.tag, text(document)) == (tag, words)


def asked(content_type: str, content: bytes) -> Asked:
    return Asked("POST", httpx.URL("https://a:81/x"), False, (), content_type, content)


MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="p.ipm"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("content_type", "content", "found"),
    [
        ("application/x-www-form-urlencoded", b"a=1&a=&b=x+y%26", [("a", "1"), ("a", ""), ("b", "x y&")]),
        (
            "application/json; charset=utf-8",
            b'{"a": ["x", {"b": "y"}], "n": 1}',
            [("", "a"), ("", "x"), ("", "b"), ("", "y"), ("", "n")],
        ),
        ("multipart/form-data; boundary=b", MULTIPART, [("a", "one"), ("f", "")]),
        ("", b"", []),
    ],
)
def test_what_a_request_carries(content_type: str, content: bytes, found: list[tuple[str, str]]) -> None:
    read = parts(asked(content_type, content))
    assert [(part.name, part.value) for part in read] == found
    assert [part for part in read if part.file] == ([Part("f", "", True)] if b"filename" in content else [])


@pytest.mark.parametrize(
    ("content_type", "content"),
    [
        ("text/plain", b"x"),
        ("", b"x"),
        ("application/json", b"{"),
        ("application/json", b"[" * 100_000),
        ("multipart/form-data; boundary=c", MULTIPART),
        ("multipart/form-data", MULTIPART),
        ("application/x-www-form-urlencoded", b"\xff=1"),
    ],
)
def test_what_cannot_be_read_is_not_guessed(content_type: str, content: bytes) -> None:
    with pytest.raises(Unreadable):
        parts(asked(content_type, content))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("removeAppliance", "remove Appliance"),
        ("stop_restart-options", "stop restart options"),
        ("Reboot", "Reboot"),
        ("applianceG4-2025-3-1", "appliance G"),
        ("/RemoveAppliance.do", "Remove Appliance do"),
        ("do=remove:a1", "do remove a"),
        ("a" * 5000 + "!", ""),
    ],
)
def test_names_in_code_as_words(value: str, told: str) -> None:
    assert words(value) == told
