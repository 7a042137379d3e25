"""The modals as Slack's views, and what was filled in as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.announce.text import escape, flat, size
from bot.config import EnterpriseSettings
from bot.domain.plan import ATTESTATIONS, Package
from bot.domain.refusal import Refusal
from bot.domain.windows import WeeklyWindow
from bot.upgrade.desk import OutsideWindow

Json = dict[str, Any]

ASK = "ask"
DECLINE = "decline"
COMPARE = "compare"
"""Callback ids. In each modal a field's block_id is also its element's action_id."""

AS_APPROVED, AT_A_TIME = "approved", "time"
OPTION_LIMIT = 100
LABEL_LIMIT = 75
TITLE_LIMIT = 24
ERROR_LIMIT = 300

_HELD = re.compile(r"([a-z0-9-]{1,40}):([0-9]{1,9})")

NOTICE = (
    "Two people approve one exact plan. Then, inside a maintenance window, Keyturn uploads the package, "
    "distributes it, presses Install once, and watches until every appliance shows the new level: 45 to 90 "
    "minutes, possibly longer. From the start nobody uses the Admin Console or the Packages page. There is no "
    "way back after Install: it is never pressed a second time, and nothing is retried after a failure."
)


@dataclass(frozen=True)
class Asked:
    """What was filled in. `start` None: as soon as it is approved."""

    enterprise: str
    package: str
    start: datetime | None
    reason: str
    change: str
    attestations: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """Which hold: that of the enterprise by this epoch."""

    enterprise: str
    epoch: int


class Incomplete(Exception):
    """The form cannot be handed over as it is; `errors` by block id."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(f"fields that need another look: {', '.join(errors)}")
        self.errors = errors


def offered(packages: Sequence[Package]) -> list[Package]:
    """Those that a select can offer: the newest hundred."""
    return list(packages[:OPTION_LIMIT])


def ask_view(
    enterprises: Mapping[str, EnterpriseSettings], packages: Sequence[Package], channel: str
) -> Json:
    """The form that asks for an upgrade. `packages` are those offered; `channel` is where the outcome is told."""
    places = [_option(f"{settings.title} ({name})", name) for name, settings in enterprises.items()]
    files = [_option(f"{p.level}, {size(p.size)}: {p.name}", p.name) for p in packages]
    whens = [_option("As soon as it is approved", AS_APPROVED), _option("At a time", AT_A_TIME)]
    ticks = [_option(text, key) for key, text in ATTESTATIONS.items()]
    picker: Json = {"type": "datetimepicker"}
    return {
        "type": "modal",
        "callback_id": ASK,
        "private_metadata": channel,
        "title": _plain("Ask for an upgrade"),
        "submit": _plain("Ask"),
        "close": _plain("Close"),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": NOTICE}},
            _input("enterprise", "Enterprise", _select(places)),
            _input("package", "Package", _select(files)),
            _input("when", "When", {"type": "radio_buttons", "options": whens, "initial_option": whens[0]}),
            _input("start", "Start, if at a time", picker, optional=True),
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": _windows(enterprises)}],
            },
            _input("reason", "Reason", _writing(1000, multiline=True)),
            _input("change", "Change number", _writing(60)),
            _input("attestations", "Confirm each", {"type": "checkboxes", "options": ticks}),
        ],
    }


def decline_view(request: str) -> Json:
    """The form that asks why a request is declined."""
    return {
        "type": "modal",
        "callback_id": DECLINE,
        "private_metadata": request,
        "title": _plain(flat(f"Decline {request}", TITLE_LIMIT)),
        "submit": _plain("Decline"),
        "close": _plain("Close"),
        "blocks": [_input("reason", "Reason", _writing(1000, multiline=True))],
    }


