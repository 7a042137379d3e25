"""`python -m tests.catalogue`: carries faults out, all or those named; `--docs` writes docs/console-faults.md."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time

from tests.catalogue.carried import carry_out
from tests.catalogue.entries import CATALOGUE
from tests.catalogue.fault import Fault
from tests.catalogue.page import PAGE, render
from tests.catalogue.verdict import differences

AT_A_TIME = 4


async def _all(faults: list[Fault]) -> int:
    """Exit code 1 when one of them has ended otherwise than its entry says."""
    turns, bad = asyncio.Semaphore(AT_A_TIME), 0

    async def one(fault: Fault) -> None:
        nonlocal bad
        async with turns:
            began = time.monotonic()
            try:
                found = differences(fault, await carry_out(fault))
            except AssertionError as error:
                found = [str(error)[:500]]
        as_expected = not found or bool(fault.pending)
        bad += not as_expected
        word = "ok" if not found else "pending" if fault.pending else "NOT SO"
        print(f"{word:8}{fault.name:44}{fault.end.value:22}{time.monotonic() - began:5.1f} s", flush=True)
        for difference in found if not as_expected else ():
            print(f"        {difference}")

    await asyncio.gather(*map(one, faults))
    print(f"{len(faults)} faults, {bad} not as expected")
    return 1 if bad else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.catalogue", description=__doc__)
    parser.add_argument("--docs", action="store_true", help="write docs/console-faults.md, carry nothing out")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="faults to carry out; all when none is named"
    )
    options = parser.parse_args()
    if options.docs:
        PAGE.write_text(render(), encoding="utf-8")
        return 0
    known = {fault.name: fault for fault in CATALOGUE}
    if strange := [name for name in options.names if name not in known]:
        parser.error(f"no fault is called {strange[0]}; docs/console-faults.md lists them")
    logging.disable()  # what goes wrong in a run is meant to
    return asyncio.run(_all([known[name] for name in options.names] or list(CATALOGUE)))


if __name__ == "__main__":
    sys.exit(main())
