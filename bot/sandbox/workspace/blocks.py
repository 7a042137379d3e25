"""Which blocks and views Slack accepts: the layout blocks, their limits, and what must hold between them.

Block types that are not listed are refused, so that nothing is drawn otherwise than Slack would.
"""

import secrets
from collections.abc import Iterator
from typing import Any

from bot.sandbox.workspace.elements import IMAGE, IN_ACTIONS, IN_INPUT, IN_SECTION, plain, text
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
from bot.sandbox.workspace.state import Json, Refused

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
# Undocumented: bolt-js #2509 measured refusals from about 13,200 characters of text in one message.
TEXT_TOTAL = 13_200


def _block(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return thing({"type": anything, **required}, {"block_id": string(255), **(optional or {})})


def _section_has_words(value: Json, at: str) -> Iterator[str]:
    if value.get("text") is None and value.get("fields") is None:
        yield says("missing required field: text", at)


_STYLE = thing({}, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), boolean))


def _inline(required: dict[str, Check], optional: dict[str, Check] | None = None) -> Check:
    return thing({"type": anything, **required}, {"style": _STYLE, **(optional or {})})


_INLINE = items(
    variant(
        {
            "text": _inline({"text": string(12_000)}),
            "link": _inline({"url": string(3000)}, {"text": string(3000), "unsafe": boolean}),
            "user": _inline({"user_id": string(255)}),
            "usergroup": _inline({"usergroup_id": string(255)}),
            "channel": _inline({"channel_id": string(255)}),
            "emoji": _inline({"name": string(255)}, {"unicode": string(64), "skin_tone": number(1, 6)}),
            "broadcast": _inline({"range": enum("here", "channel", "everyone")}),
            "date": _inline(
                {"timestamp": number(0, 10**11), "format": string(255)},
                {"fallback": string(3000), "url": string(3000)},
            ),
        }
    ),
    0,
    1000,
)
_RUN = thing({"type": anything, "elements": _INLINE}, {"border": number(0, 1)})
_RICH_TEXT = _block(
    {
        "elements": items(
            variant(
                {
                    "rich_text_section": _RUN,
                    "rich_text_quote": _RUN,
                    "rich_text_preformatted": _RUN,
                    "rich_text_list": thing(
                        {
                            "type": anything,
                            "style": enum("bullet", "ordered"),
                            "elements": items(variant({"rich_text_section": _RUN}), 1, 1000),
                        },
                        {"indent": number(0, 8), "offset": number(0, 10_000), "border": number(0, 1)},
                    ),
                }
            ),
            1,
            1000,
        )
    }
)
_CELL = variant(
    {
        "raw_text": thing({"type": anything, "text": string(3000)}),
        "raw_number": thing({"type": anything, "value": anything}, {"text": string(3000)}),
        "rich_text": _RICH_TEXT,
    }
)
_COLUMN = thing({}, {"align": enum("left", "center", "right"), "is_wrapped": boolean})
_RICH_TEXT_ONLY = variant({"rich_text": _RICH_TEXT})
_TASK = _block(
    {
        "task_id": string(255),
        "title": string(3000),
        "status": enum("pending", "in_progress", "complete", "error"),
    },
    {"details": _RICH_TEXT_ONLY, "output": _RICH_TEXT_ONLY},
)

_EVERYWHERE: dict[str, Check] = {
    "header": _block({"text": plain(150)}),
    "section": both(
        _block(
            {},
            {
                "text": text(3000),
                "fields": items(text(2000), 1, 10),
                "accessory": IN_SECTION,
                "expand": boolean,
            },
        ),
        _section_has_words,
    ),
    "divider": _block({}),
    "image": _block({"image_url": string(3000), "alt_text": string(2000)}, {"title": plain(2000)}),
    "context": _block(
        {
            "elements": items(
                variant(
                    {
                        "image": IMAGE,
                        "plain_text": plain(3000),
                        "mrkdwn": text(3000),
                    }
                ),
                1,
                10,
            )
        }
    ),
    "actions": _block({"elements": items(IN_ACTIONS, 1, 25)}),
    "input": _block(
        {"label": plain(2000), "element": IN_INPUT},
        {"hint": plain(2000), "optional": boolean, "dispatch_action": boolean},
    ),
    "rich_text": _RICH_TEXT,
    "video": _block(
        {
            "alt_text": string(2000),
            "title": plain(199),
            "video_url": string(3000),
            "thumbnail_url": string(3000),
        },
        {
            "title_url": string(3000),
            "description": plain(199),
            "author_name": string(50),
            "provider_name": string(50),
        },
    ),
}
_IN_MESSAGE = variant(
    {
        **_EVERYWHERE,
        "table": _block(
            {"rows": items(items(_CELL, 1, 20), 1, 100)}, {"column_settings": items(_COLUMN, 1, 20)}
        ),
        "task_card": _TASK,
        "plan": _block({"title": string(3000)}, {"tasks": items(variant({"task_card": _TASK}), 0, 50)}),
        "markdown": _block({"text": string(12_000)}),
    }
)
_IN_VIEW = variant(
    {
        **_EVERYWHERE,
        "alert": _block(
            {"text": text(3000)}, {"level": enum("default", "info", "warning", "error", "success")}
        ),
    }
)
_VIEW_OPTIONS: dict[str, Check] = {
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
    "private_metadata": string(3000, least=0),
}
_VIEW = variant(
    {
        "modal": thing(
            {"type": anything, "title": plain(24), "blocks": items(_IN_VIEW, 1, VIEW_BLOCKS)},
            {
                **_VIEW_OPTIONS,
                "submit": plain(24),
                "close": plain(24),
                "clear_on_close": boolean,
                "notify_on_close": boolean,
                "submit_disabled": boolean,
            },
        ),
        "home": thing({"type": anything, "blocks": items(_IN_VIEW, 0, VIEW_BLOCKS)}, _VIEW_OPTIONS),
    }
)


