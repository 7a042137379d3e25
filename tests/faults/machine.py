"""What the machine below can do to a running bot: a disk full or read-only, no descriptor left, a held ledger."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from bot.announce.outage import EVENT_TYPE
from bot.sandbox.mortal import mortal
from bot.sandbox.workspace.client import Message
from tests.e2e.scene import PATIENCE, Scene, eventually

HOLD = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=20)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def limited(what: int, value: int, pid: int = 0) -> Iterator[None]:
    """A process under a limit of its resources; `pid` 0 is this one."""
    soft, hard = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (value, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, what, (soft, hard))


@contextlib.contextmanager
def full_disk(scene: Scene) -> Iterator[None]:
    """No file of the bot's grows beyond what the ledger's write-ahead log has now."""
    wal = scene.directory / "state" / "ledger.sqlite-wal"
    with limited(resource.RLIMIT_FSIZE, os.stat(wal).st_size, scene.bot.pid):
        yield


def mounted(mount: str, directory: Path) -> list[str]:
    """The beginning of a command that becomes the rest of it, with what `mount` (sh, "$0" is `directory`) mounts for
    that process alone."""
    namespace = [str(shutil.which("unshare")), "--user", "--map-root-user", "--mount"]
    return [*namespace, "sh", "-c", f'{mount} && exec "$@"', str(directory)]


def mounts() -> bool:
    """Whether this host lets us."""
    if shutil.which("unshare") is None:
        return False
    asked = [*mounted('mount -t tmpfs tmpfs "$0"', Path("/mnt")), "true"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


@contextlib.asynccontextmanager
async def started_by(scene: Scene, *command: str) -> AsyncIterator[None]:
    """The bot again, by a command that becomes it; at the end it is told to end, and does so in order."""
    if scene.bot.returncode is None:
        scene.bot.terminate()
        assert await scene.bot.wait() == 0
    with scene.log.open("ab") as log:
        scene.bot = await asyncio.create_subprocess_exec(
            *mortal(*command), env=scene.demo.environment, stdout=log, stderr=log
        )
    try:
        await scene.workspace.wait_for_connections(1)
        yield
    finally:
        if scene.bot.returncode is None:
            scene.bot.terminate()
        code = await scene.bot.wait()
    assert code == 0, scene.log.read_text()


@contextlib.contextmanager
def no_descriptors(scene: Scene) -> Iterator[None]:
    """Whatever the bot has open stays open; nothing more can be opened."""
    with limited(resource.RLIMIT_NOFILE, 3, scene.bot.pid):
        yield


@contextlib.asynccontextmanager
async def held_ledger(ledger: Path) -> AsyncIterator[None]:
    """Another process holds the ledger's write lock."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD, str(ledger)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        async with asyncio.timeout(PATIENCE):
            assert await process.stdout.readline() == b"held\n"
        yield
    finally:
        process.stdin.close()
        await process.wait()


def is_notice(message: Message) -> bool:
    """Whether it is the notice that the ledger cannot be written."""
    return (message.metadata or {}).get("event_type") == EVENT_TYPE


async def told(scene: Scene, words: str) -> Message:
    """The one notice, as soon as it has these words."""
    found = await scene.workspace.wait_for_message(
        lambda m: is_notice(m) and words in m.words, timeout=PATIENCE
    )
    assert len([m for m in await scene.workspace.messages() if is_notice(m)]) == 1
    return found


async def looked(scene: Scene, times: int) -> None:
    """The bot has read so many pages of the consoles from now on, and has not left them in between."""
    before = len(await scene.enterprise.requests())

    async def enough() -> bool:
        return len([r for r in (await scene.enterprise.requests())[before:] if r.method == "GET"]) >= times

    await eventually(enough)
    assert "sign out" not in [r.action for r in (await scene.enterprise.requests())[before:]]


async def pressed(scene: Scene) -> list[str]:
    """What has been pressed on the consoles, sign-in and sign-out left out."""
    taken = [r for r in await scene.enterprise.requests() if r.method == "POST"]
    return [r.action for r in taken if "sign" not in r.action.lower()]


def announced(keys: list[str], id_: str) -> list[str]:
    """The families of a request's announcements, in the order of their posts, without the questions."""
    return [key.partition(":")[0] for key in keys if f":{id_}" in key and not key.startswith("ask:")]


IN_ORDER = ["card", "approved", "approved", "progress", "lockout", "finish", "unlocked"]
WITHOUT_EVIDENCE = [*IN_ORDER[:5], "evidence", *IN_ORDER[5:]]
"""Of a run whose pages could not be kept from Install on."""
