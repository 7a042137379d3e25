"""The interactive elements of Block Kit and their limits.

Source: Slack's reference of block elements and composition objects.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox.workspace.schema import (
    Check,
    anything,
    boolean,
    both,
    enum,
    items,
    number,
    says,
    string,
    thing,
    variant,
)

DATE = r"\d{4}-\d{2}-\d{2}"
TIME = r"\d{2}:\d{2}"


def plain(most: int) -> Check:
    """A plain_text object."""
    return variant({"plain_text": thing({"type": anything, "text": string(most)}, {"emoji": boolean})})


def text(most: int) -> Check:
    """A text object of either kind."""
    body = {"type": anything, "text": string(most)}
    return variant(
        {"plain_text": thing(body, {"emoji": boolean}), "mrkdwn": thing(body, {"verbatim": boolean})}
    )


CONFIRM = thing(
    {"title": plain(100), "text": text(300)},
    {"confirm": plain(30), "deny": plain(30), "style": enum("primary", "danger")},
)


def _option(label: Check) -> Check:
    return thing({"text": label, "value": string(150)}, {"description": text(75), "url": string(3000)})


def _element(
    required: Mapping[str, Check], optional: Mapping[str, Check], *, placeholder: bool = True
) -> Check:
    common: dict[str, Check] = {"action_id": string(255), "confirm": CONFIRM, "focus_on_load": boolean}
    if placeholder:
        common["placeholder"] = plain(150)
    return thing({"type": anything, **required}, {**common, **optional})


def _choices(value: dict[str, Any], at: str) -> Iterator[str]:
    """Options or groups of them, not both; what is chosen at the start must be among them."""
    if (value.get("options") is None) == (value.get("option_groups") is None):
        yield says("must provide exactly one of options and option_groups", at)
        return
    offered = options_of(value)
    values = [option["value"] for option in offered]
    if len(values) != len(set(values)):
        yield says("the values of options must be unique", at)
    chosen = value.get("initial_options") or []
    if value.get("initial_option") is not None:
        chosen = [value["initial_option"]]
    if any(option not in offered for option in chosen):
        yield says("initial options must be among the options", at)


def options_of(element: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All options that an element offers, those in groups included."""
    grouped = [option for group in element.get("option_groups") or [] for option in group["options"]]
    return [*(element.get("options") or []), *grouped]


def _select(*, multi: bool) -> Check:
    option = _option(plain(75))
    optional: dict[str, Check] = {
        "options": items(option, 1, 100),
        "option_groups": items(thing({"label": plain(75), "options": items(option, 1, 100)}), 1, 100),
    }
    if multi:
        optional |= {"initial_options": items(option, 1, 100), "max_selected_items": number(1, 100)}
    else:
        optional |= {"initial_option": option}
    return both(_element({}, optional), _choices)


def _boxes(*, several: bool) -> Check:
    option = _option(text(75))
    initial: dict[str, Check] = (
        {"initial_options": items(option, 1, 10)} if several else {"initial_option": option}
    )
    return both(_element({"options": items(option, 1, 10)}, initial, placeholder=False), _choices)


BUTTON = _element(
    {"text": plain(75)},
    {
        "value": string(2000),
        "url": string(3000),
        "style": enum("primary", "danger"),
        "accessibility_label": string(75),
    },
    placeholder=False,
)
IMAGE = thing({"type": anything, "image_url": string(3000), "alt_text": string(2000)})
SELECTS: dict[str, Check] = {
    "static_select": _select(multi=False),
    "users_select": _element({}, {"initial_user": string(255)}),
}
MULTI_SELECTS: dict[str, Check] = {
    "multi_static_select": _select(multi=True),
    "multi_users_select": _element(
        {}, {"initial_users": items(string(255), 1, 100), "max_selected_items": number(1, 100)}
    ),
}
PICKERS: dict[str, Check] = {
    "datepicker": _element({}, {"initial_date": string(10, pattern=DATE)}),
    "timepicker": _element({}, {"initial_time": string(5, pattern=TIME), "timezone": string(100)}),
    "checkboxes": _boxes(several=True),
    "radio_buttons": _boxes(several=False),
}
DATETIME = _element({}, {"initial_date_time": number(10**9, 10**10 - 1)}, placeholder=False)
OVERFLOW = _element({"options": items(_option(plain(75)), 1, 5)}, {}, placeholder=False)
PLAIN_TEXT_INPUT = _element(
    {},
    {
        "initial_value": string(3000, least=0),
        "multiline": boolean,
        "min_length": number(0, 3000),
        "max_length": number(1, 3000),
        "dispatch_action_config": thing(
            {}, {"trigger_actions_on": items(enum("on_enter_pressed", "on_character_entered"), 1, 2)}
        ),
    },
)

IN_SECTION = variant(
    {"button": BUTTON, "image": IMAGE, "overflow": OVERFLOW, **SELECTS, **MULTI_SELECTS, **PICKERS}
)
IN_ACTIONS = variant(
    {"button": BUTTON, "overflow": OVERFLOW, "datetimepicker": DATETIME, **SELECTS, **PICKERS}
)
IN_INPUT = variant(
    {"plain_text_input": PLAIN_TEXT_INPUT, "datetimepicker": DATETIME, **SELECTS, **MULTI_SELECTS, **PICKERS}
)
