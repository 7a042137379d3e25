"""Selecting one package by its exact name among several kinds."""

from __future__ import annotations

import pytest

from bot.console import choices, controls, recognize
from bot.console.allow import Gate, Purpose
from bot.console.controls import Control
from bot.console.pages import Page, PageKind
from bot.console.port import Forbidden, Unrecognized
from bot.console.profile import load_profile
from tests.console.test_console_allow import ORIGIN
from tests.console.test_console_controls import a_page

PROFILE = load_profile()
NAMES = ("p-1", "p-10", "P-1", "agent-7")
BUTTONS = "<button name=b>Distribute</button><button name=b>Install</button><button name=b>Remove</button>"


def packages(
    *cells: str,
    after: str = BUTTONS,
    more: str = "",
    around: str = "",
    head: str = "",
    names: tuple[str, ...] = NAMES,
) -> Page:
    """A Packages page. `cells`: those of a row before its status, for the {i}th package, called {n}; `head` above."""
    heads = "".join(f"<th>{'Package' if '{n}</' in cell + '</' else head}</th>" for cell in cells)
    row = "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "<td>Uploaded</td></tr>"
    rows = "".join(row.replace("{n}", n).replace("{i}", str(i)) for i, n in enumerate(names))
    table = f"<table><tr><td colspan=9>All</td></tr><tr>{heads}<th>Status</th></tr>{rows}</table>"
    if head and head == head.upper():
        table = table.replace("<th", "<td").replace("</th", "</td")
    html = f"<h1>Packages</h1><form method=post action=/p aria-label='{around}'>{more}{table}{after}</form>"
    return a_page(html, PageKind.PACKAGES)


def selected(page: Page, package: str) -> Control:
    """The request of Install for that package."""
    rows = recognize.package_rows(page, PROFILE)
    way = choices.select(page, rows, package, "Install")
    if isinstance(way, Control):
        return way
    apart = [row for name, row in rows.items() if name != package]
    return controls.action(page, "Install", choose=way, apart=apart)


