"""Text to and from Slack in an interaction: its references, its escapes, its dates. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from bot.announce.text import escape, utc

_REFERENCE = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"&lt;(@[UW][A-Z0-9]{1,30})&gt;")


def shown(sentence: str) -> str:
    """A refusal as it is: its mentions of users are live, everything else in it is only words (law 9)."""
    return _MENTION.sub(r"<\1>", escape(sentence, 1000))


def plain(text: str) -> str:
    """What a person typed, out of Slack's encoding: references by their label or id, escapes undone, one line."""

    def label(found: re.Match[str]) -> str:
        target, name = found[1], found[2]
        return f"@{name}" if name and target.startswith("@") else name or target

    flat = " ".join(_REFERENCE.sub(label, text).split())
    return flat.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def moment(at: datetime) -> str:
    """A moment in Slack's date format: each reader sees local time."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{utc(at)}>"
