"""Finding controls by label, and the request that each would make: cases, and properties."""

from __future__ import annotations

import contextlib

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console import controls
from bot.console.controls import Control
from bot.console.labels import comparable
from bot.console.pages import Page, PageKind, normal, parse, text
from bot.console.port import Unrecognized
from bot.console.profile import load_profile
from bot.console.recognize import heading_of

PROFILE = load_profile()


def a_page(html: str, kind: PageKind = PageKind.OTHER, url: str = "https://console:81/dir/page?x=1") -> Page:
    document = parse(html.encode(), "utf-8")
    title = " ".join(text(element) for element in document.iter("title"))
    return Page("a1", httpx.URL(url), 200, document, title, heading_of(document, PROFILE), kind, "0" * 64)


def request(control: Control) -> tuple[str, str, list[tuple[str, str]]]:
    return control.method, str(control.url), list(control.fields)


LINK: tuple[str, str, list[tuple[str, str]]] = ("GET", "https://console:81/t", [])
POST: tuple[str, str, list[tuple[str, str]]] = ("POST", "https://console:81/t", [])


def form(content: str) -> str:
    return f"<form method=post action=/t>{content}</form>"


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
        ("<a href='/t'>Send</a><dialog><a href='/u'>Send</a></dialog>", LINK),
        ("<a href='/t'>Send</a><div popover><a href='/u'>Send</a></div>", LINK),
        ("<a href='/t'>Send</a><div aria-hidden=true><a href='/u'>Send</a></div>", LINK),
        ("<a href='/t'>Send</a><noscript><a href='/u'>Send</a></noscript>", LINK),
        ("<a href='/t'>Send</a><iframe src='/f'><a href='/u'>Send</a></iframe>", LINK),
        ("<a href='/t'>Send</a><a>Send</a>", LINK),
        ("<a href='/t'>Send</a><form><button aria-disabled=true>Send</button></form>", LINK),
        ("<a href='/t'>Send</a><div inert><a href='/u'>Send</a></div>", LINK),
        ("<a href='/t' role=button>Send</a>", LINK),
        ("<a href='/t'><span role=button>Send</span></a>", LINK),
        ("<a href='/t'><button type=button>Send</button></a>", LINK),
        ("<a href='/t'><button>Send</button></a>", LINK),
        ("<ul role=tablist><li role=tab onclick='go()'><a href='/t'>Send</a></li></ul>", LINK),
        ("<menu><li role=menuitem><a href='/t'>Send</a></li></menu>", LINK),
        ("<a href='/t' target=_blank>Send</a>", LINK),
        ("<a href='/t'><img src=x title='Send'></a>", LINK),
        ("<a href='/t' title='Send'><i class=icon></i></a>", LINK),
        ("<a href='/t'><i class=icon title='Send'></i></a>", LINK),
        ("<a href='/t'><img alt='Send'> Send</a>", LINK),
        ("<a href='/t'><i aria-hidden=true>send_icon</i> Send</a>", LINK),
        ("<a href='/t'><svg><title>Send</title></svg></a>", LINK),
        ("<b id=q>Send</b><a href='/t' aria-labelledby=q>\u00bb</a>", LINK),
        ("<map><area href='/t' alt='Send'></map>", LINK),
        ("<a href='/t'><font color=red>S</font>end</a>", LINK),
        (form("<button><u>S</u>end</button>"), POST),
        (form("<input type=submit value='Send'>"), POST),
        (form("<input type=submit value='' title='Send'>"), POST),
        (form("<button title='Send'><img></button>"), POST),
        (form("<button role=menuitem>Send</button>"), POST),
        (form("<input type=image alt='Send'>"), (*POST[:2], [("x", "1"), ("y", "1")])),
        (form("<input type=image name=i title='Send'>"), (*POST[:2], [("i.x", "1"), ("i.y", "1")])),
        (form("<input type=image name=i value='Send'>"), (*POST[:2], [("i.x", "1"), ("i.y", "1")])),
        ("<dialog open>" + form("<button>Send</button>") + "</dialog>", POST),
        ("<div role=dialog>" + form("<button>Send</button>") + "</div>", POST),
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
        ("<form><button>Do not Send</button></form>", ("Do not Send",)),
        ("<a href='/t' aria-label='Send'>Cancel</a>", ()),
        ("<dialog><form><button>Send</button></form></dialog>", ()),
        ("<form><button type=reset>Send</button></form>", ()),
        ("<div onclick='go()'><form><button disabled>Send</button></form></div>", ()),
        ("<ul><li role=menuitem><button disabled>Send</button></li></ul>", ()),
        ("<p>Send</p><script>'<a href=/t>Send</a>'</script>", ()),
    ],
)
def test_a_missing_control_is_told_with_what_came_nearest(html: str, near: tuple[str, ...]) -> None:
    with pytest.raises(Unrecognized) as missing:
        controls.action(a_page(html), "Send")
    assert missing.value.near == near
    assert missing.value.page == "0" * 64
    assert not controls.offers(a_page(html), "Send")


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("<a href='/t'>Send</a><form><button>send…</button></form>", "link 'Send', button 'send…'."),
        ("<a href='/t'>Send</a><a href='/t'>Send</a>", "All of them ask for the same."),
        (form("<button>Send</button><p>x</p><button>Send</button>"), "All of them ask for the same."),
        (form("<button name=b value=1>Send</button><button name=b value=2>Send</button>"), "'Send'."),
        ("<a href='/t'>Send</a><a href='javascript:go()'>Send</a>", "link 'Send', which needs JavaScript."),
        ("<a href='/t'>Send</a><span role=button>Send</span>", "button 'Send', which needs JavaScript."),
        ("<a href='/t'>Send</a><form><button type=button>Send</button></form>", "which needs JavaScript."),
        ("<a href='/t'>Send</a><section><h2>Bar</h2><a href='/u' title=Send>+</a></section>", "under 'Bar'"),
        ("<a href='/t'>Send</a><dialog open><a href='/u'>Send</a></dialog>", "has 2 of the"),
        (form("<a href='/t'><button>Send</button></a>"), "link 'Send', button 'Send'."),
    ],
)
def test_two_of_one_label_are_none(html: str, told: str) -> None:
    with pytest.raises(Unrecognized, match="has 2 of the") as unclear:
        controls.action(a_page(html), "Send")
    assert told in str(unclear.value)
    assert len(unclear.value.near) == 2
    assert ("ask for the same" in str(unclear.value)) == ("ask for the same" in told)


