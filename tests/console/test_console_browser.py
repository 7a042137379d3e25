"""The browser driver where a browser could do more than it is told to, over real TLS sockets with a real Chromium.

`make contract` runs all of it, the suite what is not marked as long.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html
import os
import signal
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bot.console.browser.chromium import Chromium
from bot.console.browser.reader import BrowserReader
from bot.console.http_driver import HttpConsole
from bot.console.port import Forbidden, PackageChanged, Unrecognized
from bot.console.reading import Timeouts
from bot.domain.sight import PackageState, Press
from tests.console.console_server import (
    INSTALL_FORM,
    PACKAGE,
    PASSWORD,
    Asked,
    MiniConsole,
    Server,
    body,
    driver,
    page,
)
from tests.support import chromium

LIMITS = Timeouts(connect=10, page=20, stall=10, upload=20, install=5)
SCRIPT = "<script>{}</script>"
ON_CLICK = "document.addEventListener('click', e => {{ if (e.target.value === 'Install') {{ {} }} }}, true);"


@pytest.fixture
def pictures() -> dict[str, bytes]:
    return {}


@pytest.fixture
async def console(server: Server, pictures: dict[str, bytes]) -> AsyncIterator[HttpConsole]:
    started = Chromium(chromium.path(), pictures.__setitem__)
    async with driver(server, timeouts=LIMITS, reader=partial(BrowserReader, started)) as console:
        yield console


def lines(server: Server, *lines: str) -> list[str]:
    return [asked.line for asked in server.asked if asked.line in lines]


def changes(server: Server) -> list[str]:
    return [asked.line for asked in server.asked if asked.method != "GET"]


def let() -> None:
    """The gate of an install whose intent stands."""


def _of_this_test(argument: str) -> list[int]:
    """Processes below this one that were started with that argument."""
    found, below = [], {os.getpid()}
    for process in sorted(int(place.name) for place in Path("/proc").iterdir() if place.name.isdecimal()):
        with contextlib.suppress(OSError):
            parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
            if parent in below:
                below.add(process)
                if argument in Path(f"/proc/{process}/cmdline").read_text():
                    found.append(process)
    return found


# --- the last button (law 1)


async def test_install_goes_out_once_on_a_fresh_connection(server: Server, console: HttpConsole) -> None:
    await console.open_install(PACKAGE)
    before = server.handshakes
    outcome = await console.install(let)
    assert (outcome.press, outcome.words) == (Press.ANSWERED, "303 See Other: to /p")
    (sent,) = [asked for asked in server.asked if asked.line == "POST /i2"]
    assert sent.form == {"t": "token-0123456789", "k": PACKAGE, "w": "all", "go": "Install"}
    assert (sent.connection, sent.headers["connection"]) == (before + 1, "close")
    assert server.asked[-1] is sent, "nothing follows"
    assert (await console.install(let)).press is Press.NOT_SENT


async def test_a_connection_that_is_cut_after_the_request_is_in_doubt_and_not_repeated(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    await console.open_install(PACKAGE)
    mini.instead["POST /i2"] = [None, None]
    assert (await console.install(let)).press is Press.IN_DOUBT
    assert len(lines(server, "POST /i2")) == 1
    assert (await console.look()).answered, "looking goes on, in a new window"
    assert len(lines(server, "POST /i2")) == 1


@pytest.mark.long
@pytest.mark.parametrize(
    "script",
    [
        "for (let n = 0; n < 5; n++) fetch('/i2', {method: 'POST', body: new URLSearchParams({n})});",
        "navigator.sendBeacon('/i2', 'x'); setInterval(() => fetch('/i2', {method: 'POST'}), 10);",
    ],
)
async def test_a_page_that_asks_more_than_once_is_let_through_once(
    mini: MiniConsole, server: Server, console: HttpConsole, script: str
) -> None:
    mini.install_form = INSTALL_FORM + SCRIPT.format(
        ON_CLICK.format(script).replace("{", "{{").replace("}", "}}")
    )
    await console.open_install(PACKAGE)
    outcome = await console.install(let)
    assert outcome.press in (Press.ANSWERED, Press.NOT_SENT)
    assert len(lines(server, "POST /i2")) == (outcome.press is Press.ANSWERED)


@pytest.mark.long
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("e.preventDefault();", "asked the console for nothing"),
        (
            "e.preventDefault(); fetch('/reboot', {method: 'POST', body: 'a=b'});",
            "does not go where its form does",
        ),
        (
            "e.preventDefault(); fetch('/i2', {method: 'POST', headers: {'Content-Type': 'application/json'}, "
            "body: JSON.stringify({action: 'removeAppliance'})});",
            "names what must never be touched",
        ),
        ("e.preventDefault(); fetch('/i2', {method: 'DELETE'});", "DELETE"),
        ("e.preventDefault(); fetch('/i2', {method: 'POST', body: new Blob(['x'])});", "cannot be judged"),
        (
            "navigator.sendBeacon('/audit', new Blob(['{}'], {type: 'application/json'})); e.preventDefault();",
            "nothing",
        ),
        ("e.target.form.action = '/d';", "does not go where its form does"),
        (
            "e.preventDefault(); fetch('/i2', {method: 'POST', body: new URLSearchParams('k=other')});",
            "something else than its form says",
        ),
        ("e.preventDefault(); if (confirm('Are you sure?')) e.target.form.submit();", "Are you sure?"),
        ("e.target.form.action = 'https://127.0.0.1:1/i2';", "leads away from the console"),
    ],
)
async def test_install_is_not_sent_when_the_page_asks_for_something_else(
    mini: MiniConsole, server: Server, console: HttpConsole, script: str, words: str
) -> None:
    mini.install_form = INSTALL_FORM + SCRIPT.format(
        ON_CLICK.format(script).replace("{", "{{").replace("}", "}}")
    )
    await console.open_install(PACKAGE)
    before = changes(server)
    outcome = await console.install(let)
    assert outcome.press is Press.NOT_SENT
    assert words in outcome.words
    assert changes(server) == before


@pytest.mark.long
async def test_a_page_that_changes_its_choice_between_reading_and_pressing_is_not_pressed(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    change = "document.querySelectorAll('input[type=radio]')[1].checked = true"
    script = f"setInterval(() => {{ if (document.hasFocus()) {change} }}, 1)"
    mini.install_form = INSTALL_FORM + SCRIPT.format(script.replace("{", "{{").replace("}", "}}"))
    ipm = await console.open_install(PACKAGE)
    outcome = await console.install(let)
    if ipm.all_selected:
        assert all(asked.form["w"] == "all" for asked in server.asked if asked.line == "POST /i2")
    else:
        assert (outcome.press, lines(server, "POST /i2")) == (Press.NOT_SENT, [])


async def test_the_gates_refusal_means_that_nothing_was_sent(server: Server, console: HttpConsole) -> None:
    await console.open_install(PACKAGE)

    def refuse() -> None:
        raise RuntimeError("the intent is 31 s old")

    outcome = await console.install(refuse)
    assert (outcome.press, outcome.words) == (Press.NOT_SENT, "Install was not sent: the intent is 31 s old")
    assert lines(server, "POST /i2") == []


@pytest.mark.long
async def test_a_console_that_is_gone_is_not_sent(server: Server, console: HttpConsole) -> None:
    await console.open_install(PACKAGE)
    await server.stop()
    assert (await console.install(let)).press is Press.NOT_SENT


# --- what a page may not do by itself (law 3)


ALL_BY_ITSELF = """
<img src="/reboot"><link rel=stylesheet href="/system/restart.css"><iframe src="/reboot?now=1"></iframe>
<script>
fetch('/p', {method: 'POST', body: 'b=Remove'}).catch(() => 0);
fetch('/reboot').catch(() => 0);
navigator.sendBeacon('/d', 'x');
fetch('https://127.0.0.1:OTHER/stolen', {mode: 'no-cors'}).catch(() => 0);
new WebSocket('wss://127.0.0.1:OTHER/socket');
new WebSocket('wss://' + location.host + '/socket');
new Image().src = 'http://127.0.0.1:OTHER/pixel';
new EventSource('/events');
const peer = new RTCPeerConnection({iceServers: [{urls: 'stun:127.0.0.1:OTHER'}]});
peer.createDataChannel('x'); peer.createOffer().then(offer => peer.setLocalDescription(offer));
</script>"""


async def _looked_at(mini: MiniConsole, console: HttpConsole, port: int) -> None:
    mini.panel = ALL_BY_ITSELF.replace("OTHER", str(port))
    for _ in range(2):
        with contextlib.suppress(Forbidden):
            await console.look()


async def test_nothing_that_a_page_asks_for_by_itself_gets_through(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    others: list[str] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        others.append("somebody came")
        writer.close()

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as packets:
        async with await asyncio.start_server(note, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            packets.bind(("127.0.0.1", port))
            packets.setblocking(False)
            await _looked_at(mini, console, port)
        with pytest.raises(BlockingIOError):
            packets.recv(100)
    assert others == []
    assert {asked.line for asked in server.asked if asked.method != "GET"} == {"POST /in"}
    touched = [asked.path for asked in server.asked if "reboot" in asked.path or "restart" in asked.path]
    assert (touched, [asked.path for asked in server.asked if "socket" in asked.path]) == ([], [])


async def test_a_button_whose_script_does_something_else_is_stopped(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    script = "document.querySelectorAll('[value=Distribute]').forEach(b => b.onclick = e => "
    script += "{ e.preventDefault(); fetch('/appliance/remove', {method: 'POST', body: 'a=b'}) })"
    mini.panel = SCRIPT.format(f"addEventListener('load', () => {{ {script} }})")
    with pytest.raises(Forbidden, match="never be touched"):
        await console.open_distribution(PACKAGE)
    assert changes(server) == ["POST /in"]


async def test_between_two_looks_no_request_leaves(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    mini.panel = SCRIPT.format("setInterval(() => fetch('/e').catch(() => 0), 20)")
    await console.look()
    before = len(server.asked)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):  # as long as 25 of its requests would take
            await server.until(lambda: len(server.asked) > before)


@pytest.mark.long
async def test_what_lies_over_a_button_is_not_pressed(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    mini.panel = "<a href='/reboot' style='position:fixed;inset:0;opacity:0'>x</a>"
    with pytest.raises(Unrecognized, match="in the browser"):
        await console.open_distribution(PACKAGE)
    assert changes(server) == ["POST /in"]


# --- looking


async def test_a_console_that_stops_answering_is_silence_and_not_an_old_page(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    assert (await console.look()).answered
    await server.stop()
    seen = await console.look()
    assert (seen.answered, "no answer" in seen.reason) == (False, True)


@pytest.mark.long
async def test_a_tab_that_shows_what_it_showed_without_asking_is_not_believed(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    shown = body("Packages", "<table><tr><th>Package</th><th>Status</th></tr></table>")
    tabs = "document.querySelectorAll('a').forEach(a => a.onclick = e => a.text === 'Packages' && e.preventDefault())"
    inner = mini.answer

    async def answer(asked: Asked) -> bytes | None:
        return page(shown + SCRIPT.format(tabs)) if asked.line == "GET /" else await inner(asked)

    server.answer = answer
    seen = await console.look()
    assert (seen.recognized, "without asking the console" in seen.reason) == (False, True)


@pytest.mark.long
async def test_a_browser_that_is_killed_is_silence_and_is_begun_anew(
    server: Server, console: HttpConsole
) -> None:
    assert (await console.look()).answered
    for process in _of_this_test("--host-resolver-rules"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    assert not (await console.look()).answered
    assert (await console.look()).answered


async def test_a_picture_is_kept_of_each_step_and_never_of_a_secret(
    mini: MiniConsole, console: HttpConsole, pictures: dict[str, bytes]
) -> None:
    await console.open_distribution(PACKAGE)
    assert len(pictures) == 1
    assert next(iter(pictures.values())).startswith(b"\x89PNG")
    mini.install_form = f"<p>{html.escape(PASSWORD)}</p>" + INSTALL_FORM
    await console.open_install(PACKAGE)
    assert len(pictures) == 1


async def test_what_a_box_does_when_it_is_marked_changes_nothing(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    mini.panel = "<a href='/a7?op=3'>Remove Appliance</a>" + SCRIPT.format(
        "document.addEventListener('change', () => { fetch('/a7?op=3'); fetch('/p', {method: 'POST', body: 'b=x'}) })"
    )
    with pytest.raises(Forbidden, match="never be touched"):
        await console.open_distribution(PACKAGE)
    assert [asked.line for asked in server.asked if "a7" in asked.path] == []
    assert changes(server) == ["POST /in"]


async def test_a_page_that_never_ends_is_silence_and_the_next_look_begins_anew(
    mini: MiniConsole, server: Server, pictures: dict[str, bytes]
) -> None:
    started = Chromium(chromium.path(), pictures.__setitem__)
    limits = Timeouts(connect=4, page=4)
    async with driver(server, timeouts=limits, reader=partial(BrowserReader, started)) as console:
        mini.instead["GET /"] = [page(SCRIPT.format("while (true);"))]
        assert not (await console.look()).answered
        async with asyncio.timeout(60):
            assert (await console.look()).recognized


async def test_a_page_whose_process_dies_is_silence_and_is_begun_anew(
    server: Server, console: HttpConsole
) -> None:
    assert (await console.look()).answered
    for process in _of_this_test("--type=renderer"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    seen = [await console.look() for _ in range(2)]
    assert [one.recognized for one in seen if one.answered] == [True] * sum(one.answered for one in seen)
    assert seen[-1].answered


ROWS = "<table><tr><th>Package</th><th>Status</th></tr><tbody id=t></tbody></table>"
LATE = "setTimeout(() => fetch('/rows').then(r => r.text()).then(h => document.getElementById('t').innerHTML = h), 600)"


async def test_a_list_that_is_still_being_drawn_is_not_an_empty_one(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    mini.instead["GET /rows"] = [page("<tr><td>late-1</td><td>Uploaded</td></tr>")]
    inner = mini.answer

    async def answer(asked: Asked) -> bytes | None:
        return (
            page(body("Packages", ROWS + SCRIPT.format(LATE)))
            if asked.line == "GET /p"
            else await inner(asked)
        )

    server.answer = answer
    assert [package.name for package in (await console.look()).packages] == ["late-1"]


@pytest.mark.long
async def test_an_old_list_is_not_new_because_the_console_said_that_the_session_is_over(
    mini: MiniConsole, server: Server, console: HttpConsole
) -> None:
    old = "<table><tr><th>Package</th><th>Status</th></tr><tr><td>old-1</td><td>Uploaded</td></tr></table>"
    tabs = "document.querySelectorAll('a').forEach(a => a.onclick = e => {"
    tabs += "if (a.text === 'Packages') { e.preventDefault(); fetch('/rows') } })"
    inner = mini.answer

    async def answer(asked: Asked) -> bytes | None:
        if asked.line == "GET /rows":
            return page("over", status="401 Unauthorized")
        return (
            page(body("Packages", old + SCRIPT.format(tabs))) if asked.line == "GET /" else await inner(asked)
        )

    server.answer = answer
    assert not (await console.look()).recognized


# --- the upload


async def test_the_package_takes_the_place_of_the_file_that_the_browser_names(
    server: Server, console: HttpConsole, tmp_path: Path
) -> None:
    file, told = tmp_path / "new-one.ipm", list[int]()
    file.write_bytes(b"package" * 300_000)
    await console.upload(file, hashlib.sha256(file.read_bytes()).hexdigest(), told.append)
    (sent,) = [asked for asked in server.asked if asked.line == "POST /u"]
    assert sent.complete
    assert sent.size > file.stat().st_size == told[-1]
    uploaded = (await console.look()).package("new-one")
    assert uploaded is not None
    assert uploaded.state is PackageState.UPLOADED


@pytest.mark.long
async def test_another_package_never_arrives_whole(
    server: Server, console: HttpConsole, tmp_path: Path
) -> None:
    file = tmp_path / "new-one.ipm"
    file.write_bytes(b"x" * 3_000_000)
    with pytest.raises(PackageChanged):
        await console.upload(file, "0" * 64, lambda _: None)
    assert not any(asked.complete for asked in server.asked if asked.line == "POST /u")
