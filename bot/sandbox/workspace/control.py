"""The control API: faults, people, groups, raw envelopes, and what was called and said. For tests and the demo.

Bad requests are HTTP 400 with {"ok": false, "error": SENTENCE}.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from bot.sandbox.holds import Moment
from bot.sandbox.workspace import payloads
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.seed import SeedPerson
from bot.sandbox.workspace.socket_mode import Unanswered
from bot.sandbox.workspace.state import TRIGGER_SECONDS, Json, Person

_WAIT_SECONDS = 20.0
Control = Callable[[Parts, Json], Awaitable[Json]]


async def _limit(parts: Parts, body: Json) -> Json:
    """{method, times, retry_after} forces 429s; {real: bool} switches Slack's own limits on and off."""
    if "real" in body:
        parts.faults.real_limits = bool(body["real"])
    else:
        parts.faults.limit(str(body["method"]), int(body.get("times", 1)), int(body.get("retry_after", 1)))
    return {}


async def _outage(parts: Parts, body: Json) -> Json:
    """{on: bool}: the Web API answers 503, sockets are closed and refused; {mode: "lost-answers", method,
    times}: calls are carried out and their answers lost."""
    if body.get("mode") == "lost-answers":
        parts.faults.lose_answers(str(body["method"]), int(body.get("times", 1)))
        return {}
    parts.faults.outage = parts.links.refusing = bool(body["on"])
    if parts.faults.outage:
        await parts.links.close()
    parts.workspace.changed()
    return {}


async def _disconnect(parts: Parts, body: Json) -> Json:
    """{mode: "refresh"} asks for new connections as Slack does every few hours; "close" closes them; "abort"
    breaks them off."""
    mode = body.get("mode", "refresh")
    if mode == "refresh":
        await parts.links.refresh()
    elif mode == "close":
        await parts.links.close()
    elif mode == "abort":
        parts.links.abort()
    else:
        raise ValueError('mode must be "refresh", "close" or "abort"')
    return {}


async def _people(parts: Parts, body: Json) -> Json:
    """{id, …fields of a person}: adds a person, or changes the one with that id."""
    workspace = parts.workspace
    known = workspace.people.get(str(body["id"]))
    before = {} if known is None else {name: getattr(known, name) for name in SeedPerson.model_fields}
    one = SeedPerson.model_validate({**before, **body})
    workspace.people[one.id] = Person(**one.model_dump())
    if known is None:
        workspace.channels[workspace.seed.channel_id].members.add(one.id)
    workspace.changed()
    return {}


async def _group(parts: Parts, body: Json) -> Json:
    """{id, users}: who is in a user group from now on."""
    parts.workspace.groups[str(body["id"])].users = [str(user) for user in body["users"]]
    parts.workspace.changed()
    return {}


async def _channel(parts: Parts, body: Json) -> Json:
    """{id, members}: who is in a channel from now on, the bot included."""
    parts.workspace.channels[str(body["id"])].members = {str(user) for user in body["members"]}
    parts.workspace.changed()
    return {}


async def _plan(parts: Parts, body: Json) -> Json:
    """{free: bool}: on the free plan there are no user groups."""
    parts.workspace.free_plan = bool(body["free"])
    return {}


async def _envelope(parts: Parts, body: Json) -> Json:
    """{type, payload, accepts_response_payload?}: delivers a payload as it stands; {ack} or {error}."""
    accepts = bool(body.get("accepts_response_payload", True))
    try:
        return {
            "ack": await parts.links.deliver(str(body["type"]), body["payload"], accepts_response=accepts)
        }
    except Unanswered as error:
        return {"ack": None, "error": str(error)}


async def _trigger(parts: Parts, body: Json) -> Json:
    """{user, view?, seconds?}: a fresh trigger_id that lives so long, for forged and late payloads."""
    seconds = float(body.get("seconds", TRIGGER_SECONDS))
    return {"trigger_id": parts.workspace.new_trigger(str(body["user"]), body.get("view"), seconds)}


async def _response_url(parts: Parts, body: Json) -> Json:
    """{user, channel}: a fresh response_url, for forged payloads."""
    return {"response_url": parts.response_url(str(body["user"]), str(body["channel"]))}


async def _hold(parts: Parts, body: Json) -> Json:
    """{point, moment, nth}: that call or envelope will be held."""
    parts.holds.hold(str(body["point"]), Moment(body["moment"]), int(body["nth"]))
    return {}


async def _let_go(parts: Parts, _: Json) -> Json:
    """{}: what is held is let go."""
    parts.holds.let_go()
    return {}


_CONTROLS: dict[str, Control] = {
    "limit": _limit,
    "outage": _outage,
    "disconnect": _disconnect,
    "people": _people,
    "group": _group,
    "channel": _channel,
    "plan": _plan,
    "envelope": _envelope,
    "trigger": _trigger,
    "response_url": _response_url,
    "hold": _hold,
    "let_go": _let_go,
}


async def control(request: web.Request) -> web.Response:
    """POST /control/NAME with a JSON object."""
    name = request.match_info["name"]
    try:
        if name not in _CONTROLS:
            raise ValueError(f"there is no control {name!r}; there are {', '.join(_CONTROLS)}")
        body: Any = await request.json()
        return web.json_response({"ok": True, **await _CONTROLS[name](request.app[PARTS], body)})
    except KeyError as error:
        return web.json_response({"ok": False, "error": f"{error} is missing or unknown"}, status=400)
    except (ValidationError, ValueError, TypeError, AttributeError) as error:
        return web.json_response({"ok": False, "error": str(error)}, status=400)


async def calls(request: web.Request) -> web.Response:
    """GET /control/calls: every Web API call with its arguments and outcome, oldest first."""
    return web.json_response({"ok": True, "calls": request.app[PARTS].workspace.calls})


async def points(request: web.Request) -> web.Response:
    """GET /control/points: [at, point] of every call and envelope, oldest first."""
    return web.json_response({"ok": True, "points": request.app[PARTS].holds.passed})


async def held(request: web.Request) -> web.Response:
    """GET /control/held: {held} as soon as something is held, or the hold is let go."""
    return web.json_response({"ok": True, "held": await request.app[PARTS].holds.held()})


async def messages(request: web.Request) -> web.Response:
    """GET /control/messages: every message ever posted, with its edits, oldest first."""
    workspace = request.app[PARTS].workspace
    found = [
        {
            **payloads.message(workspace, m, metadata=True),
            "blocks": m.blocks,
            "channel": m.channel,
            "only_for": m.only_for,
            "deleted": m.deleted,
            "earlier": m.earlier,
        }
        for m in workspace.messages
    ]
    return web.json_response({"ok": True, "version": workspace.version, "messages": found})


async def changed(request: web.Request) -> web.Response:
    """GET /control/changed?since=VERSION: the version as soon as it is another, or after 20 s."""
    parts = request.app[PARTS]
    version = await parts.workspace.wait_for_change(int(request.query.get("since", "-1")), _WAIT_SECONDS)
    return web.json_response({"ok": True, "version": version, "connections": parts.links.count})
