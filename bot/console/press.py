"""Law 1: the one request of the last Install button, on a fresh connection, sent once or provably not at all."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from bot.console.allow import Permit
from bot.console.port import ConsoleError
from bot.console.wire import Wire, payload, told
from bot.domain.sight import InstallOutcome, Press

_MAX_ANSWER = 2 * 1024 * 1024
_FIRST_BYTE = "http11.send_request_headers.started"
"""httpcore's event after TCP and TLS stand and before anything is written."""


async def press_once(
    permit: Permit,
    context: ssl.SSLContext,
    cookies: httpx.Cookies,
    timeout: httpx.Timeout,
    limit: float,
    gate: Callable[[], None],
    heard: Callable[[bytes, httpx.Response], str],
) -> InstallOutcome:
    """Send `permit`'s request. Never raises for the console; a cancellation passes.

    `gate` is called when the connection stands and nothing was sent; its exception means that nothing will be.
    `limit`: seconds for the answer, and again for its body.
    `heard` turns the answer's body into words.
    """
    leaving = False

    async def trace(event: str, _info: dict[str, Any]) -> None:
        nonlocal leaving
        if event == _FIRST_BYTE:
            if leaving:
                raise ConsoleError("a second request on the connection of Install was not sent")
            try:
                gate()
            except Exception as error:
                raise ConsoleError(str(error) or type(error).__name__) from error
            leaving = True

    headers, body = payload(permit)

    async def content() -> AsyncIterator[bytes]:
        nonlocal leaving
        if not leaving:
            # Should an httpcore of another version name its events otherwise, Install stays incomplete.
            leaving = True
            raise ConsoleError("the gate was not asked; the request was broken off in its middle")
        yield body

    headers |= {"Content-Length": str(len(body)), "Connection": "close"}
    async with Wire(context, cookies) as wire:
        try:
            async with asyncio.timeout(limit):
                response = await wire.send(permit, headers, content(), timeout, trace=trace)
        except Exception as error:
            return _without_answer(error, leaving)
        # The standard phrase: the console's own could hold anything, secrets too.
        status = f"{response.status_code} {httpx.codes.get_reason_phrase(response.status_code)}".strip()
        try:
            words = heard(await _read(response, limit), response)
        except Exception as error:
            words = f"the answer could not be read ({type(error).__name__})"
        return InstallOutcome(press=Press.ANSWERED, words=f"{status}: {words}" if words else status)


def _without_answer(error: Exception, leaving: bool) -> InstallOutcome:
    if leaving:
        return InstallOutcome(press=Press.IN_DOUBT, words=f"Install was sent, no answer came: {told(error)}")
    return not_sent(told(error))


def not_sent(why: str) -> InstallOutcome:
    """The outcome of an Install of which provably no byte was sent."""
    return InstallOutcome(press=Press.NOT_SENT, words=f"Install was not sent: {why}")


async def _read(response: httpx.Response, limit: float) -> bytes:
    """The answer's body as far as it comes: the outcome is known by now."""
    body = b""
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(limit):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > _MAX_ANSWER:
                    break
    return body
