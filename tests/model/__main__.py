"""`make model`: every scope to its end, every mutant's counterexample, and the model against the code.

0 when the protocol keeps every law, each mutant breaks the one that it should, and model and code agree.
"""

from __future__ import annotations

import sys
import time

from tests.model.conformance import Drift, everywhere
from tests.model.scopes import FULL, MUTANTS, check, fall


def explore_scopes() -> int:
    """How many scopes break a law."""
    broken = 0
    print(f"{'scope':<88} {'states':>9} {'steps':>10} {'depth':>5} {'s':>6}")
    for scope in FULL:
        result = check(scope)
        figures = f"{result.states:>9,} {result.steps:>10,} {result.depth:>5} {result.seconds:>6.1f}"
        print(f"{scope.name:<88} {figures}", flush=True)
        if found := result.counterexample:
            broken += 1
            print(f"  BROKEN: {found.law}: {found.words}", *found.trace, sep="\n    ")
    return broken


def fell_mutants() -> int:
    """How many mutants go unnoticed."""
    unnoticed = 0
    for mutant in MUTANTS:
        found = fall(mutant).counterexample
        if found is None or found.law != mutant.law:
            unnoticed += 1
            print(f"\nWithout “{mutant.rule}” nothing was found: the checker is blind to it")
            continue
        print(f"\nWithout “{mutant.rule}”: {found.words}")
        print(*(f"  {i:>2}  {name}" for i, name in enumerate(found.trace, 1)), sep="\n", flush=True)
    print(f"\n{len(MUTANTS) - unnoticed} of {len(MUTANTS)} mutants were found out")
    return unnoticed


def compare_with_the_code() -> int:
    """1 when the model's ledger and bot/domain disagree about any command in any state."""
    began = time.monotonic()
    try:
        held = everywhere(plans=1)
    except Drift as drift:
        print(f"The model has drifted from bot/domain.\n{drift}")
        return 1
    seconds = time.monotonic() - began
    print(f"Model and code agree on {held.commands:,} commands in {held.states:,} states ({seconds:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(1 if explore_scopes() + fell_mutants() + compare_with_the_code() else 0)
