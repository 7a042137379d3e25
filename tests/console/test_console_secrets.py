"""Law 9: what a console sends back of the bot's secrets stays out of error words and tracebacks."""

from __future__ import annotations

import traceback
from urllib.parse import quote_plus

import pytest

from bot.console.port import ConsoleError, Unreachable, Unrecognized
from bot.domain.sight import Press
from tests.console.console_server import (
    PACKAGE,
    PASSWORD,
    Asked,
    MiniConsole,
    Server,
    body,
    driver,
    page,
    redirect,
)

SECRET = "sid-SECRET-0123"
SPACE = f"HTTP/1.1 200 OK\r\nSet-Cookie : sid={SECRET}\r\nContent-Length: 0\r\n\r\n".encode()


def everything(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(SPACE, id="space before the colon"),
        pytest.param(f"{SECRET}\r\n\r\n".encode(), id="status line"),
        pytest.param(f"HTTP/1.1 200 OK\r\nContent-Length: {SECRET}\r\n\r\n".encode(), id="length"),
        pytest.param(
            f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n".encode(), id="chunk"
        ),
    ],
)
async def test_an_answer_that_is_no_http_is_not_quoted(
    mini: MiniConsole, server: Server, answer: bytes
) -> None:
    async with driver(server) as console:
        await console.look()
        mini.instead["GET /p"] = [answer, answer]
        seen = await console.look()
        with pytest.raises(Unreachable, match="no whole HTTP answer") as silent:
            await console.open_install(PACKAGE)
    assert not seen.answered
    assert "RemoteProtocolError" in seen.reason
    assert SECRET not in seen.reason + everything(silent.value)


async def test_an_echoed_password_is_not_quoted(mini: MiniConsole, server: Server) -> None:
    async def echo(asked: Asked) -> bytes | None:
        if asked.line == "POST /in":
            return b"HTTP/1.1 200 OK\r\nX-Echo : " + asked.body + b"\r\n\r\n"
        return await mini.answer(asked)

    server.answer = echo
    async with driver(server) as console:
        with pytest.raises(Unreachable) as silent:
            await console.open_install(PACKAGE)
    assert "RemoteProtocolError" in str(silent.value)
    for secret in (PASSWORD, quote_plus(PASSWORD)):
        assert secret not in everything(silent.value)


@pytest.mark.parametrize("cookie", ["sid-SECRÉT-0123".encode(), "sid-SECRÉT-0123".encode("latin-1")])
async def test_a_cookie_that_cannot_be_sent_back_is_not_understood(
    mini: MiniConsole, server: Server, cookie: bytes
) -> None:
    setting = (
        b"HTTP/1.1 303 See Other\r\nLocation: /\r\nContent-Length: 0\r\nSet-Cookie: sid="
        + cookie
        + b"\r\n\r\n"
    )
    mini.instead["POST /in"] = [setting]
    async with driver(server) as console:
        seen = await console.look()
        with pytest.raises(Unrecognized, match="cannot be sent back") as strange:
            await console.open_install(PACKAGE)
    assert (seen.answered, seen.recognized) == (True, False)
    for words in (seen.reason, everything(strange.value)):
        assert "0123" not in words


async def test_install_with_a_cookie_that_cannot_be_sent_back_is_not_sent(
    mini: MiniConsole, server: Server
) -> None:
    facts = (
        f"<table><tr><th>Name</th><td>{PACKAGE}</td></tr></table>{mini.install_form.format(package=PACKAGE)}"
    )
    cookie = "Set-Cookie: more=sid-SECRÉT-0123; Path=/\r\n"
    async with driver(server) as console:
        await console.look()
        mini.instead["POST /p"] = [page(body("IPM Information", facts), headers=cookie)]
        await console.open_install(PACKAGE)
        outcome = await console.install(lambda: None)
    assert outcome.press is Press.NOT_SENT
    assert "cannot be sent back" in outcome.words
    assert "0123" not in outcome.words


async def test_words_of_install_quote_no_header(mini: MiniConsole, server: Server) -> None:
    async with driver(server) as console:
        await console.open_install(PACKAGE)
        mini.instead["POST /i2"] = [SPACE]
        broken = await console.install(lambda: None)
        await console.open_install(PACKAGE)
        mini.instead["POST /i2"] = [redirect("/p", status=f"303 {SECRET} token-0123456789")]
        answered = await console.install(lambda: None)
    assert broken.press is Press.IN_DOUBT
    assert "RemoteProtocolError" in broken.words
    assert SECRET not in broken.words
    assert (answered.press, answered.words) == (Press.ANSWERED, "303 See Other: to /p")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(
            page("<h1>Packages</h1>", charset="utf-8").replace(b"utf-8", SECRET.encode()), id="charset"
        ),
        pytest.param(redirect(f"https://127.0.0.1:{SECRET}/"), id="port"),
    ],
)
async def test_header_values_are_not_quoted(mini: MiniConsole, server: Server, answer: bytes) -> None:
    async with driver(server) as console:
        await console.look()
        mini.instead["GET /p"] = [answer]
        with pytest.raises(ConsoleError) as error:
            await console.open_install(PACKAGE)
    assert SECRET.casefold() not in everything(error.value).casefold()
