"""Plain values become Slack's state values; what a field could not hold is refused."""

from typing import Any

import pytest

from bot.sandbox.workspace.inputs import REQUIRED, BadValue, errors_of_inputs, filled, initial_state

OPTIONS = [{"text": {"type": "plain_text", "text": n}, "value": n} for n in ("one", "two")]


def block(element: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "input", "block_id": element["type"], "element": {**element, "action_id": "a"}, **more}


BLOCKS = [
    block({"type": "plain_text_input", "initial_value": "before", "min_length": 3, "max_length": 10}),
    block({"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[0]}),
    block({"type": "checkboxes", "options": OPTIONS}, optional=True),
    block({"type": "datetimepicker"}, optional=True),
    block({"type": "users_select"}, optional=True),
]


def test_what_nobody_touched() -> None:
    assert initial_state(BLOCKS) == {
        "plain_text_input": {"a": {"type": "plain_text_input", "value": "before"}},
        "static_select": {"a": {"type": "static_select", "selected_option": OPTIONS[0]}},
        "checkboxes": {"a": {"type": "checkboxes", "selected_options": []}},
        "datetimepicker": {"a": {"type": "datetimepicker", "selected_date_time": None}},
        "users_select": {"a": {"type": "users_select", "selected_user": None}},
    }


def test_values_take_slacks_shapes_and_the_rest_stays() -> None:
    values = {
        "checkboxes": {"a": ["two"]},
        "datetimepicker": {"a": 1_700_000_000},
        "users_select": {"a": "U0BEN"},
    }
    state = filled(BLOCKS, initial_state(BLOCKS), values)
    assert state["checkboxes"]["a"]["selected_options"] == [OPTIONS[1]]
    assert state["datetimepicker"]["a"]["selected_date_time"] == 1_700_000_000
    assert state["users_select"]["a"]["selected_user"] == "U0BEN"
    assert state["plain_text_input"]["a"]["value"] == "before"


@pytest.mark.parametrize(
    "values",
    [
        {"static_select": {"a": "three"}},
        {"static_select": {"b": "one"}},
        {"nowhere": {"a": "one"}},
        {"datetimepicker": {"a": "tomorrow"}},
        {"plain_text_input": {"a": 7}},
    ],
)
def test_values_that_the_field_could_not_hold(values: dict[str, Any]) -> None:
    with pytest.raises(BadValue):
        filled(BLOCKS, initial_state(BLOCKS), values)


@pytest.mark.parametrize(
    ("text", "error"), [("", REQUIRED), ("ab", "at least 3"), ("x" * 11, "at most 10"), ("abc", None)]
)
def test_what_slack_itself_says_beneath_inputs(text: str, error: str | None) -> None:
    errors = errors_of_inputs(
        BLOCKS, filled(BLOCKS, initial_state(BLOCKS), {"plain_text_input": {"a": text}})
    )
    assert set(errors) == ({"plain_text_input"} if error else set())
    assert error is None or error in errors["plain_text_input"]
