"""Socket Mode: tickets, connections, envelopes and their acknowledgements.

A ticket opens one connection. Each envelope goes to one connection at random and waits three seconds for its
acknowledgement, which may carry a payload.
"""

import asyncio
import json
import random
import secrets
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from bot.sandbox.holds import Holds
from bot.sandbox.workspace.state import Json

ACK_SECONDS = 3.0
MOST_CONNECTIONS = 10
REFRESH_SECONDS = 10.0
_HOST = "applink-local"


class Unanswered(Exception):
    """The app did not acknowledge: `dispatch_failed` (not connected) or `operation_timeout` (3 s)."""


class Links:
    """The app's connections. `on_change` is called when there is one more or one less."""

    def __init__(self, app_id: str, on_change: Callable[[], None], holds: Holds) -> None:
        self._app_id = app_id
        self._on_change = on_change
        self._holds = holds
        self._tickets: set[str] = set()
        self._live: list[web.WebSocketResponse] = []
        self._transports: dict[web.WebSocketResponse, asyncio.BaseTransport | None] = {}
        self._retiring: list[web.WebSocketResponse] = []
        self._acks: dict[str, asyncio.Future[Json]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self.refusing = False

    @property
    def count(self) -> int:
        """How many connections the app holds."""
        return len(self._live)

    def new_ticket(self) -> str:
        """A ticket for one handshake."""
        ticket = secrets.token_urlsafe(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One connection, from its handshake to its end. A spent or unknown ticket fails the handshake."""
        ticket = request.query.get("ticket", "")
        if self.refusing or ticket not in self._tickets:
            raise web.HTTPForbidden(
                text="This ticket is not valid; call apps.connections.open for a new one."
            )
        self._tickets.remove(ticket)
        # Slack pings; the peer has half of this time for its pong.
        socket = web.WebSocketResponse(heartbeat=30)
        await socket.prepare(request)
        if len(self._live) >= MOST_CONNECTIONS:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        self._live.append(socket)
        self._transports[socket] = request.transport
        self._on_change()
        try:
            await socket.send_json(
                {
                    "type": "hello",
                    "num_connections": len(self._live),
                    "debug_info": {
                        "host": _HOST,
                        "build_number": 1,
                        "approximate_connection_time": 18060,
                    },
                    "connection_info": {"app_id": self._app_id},
                }
            )
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledged(message.data)
        except ConnectionError:
            pass
        finally:
            self._forget(socket)
        return socket

    def _acknowledged(self, data: str) -> None:
        try:
            ack = json.loads(data)
            waiting = self._acks.get(ack.get("envelope_id"))
        except (ValueError, AttributeError):
            return
        if waiting is not None and not waiting.done():
            payload = ack.get("payload")
            waiting.set_result(payload if isinstance(payload, dict) else {})

    def _forget(self, socket: web.WebSocketResponse) -> None:
        self._transports.pop(socket, None)
        for sockets in (self._live, self._retiring):
            if socket in sockets:
                sockets.remove(socket)
                self._on_change()

    async def deliver(self, kind: str, payload: Any, *, accepts_response: bool, **extra: Any) -> Json:
        """Sends one envelope of that type; the payload of its acknowledgement, {} when it has none.

        Raises Unanswered.
        """
        candidates = self._live or self._retiring
        if not candidates:
            raise Unanswered("dispatch_failed")
        envelope_id = secrets.token_hex(16)
        waiting: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._acks[envelope_id] = waiting
        envelope = {
            "envelope_id": envelope_id,
            "type": kind,
            "payload": payload,
            "accepts_response_payload": accepts_response,
            **extra,
        }
        # Not for secrecy: Slack promises no connection in particular.
        socket = random.choice(candidates)  # noqa: S311
        point = _point(kind, payload)
        try:
            if not await self._holds.before(point):
                raise Unanswered("dispatch_failed")
            await socket.send_json(envelope)
            await self._holds.unheard(point)
            async with asyncio.timeout(ACK_SECONDS):
                ack = await waiting
            await self._holds.after(point)
            return ack
        except TimeoutError as error:
            raise Unanswered("operation_timeout") from error
        except ConnectionError as error:
            raise Unanswered("dispatch_failed") from error
        finally:
            del self._acks[envelope_id]

    async def refresh(self) -> None:
        """Asks every connection to be replaced, as Slack does every few hours; closes them ten seconds later."""
        sockets, self._live = self._live, []
        self._retiring += sockets
        for socket in sockets:
            await socket.send_json(_disconnect("refresh_requested"))
            self.in_background(_close_later(socket))

    async def close(self) -> None:
        """Closes every connection."""
        for socket in [*self._live, *self._retiring]:
            self._forget(socket)
            await socket.close()

    def abort(self) -> None:
        """Breaks every connection off without a word."""
        for transport in list(self._transports.values()):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    def in_background(self, work: Any) -> None:
        """Runs a coroutine that nobody waits for, until the workspace ends."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def stop(self) -> None:
        """Ends all connections and background work."""
        for task in list(self._background):
            task.cancel()
        await self.close()


async def _close_later(socket: web.WebSocketResponse) -> None:
    await asyncio.sleep(REFRESH_SECONDS)
    await socket.close()


def _point(kind: str, payload: Any) -> str:
    """What the holds call an envelope: its kind, and which command, button or form it is about."""
    match payload:
        case {"text": str(text)} if kind == "slash_commands":
            about = text.partition(" ")[0] or "alone"
        case {"actions": [{"action_id": about}, *_]} | {"view": {"callback_id": about}}:
            pass
        case _:
            about = ""
    return f"slack envelope {kind} {about}".rstrip()


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": _HOST}}
