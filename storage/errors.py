"""Why a ledger cannot be used: one type for each reason, one clear line each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REMEDY = "stop the bot, keep a copy of the ledger and its -wal file, then `keyturn ledger restore BACKUP`"
"""What to do about a ledger that is damaged or was tampered with."""


class LedgerUnavailable(Exception):
    """The ledger cannot be used; the message says why and what to do. An append that raises it added nothing."""


class LedgerMissing(LedgerUnavailable):
    """No ledger, or no directory for one, stands at the path."""


class NotALedger(LedgerUnavailable):
    """Something else stands at the path."""


class NewerSchema(LedgerUnavailable):
    """A later version of Keyturn has migrated the ledger."""


class LedgerReadOnly(LedgerUnavailable):
    """The file or its directory may not be opened or written."""


class LedgerBusy(LedgerUnavailable):
    """Another process holds the database for longer than the busy timeout."""


class DiskRefused(LedgerUnavailable):
    """The disk is full, over a quota or a limit of the file's size, failing, or has become read-only.

    An append that raises it added nothing; but when it was the flush of the commit that failed, and the machine
    goes down before the next append, the whole append may be there afterwards.
    """


class LedgerDamaged(LedgerUnavailable):
    """SQLite finds the file's structure damaged, or the ledger's table changed."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite and the operating system raise about `path` into the types of this module."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:  # misuse of the library, not a state of the ledger
            raise
        raise _of_sqlite(path, code & 0xFF, str(error)) from error
    except OSError as error:
        raise _of_system(path, error) from error
    except UnicodeDecodeError as error:  # SQLite quotes the damage in its own message
        raise LedgerDamaged(f"the ledger {path} is damaged (its schema is no text): {REMEDY}") from error


def _of_sqlite(path: Path, code: int, words: str) -> LedgerUnavailable:
    match code:
        case sqlite3.SQLITE_NOTADB:
            return NotALedger(f"{path} is not a SQLite database: correct the path of the ledger")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return _read_only(path, words)
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return LedgerBusy(
                f"the ledger {path} is held by another process ({words}): find what holds it, then try again"
            )
        case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
            return DiskRefused(
                f"the disk refuses the ledger {path} ({words}): "
                "look for a disk that is full, read-only or failing, a quota, or a limit of file sizes"
            )
        case _:
            return LedgerDamaged(f"the ledger {path} is damaged ({words}): {REMEDY}")


def _of_system(path: Path, error: OSError) -> LedgerUnavailable:
    words = error.strerror or str(error)
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return LedgerMissing(
                f"the directory {path.parent} of the ledger does not exist: create it, or correct the path"
            )
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return _read_only(path, words)
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG | errno.EIO:
            return DiskRefused(
                f"the disk refuses the ledger {path} ({words}): look for a full or failing disk"
            )
        case _:
            return LedgerUnavailable(f"the ledger {path} cannot be opened: {words}")


def _read_only(path: Path, words: str) -> LedgerReadOnly:
    return LedgerReadOnly(
        f"the ledger {path} cannot be opened and written ({words}): "
        "give this user write access to it and to its directory"
    )
