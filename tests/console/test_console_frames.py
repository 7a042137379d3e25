"""Pages of several documents, and pages that lead on by themselves: what is loaded, and what is never (law 3)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from bot.console import controls, frames
from bot.console.allow import Gate, Permit, Purpose, off_limits
from bot.console.frames import Sheet, refresh_of, stand_ins
from bot.console.pages import FRAME, Frame, Page, PageKind, parse, text
from bot.console.port import Forbidden, Unrecognized
from bot.console.profile import load_profile
from bot.domain.sight import Press
from tests.console.console_server import (
    NAVIGATION,
    PACKAGE,
    Asked,
    Evidence,
    MiniConsole,
    Server,
    body,
    driver,
    page,
    redirect,
)
from tests.console.guises import in_frames
from tests.console.test_console_controls import a_page

ORIGIN = httpx.URL("https://console:81")
GATE = Gate(ORIGIN, "/", load_profile().labels)
PAGE = ORIGIN.join("/dir/page")
TABLE = "<table><tr><th>Package</th><th>Status</th></tr><tr><td>p-1</td><td>Uploaded</td></tr></table>"


def lines(server: Server) -> list[str]:
    return [asked.line for asked in server.asked]


def with_packages(
    mini: MiniConsole, html: str, more: dict[str, bytes] | None = None
) -> dict[str, list[bytes | None]]:
    """Let the Packages page be `html`, below its heading and tabs; `more`: further answers to "GET /path"s."""
    mini.instead["GET /p"] = [page(body("Packages", html))] * 3
    mini.instead.update({line: [answer] * 3 for line, answer in (more or {}).items()})
    return mini.instead


async def test_frames_are_loaded_in_place_and_read_as_one_page(mini: MiniConsole, server: Server) -> None:
    outer = "<p>Before</p><iframe name=f src='/f?a=1'>none here</iframe><p>After</p>"
    with_packages(
        mini, outer, {"GET /f": page(f"<base href='/deep/'><p>Inside {TABLE}<a href=u>Upload it</a>")}
    )
    evidence = Evidence()
    async with driver(server, evidence=evidence) as console:
        seen = await console.look()
    assert (seen.recognized, [p.name for p in seen.packages]) == (True, ["p-1"])
    assert "GET /f?a=1" in lines(server)
    kept = evidence.pages[seen.pages[0]].decode()
    assert text(parse(kept.encode(), "")).index("Inside") < text(parse(kept.encode(), "")).index("After")
    assert "none here" not in kept


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("<iframe src='https://127.0.0.1:1/f'></iframe>", "leads away"),
        ("<iframe src='http://example.com/f'></iframe>", "leads away"),
        ("<iframe src='//example.com/f' title='Map'></iframe>", "'Map': A frame leads away"),
        ("<iframe src='/off'></iframe>", "leads away"),
        ("<iframe src='/reboot'></iframe>", "must never be touched"),
        ("<iframe src='/reboot?now=1'></iframe>", "must never be touched"),
        ("<iframe src='/x/../reboot#a'></iframe>", "must never be touched"),
        ("<iframe src='/system.php?do=delete_all'></iframe>", "must never be touched"),
        ("<iframe src='/f' title='Reboot/shutdown options'></iframe>", "must never be touched"),
        ("<iframe src='/f' name='restart'></iframe>", "must never be touched"),
        ("<a href='/bye2'>Permanently Delete</a><iframe src='/bye2'></iframe>", "must never be touched"),
        (
            "<form action='/g'><button>Clear Logs</button></form><iframe src='/g?x=1'></iframe>",
            "never be touched",
        ),
        (
            "<form action='/g' hidden method=post><button>Stop</button></form><iframe src=/g></iframe>",
            "never be",
        ),
        ("<iframe srcdoc='<iframe src=/reboot></iframe>'></iframe>", "must never be touched"),
    ],
)
async def test_a_frame_that_may_not_be_looked_into_is_not_and_that_is_told(
    mini: MiniConsole, server: Server, frame: str, told: str
) -> None:
    with_packages(mini, frame, {"GET /off": redirect("https://127.0.0.1:1/f"), "GET /f": page(TABLE)})
    async with driver(server) as console:
        seen = await console.look()
        with pytest.raises(Unrecognized) as error:
            await console.open_install(PACKAGE)
    assert not seen.recognized
    assert "not looked into" in seen.reason
    assert told in seen.reason
    assert told in str(error.value)
    allowed = {
        "GET /",
        "GET /login?expired=1",
        "POST /in",
        "GET /p",
        "GET /e",
        "GET /s",
        "GET /bye",
        "GET /login",
    }
    assert set(lines(server)) <= allowed | {"GET /off"}


@pytest.mark.parametrize(
    "frame",
    [
        "<iframe></iframe>",
        "<iframe src=about:blank></iframe>",
        "<iframe src='javascript:go()'></iframe>",
        "<iframe hidden src=/f></iframe>",
        "<iframe width=0 height=0 src=/f></iframe>",
        "<div style='display:none'><iframe src=/f></iframe></div>",
        "<template><iframe src=/f></iframe></template>",
    ],
)
async def test_a_frame_without_a_page_or_that_is_not_seen_is_not_asked_for(
    mini: MiniConsole, server: Server, frame: str
) -> None:
    with_packages(mini, frame + TABLE)
    async with driver(server) as console:
        assert (await console.look()).recognized
    assert not [line for line in lines(server) if "/f" in line]


async def test_an_inline_frame_is_read_without_a_request(mini: MiniConsole, server: Server) -> None:
    with_packages(mini, f'<iframe srcdoc="{TABLE}"></iframe>')
    async with driver(server) as console:
        assert [p.name for p in (await console.look()).packages] == ["p-1"]


async def test_what_icons_are_called_tells_no_secret(mini: MiniConsole, server: Server) -> None:
    icons = "".join(f"<a href=/x {name}='Install session-00000001'></a>" for name in ("title", "aria-label"))
    with_packages(mini, TABLE.replace("p-1", "<a href=/p?s=1>p-1</a>") + icons)
    async with driver(server) as console:
        with pytest.raises(Unrecognized, match="taken out") as error:
            await console.open_install("p-1")
    assert "session-0" not in str(error.value) + str(error.value.near)


async def test_a_control_in_two_frames_is_none(mini: MiniConsole, server: Server) -> None:
    form = (
        "<form method=post action=/p><input type=hidden name=pick value=p-1><button name=b>{}</button></form>"
    )
    twice = "<iframe src=/f1></iframe><iframe src=/f2></iframe>" + TABLE.replace(
        "p-1", "<a href=/p?s=1>p-1</a>"
    )
    with_packages(
        mini, twice, {"GET /f1": page(form.format("Install")), "GET /f2": page(form.format("Install…"))}
    )
    async with driver(server) as console:
        with pytest.raises(Unrecognized, match="has 2 of the button or link 'Install'"):
            await console.open_install("p-1")
    assert "POST /p" not in lines(server)


async def test_work_in_any_frame_is_work(mini: MiniConsole, server: Server) -> None:
    work = "<h2>Installation of agent-7</h2>"
    with_packages(mini, TABLE + "<iframe src=/w></iframe>", {"GET /w": page(work)})
    async with driver(server) as console:
        with pytest.raises(Unrecognized, match="work going on"):
            await console.open_install("p-1")


@pytest.mark.parametrize("status", ["500 Internal Server Error", "404 Not Found"])
async def test_a_frame_that_fails_is_not_passed_over(mini: MiniConsole, server: Server, status: str) -> None:
    with_packages(mini, TABLE + "<iframe src=/w></iframe>", {"GET /w": page("<p>Oops", status=status)})
    async with driver(server) as console:
        seen = await console.look()
    assert (seen.answered, seen.recognized) == (True, False)
    assert status[:3] in seen.reason


@pytest.mark.parametrize("where", ["frame", "page"])
async def test_a_frame_without_an_address_is_told(mini: MiniConsole, server: Server, where: str) -> None:
    base = page("<base href='http://[::1'>" + TABLE)
    if where == "frame":
        server.answer = in_frames(mini)
        mini.instead["GET /p"] = [base]
    else:
        with_packages(mini, "<iframe src=/f></iframe>", {"GET /f": base})
    async with driver(server) as console:
        seen = await console.look()
    assert (seen.answered, seen.recognized) == (True, False)


async def test_a_page_of_endless_frames_is_cut_off(mini: MiniConsole, server: Server) -> None:
    async def answer(asked: Asked) -> bytes | None:
        if asked.path.startswith("/p"):
            return page(body("Packages", f"<iframe src='{asked.path}1'></iframe>"))
        return await mini.answer(asked)

    server.answer = answer
    async with driver(server) as console:
        seen = await console.look()
    assert "more than 16 frames" in seen.reason
    assert sum("/p" in line for line in lines(server)) == 17


async def test_signing_in_inside_a_frame(mini: MiniConsole, server: Server) -> None:
    async def answer(asked: Asked) -> bytes | None:
        if asked.line in ("GET /", "GET /login?expired=1"):
            signed_in = any(session in asked.headers.get("cookie", "") for session in mini.sessions)
            inner = f"<ul>{NAVIGATION}</ul><h1>Welcome</h1>" if signed_in else "<iframe src=/login></iframe>"
            return page(inner)
        if asked.line == "GET /hello":
            return page("<p>Hello")
        raw = await mini.answer(asked)
        return raw and raw.replace(b"Location: /\r\n", b"Location: /hello\r\n")

    server.answer = answer
    async with driver(server) as console:
        assert (await console.look()).recognized
    assert len(mini.sign_ins) == 1


# --- where an answer goes


def framed(*names: str) -> Page:
    """A page with frames of these names, the last one inside the one before."""
    page = a_page("<iframe></iframe>" * len(names))
    places = list(page.document.iter("iframe"))
    for place in places:
        place.tag = FRAME
    if len(places) > 1:
        places[-2].append(places[-1])
    known = {place: Frame(PAGE, name, "", 200) for place, name in zip(places, names, strict=True)}
    return replace(page, frames=known)


@pytest.mark.parametrize(
    ("target", "lands", "popup"),
    [
        ("", "c", False),
        ("_SELF", "c", False),
        ("_parent", "b", False),
        ("_top", None, False),
        ("_blank", None, True),
        ("a", "a", False),
        ("elsewhere", None, True),
    ],
)
def test_where_an_answer_goes(target: str, lands: str | None, popup: bool) -> None:
    page = framed("a", "b", "c")
    inside = list(page.frames)[2]
    control = controls.Control("x", ("x",), (), "GET", PAGE, target=target, frame=inside)
    frame, new = frames.lands(page, control)
    assert ((page.frames[frame].name if frame is not None else None), new) == (lands, popup)


def test_two_frames_of_the_name_that_an_answer_goes_to() -> None:
    control = controls.Control("x", ("x",), (), "GET", PAGE, target="a")
    with pytest.raises(Unrecognized, match="2 frames"):
        frames.lands(framed("a", "a"), control)


def test_one_frame_is_replaced_and_the_page_before_stays_as_it_was() -> None:
    before = framed("a", "b")
    first, second = before.frames
    second.text, first.text = "old b", "old a"
    answer = Sheet(parse(b"<base href=/n/><p>new <a href=x>Send</a>", ""), PAGE, 404, "")
    sheet = frames.replaced(before, second, answer)
    assert (text(sheet.document), text(before.document)) == ("old a new Send", "old a old b")
    assert (sheet.status, [known.name for known in sheet.frames.values()]) == (404, ["a", "b"])
    after = Page("a1", PAGE, 200, sheet.document, "", "", PageKind.OTHER, "", sheet.frames)
    assert controls.action(after, "Send").url == ORIGIN.join("/n/x")


def test_what_is_named_in_one_frame_is_not_meant_by_another() -> None:
    outer = parse(
        b"<label for=x>User</label><iframe></iframe><form id=f action=/o method=post></form><button form=f>Go</button>",
        "",
    )
    sheet = Sheet(outer, PAGE, 200, "")
    ((frame, _, _),) = stand_ins(outer)
    inner = parse(
        b"<form id=f action=/i method=post><input id=x name=n></form><button form=f>Send</button>", ""
    )
    frames.put(sheet, frame, Sheet(inner, ORIGIN.join("/in/"), 200, ""), "")
    page = Page("a1", PAGE, 200, sheet.document, "", "", PageKind.OTHER, "", sheet.frames)
    assert controls.action(page, "Send").url == ORIGIN.join("/i")
    assert controls.action(page, "Send").frame is frame
    assert controls.action(page, "Go").url == ORIGIN.join("/o")
    assert controls.action(page, "Go").fields == ()
    with pytest.raises(Unrecognized):
        controls.field(page, "User")


# --- pages that lead on by themselves


@pytest.mark.parametrize(
    ("html", "header", "expected"),
    [
        ("<meta http-equiv=refresh content='0;url=/t'>", "", ("/t", 0)),
        ("<meta http-equiv=REFRESH content=' 3 ; URL = \"t\" '>", "", ("/dir/t", 3)),
        ("<meta http-equiv=refresh content=\"1.5;'/t'\">", "", ("/t", 1.5)),
        ("<meta http-equiv=refresh content='0,/t'>", "", ("/t", 0)),
        ("<base href=/b/><meta http-equiv=refresh content='0;url=t'>", "", ("/b/t", 0)),
        ("<p>x", "2; url=/t", ("/t", 2)),
        ("<meta http-equiv=refresh content='6;url=/t'>", "", None),
        ("<meta http-equiv=refresh content='99999;url=/t'>", "", None),
        ("<meta http-equiv=refresh content='0'>", "", None),
        ("<meta http-equiv=refresh content='0;url='>", "", None),
        ("<meta http-equiv=refresh content='soon;url=/t'>", "", None),
        ("<meta name=refresh content='0;url=/t'>", "", None),
        ("<noscript><meta http-equiv=refresh content='0;url=/t'></noscript>", "", None),
    ],
)
def test_where_a_page_leads_by_itself(html: str, header: str, expected: tuple[str, float] | None) -> None:
    found = refresh_of(parse(html.encode(), ""), header, PAGE)
    assert (None if found is None else (found.url.raw_path.decode(), found.delay)) == expected


def refreshing(where: str, delay: str = "0", more: str = "") -> bytes:
    return page(f"<meta http-equiv=refresh content='{delay};url={where}'>" + body("Please wait", more))


async def test_refreshes_and_redirects_are_counted_together(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [refreshing("/p?1"), redirect("/p?2")] * 10
    async with driver(server) as console:
        seen = await console.look()
    assert "redirected more than 5 times" in seen.reason
    assert sum("GET /p" in line for line in lines(server)) == 6


async def test_a_page_that_only_loads_itself_again_is_read(mini: MiniConsole, server: Server) -> None:
    again = "<meta http-equiv=refresh content='2;url=/p'>"
    mini.instead["GET /p"] = [page(again + mini.packages_page())]
    async with driver(server) as console:
        assert (await console.look()).recognized
    assert lines(server).count("GET /p") == 1


async def test_a_refresh_that_a_header_tells(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [page("<p>Wait", headers="Refresh: 0; url=/p?x\r\n")]
    async with driver(server) as console:
        assert (await console.look()).recognized
    assert "GET /p?x" in lines(server)


async def test_a_refresh_after_a_post_is_a_view(mini: MiniConsole, server: Server) -> None:
    mini.instead["POST /d"] = [refreshing("/d")]
    mini.instead["GET /d"] = [redirect("/p")]
    async with driver(server) as console:
        await console.open_distribution(PACKAGE)
        await console.send()
    assert (lines(server).count("POST /d"), lines(server).count("GET /d")) == (1, 1)


async def test_a_refresh_waits_as_long_as_it_says(mini: MiniConsole, server: Server) -> None:
    mini.instead["GET /p"] = [refreshing("/p?x", "0.4")]
    async with driver(server) as console:
        await console.look()
    first, second = (asked for asked in server.asked if asked.path.startswith("/p"))
    assert second.at - first.at >= 0.4


@pytest.mark.parametrize(
    "where",
    [
        "https://example.com/p",
        "//x/",
        "/reboot",
        "/reboot?a=1",
        "/system.php?do=restart",
        "/x?clear+logs",
        "/xx",
    ],
)
async def test_a_refresh_leads_neither_away_nor_to_what_is_denied(
    mini: MiniConsole, server: Server, where: str
) -> None:
    mini.instead["GET /p"] = [refreshing(where, more="<a href=/xx>Permanently Delete</a>")]
    async with driver(server) as console:
        with pytest.raises(Forbidden):
            await console.look()
    assert not [line for line in lines(server) if "reboot" in line or "system.php" in line or "/x" in line]


@pytest.mark.parametrize(
    "answer", [refreshing("/i2"), refreshing("/p"), page("<p>Yes", headers="Refresh: 0; url=/i2\r\n")]
)
async def test_nothing_follows_the_last_button(mini: MiniConsole, server: Server, answer: bytes) -> None:
    async with driver(server) as console:
        await console.open_install(PACKAGE)
        mini.instead["POST /i2"] = [answer]
        before = len(server.asked)
        assert (await console.install(lambda: None)).press is Press.ANSWERED
        assert len(server.asked) == before + 1
    assert lines(server).count("POST /i2") == 1


async def test_a_log_export_that_begins_after_a_refresh(
    mini: MiniConsole, server: Server, tmp_path: Path
) -> None:
    content = "<meta http-equiv=refresh content='0;url=/p'>a log of HTML"
    mini.instead["POST /x"] = [refreshing("/file")]
    mini.instead["GET /file"] = [
        page(content, headers="Content-Disposition: attachment; filename=l.html\r\n")
    ]
    async with driver(server) as console:
        assert (await console.export_logs(tmp_path)).read_text() == content


# --- the gate


@pytest.mark.parametrize(
    ("html", "url", "barred"),
    [
        ("<a href=/x?op=reboot>Reboot</a>", "/x?op=nav", False),
        ("<a href=/x?op=boot>Reboot</a>", "/x?op=boot", True),
        ("<a href=/x>Reboot</a>", "/x?op=nav", True),
        ("<a href=/x?op=1>Reboot</a>", "/x", True),
        ("<form action=/x method=post><button>Remove</button></form>", "/x?op=nav", False),
        ("<form action=/x method=post><button>Remove</button></form>", "/x", True),
        ("<form action=/y method=post><button formaction=/x>Remove</button></form>", "/x", True),
        ("<a href=/x>Enterprise</a>", "/x", False),
        ("<a href=/x hidden>Remove Appliance</a>", "/x", True),
    ],
)
def test_a_frame_is_not_what_a_denied_control_leads_to(html: str, url: str, barred: bool) -> None:
    permit = Permit(Purpose.PACKAGES, "GET", PAGE)
    off = off_limits(parse(html.encode(), ""), PAGE)
    if barred:
        with pytest.raises(Forbidden):
            GATE.frame(permit, ORIGIN.join(url), [], off)
    else:
        frame = GATE.frame(permit, ORIGIN.join(url), ["main"], off)
        assert (frame.purpose, frame.method, frame.fields) == (Purpose.PACKAGES, "GET", ())
