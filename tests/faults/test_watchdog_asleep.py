"""A process that was suspended while its loop was busy: the time asleep is not the loop's fault."""

from __future__ import annotations

import asyncio
import signal
import sys

PROGRAM = """
import asyncio, time
from bot.watchdog import Watchdog

def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass

async def main():
    with Watchdog(tick=0.02, tell=60, end=1.0):
        for _ in range(12):
            print("busy", flush=True)
            busy(0.15)
            await asyncio.sleep(0.03)

asyncio.run(main())
"""
"""Its loop beats less often than the watchdog looks, and never stands still for long."""

ASLEEP = 1.2
"""Real seconds: more than what ends a loop that stands still."""


async def test_a_busy_process_that_was_suspended_is_not_ended() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    for _ in range(3):
        for _ in range(2):  # in the middle of its work
            assert await process.stdout.readline() == b"busy\n"
        await asyncio.sleep(0.08)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(ASLEEP)
        process.send_signal(signal.SIGCONT)
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
