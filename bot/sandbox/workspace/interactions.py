"""What happens in Slack when a person does something: the envelope, the wait for its acknowledgement, and what
the person sees of it."""

import asyncio
import re
from typing import Any

from bot.sandbox.workspace import inputs, payloads, views
from bot.sandbox.workspace.blocks import elements_of
from bot.sandbox.workspace.chat import content, say
from bot.sandbox.workspace.parts import Parts
from bot.sandbox.workspace.socket_mode import Unanswered
from bot.sandbox.workspace.state import Channel, Json, Message, Person, Refused, View, Workspace

NO_CONNECTION = "We had some trouble connecting. Try again?"
RETRY_SECONDS = (0, 60, 300)


class NotPossible(Exception):
    """Something that this person cannot do in Slack; the message says why."""


def actor(workspace: Workspace, user: Any) -> Person:
    """The person who acts."""
    person = workspace.people.get(user)
    if person is None or person.bot:
        raise NotPossible(f"There is no person {user!r} in this workspace.")
    if person.deactivated:
        raise NotPossible(f"{person.real_name}'s account is deactivated.")
    return person


def place(workspace: Workspace, person: Person, channel: Any) -> Channel:
    """A channel that the person is in."""
    found = workspace.channels.get(channel or workspace.seed.channel_id)
    if found is None or person.id not in found.members:
        raise NotPossible(f"{person.real_name} is in no channel {channel!r}.")
    return found


async def command(parts: Parts, person: Person, where: Channel, text: str) -> Json:
    """A slash command typed into the message box: {ok, response?, error?}."""
    workspace = parts.workspace
    name, _, rest = text.strip().partition(" ")
    if name != workspace.seed.command:
        return _failed(workspace, person, where, f"{name} is not a valid command.")
    payload = payloads.slash_command(
        workspace,
        person,
        where,
        name,
        escaped(workspace, rest.strip()),
        parts.response_url(person.id, where.id),
    )
    try:
        ack = await parts.links.deliver("slash_commands", payload, accepts_response=True)
    except Unanswered as error:
        return _failed(workspace, person, where, f'{name} failed with the error "{error}"')
    if not ack.get("text") and not ack.get("blocks"):
        return {"ok": True}
    try:
        words, blocks = content(ack.get("text"), ack.get("blocks"))
    except Refused:
        return _failed(workspace, person, where, f'{name} failed with the error "invalid_command_response"')
    say(workspace, person.id, where.id, words, blocks, ack.get("response_type"))
    return {"ok": True, "response": ack}


def _failed(workspace: Workspace, person: Person, where: Channel, text: str) -> Json:
    workspace.notify(person.id, text, channel=where.id)
    return {"ok": False, "error": text}


def escaped(workspace: Workspace, text: str) -> str:
    """Text as typed, in Slack's encoding: `&<>` escaped, @people, @groups and #channels as references, as with
    `should_escape: true`."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    references = {f"@{p.name}": f"<@{p.id}|{p.name}>" for p in workspace.people.values()}
    references |= {f"@{g.handle}": f"<!subteam^{g.id}|@{g.handle}>" for g in workspace.groups.values()}
    references |= {
        f"#{c.name}": f"<#{c.id}|{c.name}>" for c in workspace.channels.values() if c.im_with is None
    }
    return re.sub(r"(?<!\S)[@#][\w.-]*\w", lambda found: references.get(found[0], found[0]), text)


async def message_action(
    parts: Parts, person: Person, on: Message, action_id: str, block_id: str | None, value: Any
) -> Json:
    """A click on a message's button, or a choice in its select: {ok, confirm, error?}."""
    workspace = parts.workspace
    block, element = _element(on.blocks, action_id, block_id)
    action = inputs.action(block, element, value, workspace.new_ts())
    state = inputs.initial_state(on.blocks)
    if state.get(block["block_id"], {}).get(action_id):
        state[block["block_id"]][action_id] = inputs.state_value(element, value)
    payload = payloads.message_action(
        workspace, person, on, action, state, parts.response_url(person.id, on.channel, on)
    )
    answer: Json = {"ok": True, "confirm": element.get("confirm")}
    try:
        await parts.links.deliver("interactive", payload, accepts_response=False)
    except Unanswered as error:
        text = f"⚠ The app did not respond to this ({error})."
        workspace.notify(person.id, text, channel=on.channel, ts=on.ts, action_id=action_id)
        answer |= {"ok": False, "error": str(error)}
    return answer


