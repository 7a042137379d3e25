"""A file that a console answers with, streamed to disk."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from email.message import Message
from pathlib import Path
from typing import BinaryIO

import httpx

from bot.console.port import Unrecognized

MAX_FILE = 8 * 1024**3


async def save(response: httpx.Response, into: Path, stall: float) -> Path:
    """Write the body into the directory `into`; the file's path.

    It stands under its name only when it is complete and on disk; what a killed process has left beside it is
    written over. `stall`: seconds between two pieces. Raises `TimeoutError` and httpx's transport errors; `OSError`
    when the disk does not take it; `Unrecognized` beyond 8 GiB.
    """
    into.mkdir(parents=True, exist_ok=True)
    target = _free(into, safe_name(response.headers.get("content-disposition", "")))
    part = target.with_name(target.name + ".part")
    stream = part.open("wb")  # not in a thread: a cancellation there would leave it open
    try:
        size, pieces = 0, response.aiter_raw()
        while True:
            async with asyncio.timeout(stall):
                piece = await anext(pieces, b"")
            if not piece:
                break
            size += len(piece)
            if size > MAX_FILE:
                raise Unrecognized(f"The log file is longer than {MAX_FILE} bytes and was not kept.")
            await asyncio.to_thread(stream.write, piece)
        await asyncio.to_thread(_flush, stream)
        part.rename(target)
    finally:
        with contextlib.suppress(OSError):  # a full disk refuses what is left in the buffer once more
            stream.close()
        part.unlink(missing_ok=True)
    return target


def _flush(stream: BinaryIO) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def safe_name(disposition: str) -> str:
    """The file name of a Content-Disposition, of harmless characters only, never hidden, never a path."""
    message = Message()
    message["content-disposition"] = " ".join(disposition.split())
    given = re.split(r"[/\\]", message.get_filename() or "")[-1]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", given)[-100:].strip("._-") or "appliance-logs"


def _free(into: Path, name: str) -> Path:
    numbered = (into / (f"{n}-{name}" if n else name) for n in range(10_000))
    return next(path for path in numbered if not path.exists())
