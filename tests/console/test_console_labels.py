"""When two labels are the same, what a control is called, and that the deny-list is compared as loosely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console.allow import Gate, Purpose, denied
from bot.console.controls import action
from bot.console.labels import comparable, names
from bot.console.pages import PageKind, elements, text
from bot.console.port import Forbidden
from bot.console.profile import load_profile
from tests.console.test_console_allow import ORIGIN, VENDORS_NEIGHBOURS
from tests.console.test_console_controls import a_page

DRESSINGS = [
    "{}…",
    "{}...",
    "{} . . .",
    "{}:",
    "{} :",
    "{} *",
    "{} (Alt+D)",
    "{} [Ctrl+Shift+D]",
    "{} (ctrl-alt-Delete)",
    "{} (Access key: D)",
    "{}\tCtrl+F12",
    "{}… (Alt+D):",
    "&{}",
    " \u00a0{}\r\n ",
    "\u200b{}\u00ad",
    "▸ {} ▾",
    "\ue001 {}",
]


@pytest.mark.parametrize("dressing", DRESSINGS)
def test_a_dressed_label_is_the_same_and_denied_all_the_same(dressing: str) -> None:
    for label in ("Distribute", "IPM-Information", "Hochladen (größer)"):
        assert comparable(dressing.format(label)) == comparable(label.swapcase())
    for label in (*VENDORS_NEIGHBOURS, "Reboot", "Shut down"):
        assert denied(dressing.format(label))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Install (A)", "Install"),
        ("Install (2)", "Install"),
        ("Install on this appliance only", "Install"),
        ("Install 2", "Install"),
        ("Install (control-plane)", "Install"),
        ("Upload IPM", "Upload I.P.M"),
        ("Send?", "Send"),
        ("Do not send", "Send"),
        ("In stall", "Install"),
        ("...", "Install"),
        ("...", ""),
        ("&", ""),
        ("(Alt+D)", ""),
    ],
)
def test_what_says_something_else_is_not_the_same(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(
    st.sampled_from(VENDORS_NEIGHBOURS), st.lists(st.sampled_from(DRESSINGS), max_size=3), st.integers(0, 8)
)
def test_no_dressing_takes_a_label_off_the_deny_list(label: str, dressings: list[str], at: int) -> None:
    label = label[:at] + "&" + label[at:] if label[at : at + 1].isalpha() else label
    for dressing in dressings:
        label = dressing.format(label)
    assert denied(label)


@pytest.mark.parametrize("words", ["reboot_server", "delete-appliance", "power_off", "Reboot2", "shut-down"])
def test_a_word_of_a_name_counts(words: str) -> None:
    assert denied(words)


@pytest.mark.parametrize("words", ["Nonstop", "Clearance", "Rebooting?", "Preset", "Installed"])
def test_a_part_of_a_word_does_not(words: str) -> None:
    assert not denied(words)


@pytest.mark.parametrize(
    "html",
    [
        "<button>Install<span hidden> Reboot</span></button>",
        "<button><img alt='Reboot'> Install</button>",
        "<button><i aria-hidden=true>reboot</i> Install</button>",
        "<button><i title='Reboot'></i>Install</button>",
        "<button aria-label='Reboot…'>Install</button>",
        "<b id=q>Reboot (Alt+R)</b><button aria-labelledby=q>Install</button>",
        "<button value='reboot_now'>Install</button>",
        "<input type=submit value=Install title='&Reboot'>",
        "<section aria-label='Reboot/shutdown options…'><button>Install</button></section>",
        "<b id=q>Stop/restart options</b><div aria-labelledby=q><button>Install</button></div>",
        "<table><tr><th>Remove Appliance:</th><td><button>Install</button></td></tr></table>",
        "<div role=dialog><div><h2>Clear Logs</h2></div><div><button>Install</button></div></div>",
    ],
)
def test_a_control_that_is_also_called_what_is_denied_is_not_pressed(html: str) -> None:
    page = a_page(f"<form method=post action=/t>{html}</form>", PageKind.IPM_INFORMATION)
    with pytest.raises(Forbidden, match="never"):
        Gate(ORIGIN, "/", load_profile().labels).follow(Purpose.INSTALL, page, action(page, "Install"))


def test_everything_that_a_control_is_called_is_known() -> None:
    page = a_page("<a href=/t title=A>B<img alt=C title=D><i hidden aria-label=E>F</i></a>")
    assert set(names(next(elements(page.document, "a")))) == {"B", "BC", "B C", "BF", "A", "C", "D", "E"} - {
        "BC"
    }


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>R<u>e</u>boot", "Reboot"),
        ("<p>R<font>e</font>b<wbr>oot", "Reboot"),
        ("<p>R<x-y>e</x-y>boot", "Reboot"),
        ("<p>One<br>two<button>Three</button>four", "One two Three four"),
        ("<p>One<iframe>two</iframe><noframes>two</noframes>", "One"),
        ("<p>One<b aria-hidden=true>two</b><dialog>two</dialog><i popover>two</i>", "One"),
    ],
)
def test_what_ends_a_word_and_what_is_not_seen(html: str, words: str) -> None:
    assert text(a_page(html).document) == words
