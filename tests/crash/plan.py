"""Which stories make the matrix: every point that a bot comes to, with or without a kill before; kills at random."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from bot.sandbox.holds import Moment, Passed
from tests.crash.kills import ANY, Kill, Story
from tests.crash.stage import Told

MOST_KILLS = 10
"""In one story."""
TOGETHER = 4
"""Kills in one story while every point is gone through: a start of everything costs more than a life of the bot."""
BY_THE_CLOCK = 0.5
"""The share of the kills at random that fall at any moment."""
AT_LEAST = 60
"""How many kills are drawn at random, even when the points alone make enough."""
TRIES = 3
"""How often a kill that did not come about is tried once more, in a story of its own."""
ROUNDS = 3
"""How often the points that were seen only after kills are gathered anew, those of the gathering stories among them."""
LATEST = 4000
"""Milliseconds of a life within which a kill at any moment falls."""

READS = ("console GET", "slack users.", "slack usergroups.", "slack auth.", "slack chat.getPermalink")
"""Points where it does not matter whether a request that nobody waits for any more is still handled."""


def moments(point: str) -> tuple[Moment, ...]:
    """When a kill can fall at that point."""
    if point.startswith(("append", *READS)):
        return Moment.BEFORE, Moment.AFTER
    return Moment.BEFORE, Moment.UNHEARD, Moment.AFTER


def each_point(recorded: Mapping[str, Sequence[Passed]], seed: int) -> list[Story]:
    """Every distinct point and moment once, a few in one story, of the first kind that comes to the point.

    Shuffled, so that a part of them is a fair sample.
    """
    rng = random.Random(seed)
    stories = []
    seen: set[str] = set()
    for kind, passed in recorded.items():
        order = _order(passed)
        kills = [Kill(point, moment) for point in order if point not in seen for moment in moments(point)]
        seen.update(order)
        rng.shuffle(kills)
        for some in range(0, len(kills), TOGETHER):
            together = kills[some : some + TOGETHER]
            together.sort(key=lambda kill: (order.index(kill.point), list(Moment).index(kill.moment)))
            stories.append(Story(kind, tuple(together)))
    rng.shuffle(stories)
    return stories


class Target(NamedTuple):
    """A kill that has not happened yet, and a story that may come to it."""

    kill: Kill
    story: Story


def alone(stories: Sequence[Story], happened: Collection[Kill]) -> list[Target]:
    """The kills of these stories that have not happened, each in a story of its own."""
    return [
        Target(kill, Story(story.kind, (kill,)))
        for story in stories
        for kill in story.kills
        if kill not in happened
    ]


def after_kills(told: Sequence[Told], known: Collection[str]) -> list[Target]:
    """The points that a bot came to only when it had been killed: each again, behind the same kills, the fewest."""
    found: dict[str, Story] = {}
    for one in sorted(told, key=lambda one: len(one.history.killed)):
        for passed in one.passed:
            if passed.point not in known and passed.point not in found:
                before = tuple(killed.kill for killed in one.history.killed if killed.at <= passed.at)
                found[passed.point] = Story(one.story.kind, before)
    return [
        Target(kill, Story(story.kind, (*story.kills, kill)))
        for point, story in found.items()
        for kill in (Kill(point, moment) for moment in moments(point))
    ]


def at_random(recorded: Mapping[str, Sequence[Passed]], seed: int) -> Iterator[Story]:
    """Stories with several kills, without end; the same ones for the same seed and the same records."""
    rng = random.Random(seed)
    while True:
        kind = rng.choice(sorted(recorded))
        count = rng.randint(2, MOST_KILLS)
        yield Story(kind, tuple(_kills(rng, recorded[kind], count)))


def _kills(rng: random.Random, passed: Sequence[Passed], count: int) -> Iterator[Kill]:
    """Kills in the order in which a run comes to them, so that most of them happen."""
    order, times = _order(passed), Counter(p.point for p in passed)
    for index in sorted(rng.choices(range(len(order)), k=count)):
        if rng.random() < BY_THE_CLOCK:
            yield Kill(ANY, Moment.AFTER, rng.randint(1, LATEST))
        else:
            point = order[index]
            yield Kill(point, rng.choice(moments(point)), min(rng.choice((1, 1, 1, 2, 3)), times[point]))


def _order(passed: Sequence[Passed]) -> list[str]:
    """The distinct points, as a run first comes to them."""
    return list(dict.fromkeys(p.point for p in passed))
