"""kill -9 of the demonstration ends what it has started."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent has died")
async def test_nothing_outlives_a_killed_demonstration(tmp_path: Path) -> None:
    # All its processes inherit their stdin, the end of a pipe: its other end is told when the last one is gone.
    gone = asyncio.StreamReader()
    reading, writing = os.pipe()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(gone), os.fdopen(reading, "rb"))
    demo = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "demo", "--port", "0"),
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdin=writing,
        stdout=asyncio.subprocess.PIPE,
    )
    os.close(writing)
    assert demo.stdout is not None
    assert b"Open http://127.0.0.1:" in await demo.stdout.readline()
    demo.kill()
    await demo.wait()
    async with asyncio.timeout(20):
        assert await gone.read() == b""
