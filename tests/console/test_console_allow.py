"""Law 3: the gate lets through the procedure's controls on their own pages, and nothing else."""

from __future__ import annotations

import ast
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.console
from bot.console import controls
from bot.console.allow import LABELLED, MAX_REDIRECTS, RULES, Gate, Permit, Purpose, denied
from bot.console.controls import Control
from bot.console.pages import PageKind
from bot.console.port import Forbidden, Unrecognized
from bot.console.profile import load_profile
from tests.console.test_console_controls import a_page

ORIGIN = httpx.URL("https://console:81")
LABELS = load_profile().labels
VENDORS_NEIGHBOURS = [
    "Remove",
    "Remove Appliance",
    "Permanently Delete",
    "Reboot/shutdown options",
    "Stop/restart options",
    "Clear Logs",
    "Recreate Self Signed Certs",
]


def gate(labels: dict[Purpose, str] | None = None) -> Gate:
    return Gate(ORIGIN, "/", labels or LABELS)


def control(label: str, method: str = "GET", url: str = "https://console:81/t", **more: object) -> Control:
    return Control(label, (label,), (), method, httpx.URL(url), **more)  # type: ignore[arg-type]


@given(
    st.sampled_from(sorted(LABELLED)), st.sampled_from(PageKind), st.sampled_from(["GET", "POST", "DIALOG"])
)
def test_a_purpose_is_let_through_on_its_pages_by_its_methods_only(
    purpose: Purpose, kind: PageKind, method: str
) -> None:
    page, pressed = a_page("<h1>x</h1>", kind), control(LABELS[purpose], method)
    allowed = kind in RULES[purpose].pages and method in RULES[purpose].methods
    try:
        permit = gate().follow(purpose, page, pressed)
    except Forbidden:
        assert not allowed
    else:
        assert allowed
        assert (permit.purpose, permit.method) == (purpose, method)


def test_the_closed_list() -> None:
    assert set(RULES) == set(Purpose)
    changing = {p for p, rule in RULES.items() if rule.methods == {"POST"}}
    assert changing == {
        Purpose.SIGN_IN,
        Purpose.UPLOAD,
        Purpose.SEND,
        Purpose.FINISH_DISTRIBUTION,
        Purpose.INSTALL,
    }
    assert RULES[Purpose.INSTALL].pages == {PageKind.IPM_INFORMATION}
    assert RULES[Purpose.OPEN_INSTALL].pages == {PageKind.PACKAGES}


def test_the_same_word_on_another_page_is_another_control() -> None:
    install = control("Install", "POST")
    assert gate().follow(Purpose.INSTALL, a_page("x", PageKind.IPM_INFORMATION), install)
    with pytest.raises(Forbidden, match="another page"):
        gate().follow(Purpose.INSTALL, a_page("x", PageKind.PACKAGES), install)
    with pytest.raises(Forbidden, match="another page"):
        gate().follow(Purpose.OPEN_INSTALL, a_page("x", PageKind.IPM_INFORMATION), install)


@pytest.mark.parametrize(
    "label", [*VENDORS_NEIGHBOURS, "reboot", "Shut down", " REMOVE  appliance:", "Delete all"]
)
def test_what_is_denied_stays_denied_whatever_the_profile_says(label: str) -> None:
    assert denied(label)
    for purpose in LABELLED:
        kind = next(iter(RULES[purpose].pages))
        method = next(iter(RULES[purpose].methods))
        with pytest.raises(Forbidden, match="deny-list"):
            gate({**LABELS, purpose: label}).follow(purpose, a_page("x", kind), control(label, method))


def test_no_label_of_the_default_profile_is_denied() -> None:
    assert not [label for label in LABELS.values() if denied(label)]


@pytest.mark.parametrize(
    "html",
    [
        "<form method=post action=/t aria-label='Reboot/shutdown options'><button>Install</button></form>",
        "<form method=post action=/t><fieldset><legend>Stop/restart options</legend><button>Install</button></fieldset>"
        "</form>",
        "<section><h2>Remove Appliance</h2><form method=post action=/t><button>Install</button></form></section>",
        "<form method=post action=/t><button title='Clear Logs'>Install</button></form>",
        "<form method=post action=/t><button name=b value='Permanently Delete'>Install</button></form>",
    ],
)
def test_a_button_under_another_name_or_in_a_forbidden_part_is_not_pressed(html: str) -> None:
    page = a_page(html, PageKind.IPM_INFORMATION)
    with pytest.raises(Forbidden, match="never"):
        gate().follow(Purpose.INSTALL, page, controls.action(page, "Install"))


def test_a_package_may_be_called_anything() -> None:
    html = "<section><h2>Distribution of fix-remove-reboot</h2><form method=post action=/t><button>Done</button></form>"
    page = a_page(html, PageKind.PACKAGES)
    assert gate().follow(Purpose.FINISH_DISTRIBUTION, page, controls.action(page, "Done"))


@pytest.mark.parametrize(
    "url",
    [
        "http://console:81/t",
        "https://console/t",
        "https://other:81/t",
        "https://console:82/t",
        "ftp://console/",
    ],
)
def test_nothing_leaves_the_configured_origin(url: str) -> None:
    with pytest.raises(Forbidden, match="leads away"):
        gate().follow(Purpose.PACKAGES, a_page("x"), control("Packages", url=url))
    with pytest.raises(Forbidden, match="leads away"):
        gate().redirected(gate().enter(), 302, url, "a1")


def test_redirects() -> None:
    permit = gate().follow(
        Purpose.SEND, a_page("x", PageKind.DISTRIBUTE), control("Send", "POST", fields=(("a", "b"),))
    )
    for status in (307, 308):
        with pytest.raises(Unrecognized):
            gate().redirected(permit, status, "/p", "a1")
    after = gate().redirected(permit, 302, "/p#x", "a1")
    assert (after.method, str(after.url), after.fields) == ("GET", "https://console:81/p", ())
    for _ in range(MAX_REDIRECTS - 1):
        after = gate().redirected(after, 307, "/p", "a1")
    with pytest.raises(Unrecognized, match="more than"):
        gate().redirected(after, 302, "/p", "a1")


def test_a_get_form_puts_its_fields_into_the_address() -> None:
    pressed = control("Distribute", url="https://console:81/t?old=1", fields=(("a b", "ü"),))
    permit = gate().follow(Purpose.OPEN_DISTRIBUTION, a_page("x", PageKind.PACKAGES), pressed)
    assert str(permit.url) == "https://console:81/t?a+b=%C3%BC"


def test_only_the_gate_makes_permits_and_only_the_wire_sends() -> None:
    """The owner of law 3 cannot be gone around without this test being changed."""
    calls: dict[str, set[str]] = {}
    for path in Path(bot.console.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = (
                    node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                )
                calls.setdefault(name, set()).add(path.name)
    assert calls[Permit.__name__] == {"allow.py"}
    assert calls["Transport"] == {"wire.py"}
    assert calls["AsyncConnectionPool"] == calls["sock_connect"] == {"connection.py"}
    assert not {"AsyncClient", "Client", "HTTPTransport", "urlopen", "create_connection"} & calls.keys()
    assert calls["open_connection"] == {"tls.py"}, "the bare handshake that shows a certificate"