def problems_of_blocks(blocks: Any) -> list[str]:
    """What Slack would refuse in a message's blocks; empty when nothing."""
    found = list(items(_IN_MESSAGE, 0, MESSAGE_BLOCKS)(blocks, "/blocks"))
    return found or list(_names_used_twice(blocks, "/blocks"))


def problems_of_view(view: Any) -> list[str]:
    """What Slack would refuse in a modal or an App Home; empty when nothing."""
    found = list(_VIEW(view, "/view"))
    if found:
        return found
    found = list(_names_used_twice(view["blocks"], "/view/blocks"))
    inputs = any(block["type"] == "input" for block in view["blocks"])
    if view["type"] == "modal" and inputs and view.get("submit") is None:
        found.append(says("missing required field: submit", "/view"))
    if sum(bool(e.get("focus_on_load")) for b in view["blocks"] for e in elements_of(b)) > 1:
        found.append(says("only one element may have focus_on_load", "/view/blocks"))
    return found


def elements_of(block: Json) -> list[Json]:
    """The interactive elements of one block."""
    inside = [*block.get("elements", [])] if block["type"] == "actions" else []
    inside += [block[name] for name in ("element", "accessory") if block.get(name)]
    return [element for element in inside if element["type"] != "image"]


def _names_used_twice(blocks: list[Json], at: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        block_id = block.get("block_id")
        if block_id is not None and block_id in seen:
            yield says(f'`block_id` "{block_id}" already exists', f"{at}/{index}/block_id")
        seen.add(block_id or "")
        actions = [e["action_id"] for e in elements_of(block) if e.get("action_id")]
        for action_id in {a for a in actions if actions.count(a) > 1}:
            yield says(f'`action_id` "{action_id}" already exists in this block', f"{at}/{index}")


def check_blocks(blocks: Any) -> None:
    """Raises `Refused` as chat.postMessage does."""
    if found := problems_of_blocks(blocks):
        raise Refused("invalid_blocks", *(f"[ERROR] {problem}" for problem in found))
    if _length_of_texts(blocks) > TEXT_TOTAL:
        raise Refused("msg_blocks_too_long")


def check_view(view: Any) -> None:
    """Raises `Refused` as views.open does."""
    if found := problems_of_view(view):
        raise Refused("invalid_arguments", *(f"[ERROR] {problem}" for problem in found))


def _length_of_texts(value: Any) -> int:
    if isinstance(value, list):
        return sum(_length_of_texts(item) for item in value)
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_length_of_texts(item) for item in value.values())
    return 0


def completed(value: Any) -> Any:
    """Blocks or a view as Slack hands them out again: every block and element with an id, and the defaults of
    text objects filled in."""
    if isinstance(value, list):
        return [completed(item) for item in value]
    if not isinstance(value, dict):
        return value
    done = {name: completed(item) for name, item in value.items() if item is not None}
    if done.get("type") == "plain_text":
        done.setdefault("emoji", True)
    elif done.get("type") == "mrkdwn":
        done.setdefault("verbatim", False)
    return done


def with_ids(blocks: list[Json]) -> list[Json]:
    """Completed blocks in which each block has a block_id and each interactive element an action_id."""
    done: list[Json] = completed(blocks)
    for block in done:
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for element in elements_of(block):
            element.setdefault("action_id", secrets.token_urlsafe(4))
    return done
