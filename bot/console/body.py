"""What a form's request carries: urlencoded or multipart, and the package, streamed and hashed as it goes."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlencode

from bot.console.forms import MULTIPART, URLENCODED
from bot.console.port import PackageChanged

CHUNK = 256 * 1024

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
            stream = await asyncio.to_thread(open, self._file, "rb")
        except OSError as error:
            raise self._unreadable(error) from error
        try:
            yield self._head
            async for chunk in self._checked(stream):
                yield chunk
            yield self._tail
        finally:
            stream.close()

    async def _checked(self, stream: BinaryIO) -> AsyncIterator[bytes]:
        digest, read, sent, held = hashlib.sha256(), 0, 0, b""
        while chunk := await asyncio.to_thread(self._read, stream, digest):
            read += len(chunk)
            if read > self._size:
                break
            if held:
                yield held
                sent += len(held)
                self._progress(sent)
            held = chunk
        if read != self._size or digest.hexdigest() != self._sha256:
            raise PackageChanged(
                f"The package file {self._file.name} is not the one of the plan: SHA-256 {digest.hexdigest()} "
                f"over {read} bytes, planned {self._sha256}. The upload was broken off before its end; "
                "nothing was installed. Add the package again and make a new request."
            )
        if held:
            yield held
            self._progress(sent + len(held))

    def _read(self, stream: BinaryIO, digest: hashlib._Hash) -> bytes:
        try:
            chunk = stream.read(CHUNK)
        except OSError as error:
            raise self._unreadable(error) from error
        digest.update(chunk)
        return chunk

    def _unreadable(self, error: OSError) -> PackageChanged:
        return PackageChanged(f"The package file {self._file.name} cannot be read ({error.strerror}).")


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
