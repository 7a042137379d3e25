"""A copy of the ledger from before Install, put back after it: what a colleague in a hurry does to a lost host."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.crash.people import People


async def copy_in_a_run(people: People, ledger: Path) -> Path:
    """A file copy of the ledger, made when the lockout is on; the run then goes on to its end."""
    copy = ledger.with_name("copy.sqlite")
    id_ = await people.ask()
    await people.approve(id_)
    await people.until("the lockout", lambda s: s.lockout and s.lockout.announced)
    with closing(sqlite3.connect(ledger)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    await people.see_the_end(id_)
    return copy


def put_back(copy: Path, ledger: Path) -> int:
    """Make the copy the ledger, which nobody has open; how many entries it has."""
    for old in ledger.parent.glob(f"{ledger.name}*"):
        old.unlink()
    copy.rename(ledger)
    with closing(sqlite3.connect(ledger)) as database:
        return int(database.execute("SELECT count(*) FROM events").fetchone()[0])
