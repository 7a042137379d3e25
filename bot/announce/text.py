"""Words for people: untrusted text made harmless (law 9), moments, spans and sizes. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_EMPHASIS = str.maketrans({"*": "∗", "~": "∼", "`": "ˋ"})
_LOOSE_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_EMOJI = re.compile(r":(?=[\w+'-]+:)")


def flat(untrusted: str, limit: int) -> str:
    """One line of printable characters, at most `limit` of them; marks that turn or hide text are gone."""
    words = " ".join("".join(c if c.isprintable() else " " for c in untrusted).split())
    return words if len(words) <= limit else words[: limit - 1] + "…"


def escape(untrusted: str, limit: int = 300) -> str:
    """`untrusted` for Slack's mrkdwn: one line, cut to `limit`, without mentions, links, emoji or formatting.

    Slack knows escapes for & < > only; the characters that format are replaced by others that look like them.
    """
    words = flat(untrusted, limit).translate(_EMPHASIS)
    words = _EMOJI.sub("꞉", _LOOSE_UNDERSCORE.sub("ˍ", words))
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def utc(moment: datetime) -> str:
    """For readers without Slack's own dates: `22 Nov 2026 13:05 UTC`."""
    return f"{moment.astimezone(UTC):%d %b %Y %H:%M} UTC"


def span(length: timedelta) -> str:
    """Whole minutes: `under a minute`, `12 min`, `1 h 5 min`."""
    hours, minutes = divmod(max(0, int(length.total_seconds()) // 60), 60)
    if hours == 0 and minutes == 0:
        return "under a minute"
    return f"{minutes} min" if hours == 0 else f"{hours} h {minutes} min"


def size(count: int) -> str:
    """Bytes in decimal units: `1.2 GB`."""
    amount, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{count} bytes" if units[0] == "bytes" else f"{amount:.1f} {units[0]}"


def listing(names: list[str], limit: int = 60) -> str:
    """Names in a row, at most twelve of them, each cut to `limit`."""
    shown = ", ".join(flat(name, limit) for name in names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
