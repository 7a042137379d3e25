"""The one-process lock: one process at a time carries runs and announces. The ledger itself needs no such lock."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType


class LockRefused(Exception):
    """Another process holds the lock, or its file cannot be had. `pid` is the holder's, where it can be told."""

    def __init__(self, message: str, pid: int | None = None) -> None:
        super().__init__(message)
        self.pid = pid


class ProcessLock:
    """`with ProcessLock(path):` holds the lock or raises `LockRefused` at once.

    The kernel releases it when the process dies, however it dies; the file stays and means nothing by itself.
    The pid inside is for people. The file is never removed: removing it would let two processes hold two locks
    of one name.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def __enter__(self) -> ProcessLock:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise LockRefused(
                f"the lock file {self._path} cannot be opened ({error.strerror}): correct its directory"
            ) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            pid = _pid(descriptor)
            os.close(descriptor)
            raise LockRefused(
                f"Keyturn already runs on this ledger as process {pid or 'unknown'} ({self._path}): "
                "stop that one first",
                pid,
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _pid(descriptor: int) -> int | None:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else None
