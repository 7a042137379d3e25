"""The Bolt app: which listener answers what, and what is turned away before any listener sees it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.upgrade.desk import Desk
from handlers import answers, form
from handlers.identity import Identity
from handlers.listeners import Listeners, fast
from handlers.replies import Replies, place_of
from handlers.words import Verb
from handlers.works import Works

log = logging.getLogger(__name__)

COMMAND = "/upgrade"
DECLINE_BUTTON = "decline"
COMPARE_BUTTON = "compare"

Body = dict[str, Any]
_ACKED = 200


def build_app(desk: Desk, client: AsyncWebClient, identity: Identity, works: Works) -> AsyncApp:
    """The app whose listeners ask `desk` and answer through `client`. `works` keeps what outlives an ack."""

    async def authorize() -> AuthorizeResult:
        return identity.authorization(client.token)

    # Bolt makes a client for each request out of this one, asks auth.test on the first request when it holds a token
    # (trap 9), and copies it deeply for each lazy listener, which no session survives. We have asked at start, and
    # answer with our own client; this one is never used.
    unused = AsyncWebClient(base_url=client.base_url)
    app = AsyncApp(
        name="keyturn",
        client=unused,
        authorize=authorize,
        process_before_response=True,  # traps 1 and 2
        raise_error_for_unhandled_request=True,
    )
    app.listener_runner.lazy_listener_runner = works
    replies = Replies(client)
    listeners = Listeners(desk, client, replies)

    def tell(body: Mapping[str, Any], text: str) -> None:
        if place := place_of(body):
            works.add(replies.tell(place, text))

    @app.middleware
    async def turn_away(body: Body, next: Callable[[], Awaitable[BoltResponse]]) -> BoltResponse:
        if place_of(body) is None:
            log.warning("a payload of type %.40r names no user; nothing was done", body.get("type"))
        elif not identity.includes(body):
            log.warning(
                "a payload of type %.40r is from another workspace; nothing was done", body.get("type")
            )
            tell(body, answers.FOREIGN)
        else:
            return await next()
        return BoltResponse(status=_ACKED, body="")

    @app.error
    async def failed(error: Exception, body: Body) -> BoltResponse:
        if isinstance(error, BoltUnhandledRequestError):
            log.warning("nothing here answers a payload of type %.40r; nothing was done", body.get("type"))
            tell(body, answers.UNKNOWN_CONTROL)
        else:
            log.error("a payload of type %.40r could not be handled", body.get("type"), exc_info=error)
            tell(body, answers.BROKEN)
        return BoltResponse(status=_ACKED, body="")

    app.command(COMMAND)(ack=fast, lazy=[listeners.command])
    for verb in Verb:
        app.action(verb.value)(ack=fast, lazy=[listeners.act])
    app.action(DECLINE_BUTTON)(ack=fast, lazy=[listeners.open_decline])
    app.action(COMPARE_BUTTON)(ack=fast, lazy=[listeners.open_compare])
    app.view(form.ASK)(ack=listeners.submit_ask, lazy=[listeners.tell_asked])
    app.view(form.DECLINE)(ack=listeners.submit_decline, lazy=[listeners.tell_declined])
    app.view(form.COMPARE)(ack=listeners.submit_compare, lazy=[listeners.tell_compared])
    return app
