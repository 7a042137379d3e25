"""The upload over a real TLS socket: constant memory, and never a whole package that is not the plan's."""

from __future__ import annotations

import asyncio
import hashlib
import tracemalloc
from pathlib import Path

import pytest

from bot.console import body
from bot.console.port import PackageChanged, Refused, Unreachable
from bot.console.reading import Timeouts
from tests.console.console_server import Asked, MiniConsole, Server, driver, page
from tests.console.console_server import body as page_body

MIB = 1 << 20


def uploads(server: Server) -> list[Asked]:
    return [asked for asked in server.asked if asked.line == "POST /u"]


async def test_memory_does_not_grow_with_the_package(server: Server, tmp_path: Path) -> None:
    file, digest = tmp_path / "big.ipm", hashlib.sha256()
    with file.open("wb") as stream:
        for number in range(64):
            chunk = number.to_bytes(1) * MIB
            digest.update(chunk)
            stream.write(chunk)
    async with driver(server) as console:
        await console.look()
        tracemalloc.start()
        try:
            await console.upload(file, digest.hexdigest(), lambda _: None)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    (sent,) = uploads(server)
    assert sent.complete
    assert sent.size == int(sent.headers["content-length"]) > 64 * MIB
    assert peak < 16 * MIB


@pytest.mark.parametrize("size", [1, body.CHUNK - 1, body.CHUNK, body.CHUNK + 1, 3 * body.CHUNK])
async def test_a_changed_file_never_arrives_whole(server: Server, tmp_path: Path, size: int) -> None:
    file = tmp_path / "changed.ipm"
    file.write_bytes(b"x" * size)
    async with driver(server) as console:
        with pytest.raises(PackageChanged, match=r"changed\.ipm is not the one of the plan"):
            await console.upload(file, hashlib.sha256(b"y" * size).hexdigest(), lambda _: None)
    for sent in uploads(server):
        assert not sent.complete
        assert sent.body.count(b"x") < size


@pytest.mark.parametrize("grown", [True, False])
async def test_a_file_that_changes_its_size_on_the_way_is_noticed(
    server: Server, tmp_path: Path, grown: bool
) -> None:
    file = tmp_path / "moving.ipm"
    content = b"x" * (4 * body.CHUNK)
    file.write_bytes(content)

    def change(_sent: int) -> None:
        file.write_bytes(content + b"more" * body.CHUNK if grown else b"x")

    async with driver(server) as console:
        with pytest.raises(PackageChanged):
            await console.upload(file, hashlib.sha256(content).hexdigest(), change)
    assert [sent.complete for sent in uploads(server)] == [False]


async def test_a_missing_file_is_told_before_anything_is_sent(server: Server, tmp_path: Path) -> None:
    async with driver(server) as console:
        with pytest.raises(PackageChanged, match=r"gone\.ipm cannot be read"):
            await console.upload(tmp_path / "gone.ipm", "0" * 64, lambda _: None)
    assert uploads(server) == []


async def test_a_package_that_arrived_before_the_session_ended_is_not_sent_again(
    mini: MiniConsole, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "new-one.ipm"
    file.write_bytes(b"x" * 1000)

    def expire(_sent: int) -> None:
        mini.expire_before = "GET /p"

    async with driver(server) as console:
        await console.upload(file, hashlib.sha256(b"x" * 1000).hexdigest(), expire)
    assert len(mini.sign_ins) == 2
    assert len(uploads(server)) == 1


async def test_a_refused_package_says_why(mini: MiniConsole, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "forged.ipm"
    file.write_bytes(b"forged")
    words = "The signature of this package is not valid."
    refusal = page_body("Upload Imprivata Package", f"<p role=alert>{words}</p>")
    mini.instead["POST /u"] = [page(refusal, status="422 Unprocessable Content")]
    async with driver(server) as console:
        with pytest.raises(Refused) as refused:
            await console.upload(file, hashlib.sha256(b"forged").hexdigest(), lambda _: None)
    assert refused.value.words == words


async def test_a_console_that_stops_reading_is_silent(
    mini: MiniConsole, server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "slow.ipm"
    file.write_bytes(b"x")
    never = asyncio.Event()

    async def mute(asked: Asked) -> bytes | None:
        if asked.line == "POST /u":
            await never.wait()
        return await mini.answer(asked)

    server.answer = mute
    async with driver(server, timeouts=Timeouts(connect=5, upload=0.2)) as console:
        with pytest.raises(Unreachable):
            await console.upload(file, hashlib.sha256(b"x").hexdigest(), lambda _: None)
    await server.stop()


async def test_the_event_loop_is_free_while_the_package_is_read(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "big.ipm"
    content = b"x" * (8 * MIB)
    file.write_bytes(content)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    async with driver(server) as console:
        await console.look()
        turns = 0
        await console.upload(file, hashlib.sha256(content).hexdigest(), lambda _: None)
    counting.cancel()
    assert turns > 8 * MIB / body.CHUNK
