"""Small checks that combine into a description of Block Kit, and report as Slack does.

A check takes a value and its JSON pointer and yields sentences such as
"must be less than 151 characters [json-pointer:/blocks/0/text/text]".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Check = Callable[[Any, str], Iterator[str]]


def says(message: str, pointer: str) -> str:
    """One complaint, as Slack words it."""
    return f"{message} [json-pointer:{pointer}]"


def string(most: int, least: int = 1, pattern: str = "") -> Check:
    """A string of `least` to `most` characters."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str):
            yield says("must provide a string", at)
        elif len(value) > most:
            yield says(f"must be less than {most + 1} characters", at)
        elif len(value) < least:
            yield says(f"must be more than {least - 1} characters", at)
        elif pattern and not re.fullmatch(pattern, value):
            yield says(f"does not match the pattern {pattern}", at)

    return check


def number(least: int, most: int) -> Check:
    """An integer between two bounds, both included."""

    def check(value: Any, at: str) -> Iterator[str]:
        if type(value) is not int or not least <= value <= most:
            yield says(f"must be an integer between {least} and {most}", at)

    return check


def boolean(value: Any, at: str) -> Iterator[str]:
    """True or false."""
    if not isinstance(value, bool):
        yield says("must be a boolean", at)


def anything(value: Any, at: str) -> Iterator[str]:
    """No check: of what the stand-in only hands on."""
    yield from ()


def enum(*allowed: str) -> Check:
    """One of these strings."""

    def check(value: Any, at: str) -> Iterator[str]:
        if value not in allowed:
            yield says(f"must be one of {', '.join(allowed)}", at)

    return check


def items(check_item: Check, least: int, most: int) -> Check:
    """A list of `least` to `most` items."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield says("must be an array", at)
            return
        if len(value) > most:
            yield says(f"no more than {most} items allowed", at)
        if len(value) < least:
            yield says(f"no fewer than {least} items allowed", at)
        for index, item in enumerate(value):
            yield from check_item(item, f"{at}/{index}")

    return check


def thing(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these properties and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield says("must be an object", at)
            return
        for name in required:
            if value.get(name) is None:
                yield says(f"missing required field: {name}", at)
        for name, item in value.items():
            if name not in known:
                yield says(f"invalid additional property: {name}", at)
            elif item is not None:
                yield from known[name](item, f"{at}/{name}")

    return check


def variant(kinds: Mapping[str, Check]) -> Check:
    """An object whose `type` says which of these checks it must pass (each of which knows `type`)."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield says("must be an object", at)
        elif "type" not in value:
            yield says("missing required field: type", at)
        elif not isinstance(value["type"], str) or value["type"] not in kinds:
            yield says(f"unsupported type: {value['type']}", f"{at}/type")
        else:
            yield from kinds[value["type"]](value, at)

    return check


def both(first: Check, second: Check) -> Check:
    """Both checks; the second only when the first has nothing to say."""

    def check(value: Any, at: str) -> Iterator[str]:
        found = list(first(value, at))
        yield from found or second(value, at)

    return check
