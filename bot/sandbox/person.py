"""What a person does in the local workspace to get an upgrade: used by the demonstration and the tests."""

from __future__ import annotations

from datetime import datetime

from bot.sandbox.workspace.client import Json, Message, View, WorkspaceClient, WorkspaceError

ANA, BEN, CHLOE = "U0ANA", "U0BEN", "U0CHLOE"


async def ask(
    workspace: WorkspaceClient,
    user: str = ANA,
    *,
    start: datetime | None = None,
    reason: str = "Monthly hotfix",
    change: str = "CHG-4711",
) -> Json:
    """`/upgrade`, the form filled in, all attestations ticked; the submission's answer.

    `start` None: as soon as it is approved. A form that is refused is closed. Raises `WorkspaceError` when the
    command is not taken.
    """
    taken = await workspace.command(user, "/upgrade")
    if not taken["ok"]:
        raise WorkspaceError(f"{user} could not ask: {taken['error']}")

    async def form() -> View | None:
        view = await workspace.view(user)
        return view if view and any(b["type"] == "input" for b in view.raw["blocks"]) else None

    view = await workspace.wait_for(form, what="the form")
    values: Json = {}
    for block in view.raw["blocks"]:
        if block["type"] == "input":
            element, label = block["element"], str(block["label"]["text"]).lower()
            value = _answer(element, label, start, reason, change)
            if value is not None:
                values[block["block_id"]] = {element["action_id"]: value}
    answer = await workspace.submit(user, view, values)
    if answer.get("errors"):
        await workspace.close(user, view, clear=True)
    return answer


def _answer(element: Json, label: str, start: datetime | None, reason: str, change: str) -> object:
    """The first choice of a select, every box ticked, words for words; None leaves a field as it is."""
    kind = element["type"]
    if kind == "radio_buttons" and start is not None:
        return element["options"][-1]["value"]
    if kind == "datetimepicker" and start is not None:
        return int(start.timestamp())
    if kind == "static_select":
        return element.get("initial_option", element.get("options", [{}])[0]).get("value")
    if kind == "checkboxes":
        return [option["value"] for option in element["options"]]
    if kind == "plain_text_input":
        return change if "change" in label else reason
    return None


async def card(workspace: WorkspaceClient, user: str, but: frozenset[str] = frozenset()) -> Message:
    """The newest request card that can be approved, other than those with a ts in `but`."""
    return await workspace.wait_for_message(
        lambda m: "approve" in m.actions and m.ts not in but, user=user, timeout=30.0
    )


async def approve(workspace: WorkspaceClient, user: str, message: Message) -> Json:
    """Presses Approve on the card. Raises `WorkspaceError` when the click is not taken."""
    answer = await workspace.click(user, message, "approve")
    if not answer.get("ok"):
        raise WorkspaceError(f"{user} could not approve: {answer}")
    return answer
