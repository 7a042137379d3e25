"""The file system below the ledger becomes read-only in mid-run, as Linux makes one whose disk fails.

The kernel refuses a remount while files are open for writing, so it is told to answer every write into a file at a
place (pwrite, which is how SQLite writes) with EROFS. It cannot be told otherwise again: the bot goes on, and another
one takes over on a disk that is sound.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from bot.domain.events import Phase
from tests.e2e.scene import open_scene
from tests.faults.machine import IN_ORDER, announced, looked, mounted, mounts, pressed, started_by, told

PROGRAM = """
import asyncio, ctypes, errno, platform, signal, struct, sys
from pathlib import Path
from bot.__main__ import app

SECCOMP, PWRITE = {"x86_64": (317, 18), "aarch64": (277, 68)}[platform.machine()]
LOAD, IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h
NO_NEW_PRIVILEGES, FILTER, ALL_THREADS = 38, 1, 1

def become_read_only(*_):
    rules = [(LOAD, 0, 0, 0), (IF_EQUAL, 0, 1, PWRITE), (RETURN, 0, 0, ERRNO | errno.EROFS), (RETURN, 0, 0, ALLOW)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    given = ctypes.create_string_buffer(struct.pack("HP", len(rules), ctypes.addressof(program)))
    kernel = ctypes.CDLL(None, use_errno=True)
    assert kernel.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
    assert kernel.syscall(SECCOMP, FILTER, ALL_THREADS, given) == 0, ctypes.get_errno()

signal.signal(signal.SIGUSR1, become_read_only)
sys.argv = ["keyturn", "serve", "--config", sys.argv[1]]
app()
"""


async def test_read_only_in_the_watch(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        config = str(scene.demo.config)
        async with started_by(scene, sys.executable, "-c", PROGRAM, config):
            id_ = await scene.approved()
            await scene.until(id_, lambda r: r.run and r.run.pressed)
            scene.bot.send_signal(signal.SIGUSR1)
            notice = await told(scene, "cannot record anything")
            assert "the disk refuses the ledger ledger.sqlite (disk I/O error)" in notice.words
            assert "read-only" in notice.words
            position = (await scene.ledger.head()).position
            await looked(scene, 40)
            assert (await scene.ledger.head()).position == position

        async with started_by(scene, sys.executable, "-m", "bot", "serve", "--config", config):
            await scene.ends(id_, Phase.SUCCEEDED)
            await scene.posted(f"unlocked:{id_}")
            assert announced(await scene.keys(), id_) == IN_ORDER
            assert (await pressed(scene)).count("Install") == 1
            await scene.check_laws()


@pytest.mark.skipif(
    not mounts(), reason="no mounting here; tests/storage has a ledger that may not be written"
)
async def test_it_does_not_start_on_a_read_only_file_system(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        scene.bot.terminate()
        await scene.bot.wait()
        position = (await scene.ledger.head()).position
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
        process = await asyncio.create_subprocess_exec(
            *mounted(mount, tmp_path / "state"),
            *(sys.executable, "-m", "bot", "serve", "--config", str(scene.demo.config)),
            env=scene.demo.environment,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            _, err = await process.communicate()
        assert process.returncode == 2
        [line] = err.decode().splitlines()
        assert "(Read-only file system)" in line
        assert (await scene.ledger.head()).position == position