def _element(blocks: list[Json], action_id: str, block_id: str | None) -> tuple[Json, Json]:
    for block in blocks:
        for element in elements_of(block):
            if element["action_id"] == action_id and block_id in (None, block["block_id"]):
                return block, element
    there = [element["action_id"] for block in blocks for element in elements_of(block)]
    raise NotPossible(
        f"There is nothing {action_id!r} to use here; there is {', '.join(there) or 'nothing'}."
    )


async def view_action(
    parts: Parts, person: Person, on: View, action_id: str, block_id: str | None, value: Any, values: Json
) -> Json:
    """A button or a dispatching input in a view: {ok, confirm, error?}."""
    workspace = parts.workspace
    block, element = _element(on.content["blocks"], action_id, block_id)
    on.state = inputs.filled(on.content["blocks"], on.state, values)
    if on.state.get(block["block_id"], {}).get(action_id):
        on.state[block["block_id"]][action_id] = inputs.state_value(element, value)
    payload = payloads.view_action(
        workspace, person, on, inputs.action(block, element, value, workspace.new_ts())
    )
    answer: Json = {"ok": True, "confirm": element.get("confirm")}
    try:
        await parts.links.deliver("interactive", payload, accepts_response=False)
    except Unanswered as error:
        _trouble(workspace, on)
        answer |= {"ok": False, "error": str(error)}
    return answer


def _trouble(workspace: Workspace, view: View) -> None:
    view.notice = NO_CONNECTION
    workspace.changed()


async def submit(parts: Parts, person: Person, view: View, values: Json) -> Json:
    """The submit button of a modal: {ok, errors?: {block_id: message}, error?}."""
    workspace = parts.workspace
    if workspace.stacks.get(person.id, [])[-1:] != [view]:
        raise NotPossible(f"View {view.id} is not on top for {person.real_name}.")
    view.notice = None
    view.state = inputs.filled(view.content["blocks"], view.state, values)
    if errors := inputs.errors_of_inputs(view.content["blocks"], view.state):
        return {"ok": False, "errors": errors}
    payload = payloads.view_submission(workspace, person, view)
    try:
        ack = await parts.links.deliver("interactive", payload, accepts_response=True)
        return _after_submission(workspace, person, view, ack)
    except (Unanswered, Refused) as error:
        _trouble(workspace, view)
        return {"ok": False, "error": f"{NO_CONNECTION} ({error})"}


def _after_submission(workspace: Workspace, person: Person, view: View, ack: Json) -> Json:
    stack = workspace.stacks.get(person.id, [])
    response_action = ack.get("response_action")
    if response_action == "errors":
        inputs_there = {b["block_id"] for b in view.content["blocks"] if b["type"] == "input"}
        errors = ack.get("errors")
        if not isinstance(errors, dict) or not errors or not set(errors) <= inputs_there:
            raise Refused("errors for blocks that are not inputs of this view")
        return {"ok": False, "errors": errors}
    if response_action == "update":
        views.replace(workspace, view, ack.get("view"))
    elif response_action == "push":
        views.push(workspace, person.id, ack.get("view"))
    elif response_action == "clear":
        stack.clear()
    elif response_action is None:
        if view in stack:
            stack.remove(view)
    else:
        raise Refused(f"unknown response_action {response_action!r}")
    workspace.changed()
    return {"ok": True}


async def close(parts: Parts, person: Person, view: View, clear: bool) -> Json:
    """The close button of a modal; `clear` closes the whole stack."""
    workspace = parts.workspace
    stack = workspace.stacks.get(person.id, [])
    everything = clear or bool(view.content.get("clear_on_close"))
    closed = list(stack) if everything else [view] if view in stack else []
    workspace.stacks[person.id] = [one for one in stack if one not in closed]
    workspace.changed()
    for one in reversed(closed):
        if one.content.get("notify_on_close"):
            payload = payloads.view_closed(workspace, person, one, everything)
            try:
                await parts.links.deliver("interactive", payload, accepts_response=False)
            except Unanswered as error:
                return {"ok": False, "error": str(error)}
    return {"ok": True}


def emit(parts: Parts, body: Json) -> None:
    """Delivers an event that the app is subscribed to; unacknowledged, it is sent up to three times more."""
    if body["type"] in parts.workspace.seed.events:
        parts.links.in_background(_deliver_event(parts, payloads.event(parts.workspace, body)))


async def _deliver_event(parts: Parts, payload: Json) -> None:
    for attempt, pause in enumerate((0, *RETRY_SECONDS)):
        await asyncio.sleep(pause)
        try:
            reason = "timeout" if attempt else ""
            await parts.links.deliver(
                "events_api", payload, accepts_response=False, retry_attempt=attempt, retry_reason=reason
            )
            return
        except Unanswered:
            continue
