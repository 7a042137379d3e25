"""The people API: what a person does and sees. For the page, for tests and for the demo.

Every answer is JSON with `ok`; what a person cannot do is HTTP 400 with {"ok": false, "error": SENTENCE}.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.sandbox.workspace import interactions, payloads
from bot.sandbox.workspace import screen as screens
from bot.sandbox.workspace.inputs import BadValue
from bot.sandbox.workspace.interactions import NotPossible, actor, place
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.state import Json, Message, Person, Refused, View

_PING_SECONDS = 15.0
Action = Callable[[Parts, Person, Json], Awaitable[Json]]


async def _command(parts: Parts, person: Person, body: Json) -> Json:
    where = place(parts.workspace, person, body.get("channel"))
    return await interactions.command(parts, person, where, _text(body))


async def _message(parts: Parts, person: Person, body: Json) -> Json:
    workspace = parts.workspace
    where = place(workspace, person, body.get("channel"))
    text = interactions.escaped(workspace, _text(body))
    thread_ts = body.get("thread_ts")
    if thread_ts:
        workspace.message(where.id, thread_ts)
    one = workspace.post(Message(workspace.new_ts(), where.id, person.id, text, thread_ts=thread_ts))
    event: Json = {**payloads.message(workspace, one), "channel": where.id, "event_ts": one.ts}
    interactions.emit(parts, {**event, "channel_type": "im" if where.im_with else "channel"})
    if f"<@{workspace.seed.bot_user}" in text and not where.im_with:
        interactions.emit(parts, {**event, "type": "app_mention"})
    return {"ok": True, "ts": one.ts}


async def _click(parts: Parts, person: Person, body: Json) -> Json:
    where = place(parts.workspace, person, body.get("channel"))
    for message in parts.workspace.visible(person.id):
        if message.channel == where.id and message.ts == body.get("ts"):
            return await interactions.message_action(
                parts, person, message, _text(body, "action_id"), body.get("block_id"), body.get("value")
            )
    raise NotPossible(f"{person.real_name} sees no message {body.get('ts')!r} in {where.id}.")


def _open_view(parts: Parts, person: Person, body: Json) -> View:
    view = parts.workspace.view(str(body.get("view_id") or ""))
    if view is None or view.user != person.id:
        raise NotPossible(f"{person.real_name} has no view {body.get('view_id')!r} open.")
    return view


async def _submit(parts: Parts, person: Person, body: Json) -> Json:
    return await interactions.submit(parts, person, _open_view(parts, person, body), _values(body))


async def _block_action(parts: Parts, person: Person, body: Json) -> Json:
    return await interactions.view_action(
        parts,
        person,
        _open_view(parts, person, body),
        _text(body, "action_id"),
        body.get("block_id"),
        body.get("value"),
        _values(body),
    )


async def _close(parts: Parts, person: Person, body: Json) -> Json:
    view = _open_view(parts, person, body)
    return await interactions.close(parts, person, view, bool(body.get("clear")))


async def _home(parts: Parts, person: Person, _: Json) -> Json:
    home = parts.workspace.homes.get(person.id)
    event = {
        "type": "app_home_opened",
        "user": person.id,
        "channel": parts.workspace.direct_messages(person.id).id,
        "tab": "home",
        "event_ts": parts.workspace.new_ts(),
        **({"view": payloads.view(parts.workspace, home)} if home else {}),
    }
    interactions.emit(parts, event)
    return {"ok": True}


async def _read(parts: Parts, person: Person, body: Json) -> Json:
    where = place(parts.workspace, person, body.get("channel"))
    seen = [m.ts for m in parts.workspace.visible(person.id) if m.channel == where.id]
    if seen and parts.workspace.read.get((person.id, where.id)) != seen[-1]:
        parts.workspace.read[person.id, where.id] = seen[-1]
        parts.workspace.changed()
    return {"ok": True}


async def _dismiss(parts: Parts, person: Person, body: Json) -> Json:
    notices = parts.workspace.notices.get(person.id, [])
    parts.workspace.notices[person.id] = [n for n in notices if n["id"] != body.get("notice")]
    parts.workspace.changed()
    return {"ok": True}


def _text(body: Json, name: str = "text") -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise NotPossible(f'"{name}" is missing.')
    return value


def _values(body: Json) -> Json:
    values = body.get("values") or {}
    if not isinstance(values, dict) or not all(isinstance(entry, dict) for entry in values.values()):
        raise NotPossible('"values" must be {block_id: {action_id: VALUE}}.')
    return values


_ACTIONS: dict[str, Action] = {
    "command": _command,
    "message": _message,
    "click": _click,
    "submit": _submit,
    "block_action": _block_action,
    "close": _close,
    "home": _home,
    "read": _read,
    "dismiss": _dismiss,
}


async def act(request: web.Request) -> web.Response:
    """POST /people/ACTION {user, …}: one person does one thing."""
    parts = request.app[PARTS]
    action = _ACTIONS.get(request.match_info["action"])
    try:
        if action is None:
            raise NotPossible(f"There is no action of that name; there are {', '.join(_ACTIONS)}.")
        body: Any = await request.json()
        if not isinstance(body, dict):
            raise NotPossible("The body must be a JSON object.")
        return web.json_response(await action(parts, actor(parts.workspace, body.get("user")), body))
    except (NotPossible, BadValue, Refused, ValueError) as error:
        return web.json_response({"ok": False, "error": str(error)}, status=400)


async def everybody(request: web.Request) -> web.Response:
    """GET /people: who is in the workspace."""
    return web.json_response({"ok": True, "people": screens.people(request.app[PARTS].workspace)})


async def screen(request: web.Request) -> web.Response:
    """GET /people/screen?user=U: what that person sees."""
    try:
        return web.json_response(screens.screen(request.app[PARTS], request.query.get("user", "")))
    except Refused as error:
        return web.json_response({"ok": False, "error": str(error)}, status=400)


async def events(request: web.Request) -> web.StreamResponse:
    """GET /people/events: server-sent events, each the version of a change; a comment now and then."""
    workspace = request.app[PARTS].workspace
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
    await stream.prepare(request)
    seen = -1
    try:
        while True:
            version = await workspace.wait_for_change(seen, _PING_SECONDS)
            line = f"data: {version}\n\n" if version > seen else ": still here\n\n"
            seen = version
            await stream.write(line.encode())
    except ConnectionError:
        return stream
