"""The app manifest asks for what the code uses, and for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import handlers
from handlers.app import COMMAND, COMPARE_BUTTON, DECLINE_BUTTON
from handlers.words import COMMANDS, Verb

ROOT = Path(handlers.__file__).parents[1]
MANIFEST: dict[str, Any] = json.loads((ROOT / "handlers" / "manifest.json").read_text(encoding="utf-8"))

SCOPES: dict[str, set[str]] = {
    "apps_connections_open": set(),  # the app token's connections:write, which no manifest lists
    "auth_test": set(),
    "chat_getPermalink": set(),
    "chat_postEphemeral": {"chat:write"},
    "chat_postMessage": {"chat:write"},
    "chat_update": {"chat:write"},
    "conversations_history": {"channels:history", "groups:history", "im:history"},
    "conversations_open": {"im:write"},
    "conversations_replies": {"channels:history", "groups:history", "im:history"},
    "usergroups_users_list": {"usergroups:read"},
    "users_info": {"users:read"},
    "views_open": set(),
}
"""The bot scopes of each Web API method. Source: the methods' reference pages."""

_CALL = re.compile(
    r"\.((?:api|apps|auth|bots|chat|conversations|dialog|files|pins|reactions|team|usergroups|users|views)"
    r"_[A-Za-z_]+)\("
)


def code() -> str:
    """The code that talks to Slack."""
    files = [
        *(ROOT / "handlers").glob("*.py"),
        *(ROOT / "bot" / "announce").glob("*.py"),
        ROOT / "bot" / "directory.py",
    ]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


def test_the_scopes_are_those_of_the_methods_that_are_called() -> None:
    called = set(_CALL.findall(code())) - {"api_call"}
    assert "views_open" in called
    assert called <= SCOPES.keys(), "name the scopes of the new method above"

    needed = set().union({"commands"}, *(SCOPES[method] for method in called))
    assert set(MANIFEST["oauth_config"]["scopes"]["bot"]) == needed
    assert "user" not in MANIFEST["oauth_config"]["scopes"]


def test_no_method_is_called_past_the_table() -> None:
    assert ".api_call(" not in code()


def test_the_command_is_the_one_that_is_listened_to() -> None:
    (command,) = MANIFEST["features"]["slash_commands"]

    assert command["command"] == COMMAND
    assert command["should_escape"] is True
    hinted = {hint.split()[0] for hint in command["usage_hint"].strip("[]").split(" | ")}
    assert hinted <= COMMANDS.keys()


def test_events_are_asked_for_only_if_something_listens_to_them() -> None:
    listened = re.search(
        r"\.(event|message)\(", "\n".join(f.read_text() for f in (ROOT / "handlers").glob("*.py"))
    )

    assert ("event_subscriptions" in MANIFEST["settings"]) == bool(listened)
    assert MANIFEST["settings"]["interactivity"]["is_enabled"] is True
    assert MANIFEST["settings"]["socket_mode_enabled"] is True


def test_every_button_that_is_announced_is_listened_to() -> None:
    announced = re.findall(r'\bbutton\(\s*"(\w+)"', code())

    assert set(announced) <= {*Verb, DECLINE_BUTTON, COMPARE_BUTTON}
