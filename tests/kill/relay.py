"""A stop point on the wire: between the bot and a console, bytes pass when the test lets them pass."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from urllib.parse import urlsplit

When = Callable[[int], Awaitable[bool]]
"""Told how many bytes the connection has carried towards the console so far."""

CHUNK = 1 << 16


class Place(Enum):
    """Where a connection can be held."""

    OPENING = "before it is passed on to the console"
    ASKING = "before the next bytes towards the console"
    ANSWERING = "before the next bytes towards the bot"


class Relay:
    """Forwards TCP connections, TLS inside and all, and holds them where a test says so."""

    def __init__(self, server: asyncio.Server, target: tuple[str, int]) -> None:
        self._server = server
        self._target = target
        self._holds: dict[Place, tuple[When, asyncio.Event]] = {}
        self._released = asyncio.Event()

    @property
    def address(self) -> str:
        """What the bot's settings name as the console."""
        host, port = self._server.sockets[0].getsockname()
        return f"https://{host}:{port}"

    def hold(self, place: Place, when: When) -> asyncio.Event:
        """Hold each connection at that place for which `when`; the event says that one is held."""
        held = asyncio.Event()
        self._holds[place] = when, held
        return held

    def open(self) -> None:
        """Let everything pass from now on, but what is held already."""
        self._holds.clear()

    def release(self) -> None:
        """Let everything pass from now on, also what is held already."""
        self.open()
        self._released.set()
        self._released = asyncio.Event()

    async def _at(self, place: Place, asked: int) -> None:
        if place in self._holds:
            when, held = self._holds[place]
            if await when(asked):
                released = self._released
                held.set()
                await released.wait()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side has closed it."""
        asked = 0

        async def upwards(there: asyncio.StreamWriter) -> None:
            nonlocal asked
            while chunk := await reader.read(CHUNK):
                await self._at(Place.ASKING, asked)
                asked += len(chunk)
                there.write(chunk)
                await there.drain()

        async def downwards(there: asyncio.StreamReader) -> None:
            while chunk := await there.read(CHUNK):
                await self._at(Place.ANSWERING, asked)
                writer.write(chunk)
                await writer.drain()

        with contextlib.closing(writer):
            await self._at(Place.OPENING, asked)
            try:
                console, to_console = await asyncio.open_connection(*self._target)
            except OSError:
                return
            with contextlib.closing(to_console):
                ways = [asyncio.create_task(upwards(to_console)), asyncio.create_task(downwards(console))]
                try:
                    await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for way in ways:
                        way.cancel()
                    await asyncio.gather(*ways, return_exceptions=True)


@contextlib.asynccontextmanager
async def relay_to(address: str) -> AsyncIterator[Relay]:
    """A relay to the console at `https://HOST:PORT`, on a free port of this machine."""
    parts = urlsplit(address)
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(relay.carry(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    relay = Relay(server, (str(parts.hostname), int(parts.port or 443)))
    try:
        yield relay
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
