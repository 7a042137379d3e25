"""Web API: chat.*, conversations.history and .replies, reactions.add, pins.add, blocks.validate, response_url."""

import json
import time
from typing import Any

from aiohttp import web

from bot.sandbox.workspace import payloads
from bot.sandbox.workspace.arguments import Arguments
from bot.sandbox.workspace.blocks import check_blocks, check_view, with_ids
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.state import RESPONSE_URL_USES, Json, Message, Refused, Workspace

TEXT_MOST = 40_000
UPDATE_TEXT_MOST = 4_000
METADATA_BYTES = 8_000
ANSWER = "slack response_url"
"""What the holds call an answer to a response_url."""


def content(text: Any, blocks: Any, most: int = TEXT_MOST) -> tuple[str, list[Json]]:
    """Checked text and completed blocks of a message. Raises `Refused`."""
    if blocks:
        check_blocks(blocks)
    if not isinstance(text or "", str) or not (text or blocks):
        raise Refused("no_text")
    if len(text or "") > most:
        raise Refused("msg_too_long")
    return text or "", with_ids(blocks or [])


def _metadata(given: Arguments) -> Json | None:
    metadata = given.structure("metadata")
    if metadata is None or metadata == {}:
        return None
    good = (
        isinstance(metadata, dict)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), dict)
    )
    if not good:
        raise Refused("invalid_metadata_format")
    if len(json.dumps(metadata)) > METADATA_BYTES:
        raise Refused("metadata_too_large")
    return {"event_type": metadata["event_type"], "event_payload": metadata["event_payload"]}


def _thread(workspace: Workspace, channel: str, given: Arguments) -> str | None:
    thread_ts = given.text("thread_ts", "")
    if not thread_ts:
        return None
    try:
        parent = workspace.message(channel, thread_ts)
    except Refused as error:
        raise Refused("thread_not_found") from error
    return parent.thread_ts or parent.ts


