"""The Web API at /api/METHOD: authentication, faults, the log of calls, and the answer."""

import time
from collections.abc import Callable

from aiohttp import web

from bot.sandbox.workspace import arguments, chat, directory, files, views
from bot.sandbox.workspace.arguments import Arguments
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.state import Json, RateLimited, Refused

Method = Callable[[Parts, Arguments], Json]


def _open_connection(parts: Parts, _: Arguments) -> Json:
    ticket = parts.links.new_ticket()
    return {"url": f"{parts.address.replace('http', 'ws', 1)}/link?ticket={ticket}"}


METHODS: dict[str, Method] = {
    "apps.connections.open": _open_connection,
    **chat.METHODS,
    **directory.METHODS,
    **views.METHODS,
    **files.METHODS,
}


async def call(request: web.Request) -> web.StreamResponse:
    """One call. Always HTTP 200 with {"ok": …}, except 429 and, in an outage, 503."""
    parts = request.app[PARTS]
    method = request.match_info["method"]
    if parts.faults.outage:
        _log(parts, method, {}, "", {"ok": False, "error": "HTTP 503"})
        raise web.HTTPServiceUnavailable(text="Service Unavailable")
    values: Json = {}
    point = f"slack {method}"
    token = ""
    headers: dict[str, str] = {}
    status = 200
    try:
        given, token = await arguments.read(request)
        values = arguments.for_the_log(given.values)
        point = _point(parts, method, given)
        if not await parts.holds.before(point):
            return _cut(request)
        await parts.holds.unheard(point)
        answer = _answer(parts, method, token, given)
    except Refused as refused:
        answer = {"ok": False, "error": refused.error}
        if refused.messages:
            answer["response_metadata"] = {"messages": refused.messages}
            answer["errors"] = [message.removeprefix("[ERROR] ") for message in refused.messages]
        if isinstance(refused, RateLimited):
            status, headers = 429, {"Retry-After": str(refused.seconds)}
    await parts.holds.after(point)
    lost = answer["ok"] and parts.faults.loses(method)
    _log(parts, method, values, _kind_of(parts, token), {**answer, "lost": True} if lost else answer)
    if lost:
        return _cut(request)
    return web.json_response(answer, status=status, headers=headers)


def _cut(request: web.Request) -> web.Response:
    """No answer: the connection is broken off."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=503)


def _point(parts: Parts, method: str, given: Arguments) -> str:
    """What the holds call a call: its method, and the family of the message that it posts or edits.

    The family is what stands before the colon of the `key` in the message's metadata.
    """
    metadata = given.structure("metadata")
    if method == "chat.update":
        place = given.values.get("channel"), given.values.get("ts")
        edited = (m for m in parts.workspace.messages if (m.channel, m.ts) == place)
        metadata = next((m.metadata for m in edited), None)
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    key = str(payload.get("key", "")) if isinstance(payload, dict) else ""
    return f"slack {method} {key.partition(':')[0]}".rstrip()


def _answer(parts: Parts, method: str, token: str, given: Arguments) -> Json:
    if method not in METHODS:
        raise Refused("unknown_method")
    kind = _kind_of(parts, token)
    if kind == "none":
        raise Refused("not_authed")
    if kind == "other":
        raise Refused("invalid_auth")
    if kind != ("app" if method == "apps.connections.open" else "bot"):
        raise Refused("not_allowed_token_type")
    wait = parts.faults.retry_after(method, str(given.values.get("channel", "")))
    if wait is not None:
        raise RateLimited(wait)
    return {"ok": True, **METHODS[method](parts, given)}


def _kind_of(parts: Parts, token: str) -> str:
    seed = parts.workspace.seed
    return {"": "none", seed.bot_token: "bot", seed.app_token: "app"}.get(token, "other")


def _log(parts: Parts, method: str, values: Json, token: str, answer: Json) -> None:
    calls = parts.workspace.calls
    calls.append(
        {
            "number": len(calls) + 1,
            "at": time.time(),
            "method": method,
            "arguments": values,
            "token": token,
            "ok": answer["ok"],
            "error": answer.get("error"),
            "lost": answer.get("lost", False),
            "ts": answer.get("ts"),
        }
    )
