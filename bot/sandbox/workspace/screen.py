"""What one person sees: channels, messages, ephemerals, threads, open modals, notices."""

from bot.sandbox.workspace import payloads
from bot.sandbox.workspace.parts import Parts
from bot.sandbox.workspace.state import Json, Message, View, Workspace


def screen(parts: Parts, user: str) -> Json:
    """Everything that person sees, as JSON for the page and for tests. Messages are oldest first.

    Raises `Refused` for an unknown person.
    """
    workspace = parts.workspace
    me = workspace.person(user)
    visible = workspace.visible(user)
    home = workspace.homes.get(user)
    return {
        "version": workspace.version,
        "team": {"id": workspace.seed.team_id, "name": workspace.seed.team_name},
        "command": workspace.seed.command,
        "connections": parts.links.count,
        "me": me.id,
        "app": {"id": workspace.seed.bot_user, "name": workspace.people[workspace.seed.bot_user].real_name},
        "people": people(workspace),
        "groups": [{"id": g.id, "handle": g.handle, "users": g.users} for g in workspace.groups.values()],
        "channels": [
            {
                "id": channel.id,
                "name": channel.name,
                "is_im": channel.im_with is not None,
                "unread": _unread(workspace, user, channel.id, visible),
                "messages": [_message(workspace, m) for m in visible if m.channel == channel.id],
            }
            for channel in workspace.channels.values()
            if user in channel.members
        ],
        "views": [_view(workspace, view) for view in workspace.stacks.get(user, [])],
        "home": _view(workspace, home) if home else None,
        "notices": workspace.notices.get(user, []),
    }


def people(workspace: Workspace) -> list[Json]:
    """Everybody in the workspace, the app included."""
    return [
        {
            "id": p.id,
            "name": p.name,
            "real_name": p.real_name,
            "title": p.title,
            "guest": p.guest,
            "deactivated": p.deactivated,
            "bot": p.bot,
        }
        for p in workspace.people.values()
    ]


def _message(workspace: Workspace, message: Message) -> Json:
    return {
        **payloads.message(workspace, message),
        "blocks": message.blocks,
        "channel": message.channel,
        "ephemeral": message.only_for is not None,
    }


def _view(workspace: Workspace, view: View) -> Json:
    return {**payloads.view(workspace, view), "notice": view.notice}


def _unread(workspace: Workspace, user: str, channel: str, visible: list[Message]) -> int:
    read = float(workspace.read.get((user, channel), 0))
    return sum(m.channel == channel and m.user != user and float(m.ts) > read for m in visible)
