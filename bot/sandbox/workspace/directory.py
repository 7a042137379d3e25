"""Web API: who and what there is: auth.test, team.info, users.*, usergroups.*, conversations.*."""

from bot.sandbox.workspace import payloads
from bot.sandbox.workspace.arguments import Arguments
from bot.sandbox.workspace.parts import Parts
from bot.sandbox.workspace.state import Group, Json, Refused


def _auth_test(parts: Parts, _: Arguments) -> Json:
    seed = parts.workspace.seed
    return {
        "url": f"{parts.address}/",
        "team": seed.team_name,
        "user": seed.bot_name,
        "team_id": seed.team_id,
        "user_id": seed.bot_user,
        "bot_id": seed.bot_id,
        "is_enterprise_install": False,
    }


def _team(parts: Parts, _: Arguments) -> Json:
    seed = parts.workspace.seed
    return {"team": {"id": seed.team_id, "name": seed.team_name, "domain": seed.team_domain}}


def _user(parts: Parts, given: Arguments) -> Json:
    person = parts.workspace.person(given.text("user", ""))
    return {"user": payloads.user(parts.workspace, person)}


def _users(parts: Parts, _: Arguments) -> Json:
    members = [payloads.user(parts.workspace, person) for person in parts.workspace.people.values()]
    return {"members": members, "response_metadata": {"next_cursor": ""}}


def _groups(parts: Parts) -> dict[str, Group]:
    if parts.workspace.free_plan:
        raise Refused("plan_upgrade_required")
    return parts.workspace.groups


def _usergroups(parts: Parts, given: Arguments) -> Json:
    users = given.flag("include_users")
    return {"usergroups": [payloads.group(parts.workspace, g, users) for g in _groups(parts).values()]}


def _usergroup_users(parts: Parts, given: Arguments) -> Json:
    group = _groups(parts).get(given.text("usergroup", ""))
    if group is None:
        raise Refused("no_such_subteam")
    return {"users": group.users}


def _channels(parts: Parts, given: Arguments) -> Json:
    kinds = given.text("types", "public_channel").split(",")
    found = [
        payloads.channel(parts.workspace, channel)
        for channel in parts.workspace.channels.values()
        if ("im" if channel.im_with else "public_channel") in kinds
    ]
    return {"channels": found, "response_metadata": {"next_cursor": ""}}


def _channel(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channels.get(given.text("channel", ""))
    if channel is None:
        raise Refused("channel_not_found")
    return {"channel": payloads.channel(parts.workspace, channel)}


def _members(parts: Parts, given: Arguments) -> Json:
    channel = parts.workspace.channels.get(given.text("channel", ""))
    if channel is None:
        raise Refused("channel_not_found")
    return {"members": sorted(channel.members), "response_metadata": {"next_cursor": ""}}


def _open(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    users = [user for user in given.text("users", "").split(",") if user]
    if len(users) != 1:
        wanted = "[ERROR] the local workspace opens direct messages with exactly one person"
        raise Refused("invalid_arguments", wanted)
    person = workspace.person(users[0])
    if person.bot:
        raise Refused("cannot_dm_bot")
    if person.deactivated:
        raise Refused("user_disabled")
    opened = any(channel.im_with == person.id for channel in workspace.channels.values())
    channel = workspace.direct_messages(person.id)
    more = {"no_op": True, "already_open": True} if opened else {}
    return {**more, "channel": {"id": channel.id}}


METHODS = {
    "auth.test": _auth_test,
    "team.info": _team,
    "users.info": _user,
    "users.list": _users,
    "usergroups.list": _usergroups,
    "usergroups.users.list": _usergroup_users,
    "conversations.list": _channels,
    "conversations.info": _channel,
    "conversations.members": _members,
    "conversations.open": _open,
}
