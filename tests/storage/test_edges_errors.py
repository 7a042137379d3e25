"""What SQLite and the operating system say becomes one type and one line with what to do."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from pathlib import Path

import pytest

from bot.domain.ledger import Conflict
from storage.errors import (
    DiskRefused,
    LedgerBusy,
    LedgerDamaged,
    LedgerMissing,
    LedgerReadOnly,
    LedgerUnavailable,
    NotALedger,
    explained,
)
from storage.lock import LockRefused, ProcessLock

PATH = Path("somewhere/ledger.db")
WRITE_ACCESS = "give this user write access to it and to its directory"


def of_sqlite(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("its own words")
    error.sqlite_errorcode = code
    return error


def explanation(error: Exception) -> LedgerUnavailable:
    with pytest.raises(LedgerUnavailable) as refused, explained(PATH):
        raise error
    assert refused.value.__cause__ is error
    assert "\n" not in str(refused.value)
    return refused.value


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        (sqlite3.SQLITE_NOTADB, NotALedger, "is not a SQLite database: correct the path"),
        (sqlite3.SQLITE_READONLY, LedgerReadOnly, WRITE_ACCESS),
        (sqlite3.SQLITE_PERM, LedgerReadOnly, WRITE_ACCESS),
        (sqlite3.SQLITE_CANTOPEN, LedgerReadOnly, WRITE_ACCESS),
        (sqlite3.SQLITE_BUSY, LedgerBusy, "held by another process (its own words): find what holds it"),
        (sqlite3.SQLITE_LOCKED, LedgerBusy, "held by another process (its own words): find what holds it"),
        (
            sqlite3.SQLITE_FULL,
            DiskRefused,
            "(its own words): look for a disk that is full, read-only or failing",
        ),
        (
            sqlite3.SQLITE_IOERR,
            DiskRefused,
            "(its own words): look for a disk that is full, read-only or failing",
        ),
        (
            sqlite3.SQLITE_IOERR_FSYNC,
            DiskRefused,
            "(its own words): look for a disk that is full, read-only or failing",
        ),
        (sqlite3.SQLITE_CORRUPT, LedgerDamaged, "is damaged (its own words): "),
        (sqlite3.SQLITE_ERROR, LedgerDamaged, "is damaged (its own words): "),
    ],
)
def test_what_sqlite_says(code: int, kind: type[LedgerUnavailable], says: str) -> None:
    refused = explanation(of_sqlite(code))
    assert type(refused) is kind
    assert str(PATH) in str(refused)
    assert says in str(refused)
    assert kind in (NotALedger, LedgerBusy) or "its own words" in str(refused)


def test_a_misuse_of_the_library_is_not_a_state_of_the_ledger() -> None:
    with pytest.raises(sqlite3.ProgrammingError), explained(PATH):
        raise sqlite3.ProgrammingError("Cannot operate on a closed database.")


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOENT, LedgerMissing, f"the directory {PATH.parent} of the ledger does not exist: create it"),
        (
            errno.ENOTDIR,
            LedgerMissing,
            f"the directory {PATH.parent} of the ledger does not exist: create it",
        ),
        (errno.EACCES, LedgerReadOnly, WRITE_ACCESS),
        (errno.EPERM, LedgerReadOnly, WRITE_ACCESS),
        (errno.EROFS, LedgerReadOnly, WRITE_ACCESS),
        (errno.ENOSPC, DiskRefused, "look for a full or failing disk"),
        (errno.EDQUOT, DiskRefused, "look for a full or failing disk"),
        (errno.EFBIG, DiskRefused, "look for a full or failing disk"),
        (errno.EIO, DiskRefused, "look for a full or failing disk"),
        (errno.ELOOP, LedgerUnavailable, "cannot be opened: "),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_what_the_operating_system_says(number: int, kind: type[LedgerUnavailable], says: str) -> None:
    refused = explanation(OSError(number, os.strerror(number)))
    assert type(refused) is kind
    assert str(PATH.parent) in str(refused)
    assert says in str(refused)
    assert kind is LedgerMissing or os.strerror(number) in str(refused)


def test_an_error_without_a_number_is_told_in_its_own_words() -> None:
    assert str(explanation(OSError("odd"))) == f"the ledger {PATH} cannot be opened: odd"


def test_a_conflict_says_whose_and_what() -> None:
    conflict = Conflict("enterprise:main", 3, 5)
    assert (conflict.stream, conflict.expected, conflict.actual) == ("enterprise:main", 3, 5)
    assert str(conflict) == "stream enterprise:main is at version 5, not 3"


# --- the one-process lock


def test_a_lock_file_belongs_to_its_owner_alone_and_holds_its_pid(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.lock"
    with ProcessLock(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(LockRefused, match=r"Keyturn already runs on this ledger.*: stop that one first"):
            ProcessLock(path).__enter__()
        assert path.read_text() == f"{os.getpid()}\n"


def test_the_pid_replaces_whatever_was_left_there(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.lock"
    path.write_text("123456789 and more\n")
    with ProcessLock(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_leaving_a_lock_that_is_not_held_does_nothing(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "keyturn.lock")
    lock.__exit__(None, None, None)
    with lock:
        pass
    lock.__exit__(None, None, None)
