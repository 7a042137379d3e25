"""TLS connections to a console, for httpcore: large pieces at little cost, and an ear open while they are sent.

httpcore's own connections hear an answer only once the whole request is sent, and lose one that came before a reset. A
console refuses a package early, in the middle of its bytes, and then closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpcore
import httpx

_PIECE = 64 * 1024
_SLICE = 256 * 1024
"""Bytes that are encrypted before they leave, so that both find them in the processor's cache."""
_KEEPALIVE = 5.0
"""Seconds for which a connection is kept for the next request."""


class Transport(httpx.AsyncHTTPTransport):
    """httpx's own, over these connections. No proxy, no HTTP/2, no retry."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, http2=False, retries=0, trust_env=False)
        # httpx has no parameter for it.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, keepalive_expiry=_KEEPALIVE, network_backend=_Network()
        )


class _Network(httpcore.AsyncNetworkBackend):
    """What httpcore opens its connections with."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        async with _within(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
            return _Connection(await _connected(host, port))


async def _connected(host: str, port: int) -> socket.socket:
    """A socket to the first of the host's addresses that answers."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        one = socket.socket(family, kind, protocol)
        try:
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(one, address)
        except OSError as error:
            one.close()
            failure = failure or error
        except BaseException:
            one.close()
            raise
        else:
            return one
    raise failure or OSError(f"{host} has no address")


class _Connection(httpcore.AsyncNetworkStream):
    """One connection: TCP, and after `start_tls`, without which nothing is read or written, TLS."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject
        self._heard = b""
        self._ended = False

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._tls = ssl_context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)
        try:
            async with _within(timeout, httpcore.ConnectTimeout, httpcore.ConnectError):
                while not await self._shaken():
                    await self._receive()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def _shaken(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            await self._send(self._outgoing.read())
            return False
        await self._send(self._outgoing.read())
        return True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        async with _within(timeout, httpcore.ReadTimeout, httpcore.ReadError):
            while not self._heard and not self._ended:
                await self._receive()
                self._hear()
                await self._send(self._outgoing.read())
        piece, self._heard = self._heard[:max_bytes], self._heard[max_bytes:]
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Raises `httpcore.WriteError` once the other side has said something: httpcore then reads what."""
        async with _within(timeout, httpcore.WriteTimeout, httpcore.WriteError):
            await asyncio.sleep(0)  # whoever has much to send lets others have their turn
            left = memoryview(buffer)
            while left:
                self._listen()
                left = left[self._tls.write(left[:_SLICE]) :]
                await self._send(self._outgoing.read(), listening=True)

    async def _send(self, piece: bytes, *, listening: bool = False) -> None:
        left = memoryview(piece)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await self._ready(sending=True, receiving=listening)
                if listening:
                    self._listen()

    def _listen(self) -> None:
        """Take in what has come by now; an end, or words instead of a session ticket, end the sending."""
        with contextlib.suppress(BlockingIOError):
            self._take(self._socket.recv(_PIECE))
            self._hear()
        if self._heard or self._ended:
            raise OSError("the console answered, or hung up, before the request was sent")

    async def _receive(self) -> None:
        while True:
            try:
                return self._take(self._socket.recv(_PIECE))
            except BlockingIOError:
                await self._ready(sending=False, receiving=True)

    def _take(self, piece: bytes) -> None:
        if piece:
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()

    def _hear(self) -> None:
        """Decrypt what was taken in."""
        try:
            while piece := self._tls.read(_PIECE):
                self._heard += piece
            self._ended = True
        except ssl.SSLWantReadError:
            return
        except ssl.SSLEOFError:
            self._ended = True  # without a farewell; whether the answer was whole, its length says

    async def _ready(self, *, sending: bool, receiving: bool) -> None:
        """Until the socket takes or has something."""
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        if receiving:
            loop.add_reader(self._socket, ready.set)
        if sending:
            loop.add_writer(self._socket, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._socket)
            loop.remove_writer(self._socket)

    async def aclose(self) -> None:
        self._socket.close()

    def get_extra_info(self, info: str) -> Any:
        if info == "ssl_object":
            return self._tls
        if info == "is_readable":
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            return bool(poll.poll(0))
        return None


@contextlib.asynccontextmanager
async def _within(
    seconds: float | None, late: type[Exception], broken: type[Exception]
) -> AsyncIterator[None]:
    """Errors of sockets and TLS as httpcore's."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError as error:
        raise late(str(error)) from error
    except OSError as error:
        raise broken(str(error)) from error