def _post(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    channel = workspace.channel(given.text("channel", ""))
    if workspace.seed.bot_user not in channel.members:
        raise Refused("not_in_channel")
    text, blocks = content(given.values.get("text"), given.structure("blocks"))
    message = workspace.post(
        Message(
            workspace.new_ts(),
            channel.id,
            workspace.seed.bot_user,
            text,
            blocks,
            thread_ts=_thread(workspace, channel.id, given),
            broadcast=given.flag("reply_broadcast"),
            metadata=_metadata(given),
        )
    )
    shown = payloads.message(workspace, message, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def _post_ephemeral(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    channel = workspace.channel(given.text("channel", ""))
    person = workspace.person(given.text("user", ""))
    if person.id not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks = content(given.values.get("text"), given.structure("blocks"))
    message = workspace.post(
        Message(
            workspace.new_ts(),
            channel.id,
            workspace.seed.bot_user,
            text,
            blocks,
            thread_ts=_thread(workspace, channel.id, given),
            only_for=person.id,
        )
    )
    return {"message_ts": message.ts}


def _own(parts: Parts, given: Arguments, refusal: str) -> Message:
    """The bot's message that the call names. Ephemeral messages are not found, as with Slack."""
    workspace = parts.workspace
    channel = given.text("channel", "")
    if channel not in workspace.channels:
        raise Refused("channel_not_found")
    message = workspace.message(channel, given.text("ts", ""))
    if message.user != workspace.seed.bot_user:
        raise Refused(refusal)
    return message


def _update(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    message = _own(parts, given, "cant_update_message")
    text, blocks = content(given.values.get("text"), given.structure("blocks"), UPDATE_TEXT_MOST)
    if "metadata" in given.values:
        message.metadata = _metadata(given)
    workspace.edit(message, workspace.seed.bot_user, text, blocks)
    shown = payloads.message(workspace, message, metadata=True)
    return {"channel": message.channel, "ts": message.ts, "text": text, "message": shown}


def _delete(parts: Parts, given: Arguments) -> Json:
    message = _own(parts, given, "cant_delete_message")
    parts.workspace.delete(message)
    return {"channel": message.channel, "ts": message.ts}


def _permalink(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channel(given.text("channel", ""))
    message = parts.workspace.message(channel.id, given.text("message_ts", ""))
    address = f"{parts.address}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    return {"channel": channel.id, "permalink": address}


def _moment(given: Arguments, name: str, default: float) -> float:
    try:
        return float(given.text(name, "") or default)
    except ValueError as error:
        raise Refused(f"invalid_ts_{name}") from error


def _page(parts: Parts, given: Arguments, found: list[Message]) -> Json:
    """The messages between oldest and latest, cut to the limit, with the cursor of the next page."""
    low, high = _moment(given, "oldest", 0), _moment(given, "latest", 1e10)
    inclusive = given.flag("inclusive")

    def within(ts: str) -> bool:
        return low < float(ts) < high or (inclusive and float(ts) in (low, high))

    kept = [m for m in found if within(m.ts)]
    limit = max(1, min(given.number("limit", 100), 999))
    start = given.number("cursor", 0)
    more = len(kept) > start + limit
    page: Json = {
        "messages": [
            payloads.message(parts.workspace, m, metadata=given.flag("include_all_metadata"))
            for m in kept[start : start + limit]
        ],
        "has_more": more,
    }
    if more:
        page["response_metadata"] = {"next_cursor": str(start + limit)}
    return page


def _history(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channel(given.text("channel", ""))
    found = [
        m
        for m in parts.workspace.messages
        if m.channel == channel.id
        and not m.deleted
        and not m.only_for
        and (m.thread_ts is None or m.broadcast)
    ]
    return {**_page(parts, given, found[::-1]), "pin_count": sum(m.pinned for m in found)}


def _replies(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channel(given.text("channel", ""))
    try:
        parent = parts.workspace.message(channel.id, given.text("ts", ""))
    except Refused as error:
        raise Refused("thread_not_found") from error
    return _page(parts, given, [parent, *payloads.replies_of(parts.workspace, parent)])


def _react(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channel(given.text("channel", ""))
    message = parts.workspace.message(channel.id, given.text("timestamp", ""))
    users = message.reactions.setdefault(given.text("name").strip(":"), [])
    if parts.workspace.seed.bot_user in users:
        raise Refused("already_reacted")
    users.append(parts.workspace.seed.bot_user)
    parts.workspace.changed()
    return {}


def _pin(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channel(given.text("channel", ""))
    message = parts.workspace.message(channel.id, given.text("timestamp", ""))
    if message.pinned:
        raise Refused("already_pinned")
    message.pinned = True
    parts.workspace.changed()
    return {}


def _validate(parts: Parts, given: Arguments) -> Json:
    blocks, message, view = (given.structure(name) for name in ("blocks", "message", "view"))
    if [blocks, message, view].count(None) != 2:
        raise Refused("invalid_arguments", "must provide exactly one of `blocks`, `view`, or `message`")
    if view is not None:
        check_view(view)
    else:
        check_blocks(message.get("blocks") if isinstance(message, dict) else blocks)
    return {}


async def respond(request: web.Request) -> web.Response:
    """POST /response/KEY: what a response_url takes, five times within thirty minutes."""
    parts = request.app[PARTS]
    workspace = parts.workspace
    target = workspace.response_urls.get(request.match_info["key"])
    await request.read()  # what is held has come whole
    if not await parts.holds.before(ANSWER):
        raise web.HTTPServiceUnavailable
    await parts.holds.unheard(ANSWER)
    if target is None or time.monotonic() > target.expires:
        return web.json_response({"ok": False, "error": "expired_url"}, status=404)
    if target.uses >= RESPONSE_URL_USES:
        return web.json_response({"ok": False, "error": "used_url"}, status=404)
    try:
        body = json.loads(await request.text())
        gone = bool(body.get("delete_original"))
        text, blocks = ("", []) if gone else content(body.get("text"), body.get("blocks"))
    except (ValueError, AttributeError):
        return web.json_response({"ok": False, "error": "invalid_payload"}, status=400)
    except Refused as refused:
        return web.json_response({"ok": False, "error": refused.error}, status=400)
    target.uses += 1
    if target.message and gone:
        workspace.delete(target.message)
    elif target.message and body.get("replace_original"):
        workspace.edit(target.message, workspace.seed.bot_user, text, blocks)
    else:
        say(workspace, target.user, target.channel, text, blocks, body.get("response_type"))
    await parts.holds.after(ANSWER)
    return web.json_response({"ok": True})


def say(
    workspace: Workspace, user: str, channel: str, text: str, blocks: list[Json], response_type: Any
) -> Message:
    """Posts what the app answered to an interaction: for that person alone unless it says in_channel."""
    only_for = None if response_type == "in_channel" else user
    bot = workspace.seed.bot_user
    return workspace.post(Message(workspace.new_ts(), channel, bot, text, blocks, only_for=only_for))


METHODS = {
    "chat.postMessage": _post,
    "chat.postEphemeral": _post_ephemeral,
    "chat.update": _update,
    "chat.delete": _delete,
    "chat.getPermalink": _permalink,
    "conversations.history": _history,
    "conversations.replies": _replies,
    "reactions.add": _react,
    "pins.add": _pin,
    "blocks.validate": _validate,
}
