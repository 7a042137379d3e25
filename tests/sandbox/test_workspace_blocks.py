"""What Slack would refuse is refused, and what it takes is taken: tables of cases."""

from typing import Any

import pytest

from bot.sandbox.workspace.blocks import check_blocks, problems_of_blocks, problems_of_view, with_ids
from bot.sandbox.workspace.state import Refused


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def section(**more: Any) -> dict[str, Any]:
    return {"type": "section", "text": mrkdwn("x"), **more}


def button(**more: Any) -> dict[str, Any]:
    return {"type": "button", "action_id": "go", "text": plain("Go"), **more}


def actions(*elements: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **more}


def options(count: int) -> list[dict[str, Any]]:
    return [{"text": plain(f"Option {n}"), "value": f"v{n}"} for n in range(count)]


def select(**more: Any) -> dict[str, Any]:
    return {"type": "static_select", "action_id": "pick", "options": options(2), **more}


def field(element: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    element = element or {"type": "plain_text_input", "action_id": "text"}
    return {"type": "input", "label": plain("Reason"), "element": element, **more}


def run(text: str = "x") -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}


def task(**more: Any) -> dict[str, Any]:
    return {"type": "task_card", "task_id": "1", "title": "Upload", "status": "in_progress", **more}


def modal(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "modal",
        "title": plain("Upgrade"),
        "submit": plain("Ask"),
        "blocks": list(blocks),
        **more,
    }


CONFIRM = {
    "title": plain("Sure?"),
    "text": mrkdwn("Really *sure*?"),
    "confirm": plain("Yes"),
    "deny": plain("No"),
}

GOOD_BLOCKS = [
    {"type": "header", "text": plain("x" * 150)},
    section(block_id="b" * 255),
    {"type": "section", "fields": [mrkdwn("x" * 2000)] * 10},
    section(text=mrkdwn("x" * 3000), accessory=button(style="danger", confirm=CONFIRM)),
    section(accessory={"type": "image", "image_url": "https://example.org/a.png", "alt_text": "A"}),
    section(accessory={"type": "overflow", "action_id": "more", "options": options(5)}),
    {
        "type": "context",
        "elements": [mrkdwn("a"), plain("b"), {"type": "image", "image_url": "u", "alt_text": "A"}],
    },
    {"type": "divider"},
    actions(*(button(action_id=f"a{n}", value="v" * 2000) for n in range(25))),
    actions(select(initial_option=options(1)[0], placeholder=plain("Choose"))),
    actions({"type": "datetimepicker", "action_id": "when", "initial_date_time": 1_700_000_000}),
    {"type": "image", "image_url": "https://example.org/a.png", "alt_text": "A", "title": plain("A")},
    {
        "type": "rich_text",
        "elements": [run(), {"type": "rich_text_list", "style": "bullet", "elements": [run()]}],
    },
    {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 20] * 100},
    {"type": "plan", "title": "Run", "tasks": [task(status="complete")]},
    task(details={"type": "rich_text", "elements": [run()]}),
    field(),
]

BAD_BLOCKS = {
    "no type": {"text": plain("x")},
    "unknown type": {"type": "heading", "text": plain("x")},
    "header over 150": {"type": "header", "text": plain("x" * 151)},
    "header in mrkdwn": {"type": "header", "text": mrkdwn("x")},
    "header without text": {"type": "header"},
    "section without words": {"type": "section"},
    "section over 3000": section(text=mrkdwn("x" * 3001)),
    "section with empty text": section(text=mrkdwn("")),
    "section with a bare string": section(text="x"),
    "section with unknown text type": section(text={"type": "markdown", "text": "x"}),
    "emoji on mrkdwn": section(text={"type": "mrkdwn", "text": "x", "emoji": True}),
    "eleven fields": {"type": "section", "fields": [mrkdwn("x")] * 11},
    "field over 2000": {"type": "section", "fields": [mrkdwn("x" * 2001)]},
    "no fields": {"type": "section", "fields": []},
    "input element as accessory": section(accessory={"type": "plain_text_input", "action_id": "a"}),
    "unknown property": section(colour="red"),
    "block_id over 255": section(block_id="b" * 256),
    "no elements": actions(),
    "26 elements": actions(*(button(action_id=f"a{n}") for n in range(26))),
    "the same action_id twice": actions(button(), button()),
    "button text over 75": actions(button(text=plain("x" * 76))),
    "button text in mrkdwn": actions(button(text=mrkdwn("x"))),
    "button value over 2000": actions(button(value="x" * 2001)),
    "button value not a string": actions(button(value=7)),
    "button style": actions(button(style="warning")),
    "action_id over 255": actions(button(action_id="x" * 256)),
    "confirm without text": actions(button(confirm={"title": plain("Sure?")})),
    "confirm text over 300": actions(button(confirm={**CONFIRM, "text": mrkdwn("x" * 301)})),
    "confirm title over 100": actions(button(confirm={**CONFIRM, "title": plain("x" * 101)})),
    "confirm button over 30": actions(button(confirm={**CONFIRM, "confirm": plain("x" * 31)})),
    "eleven in context": {"type": "context", "elements": [mrkdwn("x")] * 11},
    "button in context": {"type": "context", "elements": [button()]},
    "select without options": actions({"type": "static_select", "action_id": "a"}),
    "101 options": actions(select(options=options(101))),
    "option text over 75": actions(select(options=[{"text": plain("x" * 76), "value": "v"}])),
    "option value over 150": actions(select(options=[{"text": plain("x"), "value": "v" * 151}])),
    "two options of one value": actions(select(options=options(1) * 2)),
    "initial option not offered": actions(select(initial_option=options(3)[2])),
    "placeholder over 150": actions(select(placeholder=plain("x" * 151))),
    "eleven checkboxes": actions({"type": "checkboxes", "action_id": "a", "options": options(11)}),
    "datetime as text": actions(
        {"type": "datetimepicker", "action_id": "a", "initial_date_time": "1700000000"}
    ),
    "date in another order": actions({"type": "datepicker", "action_id": "a", "initial_date": "31.12.2026"}),
    "image without alt text": {"type": "image", "image_url": "https://example.org/a.png"},
    "101 rows": {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]] * 101},
    "21 columns": {"type": "table", "rows": [[{"type": "raw_text", "text": "x"}] * 21]},
    "task completed": task(status="completed"),
    "alert in a message": {"type": "alert", "text": plain("x")},
    "input label in mrkdwn": field(label=mrkdwn("x")),
    "input without element": {"type": "input", "label": plain("x")},
    "unknown rich text": {"type": "rich_text", "elements": [{"type": "rich_text_table", "elements": []}]},
    "not an object": "divider",
}

