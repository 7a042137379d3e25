"""Law 1: the last Install button, over a real TLS socket: answered, not sent, or in doubt; never twice."""

from __future__ import annotations

import asyncio

import pytest

from bot.console.http_driver import HttpConsole
from bot.console.reading import Timeouts
from bot.domain.sight import Press
from tests.console.console_server import (
    INSTALL_FORM,
    PACKAGE,
    QUICK,
    Asked,
    Evidence,
    Identity,
    MiniConsole,
    Server,
    body,
    driver,
    page,
    redirect,
)

INSTALL = "POST /i2"


def installs(server: Server) -> list[Asked]:
    return [asked for asked in server.asked if asked.line == INSTALL]


async def opened(server: Server, timeouts: Timeouts = QUICK, evidence: Evidence | None = None) -> HttpConsole:
    console = driver(server, timeouts=timeouts, evidence=evidence)
    await console.open_install(PACKAGE)
    return console


async def test_answered_on_a_fresh_connection_after_the_gate(server: Server) -> None:
    console = await opened(server)
    at_the_gate: list[tuple[int, int]] = []

    def gate() -> None:
        at_the_gate.append((server.handshakes, len(installs(server))))

    before = server.handshakes
    outcome = await console.install(gate)
    await console.__aexit__()
    assert outcome.press is Press.ANSWERED
    assert outcome.words == "303 See Other: to /p"
    assert len(at_the_gate) == 1
    (sent,) = installs(server)
    assert sent.form == {"t": "token-0123456789", "k": PACKAGE, "w": "all", "go": "Install"}
    assert sent.connection == before + 1
    assert sent.headers["connection"] == "close"
    assert [asked.line for asked in server.asked if asked.connection == sent.connection] == [INSTALL]


async def test_the_gate_is_asked_when_the_connection_stands(server: Server) -> None:
    console = await opened(server)
    stands = asyncio.Event()
    before = server.handshakes

    def gate() -> None:
        stands.set()
        raise RuntimeError("the intent is 31 s old")

    outcome = await console.install(gate)
    assert stands.is_set()
    await server.until(lambda: server.handshakes == before + 1)
    assert (outcome.press, outcome.words) == (Press.NOT_SENT, "Install was not sent: the intent is 31 s old")
    assert installs(server) == []
    await console.__aexit__()


async def test_install_is_spent_by_the_first_press(server: Server) -> None:
    console = await opened(server)

    def refuse() -> None:
        raise RuntimeError("no")

    await console.install(refuse)
    second = await console.install(lambda: None)
    assert (second.press, installs(server)) == (Press.NOT_SENT, [])
    await console.open_install(PACKAGE)
    await console.install(lambda: None)
    third = await console.install(lambda: None)
    assert third.press is Press.NOT_SENT
    assert len(installs(server)) == 1
    await console.__aexit__()


async def test_refused_connection_is_not_sent(server: Server) -> None:
    console = await opened(server)
    await server.stop()
    asked = 0

    def gate() -> None:
        nonlocal asked
        asked += 1

    outcome = await console.install(gate)
    await console.__aexit__()
    assert (outcome.press, asked) == (Press.NOT_SENT, 0)
    assert "ConnectError" in outcome.words


async def test_another_certificate_at_the_last_moment_is_not_sent(
    mini: MiniConsole, server: Server, stranger: Identity
) -> None:
    console = await opened(server)
    port = server.port
    await server.stop()
    taken = await asyncio.start_server(lambda r, w: None, "127.0.0.1", port, ssl=stranger.context())
    async with taken:
        outcome = await console.install(lambda: None)
        await console.__aexit__()
    assert outcome.press is Press.NOT_SENT
    assert stranger.pin in outcome.words


async def test_cut_before_the_answer_is_in_doubt_and_not_repeated(mini: MiniConsole, server: Server) -> None:
    console = await opened(server)
    mini.instead[INSTALL] = [None, None]
    outcome = await console.install(lambda: None)
    assert outcome.press is Press.IN_DOUBT
    assert len(installs(server)) == 1
    await console.__aexit__()


@pytest.mark.parametrize(
    "half", [b"HTTP/1.1 20", b"HTTP/1.1 303 See Other\r\nLocation: /p", b"\x00garbage\r\n\r\n"]
)
async def test_half_an_answer_is_in_doubt(mini: MiniConsole, server: Server, half: bytes) -> None:
    console = await opened(server)

    mini.instead[INSTALL] = [half]
    outcome = await console.install(lambda: None)
    assert outcome.press is Press.IN_DOUBT
    assert len(installs(server)) == 1
    await console.__aexit__()


