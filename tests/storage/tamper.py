"""Random tamperings of real ledger files, each of which has to be found, and honest ledgers, none of which may be.

`python -m tests.storage.tamper --count 10000 --honest 1000 --seed 1` prints a table by kind; exit code 1 when one
was missed, named wrong, or an honest ledger refused.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import random
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from bot.domain.events import Announced, Declined, Event, Posted, Stopped, UnknownEvent, Withdrawn
from storage.chain import Row
from storage.ledger import Broken, Head
from storage.sqlite import SqliteLedger

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
STREAMS = ("enterprise/main", "enterprise/süd", "packages", "announcer")
COLUMNS = Row._fields

Rows = list[Row]
Tampering = Callable[[Rows, random.Random], Rows]


def event(chance: random.Random) -> Event:
    """A random event of a few types, some with text of several bytes a letter."""
    word = "".join(chance.choices('abcäß€\U0001f511 "\\\n0', k=chance.randrange(20)))
    return chance.choice(
        (
            Declined(request=word, by="U1", reason=word),
            Withdrawn(request=word, by=word),
            Posted(key=word, channel="C1", ts="1730000000.000100"),
            Stopped(request="r1", reason=word),
            Announced(position=chance.randrange(10**6)),
        )
    )


async def write(path: Path, chance: random.Random, size: int) -> Head:
    """An honest ledger of some `size` entries, in appends of random sizes to random streams."""
    async with SqliteLedger.open(path) as ledger:
        versions: Counter[str] = Counter()
        while versions.total() < size:
            stream = chance.choice(STREAMS)
            batch = [event(chance) for _ in range(chance.randint(1, 6))]
            moment = AT + timedelta(seconds=versions.total(), microseconds=chance.randrange(10**6))
            await ledger.append(stream, versions[stream], batch, moment)
            versions[stream] += len(batch)
        return await ledger.head()


# --- the tamperings: from all rows to what stands in the file afterwards


def other(value: Any, chance: random.Random) -> Any:
    """A value of the same kind that is not `value`: near it, or anything."""
    while True:
        if isinstance(value, int):
            drawn: Any = chance.choice((value + chance.choice((-1, 1)), chance.randrange(-9, 99), -value))
        else:
            place = chance.randrange(len(value) + 1)
            letter = chance.choice('0aA ,:"}é€')
            drawn = chance.choice(
                (
                    value[:place] + letter + value[place + 1 :],
                    value[:place] + letter + value[place:],
                    value[:place],
                )
            )
        if drawn != value:
            return drawn


def changed(rows: Rows, chance: random.Random) -> Rows:
    place, column = chance.randrange(len(rows)), chance.choice(COLUMNS)
    taken = {row.position for row in rows}
    while True:
        value = other(getattr(rows[place], column), chance)
        if column != "position" or value not in taken:
            return [*rows[:place], rows[place]._replace(**{column: value}), *rows[place + 1 :]]


def removed(rows: Rows, chance: random.Random) -> Rows:
    place = chance.randrange(len(rows) - 1)
    rest = rows[:place] + rows[place + 1 :]
    return chance.choice((rest, renumbered(rest)))


def inserted(rows: Rows, chance: random.Random) -> Rows:
    place = chance.randrange(len(rows))
    new = chance.choice(rows)._replace(data=chance.choice(('{"by":"x","request":"r"}', rows[place].data)))
    return renumbered([*rows[:place], new, *rows[place:]])


def swapped(rows: Rows, chance: random.Random) -> Rows:
    one, two = chance.sample(range(len(rows)), 2)
    rows = rows.copy()
    rows[one], rows[two] = rows[two], rows[one]
    return renumbered(rows)


def moved(rows: Rows, chance: random.Random) -> Rows:
    """One entry to another stream, with the version that would come next there."""
    place = chance.randrange(len(rows))
    stream = chance.choice([name for name in (*STREAMS, "enterprise/new") if name != rows[place].stream])
    version = sum(row.stream == stream for row in rows[:place]) + 1
    return [*rows[:place], rows[place]._replace(stream=stream, version=version), *rows[place + 1 :]]


def cut(rows: Rows, chance: random.Random) -> Rows:
    return rows[: chance.randrange(len(rows))]


def anew(rows: Rows, chance: random.Random) -> Rows:
    """Any of the others, and the chain computed anew from there: only the announced head shows it."""
    place = chance.randrange(len(rows) - 1)
    tail = chance.choice((later, removed, swapped))([*rows[place:]], chance)
    return rechained([*rows[:place], *tail], place)


def later(rows: Rows, chance: random.Random) -> Rows:
    """Another moment for the first entry, as Keyturn would write it."""
    at = datetime.fromisoformat(rows[0].at) + timedelta(seconds=chance.randint(1, 99))
    return [rows[0]._replace(at=at.isoformat(timespec="microseconds")), *rows[1:]]


def several(rows: Rows, chance: random.Random) -> Rows:
    for tampering in chance.choices((removed, inserted, swapped, moved, changed), k=chance.randint(2, 4)):
        if len(rows) > 2:
            rows = tampering(rows, chance)
    return sorted(rows)


KINDS: dict[str, Tampering] = {
    "changed": changed,
    "removed": removed,
    "inserted": inserted,
    "swapped": swapped,
    "moved to another stream": moved,
    "tail cut": cut,
    "chain computed anew": anew,
    "several at once": several,
}


def renumbered(rows: Rows) -> Rows:
    return [row._replace(position=position) for position, row in enumerate(rows, 1)]


def digest(previous: str, row: Row) -> str:
    """The entry's hash, by the documentation and not by the code under test."""
    stored = [str(value).encode() for value in (previous, *row[:-1])]
    return hashlib.sha256(b"".join(b"%d:%b," % (len(field), field) for field in stored)).hexdigest()


