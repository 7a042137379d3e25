"""The first call for people, when the clock is set back before it is made. Those after it: test_clock.py."""

from __future__ import annotations

from tests.support import story as s


def test_it_does_not_wait_for_that_moment_to_come_again() -> None:
    story = s.failed()
    story.later(-180)
    assert s.kinds(story.look_again()) == ["Paged"]