GOOD_VIEWS = [
    modal(field()),
    modal(section(), submit=None),
    modal(*[section()] * 100),
    modal({"type": "alert", "text": plain("x"), "level": "warning"}, private_metadata="x" * 3000),
    modal(field(select()), callback_id="c", notify_on_close=True, close=plain("Leave")),
    {"type": "home", "blocks": [section()]},
]

BAD_VIEWS = {
    "no title": {"type": "modal", "blocks": [section()]},
    "title over 24": modal(section(), title=plain("x" * 25)),
    "input without submit": modal(field(), submit=None),
    "submit over 24": modal(field(), submit=plain("x" * 25)),
    "metadata over 3000": modal(section(), private_metadata="x" * 3001),
    "101 blocks": modal(*[section()] * 101),
    "no blocks": modal(),
    "unknown type": {"type": "dialog", "blocks": []},
    "table in a modal": modal({"type": "table", "rows": [[{"type": "raw_text", "text": "x"}]]}),
    "the same block_id twice": modal(section(block_id="b"), section(block_id="b")),
    "hint over 2000": modal(field(hint=plain("x" * 2001))),
    "two with focus": modal(
        *[field({"type": "plain_text_input", "action_id": "a", "focus_on_load": True})] * 2
    ),
    "max_length over 3000": modal(field({"type": "plain_text_input", "action_id": "a", "max_length": 3001})),
}


@pytest.mark.parametrize("block", GOOD_BLOCKS, ids=lambda block: block["type"])
def test_good_block(block: dict[str, Any]) -> None:
    assert problems_of_blocks([block]) == []


@pytest.mark.parametrize("block", BAD_BLOCKS.values(), ids=BAD_BLOCKS.keys())
def test_bad_block(block: Any) -> None:
    found = problems_of_blocks([section(block_id="first"), block])
    assert found
    assert all("[json-pointer:/blocks/1" in problem for problem in found)


@pytest.mark.parametrize("view", GOOD_VIEWS)
def test_good_view(view: dict[str, Any]) -> None:
    assert problems_of_view(view) == []


@pytest.mark.parametrize("view", BAD_VIEWS.values(), ids=BAD_VIEWS.keys())
def test_bad_view(view: dict[str, Any]) -> None:
    assert problems_of_view(view)


def test_fifty_blocks_are_the_most_of_a_message() -> None:
    assert problems_of_blocks([section()] * 50) == []
    assert problems_of_blocks([section()] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]


def test_block_ids_are_unique_in_a_message() -> None:
    assert "already exists" in problems_of_blocks([section(block_id="b"), section(block_id="b")])[0]


def test_all_texts_together_are_limited() -> None:
    check_blocks([section(text=mrkdwn("x" * 3000))] * 4)
    with pytest.raises(Refused, match="msg_blocks_too_long"):
        check_blocks([section(text=mrkdwn("x" * 3000))] * 5)


def test_ids_and_defaults_are_filled_in() -> None:
    first, second = with_ids([section(accessory=button(action_id=None)), actions(button(), block_id="mine")])
    assert first["block_id"]
    assert first["accessory"]["action_id"]
    assert first["text"] == {"type": "mrkdwn", "text": "x", "verbatim": False}
    assert second["block_id"] == "mine"
    assert second["elements"][0]["text"]["emoji"] is True