def rechained(rows: Rows, place: int) -> Rows:
    """Positions, versions and hashes of a careful forger, from `place` on."""
    done: Rows = []
    versions: Counter[str] = Counter()
    for row in renumbered(rows):
        versions[row.stream] += 1
        if row.position > place:
            row = row._replace(version=versions[row.stream])
            row = row._replace(hash=digest(done[-1].hash if done else "0" * 64, row))
        done.append(row)
    return done


def first_wrong(rows: Rows) -> int | None:
    """The first entry that the chain alone shows as wrong; None when it shows nothing."""
    head, versions = "0" * 64, Counter[str]()
    for expected, row in enumerate(sorted(rows), 1):
        versions[row.stream] += 1
        fits = row.position == expected and row.hash == digest(head, row)
        if not fits or row.version != versions[row.stream]:
            return min(expected, row.position)
        head = row.hash
    return None


# --- the trial


class Result(NamedTuple):
    """What became of one tampering: found at all, and named right where the chain shows it (None: it does not)."""

    found: bool
    named: bool | None


def prepared(path: Path) -> Rows:
    """A closed ledger without what SQLite itself would refuse; its rows."""
    connection = sqlite3.connect(path)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    connection.execute("DROP INDEX idx_events_stream_version")
    connection.execute("CREATE INDEX idx_events_stream_version ON events (stream, version)")
    connection.commit()
    rows = [Row(*row) for row in connection.execute("SELECT * FROM events ORDER BY position")]
    connection.close()
    return rows


def rewrite(path: Path, before: Rows, after: Rows) -> None:
    """The rows that differ, changed in the file itself."""
    gone, come = set(before) - set(after), set(after) - set(before)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.executemany("DELETE FROM events WHERE position = ?", [(row.position,) for row in gone])
    connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", come)
    connection.commit()
    connection.close()


async def try_one(
    base: Path, copy: Path, before: Rows, tampering: Tampering, chance: random.Random
) -> Result:
    """One tampering on a copy of `base`, verified against the head that was announced last."""
    after = before
    while sorted(after) == before:
        after = tampering(before, chance)
    shutil.copyfile(base, copy)
    rewrite(copy, before, after)
    expected = first_wrong(after)
    async with SqliteLedger.open(copy, audit=True) as ledger:
        try:
            await ledger.verify(before[-1].hash)
        except Broken as broken:
            return Result(True, None if expected is None else broken.position == expected)
        except UnknownEvent:  # a chain computed anew over a type that there is not
            return Result(True, None if expected is None else False)
    return Result(False, None if expected is None else False)


class Report(NamedTuple):
    """How it went, in figures."""

    results: dict[str, list[Result]]
    honest: int
    alarms: int

    @property
    def good(self) -> bool:
        every = [result for of_kind in self.results.values() for result in of_kind]
        return not self.alarms and all(one.found and one.named is not False for one in every)

    def table(self) -> str:
        lines = [f"{'kind':<26}{'done':>7}{'found':>7}{'shown by the chain':>20}{'first named right':>19}"]
        total = [result for of_kind in self.results.values() for result in of_kind]
        for kind, results in (*self.results.items(), ("all", total)):
            shown = [one.named for one in results if one.named is not None]
            found = sum(one.found for one in results)
            lines.append(f"{kind:<26}{len(results):>7}{found:>7}{len(shown):>20}{sum(shown):>19}")
        return "\n".join([*lines, f"honest ledgers: {self.honest}, alarms: {self.alarms}"])


async def trial(count: int, honest: int, seed: int) -> Report:
    """`count` tamperings in turns of the kinds, then `honest` ledgers."""
    chance = random.Random(seed)
    results: dict[str, list[Result]] = {kind: [] for kind in KINDS}
    alarms = 0
    with tempfile.TemporaryDirectory() as directory:
        copy = Path(directory) / "copy.sqlite"
        bases: list[tuple[Path, Rows]] = []
        for number in range(max(2, min(40, count // 20))):
            path = Path(directory) / f"base-{number}.sqlite"
            await write(path, chance, chance.choice((3, 10, 30, 100)))
            bases.append((path, prepared(path)))
        for number in range(count):
            kind = list(KINDS)[number % len(KINDS)]
            path, before = chance.choice(bases)
            results[kind].append(await try_one(path, copy, before, KINDS[kind], chance))
        for _ in range(honest):
            copy.unlink(missing_ok=True)
            head = await write(copy, chance, chance.randrange(60))
            async with SqliteLedger.open(copy) as ledger:
                try:
                    alarms += await ledger.verify(head.hash) != head
                except (Broken, UnknownEvent):
                    alarms += 1
    return Report(results, honest, alarms)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.storage.tamper", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--honest", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    report = asyncio.run(trial(asked.count, asked.honest, asked.seed))
    print(report.table())
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
