"""Where the bot is killed, and which kills make a story; both have a spelling, so that a story can be told again."""

from __future__ import annotations

from typing import NamedTuple

from bot.sandbox.holds import Moment

ANY = "any moment"
"""The point of a kill that only the clock decides on."""


class Kill(NamedTuple):
    """SIGKILL at the `nth` time that the bot's life comes to `point`; at `ANY`, after so many milliseconds of it.

    Points begin with `append`, `console` or `slack`: who comes to them.
    """

    point: str
    moment: Moment = Moment.AFTER
    nth: int = 1

    @property
    def where(self) -> str:
        """Who stops the bot there."""
        return self.point.partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.point}@{self.moment.value}#{self.nth}"


class Story(NamedTuple):
    """What people do, and the kills, one in each life of the bot until none is left."""

    kind: str
    kills: tuple[Kill, ...] = ()

    def __str__(self) -> str:
        return "; ".join([self.kind, *map(str, self.kills)])


def read_story(text: str) -> Story:
    """The story that is spelled so. Raises `ValueError`."""
    kind, *kills = text.split(";")
    return Story(kind.strip(), tuple(_read_kill(kill) for kill in kills))


def _read_kill(text: str) -> Kill:
    point, _, rest = text.strip().rpartition("@")
    moment, _, nth = rest.partition("#")
    return Kill(point, Moment(moment), int(nth))
