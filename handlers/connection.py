"""The connection to Slack: one Web API client on a shared session, tokens tried at start, Socket Mode."""

from __future__ import annotations

import logging
import re
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from aiohttp import ClientError, ClientSession, TraceConfig
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import LOOPBACK
from bot.upgrade.desk import Desk
from handlers.app import build_app
from handlers.identity import Identity
from handlers.works import Works

log = logging.getLogger(__name__)

PING_SECONDS = 5.0
DRAIN_SECONDS = 5.0

_SECRET = re.compile(r"(ticket=|xox[a-z]-|xapp-)[^&\s'\"]+")


class SlackRefused(Exception):
    """Slack does not accept a token. One line: which token, what Slack says, what to do."""


class SlackUnreachable(Exception):
    """Slack did not answer at start. One line: which address, what happened, what to do."""


async def connect(
    session: ClientSession,
    bot_token: str,
    app_token: str,
    base_url: str = AsyncWebClient.BASE_URL,
    ping_seconds: float = PING_SECONDS,
) -> SlackConnection:
    """Try both tokens and return the connection, which does not listen yet.

    `session` is used for every Web API call (trap 5) and stays the caller's. `ping_seconds` is the interval at
    which a dead socket is noticed and a failed handshake tried again. Raises `SlackRefused`, `SlackUnreachable`.
    """
    client = web_client(session, bot_token, base_url)
    identity = await _identify(client)
    return SlackConnection(client, identity, app_token, await _ticket(client, app_token), ping_seconds)


def web_client(session: ClientSession, bot_token: str, base_url: str) -> AsyncWebClient:
    """A Web API client that waits when Slack limits the rate, and repeats nothing else.

    The SDK's own default repeats a call whose answer was lost, and so posts twice.
    """
    client = AsyncWebClient(
        token=bot_token,
        base_url=base_url,
        session=session,
        retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=3)],
    )
    host = urlsplit(base_url).hostname or ""
    if host in LOOPBACK or proxy_bypass(host):
        client.proxy = None  # trap 6: the SDK obeys HTTP_PROXY and ignores NO_PROXY
    return client


class SlackConnection:
    """A bot that is known to Slack. `client` is for everything that posts; `listen` begins to answer people."""

    def __init__(
        self, client: AsyncWebClient, identity: Identity, app_token: str, ticket: str, ping_seconds: float
    ) -> None:
        self.client = client
        self.identity = identity
        self._app_token = app_token
        self._ticket = ticket
        self._ping_seconds = ping_seconds
        self._works = Works(log)
        self._handler: _Handler | None = None

    async def listen(self, desk: Desk) -> None:
        """Begin to take commands, clicks and submissions to `desk`; returns once connected."""
        app = build_app(desk, self.client, self.identity, self._works)
        self._handler = _Handler(app, self._app_token, self.client, self._ping_seconds, self._works)
        self._handler.client.wss_uri = self._ticket
        await self._handler.connect_async()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """Take nothing more, finish and answer what has begun (5 s at most), then leave Slack."""
        if self._handler is not None:
            self._handler.closing = True
            await self._works.drain(DRAIN_SECONDS)
            await self._handler.close_async()  # type: ignore[no-untyped-call]


class _Handler(AsyncSocketModeHandler):
    """Bolt's Socket Mode handler that acknowledges what cannot even be read, and can end in order."""

    client: SocketModeClient

    def __init__(
        self, app: AsyncApp, app_token: str, client: AsyncWebClient, ping_seconds: float, works: Works
    ) -> None:
        super().__init__(app, app_token, logger=_socket_log(), web_client=client, ping_interval=ping_seconds)
        self.client.proxy = client.proxy
        self.closing = False
        self._works = works
        _spend_tickets(self.client)

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        if not self.closing:
            await self._works.add(self._handle(client, req))

    async def _handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:
        try:
            await super().handle(client, req)
        except Exception:
            log.exception("an envelope of type %.40r could not be read; nothing was done", req.type)
            await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


def _spend_tickets(client: SocketModeClient) -> None:
    """Forget the address of a socket as soon as its handshake begins: a ticket opens one connection.

    The SDK keeps it after a failed handshake and tries the spent ticket for ever (trap 4). Without an address it
    asks Slack for a new one.
    """

    async def spent(*_: object) -> None:
        client.wss_uri = None

    trace = TraceConfig()
    trace.on_request_start.append(spent)
    trace.freeze()
    client.aiohttp_client_session.trace_configs.append(trace)


def _socket_log() -> logging.Logger:
    logger = logging.getLogger(f"{__name__}.socket")
    logger.addFilter(_one_line)
    return logger


def _one_line(record: logging.LogRecord) -> bool:
    """The SDK logs tracebacks with the ticket in them (law 9)."""
    record.msg, record.args, record.exc_info = _SECRET.sub(r"\1…", record.getMessage()), (), None
    return True


async def _identify(client: AsyncWebClient) -> Identity:
    try:
        said = await client.auth_test()
    except SlackApiError as error:
        raise _refused("bot token", "xoxb-…, from OAuth & Permissions", error, client) from None
    except (ClientError, TimeoutError) as error:
        raise _unreachable(client, error) from None
    return Identity(
        team=said["team_id"],
        user=said["user_id"],
        bot=said.get("bot_id") or "",
        enterprise=said.get("enterprise_id"),
    )


async def _ticket(client: AsyncWebClient, app_token: str) -> str:
    try:
        return str((await client.apps_connections_open(app_token=app_token))["url"])
    except SlackApiError as error:
        advice = "xapp-… with connections:write, from Basic Information"
        raise _refused("app token", advice, error, client) from None
    except (ClientError, TimeoutError) as error:
        raise _unreachable(client, error) from None


def _refused(what: str, advice: str, error: SlackApiError, client: AsyncWebClient) -> Exception:
    # A body that is no JSON brings another kind of response, or one without data.
    status = getattr(error.response, "status_code", None) or getattr(error.response, "status", 0)
    data = getattr(error.response, "data", None)
    said = data.get("error") if status == 200 and isinstance(data, dict) else None
    if said is None:
        return _unreachable(client, f"HTTP {status}")
    return SlackRefused(f"Slack refuses the {what}: {said}; give the one of this app ({advice})")


def _unreachable(client: AsyncWebClient, reason: object) -> SlackUnreachable:
    detail = str(reason) or type(reason).__name__
    return SlackUnreachable(
        f"Slack does not answer at {client.base_url}: {detail}; check the network and the proxy"
    )
