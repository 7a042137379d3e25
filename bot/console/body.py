"""What a form's request carries: urlencoded or multipart, and the package, streamed and hashed as it goes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

from bot.console.forms import MULTIPART, URLENCODED
from bot.console.port import PackageChanged

CHUNK = 1024 * 1024
UNHASHED = 2
"""Pieces that may wait for their turn to be hashed: what bounds the memory."""

Fields = Sequence[tuple[str, str]]


def encode(fields: Fields, enctype: str) -> tuple[str, bytes]:
    """Content type and body of a form without a file."""
    if enctype == MULTIPART:
        boundary = secrets.token_hex(16)
        return f"{MULTIPART}; boundary={boundary}", _parts(fields, boundary) + _end(boundary)
    return URLENCODED, urlencode(fields).encode()


class PackageBody:
    """A multipart body that holds one package file, read from disk in pieces off the event loop.

    The last piece leaves only when the digest of all bytes is `sha256` (64 hex digits); otherwise
    `PackageChanged` breaks the request off, and the console never holds a whole package (law 6).
    `progress` is told the bytes of the file sent so far.
    """

    def __init__(
        self, file: Path, sha256: str, fields: Fields, file_field: str, progress: Callable[[int], None]
    ) -> None:
        boundary = secrets.token_hex(16)
        self._file = file
        self._sha256 = sha256.lower()
        self._progress = progress
        self._head = _parts(fields, boundary) + _file_head(file_field, file.name, boundary)
        self._tail = b"\r\n" + _end(boundary)
        try:
            self._size = os.stat(file).st_size
        except OSError as error:
            raise PackageChanged(
                f"The package file {file.name} cannot be read ({error.strerror})."
            ) from error
        self.content_type = f"{MULTIPART}; boundary={boundary}"
        self.length = len(self._head) + self._size + len(self._tail)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            pieces = await asyncio.to_thread(_Pieces, self._file)
            try:
                yield self._head
                async for piece in self._checked(pieces):
                    yield piece
                yield self._tail
            finally:
                pieces.close()
        except OSError as error:
            raise PackageChanged(
                f"The package file {self._file.name} cannot be read ({error.strerror})."
            ) from error

    async def _checked(self, pieces: _Pieces) -> AsyncIterator[bytes]:
        read, sent, held = 0, 0, b""
        while piece := await pieces.next():
            read += len(piece)
            if read > self._size:
                break
            if held:
                yield held
                sent += len(held)
                self._progress(sent)
            held = piece
        digest = await pieces.digest()
        if read != self._size or digest != self._sha256:
            raise PackageChanged(
                f"The package file {self._file.name} is not the one of the plan: SHA-256 {digest} "
                f"over {read} bytes, planned {self._sha256}. The upload was broken off before its end; "
                "nothing was installed. Add the package again and make a new request."
            )
        if held:
            yield held
            self._progress(sent + len(held))


class _Pieces:
    """A file, piece by piece: one thread reads ahead, another hashes, and nobody waits for both. Opened at once."""

    def __init__(self, file: Path) -> None:
        self._stream = file.open("rb", buffering=0)
        self._digest = hashlib.sha256()
        self._reader = ThreadPoolExecutor(1, "package-reader")
        self._hasher = ThreadPoolExecutor(1, "package-hasher")
        self._unhashed: deque[Future[None]] = deque()
        self._ahead = self._reader.submit(self._read)

    async def next(self) -> bytes:
        """The next piece; nothing at the end. Raises OSError."""
        piece = await asyncio.wrap_future(self._ahead)
        if piece:
            self._ahead = self._reader.submit(self._read)
        return piece

    async def digest(self) -> str:
        """The SHA-256 of all pieces so far."""
        return await asyncio.wrap_future(self._hasher.submit(self._digest.hexdigest))

    def close(self) -> None:
        """Close the file, as soon as nobody reads it any more."""
        self._reader.submit(self._stream.close)
        self._reader.shutdown(wait=False)
        self._hasher.shutdown(wait=False)

    def _read(self) -> bytes:
        piece = self._stream.read(CHUNK)
        self._unhashed.append(self._hasher.submit(self._digest.update, piece))
        if len(self._unhashed) > UNHASHED:
            self._unhashed.popleft().result()
        return piece


def _parts(fields: Fields, boundary: str) -> bytes:
    return b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    )


def _file_head(name: str, filename: str, boundary: str) -> bytes:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_escaped(name)}"; '
        f'filename="{_escaped(filename)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
    ).encode()


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()


def _escaped(name: str) -> str:
    """As HTML has it for multipart names."""
    return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
