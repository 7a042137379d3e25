"""The arguments of a Web API call, however they arrive: query, form, multipart, JSON, JSON in a string."""

import json
from typing import Any

from aiohttp import web

from bot.sandbox.workspace.state import Json, Refused

# Arguments whose string is JSON when they arrive in a form or a query.
_STRUCTURED = ("blocks", "view", "metadata", "files", "attachments", "message")


class Arguments:
    """Arguments by name; the typed readers refuse what does not fit."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def text(self, name: str, default: str | None = None) -> str:
        """A string; without a default it must be there."""
        value = self.values.get(name, default)
        if value is None or (value == "" and default is None):
            raise Refused("invalid_arguments", f"[ERROR] missing required field: {name}")
        return value if isinstance(value, str) else str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean: true, "true", 1 or "1"."""
        return str(self.values.get(name, default)).lower() in ("true", "1")

    def number(self, name: str, default: int) -> int:
        """A whole number."""
        try:
            return int(self.values.get(name) or default)
        except (TypeError, ValueError) as error:
            raise Refused(
                "invalid_arguments", f"[ERROR] must be an integer [json-pointer:/{name}]"
            ) from error

    def structure(self, name: str) -> Any:
        """A list or an object, None when absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if value == "":
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            wrong = "invalid_blocks_format" if name == "blocks" else "invalid_arguments"
            raise Refused(wrong, f"[ERROR] not valid JSON [json-pointer:/{name}]") from error


async def read(request: web.Request) -> tuple[Arguments, str]:
    """The arguments of a request and its token, from the header or among the arguments ("" when none)."""
    values: Json = dict(request.query)
    if request.method == "POST":
        if request.content_type == "application/json":
            values |= _json_body(await request.text())
        else:
            values |= {
                name: value for name, value in (await request.post()).items() if isinstance(value, str)
            }
    token = values.pop("token", "")
    kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        token = bearer
    return Arguments(values), token


def _json_body(text: str) -> Json:
    try:
        body = json.loads(text or "{}")
        # Some callers send the JSON once more in a string.
        body = json.loads(body) if isinstance(body, str) else body
    except ValueError as error:
        raise Refused("invalid_json") from error
    if not isinstance(body, dict):
        raise Refused("json_not_object")
    return body


def for_the_log(values: Json) -> Json:
    """The arguments with structures opened, so that a reader of the log need not parse twice."""
    opened = dict(values)
    for name in _STRUCTURED:
        try:
            if isinstance(opened.get(name), str):
                opened[name] = json.loads(opened[name])
        except ValueError:
            continue
    return opened
