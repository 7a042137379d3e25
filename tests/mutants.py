"""`make mutants`: changes domain and storage in small ways, one at a time, and counts what the tests notice.

docs/mutants.md says how to read it. Exits with 1 when fewer than `GOAL` per cent are noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

GOAL = 85.0
"""Per cent of all mutants, the equivalent ones among them."""

MADE = Path("mutants")
"""Where mutmut works: a copy of the sources with every mutant in it, and the results beside each file."""

SURVIVED, UNTESTED, UNTRIED = 0, (5, 33), None
"""mutmut's exit codes; every other one is a failed, hung or crashed test: killed."""


def run(workers: int, names: list[str]) -> None:
    """Try the mutants of these names, all without any. Raises `CalledProcessError`."""
    MADE.mkdir(exist_ok=True)  # Python takes no notice of a path that comes to be after its start
    # The processes that the tests start have to import the mutated code too.
    environment = {**os.environ, "PYTHONPATH": str(MADE.resolve())}
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(workers), *names]
    subprocess.run(command, env=environment, check=True)


def results() -> Iterator[tuple[str, dict[str, int | None]]]:
    """Each module's mutants by name, with mutmut's exit code."""
    for meta in sorted(MADE.rglob("*.py.meta")):
        if codes := json.loads(meta.read_text())["exit_code_by_key"]:
            yield str(meta.relative_to(MADE)).removesuffix(".meta"), codes


def sample(size: int, seed: int) -> list[str]:
    """The same share of every module, drawn without looking."""
    draw, found = random.Random(seed), dict(results())
    total = sum(len(codes) for codes in found.values())
    return [
        name
        for codes in found.values()
        for name in draw.sample(sorted(codes), min(len(codes), -(-len(codes) * size // total)))
    ]


def table() -> float:
    """Prints the score by module; returns that of all."""
    total: Counter[str] = Counter()
    print(f"{'module':32}{'tried':>7}{'killed':>8}{'survived':>10}{'score':>9}")
    for module, codes in results():
        tried = [code for code in codes.values() if code is not UNTRIED]
        survived = sum(code == SURVIVED or code in UNTESTED for code in tried)
        total.update(tried=len(tried), survived=survived)
        _line(module, len(tried), survived)
    _line("all", total["tried"], total["survived"])
    return _score(total["tried"], total["survived"])


def survivors() -> None:
    """Prints the names of the mutants that nothing noticed; `mutmut show NAME` says what each changes."""
    for _, codes in results():
        for name, code in codes.items():
            if code == SURVIVED or code in UNTESTED:
                print(name)


def _line(module: str, tried: int, survived: int) -> None:
    if tried:
        score = _score(tried, survived)
        print(f"{module:32}{tried:7}{tried - survived:8}{survived:10}{score:8.1f}%")


def _score(tried: int, survived: int) -> float:
    return 100 * (tried - survived) / tried if tried else 0.0


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m tests.mutants")
    options.add_argument("--workers", type=int, default=2, help="mutants tried at once")
    options.add_argument("--sample", type=int, help="try about so many, the same share of each module")
    options.add_argument("--seed", type=int, default=1, help="of the sample")
    options.add_argument("--report", action="store_true", help="try nothing; print the last results again")
    given = options.parse_args()
    if given.sample and not given.report:
        run(given.workers, ["bot.domain.lockout.*"])  # makes them all, tries a few
        run(given.workers, sample(given.sample, given.seed))
    elif not given.report:
        run(given.workers, [])
    survivors()
    score = table()
    if score < GOAL:
        sys.exit(f"{score:.1f} per cent are noticed; the goal is {GOAL:.0f}")


if __name__ == "__main__":
    main()
