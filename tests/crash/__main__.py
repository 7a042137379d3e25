"""The crash matrix: kills the bot everywhere, and judges every story as a whole. `make crash [KILLS=N] [SEED=S]`"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.crash import plan
from tests.crash.kills import Kill, Story, read_story
from tests.crash.kinds import KINDS
from tests.crash.plan import Target
from tests.crash.report import kills, report
from tests.crash.stage import Told, tell

FIGURES = "<!-- what follows is written by: make crash -->\n"


class Matrix:
    """Tells stories, `jobs` at a time, and keeps what came of them."""

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs
        self.told: list[Told] = []

    @property
    def happened(self) -> set[Kill]:
        """The kills so far."""
        return {killed.kill for told in self.told for killed in told.history.killed}

    async def tell(self, stories: Iterable[Story], until: int | None = None) -> None:
        """Tell them, all or until there have been so many kills."""
        left = iter(stories)

        async def one_after_another() -> None:
            for story in left:
                if until is not None and kills(self.told) >= until:
                    return
                await self._tell(story)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._jobs):
                group.create_task(one_after_another())

    async def _tell(self, story: Story) -> None:
        directory = Path(tempfile.mkdtemp(prefix="keyturn-crash-"))
        told = await tell(story, directory)
        self.told.append(told)
        missed = len(story.kills) - len(told.history.killed)
        note = f"  ({missed} not reached)" if missed else ""
        print(f"{kills(self.told):4} {'BROKEN' if told.violations else 'ok':6} {story}{note}", flush=True)
        for violation in told.violations:
            print(f"            {violation}", flush=True)
        if told.violations:
            print(f"            ledger, log and diary: {directory}", flush=True)
        else:
            await asyncio.to_thread(shutil.rmtree, directory)

    async def come_to(self, targets: Sequence[Target], until: int | None) -> list[Target]:
        """Tell the stories of these, a few times where that is needed; those that never came about."""
        for _ in range(plan.TRIES):
            targets = [target for target in targets if target.kill not in self.happened]
            await self.tell([target.story for target in targets], until)
        return [target for target in targets if target.kill not in self.happened]

    async def come_to_the_rest(self, known: set[str], until: int | None) -> list[Target]:
        """As `come_to`, for what was seen only after kills; `known` grows by those points."""
        missed: list[Target] = []
        for _ in range(plan.ROUNDS):
            targets = plan.after_kills(self.told, known)
            known.update(target.kill.point for target in targets)
            missed += await self.come_to(targets, until)
        return missed


async def _matrix(options: argparse.Namespace) -> tuple[list[Told], list[Target]]:
    """What was told, and what was planned and never came about."""
    matrix = Matrix(options.jobs)
    if options.story:
        told = list(map(read_story, options.story))
        await matrix.tell(told)
        return matrix.told, plan.alone(told, matrix.happened)
    await matrix.tell(Story(kind) for kind in KINDS)
    passed = {told.story.kind: told.passed for told in matrix.told}
    points = {kind: passed[kind] for kind in KINDS}
    known = {point.point for recorded in points.values() for point in recorded}
    stories = plan.each_point(points, options.seed)
    await matrix.tell(stories, options.at_most)
    missed = await matrix.come_to(plan.alone(stories, matrix.happened), options.at_most)
    missed += await matrix.come_to_the_rest(known, options.at_most)
    enough = max(options.kills, kills(matrix.told) + plan.AT_LEAST)
    await matrix.tell(plan.at_random(points, options.seed), min(enough, options.at_most or enough))
    missed += await matrix.come_to_the_rest(known, options.at_most)
    return matrix.told, [target for target in missed if target.kill not in matrix.happened]


def main() -> int:
    """1 when any rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="at least so many; every point has its turn")
    parser.add_argument("--at-most", type=int, help="a sample: end after so many kills")
    parser.add_argument("--seed", type=int, default=1, help="of the order and of the kills at random")
    parser.add_argument("--jobs", type=int, default=2, help="stories at a time")
    parser.add_argument("--report", type=Path, help="a page whose figures are written anew")
    parser.add_argument(
        "--story", action="append", help="tell this story alone, as it was printed; may be repeated"
    )
    options = parser.parse_args()
    began = time.monotonic()
    told, missed = asyncio.run(_matrix(options))
    why = (
        "the sample having ended before"
        if options.at_most
        else f"tried {plan.TRIES} times more in a story of its own"
    )
    figures = report(told, missed, why)
    took = f"{(time.monotonic() - began) / 60:.0f} min, {options.jobs} stories at a time"
    print(f"\n{took}\n\n{figures}")
    if options.report and not options.story:
        prose, _, _ = options.report.read_text(encoding="utf-8").partition(FIGURES)
        command = f"`make crash KILLS={options.kills} SEED={options.seed}`, {took}:\n\n"
        options.report.write_text(f"{prose}{FIGURES}\n{command}{figures}\n", encoding="utf-8")
    return int(any(one.violations for one in told))


if __name__ == "__main__":
    sys.exit(main())