@pytest.mark.parametrize(
    "html",
    [
        "<a href='javascript:send()'>Send</a>",
        "<a href='#' onclick='send()'>Send</a>",
        "<a onclick='send()'>Send</a>",
        "<a role=button>Send</a>",
        "<button>Send</button>",
        form("<input type=button value=Send onclick='this.form.submit()'>"),
        form("<button type=button>Send</button>"),
        form("<span role=button>Send</span>"),
        "<ul role=tablist><li role=tab>Send</li></ul>",
        "<ul role=menu><li role=menuitem tabindex=0>Send</li></ul>",
        "<div role=link data-href='/t'>Send</div>",
        "<ul><li role=menuitem><a onclick='go()'>Send</a></li></ul>",
        "<span onclick='go()'><span role=button>Send</span></span>",
        "<table><tr onclick='go()'><td>Send</td></tr></table>",
    ],
)
def test_what_only_a_script_can_do_is_named_and_not_pressed(html: str) -> None:
    with pytest.raises(Unrecognized, match="but needs JavaScript") as scripted:
        controls.action(a_page(html), "Send")
    assert scripted.value.near == ("Send",)
    assert controls.offers(a_page(html), "Send"), "a person sees it"


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
    chosen = controls.action(page, "Send", choose=controls.choice(page, "two"))
    assert list(chosen.fields) == [*BEFORE, ("r", "2"), *AFTER]
    assert "abc" not in repr(sent), "tokens stay out of tracebacks"


@pytest.mark.parametrize(
    "html",
    [
        "<label for=x>User name</label><input id=x name=n>",
        "<label>User name: <input name=n></label>",
        "<label>User name <select name=n><option>User</option></select></label>",
        "<input name=n aria-label='user NAME'>",
        "<b id=q>User</b><b id=r>name</b><input name=n aria-labelledby='q r'>",
        "<label for=x>User name</label><select id=x name=n></select>",
        "<label for=x>User name *</label><input id=x name=n>",
        "<label for=x></label><label for=x>User name…</label><input id=x name=n>",
        "<table><tr><td>User name:</td><td><input name=n></td></tr></table>",
        "<table><tr><th><b>User</b> name</th><td><p><input name=n></p></td><td>hint</td></tr></table>",
        "<table><tr><td>User name</td><td><input name=n placeholder='jdoe'></td></tr></table>",
        "<table><tr><td><u>U</u>ser name</td><td><input name=n><tr><td>Other</td><td><input></table>",
        "<input name=n title='User name'>",
        "<label>User name<input name=n type=file hidden></label>",
        "<input name=n placeholder='User name'>",
    ],
)
def test_a_field_is_found_by_its_label(html: str) -> None:
    page = a_page(f"<form method=post action=/t>{html}<button>Send</button></form>")
    field = controls.field(page, "User name")
    assert ("n", "me") in controls.action(page, "Send", fill={field: "me"}).fields


