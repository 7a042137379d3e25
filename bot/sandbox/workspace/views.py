"""Web API: views.*: modals in stacks of at most three, and the App Home."""

import secrets
from typing import Any

from bot.sandbox.workspace import payloads
from bot.sandbox.workspace.arguments import Arguments
from bot.sandbox.workspace.blocks import check_view, with_ids
from bot.sandbox.workspace.inputs import initial_state
from bot.sandbox.workspace.parts import Parts
from bot.sandbox.workspace.state import Json, Refused, View, Workspace

MOST_IN_STACK = 3


def _checked(workspace: Workspace, view: Any, replacing: View | None = None, kind: str = "modal") -> Json:
    """A view's content, completed."""
    if view is None:
        raise Refused("invalid_arguments", "[ERROR] missing required field: view")
    check_view(view)
    if view["type"] != kind:
        raise Refused("invalid_arguments", f"[ERROR] must be {kind} [json-pointer:/view/type]")
    known = workspace.view(view.get("external_id") or "")
    if known is not None and known is not replacing:
        raise Refused("duplicate_external_id")
    return {**view, "blocks": with_ids(view["blocks"])}


def _new(workspace: Workspace, user: str, view: Json, previous: View | None) -> View:
    view_id = workspace.new_id("V")
    return View(
        id=view_id,
        user=user,
        content=view,
        root=previous.root if previous else view_id,
        previous=previous.id if previous else None,
        hash=_new_hash(),
        state=initial_state(view["blocks"]),
    )


def _new_hash() -> str:
    return f"1.{secrets.token_hex(6)}"


def push(workspace: Workspace, user: str, view: Any) -> View:
    """Puts a modal on top of a person's stack. Raises `Refused`."""
    stack = workspace.stacks.setdefault(user, [])
    if len(stack) >= MOST_IN_STACK:
        raise Refused("push_limit_reached")
    one = _new(workspace, user, _checked(workspace, view), stack[-1] if stack else None)
    stack.append(one)
    workspace.changed()
    return one


def replace(workspace: Workspace, one: View, view: Any) -> None:
    """Gives a view other content; what was filled in stays where block_id and action_id stay. Raises
    `Refused`."""
    content = _checked(workspace, view, one, kind=one.content["type"])
    fresh = initial_state(content["blocks"])
    for block_id, entries in fresh.items():
        for action_id, entry in entries.items():
            before = one.state.get(block_id, {}).get(action_id)
            if before and before["type"] == entry["type"]:
                entries[action_id] = before
    one.content, one.state, one.hash, one.notice = content, fresh, _new_hash(), None
    workspace.changed()


def _open(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    content = _checked(workspace, given.structure("view"))
    trigger = workspace.spend_trigger(given.text("trigger_id"))
    one = _new(workspace, trigger.user, content, None)
    workspace.stacks[trigger.user] = [one]
    workspace.changed()
    return {"view": payloads.view(workspace, one)}


def _push(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    _checked(workspace, given.structure("view"))
    trigger = workspace.spend_trigger(given.text("trigger_id"))
    if trigger.view is None or workspace.view(trigger.view) is None:
        raise Refused("not_found")
    return {"view": payloads.view(workspace, push(workspace, trigger.user, given.structure("view")))}


def _update(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    one = workspace.view(given.text("view_id", "") or given.text("external_id", ""))
    if one is None:
        raise Refused("not_found")
    if given.text("hash", "") not in ("", one.hash):
        raise Refused("hash_conflict")
    replace(workspace, one, given.structure("view"))
    return {"view": payloads.view(workspace, one)}


def _publish(parts: Parts, given: Arguments) -> Json:
    workspace = parts.workspace
    person = workspace.person(given.text("user_id", ""))
    before = workspace.homes.get(person.id)
    if before and given.text("hash", "") not in ("", before.hash):
        raise Refused("hash_conflict")
    content = _checked(workspace, given.structure("view"), before, kind="home")
    workspace.homes[person.id] = _new(workspace, person.id, content, None)
    workspace.changed()
    return {"view": payloads.view(workspace, workspace.homes[person.id])}


METHODS = {
    "views.open": _open,
    "views.push": _push,
    "views.update": _update,
    "views.publish": _publish,
}
