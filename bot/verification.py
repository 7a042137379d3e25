"""The verification at each start: the whole chain of hashes, and each snapshot against its stream's entries (law 7).

A large ledger is verified by a process of its own: at a million entries that is a minute of a processor, which would
hold up the bot's answers if they shared an interpreter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import threading
from asyncio.subprocess import PIPE
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ValidationError

from bot.announce.book import BOOK_FOLD
from bot.announce.book import STREAM as ANNOUNCER
from bot.domain.enterprise import enterprise_of
from bot.domain.events import UnknownEvent
from bot.domain.handle import ENTERPRISE_FOLD
from bot.domain.ledger import Snapshot
from bot.domain.snapshot import Fold, SnapshotCheck, refuse
from storage.errors import LedgerDamaged, LedgerUnavailable, NotALedger
from storage.ledger import Broken, Head, Ledger
from storage.sqlite import SqliteLedger

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Real seconds until a verification that came to no finding is begun again."""

_SAME_CODE = "import sys; sys.path[:] = {}; from bot.verification import main; main(sys.argv[1])"
"""What the process is started with: wherever the bot was started, both run the same modules."""

LONGEST = 3600.0
"""Real seconds that one may take: a million entries are a minute or two."""


class NotWhole(Exception):
    """The ledger does not verify. The message says where, and what to do."""


class NoFinding(Exception):
    """The process that verifies came to no finding."""


class Finding(BaseModel):
    """What the process found: why the ledger is not whole, or its head and the snapshots that are wrong."""

    not_whole: str = ""
    head: Head = Head(0, "")
    wrong: dict[str, int] = {}


def fold_of(stream: str) -> Fold[Any] | None:
    """How a stream is folded; None for one of which no snapshot is kept."""
    if enterprise_of(stream) is not None:
        return ENTERPRISE_FOLD
    return BOOK_FOLD if stream == ANNOUNCER else None


async def snapshots(ledger: Ledger) -> dict[str, Snapshot]:
    """Those that stand, by stream. Asked for before anything is loaded: what is then built on is what gets checked."""
    folds = {stream: fold for stream in await ledger.streams() if (fold := fold_of(stream))}
    found = {stream: await ledger.snapshot(stream, fold.kind) for stream, fold in folds.items()}
    return {stream: snapshot for stream, snapshot in found.items() if snapshot}


async def verify(ledger: Ledger, standing: Mapping[str, Snapshot]) -> None:
    """In this process. Raises `Broken` or `UnknownEvent` for an entry, `SnapshotWrong` for one that `standing` has."""
    _, wrong = await _wrong(ledger, standing)
    await refuse(ledger, wrong)


async def verify_beside(
    ledger: Ledger,
    file: Path,
    standing: Mapping[str, Snapshot],
    told: Callable[[str], None],
    *,
    again: float = AGAIN,
) -> None:
    """In a process of its own; its finding counts when it is about a history that `ledger`, open on `file`, has too.

    When it comes to none, `told` hears why, and it is begun anew `again` seconds later. Raises `NotWhole`, or
    `SnapshotWrong`.
    """
    given = json.dumps(standing).encode() + b"\n"
    start = await ledger.head()
    while True:
        try:
            found = Finding.model_validate_json(await _process(file, given))
            if found.not_whole:
                raise NotWhole(found.not_whole)
            if found.head.position < start.position or not await ledger.holds(*found.head):
                raise NoFinding(f"another ledger than the open one stands at {file}")
            return await refuse(ledger, found.wrong)
        except (NoFinding, ValidationError, LedgerUnavailable, OSError) as error:
            log.error("the ledger could not be verified; again in %.0f s: %s", again, error)
            told(
                f"the ledger could not be verified: the bot's log says why; it is tried again every {again:.0f} s"
            )
        await asyncio.sleep(again)


async def _process(file: Path, given: bytes) -> bytes:
    """What it prints. It ends with the bot, however that ends: its standard input is closed then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-c", _SAME_CODE.format(sys.path), file), stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(LONGEST):
            process.stdin.write(given)
            out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
            if await process.wait() != 0:
                words = err.decode(errors="replace").strip()
                raise NoFinding(f"exit code {process.returncode}: {words[-500:]}")
            return out
    except TimeoutError:
        raise NoFinding(f"it was not done after {LONGEST / 60:.0f} minutes") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _wrong(ledger: Ledger, standing: Mapping[str, Snapshot]) -> tuple[Head, dict[str, int]]:
    check = SnapshotCheck({s: (fold, found) for s, found in standing.items() if (fold := fold_of(s))})
    return await ledger.verify(each=check.take), check.wrong


async def _find(file: Path, standing: Mapping[str, Snapshot]) -> Finding:
    try:
        async with SqliteLedger.open(file, audit=True) as ledger:
            head, wrong = await _wrong(ledger, standing)
            return Finding(head=head, wrong=wrong)
    except (Broken, UnknownEvent, LedgerDamaged, NotALedger) as error:
        return Finding(not_whole=str(error))


def _end_with(bot: IO[str]) -> None:
    bot.read()
    os._exit(1)


def main(file: str) -> None:
    """The process: reads the snapshots by stream from a line of standard input, and prints a `Finding`."""
    os.nice(10)
    standing = {stream: Snapshot(*parts) for stream, parts in json.loads(sys.stdin.readline()).items()}
    threading.Thread(target=_end_with, args=[sys.stdin], daemon=True).start()
    print(asyncio.run(_find(Path(file), standing)).model_dump_json(), flush=True)
    os._exit(0)  # the thread holds the lock of standard input, which an orderly end would wait for
