"""A ledger as files of a directory: made beside their place, flushed, put there in one step.

None of it opens a file that SQLite holds in this process: closing it again would drop SQLite's locks
(sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.errors import LedgerUnavailable

SIDES = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a database that is in use, or was when its process was killed."""


class FileTaken(LedgerUnavailable):
    """A file stands where one was to be made."""


def sides(path: Path) -> list[Path]:
    """The files that stand beside the database `path` and belong to it."""
    return [side for end in SIDES if (side := path.with_name(path.name + end)).exists()]


def refuse_taken(path: Path, ledger: Path, *, replace: bool) -> None:
    """Raises `FileTaken` when a file must not be made at `path`: never in place of the ledger itself."""
    for own in (ledger, *sides(ledger)):
        if path.exists() and own.exists() and path.samefile(own):
            raise FileTaken(f"{path} is the ledger itself: name another file")
    if not replace and (path.exists() or sides(path)):
        raise _taken(path)


@contextmanager
def partial(path: Path) -> Iterator[Path]:
    """A new empty file of mode 0600 beside `path`; at the end it and its sides are removed, where they still are."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    os.close(descriptor)
    made = Path(name)
    try:
        yield made
    finally:
        for left in (made, *sides(made)):
            left.unlink(missing_ok=True)


def put(made: Path, path: Path, *, replace: bool) -> None:
    """The file `made` becomes `path`, on disk when this returns; a kill leaves either.

    Raises `FileTaken` when there is one that is not to be replaced.
    """
    flush(made)
    if replace:
        os.replace(made, path)
    else:
        try:
            os.link(made, path)
        except FileExistsError:
            raise _taken(path) from None
        made.unlink()
    flush(path.parent)


def flush(path: Path) -> None:
    """The file's content, or the directory's names, are on disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _taken(path: Path) -> FileTaken:
    ends = ", ".join(SIDES)
    return FileTaken(f"{path} is there already, or one with {ends}: name another file, or give --force")
