"""Listening with TLS on loopback, and not answering while an appliance is dark."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine

HANDSHAKE_SECONDS = 10.0


class Listener:
    """Accepts TLS connections for a protocol; while `dark()` is true it closes them before the handshake.

    Raises `OSError` from the constructor when the port is taken.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        protocol: Callable[[], asyncio.BaseProtocol],
        dark: Callable[[], bool],
    ) -> None:
        self._socket = socket.create_server(("127.0.0.1", port), backlog=256)
        self._socket.setblocking(False)
        self._context = context
        self._protocol = protocol
        self._dark = dark
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self._socket.getsockname()[1])

    def start(self) -> None:
        """Begin to accept."""
        self._spawn(self._accept())

    async def stop(self) -> None:
        """Stop accepting and close the port."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(self._socket)
            except ConnectionError:  # the client was gone before it was accepted
                continue
            if self._dark():
                connection.close()
            else:
                self._spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        # A client that gives up, or does not trust the certificate, is its own affair.
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol,
                connection,
                ssl=self._context,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class AdminConsole(asyncio.Protocol):
    """The stand-in for port 443: completes handshakes, and reports whatever is sent to it as a request.

    The Admin Console is locked while an upgrade goes on, and the bot never asks it anything: `requested` is
    called with the first line of each request, `connected` after each handshake.
    """

    def __init__(self, connected: Callable[[], None], requested: Callable[[str], None]) -> None:
        self._connected = connected
        self._requested = requested
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is complete."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("the stand-in for port 443 serves streams only")
        self._transport = transport
        self._connected()

    def data_received(self, data: bytes) -> None:
        """Somebody asks the Admin Console something: count it, and answer that it is locked."""
        if self._transport is None or self._transport.is_closing():
            return
        self._requested(data.partition(b"\r\n")[0].decode("latin-1"))
        self._transport.write(b"HTTP/1.1 503 Locked\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self._transport.close()