@pytest.mark.parametrize(
    "html",
    [
        "<label for=x hidden>User name</label><input id=x>",
        "<label>User name<input name=n hidden></label>",
        "<div hidden><label>User name<input name=n type=file></label></div>",
        "<label for=x>User name</label><input id=y>",
        "<label for=x>User name</label><p id=x></p><input id=x>",
        "<label for=x>User name</label><input id=x disabled>",
        "<label for='&#1;'>User name</label><input id='&#1;'>",
        "<input name='User name' id='User name' value='User name'>",
        "<table><tr><td>User name</td><td>x</td><td><input></td></tr></table>",
        "<table><tr><td>User name <input></td><td><input title=x></td></tr></table>",
        "<table><tr><td>User name <a href=/x>help</a></td><td><input></td></tr></table>",
        "<table><tr><td hidden>User name</td><td><input></td></tr></table>",
        "<table><tr><td>User name</td></tr><tr><td><input></td></tr></table>",
        "<table><tr><td>User name</td><td><input><input></td></tr></table>",
        "<input placeholder='User name'><label>User name <input></label>" * 2,
        "<label>Name<input placeholder='User name'></label>",
    ],
)
def test_a_field_without_that_label_or_with_it_twice_is_none(html: str) -> None:
    with pytest.raises(Unrecognized):
        controls.field(a_page(f"<form>{html}</form>"), "User name")


ALL, ONE = "Install IPM on all appliances", "Install IPM on this appliance only"


@pytest.mark.parametrize(
    "html",
    [
        f"<label><input type=radio name=w value=1> {ALL}</label><label><input type=radio name=w>{ONE}</label>",
        f"<input type=radio name=w value=1> {ALL}<br><input type=radio name=w> {ONE}",
        f"<p><input type=radio name=w value=1> <b>{ALL}</b> <input type=radio name=w> {ONE}</p>",
        f"How?<br><input type=radio name=w value=1> {ALL}<input type=radio name=w> {ONE}",
        f"<table><tr><td><input type=radio name=w value=1></td><td>{ALL}</td></tr>"
        f"<tr><td><input type=radio name=w></td><td>{ONE}</td></tr></table>",
        f"<table><tr><td>{ALL}</td><td><input type=radio name=w value=1></td></tr></table>",
        f"<label for=x>{ALL}</label><input id=x type=checkbox name=w value=1>",
        f"<select name=w><option value=1>{ALL}<option>{ONE}</select>",
    ],
)
def test_a_choice_is_found_by_its_label(html: str) -> None:
    page = a_page(form(f"{html}<button>Send</button>"))
    choice = controls.choice(page, ALL)
    assert controls.action(page, "Send", choose=choice).fields == (("w", "1"),)


@pytest.mark.parametrize(
    "html",
    [
        f"{ALL} <input type=radio name=w> {ONE} <input type=radio name=w>",
        f"{ONE} <input type=radio name=w> {ALL} <input type=radio name=w>",
        f"<p>Choose: <input type=radio name=w> {ALL}</p>",
        f"<table><tr><td>{ONE}</td><td><input type=radio></td><td>{ALL}</td></tr></table>",
        f"<table><tr><td>{ALL}</td><td><input type=radio></td><td>{ONE}</td></tr></table>",
        f"<label>{ALL}<input type=radio name=a></label><select><option>{ALL}</select>",
    ],
)
def test_a_choice_that_two_labels_could_be_of_is_none(html: str) -> None:
    with pytest.raises(Unrecognized):
        controls.choice(a_page(form(html)), ALL)


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
        ("<input type=checkbox name=r aria-label=A checked><input type=checkbox name=r aria-label=B>", True),
        ("<input type=checkbox name=r aria-label=A checked><input type=checkbox name=r checked>", False),
        ("<select><option>A<option>B</select>", True),
        ("<select><option>A<option selected>B</select>", False),
        ("<select multiple><option selected>A<option selected>B</select>", False),
    ],
)
def test_what_is_selected(html: str, selected: bool) -> None:
    assert controls.selected(controls.choice(a_page(f"<form>{html}</form>"), "A")) is selected


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=30
).filter(lambda label: normal(label) != "")


@given(words, words)
def test_only_the_same_label_is_ever_found(wanted: str, shown: str) -> None:
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;")
    page = a_page(f"<a href='/t'>{escaped}</a>")
    same = comparable(text(next(page.document.iter("a")))) == comparable(wanted)
    assert controls.offers(page, wanted) == same
    assert same or normal(shown) != normal(wanted), "what was the same before is the same now"


@given(st.text(max_size=40), st.text(max_size=40))
def test_no_address_breaks_the_search(href: str, base: str) -> None:
    quoted = (words.replace("&", "&amp;").replace('"', "&quot;") for words in (base, href))
    page = a_page('<base href="{}"><a href="{}">Send</a>'.format(*quoted))
    with contextlib.suppress(Unrecognized):
        controls.action(page, "Send")


@given(st.text(max_size=400))
def test_no_page_breaks_the_search(html: str) -> None:
    try:
        page = a_page(html)
    except ValueError:
        return
    for search in (controls.action, controls.field, controls.choice):
        with contextlib.suppress(Unrecognized):
            search(page, "Send")
