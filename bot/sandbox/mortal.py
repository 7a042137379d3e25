"""Starts a process that is told to end when this one is gone, however that came about, and by this one alone.

await asyncio.create_subprocess_exec(*mortal(sys.executable, "-m", "bot.sandbox"))

Linux only; elsewhere the process is started as it is. A Ctrl-C in the terminal reaches only
the one who started it. This file is also the program that does it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h; it holds across execve(2), and for a parent that is the main thread."""


def mortal(*command: str) -> list[str]:
    """`command`, which begins with a path, as it has to be started: SIGTERM comes to it when this process dies."""
    if sys.platform != "linux":
        return [*command]
    return [sys.executable, "-IS", __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # it may have died before prctl
        os.execv(command[0], command)  # noqa: S606  # the command is the caller's own


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
