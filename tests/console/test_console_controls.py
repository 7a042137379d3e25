"""Finding controls by label, and the request that each would make: cases, and properties."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console import controls
from bot.console.controls import Control
from bot.console.pages import Page, PageKind, normal, parse, text
from bot.console.port import Unrecognized
from bot.console.recognize import heading_of


def a_page(html: str, kind: PageKind = PageKind.OTHER, url: str = "https://console:81/dir/page?x=1") -> Page:
    document = parse(html.encode(), "utf-8")
    title = " ".join(text(element) for element in document.iter("title"))
    return Page("a1", httpx.URL(url), 200, document, title, heading_of(document), kind, "0" * 64)


def request(control: Control) -> tuple[str, str, list[tuple[str, str]]]:
    return control.method, str(control.url), list(control.fields)


LINK = ("GET", "https://console:81/t", [])


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href='/t'>Send</a>", LINK),
        ("<a href='/t#there'> se\u00a0nd:</a>".replace("se\u00a0nd", "SEND"), LINK),
        ("<a href='/t'><span>Se</span><b>nd</b></a>", LINK),
        ("<a href='/t'><img alt='Send'></a>", LINK),
        ("<a href='/t' aria-label='Send'></a>", LINK),
        ("<base href='/base/'><a href='t'>Send</a>", ("GET", "https://console:81/base/t", [])),
        ("<a href='t'>Send</a>", ("GET", "https://console:81/dir/t", [])),
        ("<a href='/t'>Send</a><a hidden href='/u'>Send</a>", LINK),
        ("<a href='/t'>Send</a><div style='display: none'><a href='/u'>Send</a></div>", LINK),
        ("<a href='/t'>Send</a><a href='javascript:go()'>Send</a><a>Send</a>", LINK),
        ("<a href='/t'>Send</a><form><button type=button>Send</button></form>", LINK),
        ("<a href='/t'>Send</a><form><button disabled>Send</button></form>", LINK),
        ("<a href='/t'>Send</a><form><fieldset disabled><button>Send</button></fieldset></form>", LINK),
        ("<form method=post action=/t><button>Send</button></form>", ("POST", "https://console:81/t", [])),
        (
            "<form method=post><input type=submit value=Send></form>",
            ("POST", "https://console:81/dir/page?x=1", []),
        ),
        (
            "<form method=post action=/t><button formaction=/f formmethod=get name=b value=v>Send</button></form>",
            ("GET", "https://console:81/f", [("b", "v")]),
        ),
        (
            "<form id=f method=post action=/t><input name=a value=1></form><input form=f name=c value=3>"
            "<button form=f>Send</button>",
            ("POST", "https://console:81/t", [("a", "1"), ("c", "3")]),
        ),
    ],
)
def test_a_control_is_found_by_its_label(html: str, expected: tuple[str, str, list[tuple[str, str]]]) -> None:
    assert request(controls.action(a_page(html), "Send")) == expected
    assert controls.offers(a_page(html), "send")


@pytest.mark.parametrize(
    ("html", "near"),
    [
        ("<a href='/t'>Sent</a><a href='/u'>Other</a>", ("Sent",)),
        ("<a href='/t' id=Send name=Send class=Send>Go</a>", ()),
        ("<form><button name=Send value=Send>Go</button></form>", ()),
        ("<form><button disabled>Send</button></form>", ()),
        ("<p>Send</p><script>'<a href=/t>Send</a>'</script>", ()),
    ],
)
def test_a_missing_control_is_told_with_what_came_nearest(html: str, near: tuple[str, ...]) -> None:
    with pytest.raises(Unrecognized) as missing:
        controls.action(a_page(html), "Send")
    assert missing.value.near == near
    assert missing.value.page == "0" * 64
    assert not controls.offers(a_page(html), "Send")


def test_two_of_one_label_are_none() -> None:
    html = "<a href='/t'>Send</a><form><button>send</button></form>"
    with pytest.raises(Unrecognized, match="has 2 of the"):
        controls.action(a_page(html), "Send")


FORM = """
<form method="post" action="/t">
<input type="hidden" name="token" value="abc"><input name="plain" value="1&amp;2"><input name="off" disabled value="x">
<input value="nameless"><input type="checkbox" name="c" checked><input type="checkbox" name="d" value="no">
<input type="radio" name="r" value="1" checked aria-label="One">
<label><input type="radio" name="r" value="2">Two</label>
<select name="s"><option>first</option><option value="2nd" selected>second</option></select>
<select name="s2"><option disabled>never</option><option>only</option></select>
<select name="m" multiple><option selected>a</option><option>b</option><option selected>c</option></select>
<textarea name="ta">two
lines</textarea><input type="file" name="f"><input type="reset" name="no" value="no">
<button name="b" value="other">Other</button><button name="b" value="send">Send</button>
<input type="image" name="i" alt="Picture"></form><input name="outside" value="x">
"""
BEFORE = [("token", "abc"), ("plain", "1&2"), ("c", "on")]
AFTER = [("s", "2nd"), ("s2", "only"), ("m", "a"), ("m", "c"), ("ta", "two\r\nlines"), ("b", "send")]


def test_a_form_sends_what_a_browser_would_send() -> None:
    page = a_page(FORM)
    sent = controls.action(page, "Send")
    assert list(sent.fields) == [*BEFORE, ("r", "1"), *AFTER]
    chosen = controls.action(page, "Send", choose=controls.radio(page, "two"))
    assert list(chosen.fields) == [*BEFORE, ("r", "2"), *AFTER]
    assert "abc" not in repr(sent), "tokens stay out of tracebacks"


@pytest.mark.parametrize(
    "html",
    [
        "<label for=x>User name</label><input id=x name=n>",
        "<label>User name: <input name=n></label>",
        "<input name=n aria-label='user NAME'>",
        "<b id=q>User</b><b id=r>name</b><input name=n aria-labelledby='q r'>",
        "<label for=x>User name</label><select id=x name=n></select>",
    ],
)
def test_a_field_is_found_by_its_label(html: str) -> None:
    page = a_page(f"<form method=post action=/t>{html}<button>Send</button></form>")
    field = controls.field(page, "User name")
    assert ("n", "me") in controls.action(page, "Send", fill={field: "me"}).fields


def test_fields_of_another_form_are_not_filled() -> None:
    page = a_page(
        "<form><label>User <input name=n></label></form><form method=post><button>Send</button></form>"
    )
    with pytest.raises(Unrecognized, match="another form"):
        controls.action(page, "Send", fill={controls.field(page, "User"): "me"})


def test_a_file_needs_a_multipart_form() -> None:
    page = a_page(
        "<form method=post><label>File <input type=file name=f></label><button>Send</button></form>"
    )
    with pytest.raises(Unrecognized, match="is sent as"):
        controls.action(page, "Send", file=controls.field(page, "File"))


@pytest.mark.parametrize(
    ("html", "selected"),
    [
        ("<input type=radio name=r aria-label=A checked><input type=radio name=r aria-label=B>", True),
        ("<input type=radio name=r aria-label=A><input type=radio name=r aria-label=B checked>", False),
        (
            "<input type=radio name=r aria-label=A checked><input type=radio name=r aria-label=B checked>",
            False,
        ),
        ("<input type=radio name=r aria-label=A>", False),
    ],
)
def test_which_radio_button_is_selected(html: str, selected: bool) -> None:
    assert controls.selected(controls.radio(a_page(f"<form>{html}</form>"), "A")) is selected


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30
).filter(lambda label: normal(label) != "")


@given(words, words)
def test_only_the_same_label_is_ever_found(wanted: str, shown: str) -> None:
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;")
    page = a_page(f"<a href='/t'>{escaped}</a>")
    assert controls.offers(page, wanted) == (normal(text(next(page.document.iter("a")))) == normal(wanted))


@given(st.text(max_size=400))
def test_no_page_breaks_the_search(html: str) -> None:
    try:
        page = a_page(html)
    except ValueError:
        return
    for search in (controls.action, controls.field, controls.radio):
        with contextlib.suppress(Unrecognized):
            search(page, "Send")