def compare_view(held: Held, title: str) -> Json:
    """The form in which one person states what they compared. `title` is the enterprise as people call it."""
    words = (
        f"By sending this you say that you have looked, read only, at the Appliance Console of every appliance of "
        f"{escape(title, 80)}; that nothing is being distributed or installed there, nothing has failed, and every "
        "level is one that you can explain; and that the head below is the last one that Keyturn itself announced in "
        "the channel before its message about the hold."
    )
    return {
        "type": "modal",
        "callback_id": COMPARE,
        "private_metadata": f"{held.enterprise}:{held.epoch}",
        "title": _plain("I have compared"),
        "submit": _plain("State it"),
        "close": _plain("Close"),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": words}},
            {
                "type": "section",
                "text": {
                    "type": "mrkdwn",
                    "text": "If a console shows anything else: close this and call support.",
                },
            },
            _input("head", "Last announced head: its first 8 digits or more", _writing(64, least=8)),
        ],
    }


def read_held(value: object) -> Held | None:
    """The hold that a button or a form is about; None for anything else."""
    found = _HELD.fullmatch(value) if isinstance(value, str) else None
    return Held(found[1], int(found[2])) if found else None


def read_ask(view: Mapping[str, Any]) -> Asked:
    """The submitted form. Raises `Incomplete` for a time that is missing or not wanted, and for a forged view."""
    option, when = _chosen(view, "enterprise"), _chosen(view, "when")
    package, seconds = _chosen(view, "package"), _element(view, "start").get("selected_date_time")
    if not option or not package:
        block = "enterprise" if not option else "package"
        raise Incomplete({block: "Choose one."})
    if when == AT_A_TIME and not isinstance(seconds, int):
        raise Incomplete({"start": "Choose the time, or “As soon as it is approved” above."})
    if when != AT_A_TIME and seconds is not None:
        raise Incomplete({"start": "Clear the time, or choose “At a time” above."})
    ticked = _element(view, "attestations").get("selected_options")
    return Asked(
        enterprise=option,
        package=package,
        start=datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None,
        reason=read_text(view, "reason"),
        change=read_text(view, "change"),
        attestations=tuple(str(o.get("value")) for o in ticked) if isinstance(ticked, list) else (),
    )


def read_text(view: Mapping[str, Any], block: str) -> str:
    """What was written into a text field; empty when nothing was."""
    value = _element(view, block).get("value")
    return value.strip() if isinstance(value, str) else ""


def beneath(refusal: Exception) -> str:
    """The field of the ask form beneath which a refusal belongs."""
    if isinstance(refusal, OutsideWindow):
        return "start"
    if isinstance(refusal, Refusal) and str(refusal).startswith("not yet confirmed"):
        return "attestations"
    return "enterprise"


def _windows(enterprises: Mapping[str, EnterpriseSettings]) -> str:
    """A line for each enterprise, ten at most; a text object ends at 3000 characters."""
    lines = []
    for settings in list(enterprises.values())[:10]:
        weekly = "; ".join(_week(window) for window in settings.windows)
        line = f"{settings.title}: {settings.needs_minutes} minutes must fit into {weekly}"
        lines.append(escape(line, 280))
    return "\n".join(lines)


def _week(window: WeeklyWindow) -> str:
    return f"{window.day.name.capitalize()} {window.start:%H:%M} to {window.end:%H:%M} {window.zone}"


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _option(text: str, value: str) -> Json:
    return {"text": _plain(flat(text, LABEL_LIMIT)), "value": value}


def _select(options: list[Json]) -> Json:
    select: Json = {"type": "static_select", "options": options}
    return {**select, "initial_option": options[0]} if len(options) == 1 else select


def _writing(most: int, multiline: bool = False, least: int = 1) -> Json:
    return {"type": "plain_text_input", "multiline": multiline, "min_length": least, "max_length": most}


def _input(name: str, label: str, element: Json, optional: bool = False) -> Json:
    named = {**element, "action_id": name}
    return {"type": "input", "block_id": name, "label": _plain(label), "element": named, "optional": optional}


def _element(view: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Any = view
    for key in ("state", "values", name, name):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _chosen(view: Mapping[str, Any], name: str) -> str:
    option = _element(view, name).get("selected_option")
    value = option.get("value") if isinstance(option, Mapping) else None
    return value if isinstance(value, str) else ""
