"""The small console in other guises: the same pages made of frames, pop-ups, dialogs, refreshes, other selectors."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tests.console.console_server import NAVIGATION, Answer, Asked, MiniConsole, page, redirect

Rewrite = Callable[[Asked, str], str]
"""From a request and the HTML that the small console answers to it, to the HTML that this guise answers."""


def guise(mini: MiniConsole, rewrite: Rewrite, more: Mapping[str, str] | None = None) -> Answer:
    """`mini` with its pages rewritten; `more`: HTML for "METHOD /path"s of its own, given to those with a session."""

    async def answer(asked: Asked) -> bytes | None:
        own = (more or {}).get(f"{asked.method} {asked.path.partition('?')[0]}")
        if own is not None and any(session in asked.headers.get("cookie", "") for session in mini.sessions):
            return page(own)
        raw = await mini.answer(asked)
        head, _, body = (raw or b"").partition(b"\r\n\r\n")
        if raw is None or not head.startswith(b"HTTP/1.1 200") or b"text/html" not in head:
            return raw
        return page(rewrite(asked, body.decode()))

    return answer


def in_frames(mini: MiniConsole) -> Answer:
    """A banner, the tabs and the content in frames of their own, one of them nested."""

    def rewrite(asked: Asked, html: str) -> str:
        return html.replace(NAVIGATION, "")

    frames = (
        "<html><head><title>Console</title></head><frameset rows='80,*'><frame src='/banner' name=banner>"
        "<frameset cols='200,*'><frame src='nav' name=nav><frame src='/start' name=main></frameset>"
        "<noframes><a href='/x'>Packages</a></noframes></frameset></html>"
    )
    return guise(
        mini,
        rewrite,
        {
            "GET /": frames,
            "GET /banner": "<p>Imprivata</p>",
            "GET /nav": f"<base target=main><ul>{NAVIGATION}</ul>",
            "GET /start": "<h1>Welcome</h1>",
        },
    )


def in_iframes(mini: MiniConsole) -> Answer:
    """Each page's content in an iframe of the page that holds the tabs; forms lead to the whole page."""

    def rewrite(asked: Asked, html: str) -> str:
        if NAVIGATION not in html or asked.path.endswith("inner=1"):
            return html.replace(NAVIGATION, "").replace("<form ", "<form target=_top ")
        if asked.method == "POST":
            return html
        return f"<ul>{NAVIGATION}</ul><iframe name=inner src='{asked.path}?inner=1'>no frames</iframe>"

    return guise(mini, rewrite)


def in_popups(mini: MiniConsole) -> Answer:
    """Upload and the two dialogs open in windows of their own, which have no tabs and end by themselves."""

    def rewrite(asked: Asked, html: str) -> str:
        if "<h1>Packages" in html and asked.method == "GET":
            return html.replace("<a href=", "<a target=_blank href=").replace(
                "<form ", "<form target=dialog "
            )
        return html.replace(NAVIGATION, "") if asked.path in ("/p", "/u") else html

    inner = guise(mini, rewrite)

    async def answer(asked: Asked) -> bytes | None:
        raw = await inner(asked)
        if asked.line in ("POST /u", "POST /d", "POST /done") and raw is not None and b" 303 " in raw[:20]:
            return page("<h1>Thank you</h1><p>You may close this window.</p>")
        return raw

    return answer


def in_dialogs(mini: MiniConsole) -> Answer:
    """Upload, Distribute and IPM Information are dialogs on the Packages page, which stays behind them."""

    def rewrite(asked: Asked, html: str) -> str:
        heading = re.search(
            "<h1>(Upload Imprivata Package|Distribute|IPM Information)</h1>(.*)", html, re.DOTALL
        )
        if heading is None:
            return html
        dialog = f"<dialog open><div><h2>{heading[1]}</h2></div><div>{heading[2]}</div></dialog>"
        return mini.packages_page() + dialog

    return guise(mini, rewrite)


def led_on(mini: MiniConsole) -> Answer:
    """Pages that lead on by themselves instead of redirects."""

    async def answer(asked: Asked) -> bytes | None:
        raw = await mini.answer(asked)
        found = re.match(
            rb"HTTP/1.1 303 .*?\r\nLocation: (.*?)\r\n(.*?)Content-Length: 0\r\n(.*)\r\n$", raw or b"", re.S
        )
        if found is None or asked.line == "POST /i2":
            return raw
        where, cookie = found[1].decode(), found[3].decode()
        return page(f"<meta http-equiv='Refresh' content='0; URL=\"{where}\"'><p>Please wait", headers=cookie)

    return answer


