"""The one place that sends: permitted requests, to one console, over checked connections.

No proxy, no HTTP/2, no retry, no redirect, nothing read from the environment.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterable
from typing import Any, Self

import httpx

from bot.console.allow import Permit
from bot.console.body import encode
from bot.console.connection import Transport
from bot.console.pages import cut
from bot.console.port import ConsoleError, Unrecognized

# Both log addresses at INFO and headers, cookies with them, at DEBUG (law 9).
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {
    "User-Agent": "keyturn",
    "Accept": "text/html",
    # A compressed page could be of any size; none is asked for.
    "Accept-Encoding": "identity",
}


def payload(permit: Permit) -> tuple[dict[str, str], bytes]:
    """The headers and the content of a permitted request without a package."""
    if permit.method == "GET":
        return dict(permit.headers), b""
    content_type, content = permit.content or encode(permit.fields, permit.enctype)
    return {**dict(permit.headers), "Content-Type": content_type}, content


class Wire:
    """Connections to one console; `cookies` are sent, and taken from its answers."""

    def __init__(self, context: ssl.SSLContext, cookies: httpx.Cookies) -> None:
        self._transport = Transport(context)
        self._cookies = cookies

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._transport.aclose()

    async def send(
        self,
        permit: Permit,
        headers: dict[str, str],
        content: bytes | AsyncIterable[bytes],
        timeout: httpx.Timeout,
        **extensions: Any,
    ) -> httpx.Response:
        """The answer, its body unread: close it. `timeout` holds for each piece. Its request carries the permit.

        Raises httpx's transport errors, of which only `told` may be told; `Unrecognized`, before a byte is sent,
        when a cookie of the console's cannot be sent back.

        httpx's client is not used: it refuses an answer whose Location it cannot read, and what is known of an
        Install that was answered must not get lost (law 1).
        """
        merged = httpx.Headers(_HEADERS)
        merged.update(headers)  # names of headers differ in letter case
        request = httpx.Request(
            permit.method,
            permit.url,
            headers=merged,
            content=content,
            extensions={"timeout": timeout.as_dict(), "permit": permit, **extensions},
        )
        try:
            self._cookies.set_cookie_header(request)
        except UnicodeError:
            # Not chained: the error holds the cookie.
            raise Unrecognized(
                f"The console at {permit.url.netloc.decode('ascii')} set a cookie that is not plain ASCII and cannot "
                "be sent back. Look at the console."
            ) from None
        response = await self._transport.handle_async_request(request)
        response.request = request
        self._cookies.extract_cookies(response)
        return response


def told(error: Exception) -> str:
    """What may be told of an error on the way to a console and back.

    Others than those named here quote what was sent or what came, secrets with it (law 9): only their type is told.
    """
    if isinstance(error, ConsoleError):
        return str(error)
    words = ""
    if isinstance(error, httpx.ConnectError | httpx.TimeoutException | TimeoutError):
        words = cut(str(error))
    elif isinstance(error, httpx.RemoteProtocolError):
        words = "what came is no whole HTTP answer"
    name = type(error).__name__
    return f"{name}: {words}" if words else name
