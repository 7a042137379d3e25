"""One process at a time, and never a lock that outlives its owner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.lock import LockRefused, ProcessLock
from tests.storage.ledger_child import Child

BOUND = 10.0


def test_a_second_process_is_refused_and_told_who_holds_it(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "keyturn.lock"
    holder = child("lock", path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == f"{holder.pid}\n"
    with pytest.raises(LockRefused, match=f"as process {holder.pid} ") as refused, ProcessLock(path):
        pass
    assert refused.value.pid == holder.pid
    assert str(path) in str(refused.value)

    holder.kill()
    holder.wait(BOUND)
    assert path.read_text() == f"{holder.pid}\n"  # the file stays, the lock does not
    with ProcessLock(path), pytest.raises(LockRefused):
        ProcessLock(path).__enter__()


def test_it_is_free_again_afterwards(tmp_path: Path) -> None:
    lock = ProcessLock(tmp_path / "keyturn.lock")
    for _ in range(2):
        with lock:
            pass
    with pytest.raises(RuntimeError), lock:
        raise RuntimeError
    with lock:
        pass


def test_the_file_names_its_holder_alone(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.lock"
    path.write_text("99999999999999999999\n")
    with ProcessLock(path):
        assert path.read_text() == f"{os.getpid()}\n"


def test_a_file_without_a_pid_still_locks(tmp_path: Path) -> None:
    path = tmp_path / "keyturn.lock"
    with ProcessLock(path):
        path.write_text("somebody's note")
        with pytest.raises(LockRefused, match="process unknown") as refused, ProcessLock(path):
            pass
        assert refused.value.pid is None


def test_no_directory(tmp_path: Path) -> None:
    with (
        pytest.raises(LockRefused, match="cannot be opened"),
        ProcessLock(tmp_path / "nowhere" / "keyturn.lock"),
    ):
        pass
