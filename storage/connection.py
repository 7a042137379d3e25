"""A SQLite connection and the one thread that it lives in: nothing of SQLite runs on the event loop."""

from __future__ import annotations

import asyncio
import functools
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from storage.errors import LedgerUnavailable, explained

T = TypeVar("T")


def connect(path: Path, busy_timeout: float) -> Database:
    """A connection without implicit transactions; it waits up to `busy_timeout` seconds for other processes.

    Stored text comes back byte for byte: what is not UTF-8 as surrogate escapes, for the chain to judge.
    """
    connection = sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)
    connection.text_factory = functools.partial(str, encoding="utf-8", errors="surrogateescape")
    database = Database(connection, execute_plugins=False)
    database.execute("PRAGMA synchronous = FULL")
    return database


@contextmanager
def transaction(database: Database) -> Iterator[None]:
    """Everything inside or nothing, on disk at the end; the write lock is held from the start.

    Not `Database.atomic()`: that begins deferred, and a read followed by a write then fails at once beside
    another writer, whatever the busy timeout.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.conn.in_transaction:  # a full disk may have rolled back already
            database.execute("ROLLBACK")
        raise


class Worker:
    """Owns a connection and its thread; jobs run one after the other."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._database: Database | None = None

    @classmethod
    @asynccontextmanager
    async def start(cls, path: Path, name: str, busy_timeout: float) -> AsyncIterator[Worker]:
        """Connects to the file; at the end waits for the jobs under way and closes."""
        worker = cls(path, name)
        try:
            await worker._in_thread(lambda: worker._connect(busy_timeout))
            yield worker
        finally:
            await worker._stop()

    async def run(self, job: Callable[[Database], T]) -> T:
        """The job's result. A caller that is cancelled does not know whether the job was done."""

        def call() -> T:
            assert self._database is not None
            return job(self._database)

        return await self._in_thread(call)

    async def _in_thread(self, job: Callable[[], T]) -> T:
        if self._thread is None:
            raise LedgerUnavailable(f"the ledger {self._path} has been closed: Keyturn is stopping")
        with explained(self._path):
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)

    def _connect(self, busy_timeout: float) -> None:
        self._database = connect(self._path, busy_timeout)

    async def _stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(thread, self._close)
            finally:
                thread.shutdown(wait=False)

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
