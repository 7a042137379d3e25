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

# Both log addresses at INFO and headers, cookies with them, at DEBUG (law 9).
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)

_HEADERS = {
    "User-Agent": "keyturn",
    "Accept": "text/html",
    # A compressed page could be of any size; none is asked for.
    "Accept-Encoding": "identity",
}


class Wire:
    """Connections to one console; `cookies` are sent, and taken from its answers."""

    def __init__(self, context: ssl.SSLContext, cookies: httpx.Cookies) -> None:
        self._transport = httpx.AsyncHTTPTransport(verify=context, http2=False, retries=0, trust_env=False)
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
        """The answer, its body unread: close it. `timeout` holds for each piece. Raises httpx's transport errors.

        httpx's client is not used: it refuses an answer whose Location it cannot read, and what is known of an
        Install that was answered must not get lost (law 1).
        """
        request = httpx.Request(
            permit.method,
            permit.url,
            headers={**_HEADERS, **headers},
            content=content,
            extensions={"timeout": timeout.as_dict(), **extensions},
        )
        self._cookies.set_cookie_header(request)
        response = await self._transport.handle_async_request(request)
        response.request = request
        self._cookies.extract_cookies(response)
        return response
