"""An event loop that stands still is noticed, said, and ended, so that a supervisor starts the bot again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from bot.watchdog import STUCK
from tests.kill.scene import scene

PROGRAM = """
import asyncio, logging, sys, time
from bot.watchdog import Watchdog

def standing_still(seconds):
    time.sleep(seconds)

def filling_the_log():
    while True:
        logging.error("x" * 10_000)

async def main(tell, end, what):
    with Watchdog(tick=0.02, tell=tell, end=end):
        await asyncio.sleep(0.05)
        print("watched", flush=True)
        eval(what)
        await asyncio.sleep(0.5)
        print("went on", flush=True)

logging.basicConfig(level=logging.INFO)
asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3]))
"""


async def program(
    end: float, what: str, stderr: int = asyncio.subprocess.PIPE, tell: float = 0.1
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(tell), str(end), what),
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_loop_that_stands_still_is_said_with_all_stacks_and_ended() -> None:
    code, out, err = await ended(await program(0.5, "standing_still(60)"))
    assert code == STUCK
    assert out == "watched\n"
    assert "the event loop stands still for 0 s; all threads:" in err
    assert "in standing_still" in err
    assert f"the process ends with exit code {STUCK}; start it again" in err


async def test_a_loop_that_goes_on_is_said_too() -> None:
    code, out, err = await ended(await program(60, "standing_still(0.4)"))
    assert (code, out) == (0, "watched\nwent on\n")
    assert "in standing_still" in err
    assert "the event loop goes on" in err


async def test_a_log_that_nobody_reads_does_not_keep_it_alive() -> None:
    nobody, log = os.pipe()
    process = await program(0.5, "filling_the_log()", log)
    os.close(log)
    async with asyncio.timeout(30):
        await process.communicate()
    assert process.returncode == STUCK
    os.close(nobody)


async def test_a_suspended_process_is_not_taken_for_one_that_stands_still() -> None:
    process = await program(1.2, "None", tell=1.0)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"watched\n"
    process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2.4)  # twice what ends a loop that stands still
    process.send_signal(signal.SIGCONT)
    assert await ended(process) == (0, "went on\n", "")


SERVE = """
import asyncio, logging, sys, time
from pathlib import Path
from bot.app import serve
from bot.config import load_settings

async def main():
    asyncio.get_running_loop().call_later(2, time.sleep, 6.5)
    await serve(load_settings(Path(sys.argv[1])))

logging.basicConfig(level=logging.INFO)
asyncio.run(main())
"""


async def test_the_bot_is_watched(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.end()
        with here.log.open("ab") as log:
            here.bot = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", SERVE, str(here.demo.config)),
                env={**os.environ, **here.demo.environment},
                stderr=log,
            )
        await here.said("the event loop stands still for 5 s")
        await here.said("the event loop goes on")
        assert await here.end(signal.SIGTERM) == 0
