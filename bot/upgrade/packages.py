"""The package directory of the bot's host: files that a person downloaded from the vendor, recorded in the ledger."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from bot.domain.events import PackageAdded
from bot.domain.handle import Now
from bot.domain.ledger import Conflict
from bot.domain.plan import Package
from storage.ledger import Ledger

STREAM = "packages"
_CHUNK = 1 << 20


class PackageError(Exception):
    """A package file cannot be added. The message says which, why, and what to do."""


class Recorded(NamedTuple):
    """A package with when and by whom it was added."""

    package: Package
    at: datetime
    by: str


class _Stamp(NamedTuple):
    """What changes when a file's bytes are changed, as far as the file system says."""

    inode: int
    size: int
    modified: int
    changed: int


class PackageStore:
    """Adds, lists and fingerprints packages. `directory` is made when it is first needed."""

    def __init__(self, directory: Path, ledger: Ledger, clock: Now) -> None:
        self._directory = directory
        self._ledger = ledger
        self._clock = clock
        self._hashed: dict[Path, tuple[_Stamp, str]] = {}

    async def recorded(self) -> list[Recorded]:
        """All packages, newest first."""
        entries = await self._ledger.read(STREAM)
        found = [(entry.event, entry.at) for entry in entries]
        return [Recorded(e.package, at, e.by) for e, at in reversed(found) if isinstance(e, PackageAdded)]

    def path(self, package: Package) -> Path:
        return self._directory / package.file

    async def add(self, file: Path, level: str, name: str, sha256: str | None, by: str) -> Package:
        """Copy, hash and record `file`. `name` is what the console will list, `sha256` what the vendor published.

        Raises `PackageError`: unreadable, empty, another hash than given, or a name that is taken.
        """
        package = await asyncio.to_thread(self._copy, file, level, name, sha256)
        while True:
            recorded = await self._ledger.read(STREAM)
            for entry in recorded:
                if isinstance(entry.event, PackageAdded) and entry.event.package.name == name:
                    raise PackageError(
                        f"a package named {name} was added already (sha256 {entry.event.package.sha256[:12]}…); "
                        "give another name with --name if the console will list this file under another"
                    )
            try:
                added = PackageAdded(package=package, by=by)
                await self._ledger.append(STREAM, len(recorded), [added], self._clock.now())
            except Conflict:
                continue
            return package

    async def fingerprint(self, package: Package) -> tuple[str, int] | None:
        """SHA-256 and size in bytes of the file as it is now; None when it is gone or may not be read.

        Hashed anew whenever the file system shows any change of the file since the last time. Raises `OSError` for
        a machine that cannot say: no file descriptor left, a failing disk.
        """
        return await asyncio.to_thread(self._fingerprint, self.path(package))

    def _fingerprint(self, path: Path) -> tuple[str, int] | None:
        try:
            with path.open("rb") as file:
                status = os.fstat(file.fileno())
                stamp = _Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                known = self._hashed.get(path)
                if known is None or known[0] != stamp:
                    known = stamp, hashlib.file_digest(file, "sha256").hexdigest()
                    self._hashed[path] = known
                return known[1], stamp.size
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            return None

    def _copy(self, file: Path, level: str, name: str, sha256: str | None) -> Package:
        if not 1 <= len(name.strip()) <= 150 or not 1 <= len(level.strip()) <= 75:
            raise PackageError("a package needs a name of 1 to 150 characters and a level of 1 to 75")
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        digest, size = hashlib.sha256(), 0
        try:
            source = file.open("rb")
        except OSError as error:
            raise PackageError(f"{file} cannot be read: {error.strerror}") from None
        try:
            with (
                source,
                tempfile.NamedTemporaryFile(dir=self._directory, delete=False) as copy,
            ):
                partial = Path(copy.name)
                try:
                    while chunk := source.read(_CHUNK):
                        digest.update(chunk)
                        copy.write(chunk)
                        size += len(chunk)
                    copy.flush()
                    os.fsync(copy.fileno())
                    found = digest.hexdigest()
                    if size == 0:
                        raise PackageError(f"{file} is empty; download it again")
                    if sha256 and found != sha256.lower():
                        raise PackageError(
                            f"{file} has sha256 {found}, not {sha256.lower()}; download it again and compare "
                            "with what the vendor publishes"
                        )
                    partial.rename(self._directory / f"{found}.ipm")
                finally:
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise PackageError(f"{file} cannot be copied to {self._directory}: {error.strerror}") from None
        return Package(name=name, file=f"{found}.ipm", sha256=found, size=size, level=level)
