"""The stories bring about every event that there is, or it is said why not."""

from __future__ import annotations

from bot.domain.events import EVENTS
from tests.crash.kinds import KINDS, UNTOLD


def test_every_event_comes_about_in_a_story_or_has_a_reason() -> None:
    """That a kind keeps its word is seen whenever it is told without a kill: `stage.missing`."""
    brought = frozenset().union(*(kind.brings for kind in KINDS.values()))
    assert brought | set(UNTOLD) == set(EVENTS.values())
    assert not brought & set(UNTOLD)
