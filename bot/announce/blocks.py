"""Messages out of Block Kit, so that no words can become more than words (law 9). Pure.

Everything that people read stands in `rich_text` or `plain_text`: there Slack looks for no mentions, links, emoji
or formatting. Who is mentioned and what is bold is an element of its own, made here. The message's `text`, for
notifications and screen readers, is derived from the blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from bot.announce.text import escape, flat, utc

Json = dict[str, Any]
Inline = str | Json
"""Plain words, or an element: bold, a person, a moment."""
Line = Sequence[Inline]

TEXT_LIMIT = 3_900
"""chat.update takes 4,000 characters of text."""

_USER = re.compile(r"[UW][A-Z0-9]{1,30}")
_GROUP = re.compile(r"S[A-Z0-9]{1,30}")


class Message(NamedTuple):
    """What chat.postMessage and chat.update take."""

    text: str
    blocks: list[Json]


# --- inside a line


def bold(words: str) -> Json:
    return {"type": "text", "text": words, "style": {"bold": True}}


def code(words: str) -> Json:
    """A command to type, or a hash."""
    return {"type": "text", "text": words, "style": {"code": True}}


def user(id_: str) -> Json:
    """A mention; what is no user id is shown as plain words."""
    if not _USER.fullmatch(id_):
        return {"type": "text", "text": flat(id_, 40) or "somebody"}
    return {"type": "user", "user_id": id_}


def users(ids: Iterable[str], last: str = "and") -> list[Inline]:
    """Mentions in a row: A, B and C. At most twenty; "nobody" when there is none."""
    people = [user(id_) for id_ in list(ids)[:20]]
    row: list[Inline] = []
    for i, person in enumerate(people):
        row += [] if i == 0 else [f" {last} " if i == len(people) - 1 else ", "]
        row.append(person)
    return row or ["nobody"]


def group(id_: str) -> Json:
    """A mention of a user group."""
    if not _GROUP.fullmatch(id_):
        return {"type": "text", "text": flat(id_, 40) or "a user group"}
    return {"type": "usergroup", "usergroup_id": id_}


def channel(id_: str) -> Json:
    return {"type": "channel", "channel_id": id_}


def link(address: str, words: str) -> Json:
    return {"type": "link", "url": address, "text": words}


def when(moment: datetime) -> Json:
    """A moment in Slack's own format: each reader sees local time."""
    return {
        "type": "date",
        "timestamp": int(moment.timestamp()),
        "format": "{date_short_pretty} {time}",
        "fallback": utc(moment),
    }


def quoted(untrusted: str, limit: int = 300) -> str:
    """Somebody else's words inside a sentence."""
    return f"“{flat(untrusted, limit)}”"


def fact(label: str, *parts: Inline) -> Line:
    """A line with a bold label."""
    return [bold(f"{label}: "), *parts]


# --- blocks


def heading(words: str) -> Json:
    return {"type": "header", "text": {"type": "plain_text", "text": flat(words, 150), "emoji": False}}


def lines(*given: Line | None) -> Json:
    """A paragraph; lines that are None are left out. At least one is not."""
    elements: list[Json] = []
    for line in given:
        if line is not None:
            elements += [_text("\n"), *_elements(line)] if elements else _elements(line)
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}


def bullets(*given: Line) -> Json:
    items = [{"type": "rich_text_section", "elements": _elements(line)} for line in given]
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items}],
    }


def console_words(untrusted: str) -> Json:
    """The console's own words, set apart as they stand."""
    words = flat(untrusted, 1000) or "(no words)"
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_preformatted", "elements": [_text(words)]}],
    }


def small(*words: str) -> Json:
    """Small print."""
    elements = [{"type": "plain_text", "text": flat(w, 300), "emoji": False} for w in words]
    return {"type": "context", "elements": elements}


class Confirm(NamedTuple):
    """The dialog in front of a button."""

    title: str
    words: str
    yes: str
    no: str


def button(
    action: str, words: str, value: str, style: str | None = None, confirm: Confirm | None = None
) -> Json:
    """`value` is the request's id, or the enterprise's name and epoch, and nothing else: state lives in the ledger."""
    made: Json = {"type": "button", "action_id": action, "value": value, "text": _plain(words, 75)}
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = {
            "title": _plain(confirm.title, 100),
            "text": _plain(confirm.words, 300),
            "confirm": _plain(confirm.yes, 30),
            "deny": _plain(confirm.no, 30),
        }
    return made


def buttons(*made: Json) -> Json:
    return {"type": "actions", "block_id": "buttons", "elements": list(made)}


def message(*blocks: Json | None) -> Message:
    """A message of these blocks; those that are None are left out."""
    given = [block for block in blocks if block is not None]
    return Message(_fallback(given), given)


def _plain(words: str, limit: int) -> Json:
    return {"type": "plain_text", "text": flat(words, limit), "emoji": False}


def _text(words: str) -> Json:
    return {"type": "text", "text": words}


def _elements(line: Line) -> list[Json]:
    return [_text(part) if isinstance(part, str) else part for part in line if part != ""]


# --- the text of a message


def _fallback(blocks: list[Json]) -> str:
    """All words of the blocks, line by line, cut between lines."""
    text = ""
    for line in "\n".join(words for block in blocks for words in _words_of(block)).split("\n"):
        if len(text) + len(line) > TEXT_LIMIT - 2:
            return f"{text}…"
        text += f"{line}\n"
    return text.rstrip("\n")


def _words_of(block: Json) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield escape(block["text"]["text"])
        case "context":
            yield from (escape(e["text"]) for e in block["elements"])
        case "rich_text":
            for part in block["elements"]:
                if part["type"] == "rich_text_list":
                    yield from (f"• {_sentence(item['elements'])}" for item in part["elements"])
                else:
                    yield _sentence(part["elements"])


def _sentence(elements: list[Json]) -> str:
    return "".join(_word(element) for element in elements)


def _word(element: Json) -> str:
    match element["type"]:
        case "user":
            return f"<@{element['user_id']}>"
        case "usergroup":
            return f"<!subteam^{element['usergroup_id']}>"
        case "channel":
            return f"<#{element['channel_id']}>"
        case "date":
            return str(element["fallback"])
        case "link":
            return f"{escape(element['text'])} ({escape(element['url'])})"
    words: str = element["text"]
    if words == "\n":
        return words
    kept = escape(words, len(words))
    # `escape` trims; the blanks between elements belong to the sentence.
    return (" " if words[:1] == " " else "") + kept + (" " if words[-1:] == " " and len(words) > 1 else "")