def without_own_tab(mini: MiniConsole) -> Answer:
    """The tab of the page one stands on is no link; the page after signing in is Packages."""

    def rewrite(asked: Asked, html: str) -> str:
        return html.replace(f'<a href="{asked.path}">', "<a class=current>")

    inner = guise(mini, rewrite)

    async def answer(asked: Asked) -> bytes | None:
        signed_in = any(session in asked.headers.get("cookie", "") for session in mini.sessions)
        return redirect("/p") if asked.line == "GET /" and signed_in else await inner(asked)

    return answer


def decorated(mini: MiniConsole) -> Answer:
    """Image buttons, icons, ellipses, access keys, fields labelled by the cell before them."""

    def rewrite(asked: Asked, html: str) -> str:
        for name in ("Distribute", "Install"):
            html = html.replace(
                f'<input type="submit" name="b" value="{name}">',
                f'<button name="b" value="{name}" title="{name}… (Alt+{name[0]})"><img src=x></button>',
            )
        html = html.replace("<button name='b'>Send</button>", "<input type=image name=send alt='Send...'>")
        html = html.replace("<button name='b'>Done</button>", "<button name=b><u>D</u>one</button>")
        html = html.replace(
            ">Upload  Imprivata\n Package</a>", " title='&amp;Upload Imprivata Package…'>\u2191</a>"
        )
        html = html.replace(
            '<label for="f7">Imprivata Package</label><input',
            "<table><tr><td>Imprivata Package *</td><td><input",
        )
        return html.replace(">Packages</a>", ">&#9656; PACKAGES</a>").replace(
            "<button>Log In", "<button>Log&nbsp;in…"
        )

    return guise(mini, rewrite)


def _selecting(make: Callable[[str], str]) -> Callable[[MiniConsole], Answer]:
    def change(mini: MiniConsole) -> Answer:
        pattern = r'<label><input type="radio" name="pick" value="([^"]*)"> [^<]*</label>'
        return guise(mini, lambda _asked, html: re.sub(pattern, lambda found: make(found[1]), html))

    return change


boxes = _selecting(lambda name: f'<input type="checkbox" name="pick" value="{name}" checked> {name}')


def listed(mini: MiniConsole) -> Answer:
    """A selection list above a table without selectors."""

    def rewrite(asked: Asked, html: str) -> str:
        html = re.sub(r'<label><input type="radio" name="pick" value="[^"]*"> ([^<]*)</label>', r"\1", html)
        options = "".join(f"<option>{name}</option>" for name in reversed(mini.packages))
        return html.replace(
            "<table><tr><th>Package", f"<select name=pick>{options}</select><table><tr><th>Package"
        )

    return guise(mini, rewrite)


def linked(mini: MiniConsole) -> Answer:
    """A link on each name shows the page with that package selected."""

    def rewrite(asked: Asked, html: str) -> str:
        chosen = asked.path.partition("?pick=")[2]
        if "<h1>Packages" not in html:
            return html
        html = re.sub(
            r'<label><input type="radio" name="pick" value="([^"]*)"> [^<]*</label>',
            r'<a href="/p?pick=\1">\1</a>',
            html,
        )
        return html.replace(
            "<table><tr><th>Package", f"<input type=hidden name=pick value='{chosen}'><table><tr><th>Package"
        )

    return guise(mini, rewrite)


def by_row(mini: MiniConsole) -> Answer:
    """Buttons of its own in each package's row, and none that are for all."""

    def rewrite(asked: Asked, html: str) -> str:
        if "<h1>Packages" not in html:
            return html
        head, _, table = html.rpartition('<form action="/p" method="post">')
        table = re.sub(r'<label><input type="radio"[^>]*> ([^<]*)</label>', r"\1", table).replace(
            "</form>", ""
        )
        table = re.sub('<input type="submit"[^>]*>', "", table)
        buttons = "".join(
            f"<button name=b value={b}>{b}</button>" for b in ("Distribute", "Install", "Remove")
        )
        form = rf"<td><form action=/p method=post><input type=hidden name=pick value=\1>{buttons}</form></td></tr>"
        table = re.sub(r"(?<=<tr><td>)([^<]*)(</td>.*?)</tr>", rf"\1\2{form}", table)
        return head + table.replace("<th>Status</th>", "<th>Status</th><th></th>")

    return guise(mini, rewrite)


GUISES: dict[str, Callable[[MiniConsole], Answer]] = {
    "plain": lambda mini: mini.answer,
    "frames": in_frames,
    "iframes": in_iframes,
    "pop-ups": in_popups,
    "dialogs": in_dialogs,
    "meta refresh": led_on,
    "no link on the tab that is open": without_own_tab,
    "decorated": decorated,
    "check boxes": boxes,
    "selection list": listed,
    "links": linked,
    "buttons in the rows": by_row,
}
