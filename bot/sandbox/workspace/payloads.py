"""The shapes in which Slack hands things out: users, channels, messages, views, and what interactions send.

Source: Slack's reference of objects, methods and interaction payloads.
"""

import time
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.sandbox.workspace.state import Channel, Group, Json, Message, Person, View, Workspace

# The verification token is deprecated; apps with Socket Mode have no use for it, but payloads carry one.
VERIFICATION = "local-verification"


def user(workspace: Workspace, person: Person) -> Json:
    """A user object, as users.info returns it."""
    now = datetime.now(ZoneInfo(person.tz))
    offset = now.utcoffset()
    return {
        "id": person.id,
        "team_id": workspace.seed.team_id,
        "name": person.name,
        "deleted": person.deactivated,
        "real_name": person.real_name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": int(offset.total_seconds()) if offset else 0,
        "profile": {
            "title": person.title,
            "real_name": person.real_name,
            "real_name_normalized": person.real_name,
            "display_name": person.name,
            "display_name_normalized": person.name,
            "team": workspace.seed.team_id,
        },
        "is_admin": False,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.guest,
        "is_ultra_restricted": False,
        "is_bot": person.bot,
        "is_app_user": False,
        "updated": int(now.timestamp()),
    }


def channel(workspace: Workspace, one: Channel) -> Json:
    """A conversation object."""
    common = {"id": one.id, "created": 0, "is_archived": False, "is_org_shared": False, "is_mpim": False}
    if one.im_with:
        return {**common, "is_im": True, "user": one.im_with, "is_user_deleted": False}
    return {
        **common,
        "name": one.name,
        "name_normalized": one.name,
        "is_channel": True,
        "is_group": False,
        "is_im": False,
        "is_private": False,
        "is_general": False,
        "is_shared": False,
        "is_member": workspace.seed.bot_user in one.members,
        "creator": workspace.seed.people[0].id,
        "context_team_id": workspace.seed.team_id,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
        "num_members": len(one.members),
    }


def group(workspace: Workspace, one: Group, include_users: bool) -> Json:
    """A user group object."""
    return {
        "id": one.id,
        "team_id": workspace.seed.team_id,
        "is_usergroup": True,
        "name": one.name,
        "description": "",
        "handle": one.handle,
        "is_external": False,
        "date_delete": 0,
        "user_count": len(one.users),
        **({"users": one.users} if include_users else {}),
    }


def message(workspace: Workspace, one: Message, *, metadata: bool = False) -> Json:
    """A message object; with its metadata only when asked for."""
    seed = workspace.seed
    shape: Json = {"type": "message", "user": one.user, "ts": one.ts, "text": one.text, "team": seed.team_id}
    if one.user == seed.bot_user:
        shape |= {
            "bot_id": seed.bot_id,
            "app_id": seed.app_id,
            "bot_profile": {
                "id": seed.bot_id,
                "app_id": seed.app_id,
                "name": seed.bot_name,
                "team_id": seed.team_id,
            },
        }
    if one.blocks:
        shape["blocks"] = one.blocks
    if one.edited:
        shape["edited"] = one.edited
    if one.thread_ts:
        shape["thread_ts"] = one.thread_ts
    if one.broadcast:
        shape["subtype"] = "thread_broadcast"
    if one.files:
        shape["files"] = one.files
    if one.pinned:
        shape["pinned_to"] = [one.channel]
    if one.reactions:
        shape["reactions"] = [
            {"name": name, "users": users, "count": len(users)} for name, users in one.reactions.items()
        ]
    if metadata and one.metadata:
        shape["metadata"] = one.metadata
    replies = replies_of(workspace, one)
    if replies:
        shape |= {
            "thread_ts": one.ts,
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
            "latest_reply": replies[-1].ts,
        }
    return shape


def replies_of(workspace: Workspace, parent: Message) -> list[Message]:
    """The replies in a message's thread that everybody sees, oldest first."""
    return [
        m
        for m in workspace.messages
        if m.thread_ts == parent.ts and m.channel == parent.channel and not m.deleted and not m.only_for
    ]


def view(workspace: Workspace, one: View) -> Json:
    """A view object."""
    seed = workspace.seed
    defaults: Json = {
        "callback_id": "",
        "external_id": "",
        "private_metadata": "",
        "title": None,
        "submit": None,
        "close": None,
        "clear_on_close": False,
        "notify_on_close": False,
    }
    return {
        "id": one.id,
        "team_id": seed.team_id,
        **defaults,
        **one.content,
        "state": {"values": one.state},
        "hash": one.hash,
        "previous_view_id": one.previous,
        "root_view_id": one.root,
        "app_id": seed.app_id,
        "app_installed_team_id": seed.team_id,
        "bot_id": seed.bot_id,
    }


def _interaction(workspace: Workspace, kind: str, person: Person) -> Json:
    seed = workspace.seed
    return {
        "type": kind,
        "user": {"id": person.id, "username": person.name, "name": person.name, "team_id": seed.team_id},
        "api_app_id": seed.app_id,
        "token": VERIFICATION,
        "team": {"id": seed.team_id, "domain": seed.team_domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def slash_command(
    workspace: Workspace, person: Person, where: Channel, command: str, text: str, response_url: str
) -> Json:
    """What a slash command sends; every value is a string."""
    seed = workspace.seed
    return {
        "token": VERIFICATION,
        "team_id": seed.team_id,
        "team_domain": seed.team_domain,
        "channel_id": where.id,
        "channel_name": where.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": seed.app_id,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": workspace.new_trigger(person.id),
    }


def message_action(
    workspace: Workspace, person: Person, on: Message, action: Json, state: Json, response_url: str
) -> Json:
    """What a click on a message's element sends. An ephemeral message is not part of it."""
    where = workspace.channels[on.channel]
    container: Json = {
        "type": "message",
        "message_ts": on.ts,
        "channel_id": on.channel,
        "is_ephemeral": on.only_for is not None,
    }
    if on.thread_ts:
        container["thread_ts"] = on.thread_ts
    payload = {
        **_interaction(workspace, "block_actions", person),
        "container": container,
        "trigger_id": workspace.new_trigger(person.id),
        "channel": {"id": where.id, "name": where.name},
        "state": {"values": state},
        "response_url": response_url,
        "actions": [action],
    }
    if on.only_for is None:
        payload["message"] = message(workspace, on)
    return payload


def view_action(workspace: Workspace, person: Person, on: View, action: Json) -> Json:
    """What an element in a view sends."""
    return {
        **_interaction(workspace, "block_actions", person),
        "container": {"type": "view", "view_id": on.id},
        "trigger_id": workspace.new_trigger(person.id, on.id),
        "view": view(workspace, on),
        "actions": [action],
    }


def view_submission(workspace: Workspace, person: Person, on: View) -> Json:
    """What submitting a modal sends."""
    return {
        **_interaction(workspace, "view_submission", person),
        "trigger_id": workspace.new_trigger(person.id, on.id),
        "view": view(workspace, on),
        "response_urls": [],
    }


def view_closed(workspace: Workspace, person: Person, on: View, is_cleared: bool) -> Json:
    """What closing a modal sends, when it asked to be told."""
    return {
        **_interaction(workspace, "view_closed", person),
        "view": view(workspace, on),
        "is_cleared": is_cleared,
    }


def event(workspace: Workspace, body: Json) -> Json:
    """An Events API delivery around one event."""
    seed = workspace.seed
    return {
        "token": VERIFICATION,
        "team_id": seed.team_id,
        "api_app_id": seed.app_id,
        "event": body,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(time.time()),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": seed.team_id,
                "user_id": seed.bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
    }
