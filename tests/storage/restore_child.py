"""Restores a backup again and again, each time killed elsewhere: `restore_child.py DIRECTORY [SEED COUNT]`.

DIRECTORY holds `before/` (settings, the state directory, the backup). Each trial works on a copy of it. Without SEED,
the first is killed at the first thing that the restore does to the file system, the next at the second, and so on
until one is through; with it, COUNT of them at random moments. Says each trial's directory and whether it was killed.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from bot.__main__ import app

ACTS = {
    "open",
    "os.link",
    "os.rename",
    "os.remove",
    "os.chmod",
    "tempfile.mkstemp",
    "sqlite3.connect",
    "shutil.copyfile",
}


def restore(place: Path, deadly: int) -> None:
    """In place of this process: one restore, killed at its act number `deadly`."""
    os.chdir(place)
    acts = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal acts
        if event in ACTS and str(place) in os.path.abspath(str(arguments[0])):
            acts += 1
            if acts == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    with contextlib.redirect_stdout(io.StringIO()):
        app(["ledger", "restore", "backup.sqlite"], standalone_mode=False)
    os._exit(0)


def trial(directory: Path, number: int, deadly: int, seconds: float | None) -> bool:
    """One restore on a copy; whether it was killed."""
    place = directory / f"trial-{number}"
    shutil.copytree(directory / "before", place)
    pid = os.fork()
    if pid == 0:
        try:
            restore(place, deadly)
        finally:
            os._exit(1)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    assert status in (0, signal.SIGKILL), status
    print(place.name, int(status != 0), flush=True)
    return status != 0


def main() -> None:
    directory = Path(sys.argv[1])
    if len(sys.argv) > 2:
        chance = random.Random(int(sys.argv[2]))
        began = time.perf_counter()
        trial(directory, 0, 0, None)
        whole = time.perf_counter() - began
        for number in range(1, int(sys.argv[3])):
            trial(directory, number, 0, chance.uniform(0, whole))
    else:
        number = 1
        while trial(directory, number, number, None):
            number += 1


if __name__ == "__main__":
    main()