RADIO = ("POST", "/p", (("s", "0"), ("b", "")))
WAYS: dict[str, tuple[tuple[str, ...], dict[str, str], object]] = {
    "labelled radio": (("<label><input type=radio name=s value={i}> {n}</label>",), {}, RADIO),
    "radio in the row": (
        ("<input type=radio name=s value={i}>", "{n}"),
        {},
        RADIO,
    ),
    "radio called select": (
        ("<input type=radio name=s value={i} aria-label=Select>", "{n}"),
        {},
        RADIO,
    ),
    "radio at the end": (
        ("{n}", "<input type=radio name=s value={i}>"),
        {},
        RADIO,
    ),
    "radio called select and the name": (
        ("<input type=radio name=s value={i} title='Select {n}'>", "{n}"),
        {},
        RADIO,
    ),
    "radio called the name and more": (
        ("<input type=radio name=s value={i} aria-label='{n} (1 GB)'>", "<b>{n}</b>"),
        {},
        RADIO,
    ),
    "radio in a column that selects": (
        ("<input type=radio name=s value={i}>", "{n}"),
        {"head": "Select…"},
        RADIO,
    ),
    "radio called nothing": (("<input type=radio name=s value={i} title=' '>", "{n}"), {}, RADIO),
    "radio above the name": (("<input type=radio name=s value={i}><br>{n}",), {}, RADIO),
    "radio above the list": (
        ("{n}",),
        {
            "more": "<label><input type=radio name=s value=9>P-1</label>"
            "<label><input type=radio name=s value=7>p-10</label>"
            "<label><input type=radio name=s value=0>p-1</label>"
        },
        RADIO,
    ),
    "labelled radio in a column of another name": (
        ("<input type=radio name=s value={i} aria-label={n}>", "<i>{n}</i>"),
        {"head": "Install"},
        RADIO,
    ),
    "radio that is preset": (
        ("<input type=radio name=s value={i} checked>", "{n}"),
        {},
        RADIO,
    ),
    "radios of names of their own": (
        ("<input type=radio name=s{i} value={i} checked>", "{n}"),
        {},
        ("POST", "/p", (("s0", "0"), ("b", ""))),
    ),
    "check box": (
        ("<input type=checkbox name=s value={i}>", "{n}"),
        {},
        RADIO,
    ),
    "check boxes all preset": (
        ("<input type=checkbox name=s value={i} checked>", "{n}"),
        {},
        RADIO,
    ),
    "check boxes of names of their own": (
        ("<input type=checkbox name=s{i} checked>", "{n}"),
        {},
        ("POST", "/p", (("s0", "on"), ("b", ""))),
    ),
    "all of them, and another box": (
        ("<input type=checkbox name=s value={i}>", "{n}"),
        {"more": "<input type=checkbox name=s value=all checked><input type=checkbox name=keep checked>"},
        ("POST", "/p", (("keep", "on"), ("s", "0"), ("b", ""))),
    ),
    "radio and details": (
        ("<input type=radio name=s value={i}>", "<a href=/detail/{i}>{n}</a>"),
        {},
        RADIO,
    ),
    "a selection list": (
        ("{n}",),
        {"more": "<select name=s><option value=9>P-1<option value=7>p-10<option value=0>p-1</select>"},
        RADIO,
    ),
    "link on the name": (("<a href='/p?s={i}'>{n}</a>", "<a href=/help>Help</a>"), {}, ("GET", "/p?s=0", ())),
    "button in the row": (
        ("{n}", "<button name=b value=i{i}>Install</button><button name=b>Remove</button>"),
        {"after": ""},
        ("POST", "/p", (("b", "i0"),)),
    ),
    "link in the row": (
        ("<a href=/detail/{i}>{n}</a>", "<a href='/i?s={i}'>Install</a>"),
        {"after": ""},
        ("GET", "/i?s=0", ()),
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("package", ["p-1", "fix-remove-reboot"])
def test_a_package_is_selected_by_its_exact_name(way: str, package: str) -> None:
    cells, more, expected = WAYS[way]
    more = {key: words.replace("p-1<", f"{package}<") for key, words in more.items()}
    page = packages(*cells, names=(package, *NAMES[1:]), **more)
    found = selected(page, package)
    assert (found.method, str(found.url).removeprefix("https://console:81"), found.fields) == expected


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("package", ["p-10", "P-1"])
def test_another_name_is_another_package(way: str, package: str) -> None:
    cells, more, _ = WAYS[way]
    page = packages(*cells, **more)  # type: ignore[arg-type]
    requests = [(found.url, found.fields) for found in (selected(page, name) for name in ("p-1", package))]
    assert requests[0] != requests[1]


@pytest.mark.parametrize(
    ("cells", "more", "told"),
    [
        (("{n}",), {}, "nothing to select it by"),
        (("<b onclick='go({i})'>{n}</b>",), {}, "nothing to select it by"),
        (("<a href='javascript:go({i})'>{n}</a>",), {}, "nothing to select it by"),
        (("<a href=/p/{i}>{n}</a> <a href=/q/{i} title='{n}'></a>",), {}, "2 ways"),
        (
            ("<input type=radio name=s><input type=radio name=t>", "{n}"),
            {},
            "2 ways",
        ),
        (
            ("<input type=radio name=s>", "{n}"),
            {"more": "<select name=s><option>p-1</select>"},
            "2 ways to select 'p-1'; which one is meant is not clear: radio 'p-1', option 'p-1'",
        ),
        (("{n}",), {"more": "<select><option>p-1</select><select><option>p-1</select>"}, "2 ways"),
        (("{n}",), {"more": "<select><option>p-1.</select>"}, "Nearest: 'p-1.'"),
        (
            ("<input type=radio name=s aria-label=agent-7>", "{n}"),
            {},
            "nothing to select it by",
        ),
        (
            ("<input type=checkbox name=s aria-label='Delete {n}'>", "<i>{n}</i>"),
            {},
            "nothing to select it by",
        ),
        (("<input type=checkbox name=s aria-label='Select {n} to delete'>", "{n}"), {}, "nothing to select"),
        (("<input type=checkbox name=s title='Select {n} to delete'>", "{n}"), {}, "nothing to select"),
        (
            ("<input type=checkbox name=s aria-label='Install at night'>", "{n}"),
            {},
            "nothing to select it by",
        ),
        (("<input type=checkbox name=s>", "{n}"), {"head": "REMOVE"}, "nothing to select it by"),
        (("<input type=checkbox name=s>", "{n}"), {"head": "Mark to remove"}, "nothing to select it by"),
        (("<input type=checkbox name=s>", "{n}"), {"head": "Keep"}, "nothing to select it by"),
        (("<input type=checkbox name=s title=Keep>", "{n}"), {}, "nothing to select it by"),
        (
            ("{n}",),
            {"more": "<label>Remove: <select name=s><option>p-1</select></label>"},
            "nothing to select it by",
        ),
        (
            ("<input type=radio name=s disabled>", "{n}"),
            {},
            "nothing to select it by",
        ),
        (
            ("<input type=radio name=s>", "{n}"),
            {"after": ""},
            "no button or link 'Install'",
        ),
        (
            ("<input type=radio name=s>", "{n}", "<button>Install</button>"),
            {},
            "2 of the button or link",
        ),
        (
            ("<input type=radio name=s>", "{n}"),
            {"after": "</form><form method=post>" + BUTTONS},
            "another form than its fields",
        ),
    ],
)
def test_no_way_or_two_stop(cells: tuple[str, ...], more: dict[str, str], told: str) -> None:
    page = packages(*cells, **more)  # type: ignore[arg-type]
    with pytest.raises(Unrecognized) as stopped:
        selected(page, "p-1")
    assert told in str(stopped.value)


def test_a_button_in_another_packages_row_is_not_this_ones() -> None:
    row = "<tr><td>p-2</td><td></td><td>Uploaded</td></tr></table>"
    html = "<table><tr><th>Package</th><th></th><th>Status</th></tr>"
    html += "<tr><td>p-1</td><td><button>Install</button></td><td>Uploaded</td></tr>" + row
    page = a_page(f"<h1>Packages</h1><form method=post>{html}</form>", PageKind.PACKAGES)
    assert selected(page, "p-1").method == "POST"
    with pytest.raises(Unrecognized, match="nothing to select it by"):
        selected(page, "p-2")


@pytest.mark.parametrize("package", ["p-1", "fix-remove-reboot"])
def test_the_gate_lets_the_link_on_a_name_through(package: str) -> None:
    page = packages("<a href='/p?s={i}'>{n}</a>", names=(package, "p-2"))
    gate, link = Gate(ORIGIN, "/", PROFILE.labels), selected(page, package)
    permit = gate.select(page, link, package)
    assert (permit.purpose, permit.method, permit.url.path) == (Purpose.SELECT, "GET", "/p")
    for other in ("p-2", package.upper(), f"{package}…"):
        with pytest.raises(Forbidden):
            gate.select(page, link, other)
    with pytest.raises(Forbidden):
        gate.select(a_page("<h1>x</h1>", PageKind.IPM_INFORMATION), link, package)
    with pytest.raises(Forbidden):
        Gate(ORIGIN, "/", PROFILE.labels, {Purpose.PACKAGES}).select(page, link, package)


@pytest.mark.parametrize(
    ("cell", "around"),
    [
        ("<a href='/p?s={i}' title='Remove {n}'>{n}</a>", ""),
        ("<a href='https://other/p?s={i}'>{n}</a>", ""),
        ("<a href='/p?s={i}'>{n}</a>", "Permanently Delete"),
    ],
)
def test_the_gate_holds_a_link_on_a_name_that_is_more(cell: str, around: str) -> None:
    page = packages(cell, around=around)
    with pytest.raises(Forbidden):
        Gate(ORIGIN, "/", PROFILE.labels).select(page, selected(page, "p-1"), "p-1")
