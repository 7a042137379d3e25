"""Input elements: what they hold at the start, and how a person's plain values become Slack's state values.

A plain VALUE is what a page or a test gives: a string for text, a select (the option's value), a user, a date
or a time; a Unix time for a datetimepicker; a list of option values or user ids where several may be chosen;
None for nothing.
"""

from typing import Any

from bot.sandbox.workspace.blocks import elements_of
from bot.sandbox.workspace.elements import options_of
from bot.sandbox.workspace.state import Json

_FIELDS = {
    "plain_text_input": ("value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
}
_SEVERAL = ("multi_static_select", "checkboxes", "multi_users_select")
REQUIRED = "Please complete this required field."


class BadValue(Exception):
    """A value that the element could not have taken from a person; the message says why."""


def state_value(element: Json, given: Any) -> Json:
    """The element's entry in Slack's state, holding what was given."""
    name, _ = _FIELDS[element["type"]]
    return {"type": element["type"], name: _taken(element, given)}


def _taken(element: Json, given: Any) -> Any:
    kind, action_id = element["type"], element["action_id"]
    if kind in _SEVERAL:
        chosen = given if isinstance(given, list) else [] if given is None else [given]
        return [_option(element, value) for value in chosen] if kind != "multi_users_select" else chosen
    if given is None or given == "":
        return None
    if kind in ("static_select", "radio_buttons"):
        return _option(element, given)
    if kind == "datetimepicker":
        try:
            return int(given)
        except (TypeError, ValueError) as error:
            raise BadValue(f'"{action_id}" takes a Unix time, not {given!r}') from error
    if not isinstance(given, str):
        raise BadValue(f'"{action_id}" takes a string, not {given!r}')
    return given


def _option(element: Json, value: Any) -> Json:
    offered = options_of(element)
    for option in offered:
        if option["value"] == value:
            return option
    known = ", ".join(option["value"] for option in offered)
    raise BadValue(f'"{element["action_id"]}" has no option {value!r}; it offers {known}')


def initial_state(blocks: list[Json]) -> Json:
    """Slack's state values of a view or message that nobody has touched."""
    state: Json = {}
    for block in blocks:
        for element in elements_of(block):
            if element["type"] in _FIELDS:
                name, initial = _FIELDS[element["type"]]
                empty: Any = [] if element["type"] in _SEVERAL else None
                entry = {"type": element["type"], name: element.get(initial, empty)}
                state.setdefault(block["block_id"], {})[element["action_id"]] = entry
    return state


def filled(blocks: list[Json], state: Json, values: Json) -> Json:
    """The state after a person filled in `values` ({block_id: {action_id: VALUE}}); what is not mentioned
    stays. Raises BadValue for fields that are not there and values that the field could not hold."""
    elements = {(b["block_id"], e["action_id"]): e for b in blocks for e in elements_of(b)}
    result = {block_id: dict(entries) for block_id, entries in state.items()}
    for block_id, entries in values.items():
        for action_id, given in entries.items():
            element = elements.get((block_id, action_id))
            if element is None or element["type"] not in _FIELDS:
                raise BadValue(f'there is no field "{action_id}" in block "{block_id}"')
            result.setdefault(block_id, {})[action_id] = state_value(element, given)
    return result


def errors_of_inputs(blocks: list[Json], state: Json) -> dict[str, str]:
    """What Slack itself says beneath inputs before it sends anything: {block_id: message}."""
    errors: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = state[block["block_id"]][element["action_id"]][_FIELDS[element["type"]][0]]
        if value in (None, "", []):
            if not block.get("optional"):
                errors[block["block_id"]] = REQUIRED
        elif element["type"] == "plain_text_input":
            if len(value) > element.get("max_length", 3000):
                errors[block["block_id"]] = f"Must be at most {element.get('max_length', 3000)} characters."
            elif len(value) < element.get("min_length", 0):
                errors[block["block_id"]] = f"Must be at least {element['min_length']} characters."
    return errors


def action(block: Json, element: Json, given: Any, action_ts: str) -> Json:
    """The entry in a block_actions payload for one element that a person used."""
    done: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": action_ts,
    }
    if element["type"] == "button":
        kept = ("text", "value", "style", "url")
        return {**done, **{name: element[name] for name in kept if name in element}}
    if element["type"] == "overflow":
        return {**done, "selected_option": _option(element, given)}
    initial = _FIELDS[element["type"]][1]
    kept_initial = {initial: element[initial]} if initial in element else {}
    return {**done, **kept_initial, **state_value(element, given)}
