"""The messages that stand in Slack and are kept up to date: what each one says, and when it is edited next.

Its memory follows the state's: of a request that has left the state nothing is edited any more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bot.announce import routes
from bot.announce.blocks import Message

EDIT_EVERY = 1.5
"""Real seconds between two edits of one message; chat.update takes about fifty a minute."""


@dataclass
class Edit:
    """A message to bring up to date: because of the event at `position`, not before `earliest` (monotonic)."""

    position: int
    earliest: float


class Standing:
    """By key. Families that are said once do not belong here, and are passed over."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}
        self._said: dict[str, tuple[Message, float]] = {}
        self._edits: dict[str, Edit] = {}
        self._edits_from = 0.0

    def __len__(self) -> int:
        return sum(len(keys) for keys in self._keys.values())

    def add(self, key: str) -> None:
        """It stands from now on."""
        if routes.family(key) in routes.EDITED:
            self._keys.setdefault(routes.subject_of(key), []).append(key)

    def about(self, subject: str) -> Sequence[str]:
        """Those about a request or an enterprise."""
        return self._keys.get(subject, ())

    def forget(self, subject: str) -> None:
        """The request has left the state."""
        for key in self._keys.pop(subject, ()):
            self._said.pop(key, None)
            self._edits.pop(key, None)

    def say(self, key: str, message: Message) -> None:
        """It is made to read like this now."""
        if routes.family(key) in routes.EDITED:
            self._said[key] = message, time.monotonic()

    def says(self, key: str) -> Message | None:
        """What it was last made to read, as far as this process knows."""
        return self._said[key][0] if key in self._said else None

    # --- edits

    def mark(self, key: str, position: int, earliest: float = 0.0) -> bool:
        """It has to be brought up to date; False when it does not stand, or is never edited."""
        if key not in self.about(routes.subject_of(key)):
            return False
        known = self._edits.get(key)
        self._edits[key] = Edit(min(position, known.position) if known else position, earliest)
        return True

    def put_off(self, seconds: float) -> None:
        """No edit for so long: Slack takes none."""
        self._edits_from = time.monotonic() + seconds

    def due(self) -> str | None:
        """One that may be edited now."""
        now = time.monotonic()
        return next((key for key in self._edits if self._due_at(key) <= now), None)

    def take(self, key: str) -> Edit:
        """The edit that is about to be made."""
        return self._edits.pop(key)

    def moments(self) -> list[float]:
        """When each waiting edit may be made (monotonic)."""
        return [self._due_at(key) for key in self._edits]

    def waiting_since(self) -> list[int]:
        """The positions of the events because of which something still has to be edited."""
        return [edit.position for edit in self._edits.values()]

    def _due_at(self, key: str) -> float:
        last = self._said[key][1] if key in self._said else 0.0
        return max(self._edits[key].earliest, self._edits_from, last + EDIT_EVERY)