async def test_no_answer_in_time_is_in_doubt(mini: MiniConsole, server: Server) -> None:
    console = await opened(server, Timeouts(connect=5, page=5, install=0.2))
    never = asyncio.Event()

    async def mute(asked: Asked) -> bytes | None:
        if asked.line == INSTALL:
            await never.wait()
        return await mini.answer(asked)

    server.answer = mute
    outcome = await console.install(lambda: None)
    assert outcome.press is Press.IN_DOUBT
    assert "Timeout" in outcome.words
    assert len(installs(server)) == 1
    await server.stop()
    await console.__aexit__()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (redirect("/login", status="307 Temporary Redirect"), "307 Temporary Redirect: to /login"),
        (redirect("/i2", status="308 Permanent Redirect"), "308 Permanent Redirect: to /i2"),
        (
            redirect("https://example.com/i2?token=x", status="302 Found"),
            "302 Found: to https://example.com/i2",
        ),
        (redirect("http://[::1", status="302 Found"), "302 Found: to http://[::1"),
        (
            page(body("Error", "<p role=alert>Database schema</p>"), status="500 Internal Server Error"),
            "500 Internal Server Error: Error; Database schema",
        ),
        (page("", status="503 Service Unavailable"), "503 Service Unavailable: no page"),
        (page(body("Packages")), "200 OK: Packages"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n<h1>Pack</h1>", "200 OK: Pack"),
    ],
)
async def test_any_status_is_answered_and_nothing_follows(
    mini: MiniConsole, server: Server, answer: bytes, words: str
) -> None:
    console = await opened(server)
    mini.instead[INSTALL] = [answer]
    outcome = await console.install(lambda: None)
    assert (outcome.press, outcome.words) == (Press.ANSWERED, words)
    assert len(installs(server)) == 1
    await console.__aexit__()


async def test_a_session_that_ended_is_not_signed_in_to_for_install(
    mini: MiniConsole, server: Server
) -> None:
    console = await opened(server)
    mini.sessions.clear()
    outcome = await console.install(lambda: None)
    assert (outcome.press, outcome.words) == (Press.ANSWERED, "303 See Other: to /login")
    assert len(mini.sign_ins) == 1
    assert len(installs(server)) == 1
    await console.__aexit__()


async def test_a_page_opened_before_signing_in_again_is_stale(mini: MiniConsole, server: Server) -> None:
    console = await opened(server)
    mini.sessions.clear()
    await console.look()
    outcome = await console.install(lambda: None)
    assert outcome.press is Press.NOT_SENT
    assert "signed in again" in outcome.words
    assert installs(server) == []
    await console.__aexit__()


@pytest.mark.parametrize(
    "form",
    [
        INSTALL_FORM.replace(" checked", "").replace('value="one"', 'value="one" checked'),
        INSTALL_FORM.replace('value="one"', 'value="one" checked'),
        INSTALL_FORM.replace(" checked", ""),
        INSTALL_FORM.replace('method="post"', 'method="get"'),
        INSTALL_FORM.replace('value="Install"', 'value="Install" disabled'),
        INSTALL_FORM + INSTALL_FORM.replace("Install IPM", "Other"),
        INSTALL_FORM.replace('action="/i2"', 'action="https://127.0.0.1:1/i2"'),
        INSTALL_FORM.replace('action="/i2"', 'action="/i2" aria-label="Reboot/shutdown options"'),
        INSTALL_FORM.replace('value="Install"', 'value="Install" title="Restart the server"'),
    ],
)
async def test_install_is_not_sent_from_a_page_that_is_not_as_the_procedure_says(
    mini: MiniConsole, server: Server, form: str
) -> None:
    mini.install_form = form
    console = await opened(server)
    outcome = await console.install(lambda: None)
    assert (outcome.press, installs(server)) == (Press.NOT_SENT, [])
    await console.__aexit__()


async def test_a_cancellation_passes(mini: MiniConsole, server: Server) -> None:
    console = await opened(server)
    never = asyncio.Event()

    async def mute(asked: Asked) -> bytes | None:
        await never.wait()
        return None

    server.answer = mute
    pressing = asyncio.create_task(console.install(lambda: None))
    await server.until(lambda: bool(installs(server)))
    pressing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pressing
    await server.stop()
    await console.__aexit__()
