"""The simulated package format: made by `keyturn sandbox package`, accepted by the simulated console.

The vendor's format is unpublished. Of it only this is known, and imitated: packages are digitally signed, and
modified ones are refused. A file is, in this order:

- one line of JSON: format, name, kind, level, size (of the whole file, in bytes);
- pseudo-random payload;
- an Ed25519 signature (64 bytes) over the SHA-256 of everything before it.

Written and verified with constant memory, whatever the size.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, ValidationError

FORMAT = "keyturn-simulated-package/1"
SIGNATURE_SIZE = 64
HEADER_LIMIT = 4096
CHUNK = 1 << 20

# The simulated vendor's key is public on purpose: it protects nothing, it only makes a modified file noticeable.
_VENDOR_KEY = Ed25519PrivateKey.from_private_bytes(
    hashlib.sha256(b"the simulated vendor of Keyturn").digest()
)


class PackageError(Exception):
    """The bytes are not a package that the simulated vendor signed. The message is what the console says."""


class PackageHeader(BaseModel):
    """The first line of a package. `size` is that of the whole file, in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = FORMAT
    name: str
    kind: str
    level: str
    size: int


def make_package(path: Path, name: str, level: str, size: int, kind: str = "Appliance") -> PackageHeader:
    """Write a signed package of exactly `size` bytes to `path`.

    The same arguments always give the same bytes. Raises `ValueError` when `size` is too small for the header
    and the signature.
    """
    header = PackageHeader(name=name, kind=kind, level=level, size=size)
    line = header.model_dump_json().encode() + b"\n"
    if len(line) > HEADER_LIMIT:
        raise ValueError(
            f"package {name[:40]}…: name, kind and level are too long; {HEADER_LIMIT} bytes at most"
        )
    payload = size - len(line) - SIGNATURE_SIZE
    if payload < 0:
        raise ValueError(
            f"package {name}: {size} bytes are too few; at least {len(line) + SIGNATURE_SIZE} are needed"
        )
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in chain([line], _payload(name, payload)):
            digest.update(chunk)
            file.write(chunk)
        file.write(_VENDOR_KEY.sign(digest.digest()))
    return header


def _payload(seed: str, size: int) -> Iterator[bytes]:
    source = random.Random(seed)  # noqa: S311 - filler, not a secret
    for start in range(0, size, CHUNK):
        yield source.randbytes(min(CHUNK, size - start))


class Verifier:
    """Takes a package in pieces, in constant memory, and says at the end whether the vendor signed it."""

    def __init__(self) -> None:
        self.size = 0
        self._file = hashlib.sha256()
        self._signed = hashlib.sha256()
        self._header = b""
        self._tail = b""

    @property
    def sha256(self) -> str:
        """Of all bytes so far, as 64 hex digits."""
        return self._file.hexdigest()

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the file, as many as come."""
        self.size += len(chunk)
        self._file.update(chunk)
        if len(self._header) < HEADER_LIMIT:
            self._header += chunk[: HEADER_LIMIT - len(self._header)]
        # The signature is the last 64 bytes, and only the end of the file says which those are.
        held = self._tail + chunk
        self._signed.update(held[:-SIGNATURE_SIZE])
        self._tail = held[-SIGNATURE_SIZE:]

    def finish(self) -> PackageHeader:
        """The header of a package whose signature is valid. Raises `PackageError` otherwise."""
        try:
            _VENDOR_KEY.public_key().verify(self._tail, self._signed.digest())
        except InvalidSignature:
            raise PackageError("The package signature is not valid") from None
        try:
            header = PackageHeader.model_validate_json(self._header.partition(b"\n")[0])
        except ValidationError:
            raise PackageError("The file is not an Imprivata package") from None
        if header.format != FORMAT or header.size != self.size:
            raise PackageError("The file is not an Imprivata package")
        return header


def verify_package(path: Path) -> PackageHeader:
    """The header of the package in the file `path`. Raises `PackageError`, or `OSError` when it cannot be read."""
    verifier = Verifier()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            verifier.feed(chunk)
    return verifier.finish()
