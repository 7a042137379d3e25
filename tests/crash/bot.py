"""`python -m tests.crash.bot CONFIG DIARY [POINT MOMENT NTH]`: the real bot, on a ledger that ends it at a point.

The diary is a file of JSON lines that outlives the bot: `{"at", "point"}` before each append, and `{"position",
"hash"}` of each entry whose append has returned.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from bot.app import serve
from bot.config import load_settings
from bot.domain.events import Announced, Event, Step
from bot.domain.ledger import Entry
from bot.sandbox.holds import Moment
from storage.sqlite import SqliteLedger


def point_of(events: Sequence[Event]) -> str:
    """What an append is called: its events, with the step or the family of the message that they are about."""
    return "append " + " + ".join(_label(event) for event in events if not isinstance(event, Announced))


def _label(event: Event) -> str:
    key, step = getattr(event, "key", ""), getattr(event, "step", None)
    about = step.value if isinstance(step, Step) else str(key).partition(":")[0]
    return f"{type(event).__name__} {about}".rstrip()


@dataclass
class Watcher:
    """Writes the diary, and kills this process at the `left`-th append at `point`."""

    diary: int
    point: str = ""
    moment: str = ""
    left: int = 0

    def write(self, **line: object) -> None:
        """One line; it is with the kernel when this returns, and a killed process does not take it along."""
        os.write(self.diary, json.dumps(line).encode() + b"\n")

    def at(self, point: str, moment: Moment) -> None:
        """An append is at this point."""
        if (point, moment) != (self.point, self.moment):
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class MortalLedger(SqliteLedger):
    """A ledger on SQLite that tells a watcher of each append."""

    watcher: ClassVar[Watcher]

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        """See the port."""
        point = point_of(events)
        self.watcher.write(at=time.time(), point=point)
        self.watcher.at(point, Moment.BEFORE)
        entries = await super().append(stream, expected, events, at)
        for entry in entries:
            self.watcher.write(position=entry.position, hash=entry.hash)
        self.watcher.at(point, Moment.AFTER)
        return entries


def main(config: str, diary: str, point: str = "", moment: str = "", nth: str = "0") -> None:
    """Run the bot."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    file = os.open(diary, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    MortalLedger.watcher = Watcher(file, point, moment, int(nth))
    asyncio.run(serve(load_settings(Path(config)), open_ledger=MortalLedger.open))


if __name__ == "__main__":
    main(*sys.argv[1:])
