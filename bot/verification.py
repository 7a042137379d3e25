"""The verification at each start: the whole chain of hashes, and each snapshot against its stream's entries (law 7).

A large ledger is verified by a process of its own, `python -m bot.verification LEDGER`: at a million entries that is
a minute of a processor, which would hold up the bot's answers if they shared an interpreter.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.announce.book import BOOK_FOLD
from bot.announce.book import STREAM as ANNOUNCER
from bot.domain.enterprise import enterprise_of
from bot.domain.events import UnknownEvent
from bot.domain.handle import ENTERPRISE_FOLD
from bot.domain.ledger import Snapshot
from bot.domain.snapshot import Fold, SnapshotCheck, refuse
from storage.errors import LedgerDamaged
from storage.ledger import Broken, Ledger
from storage.sqlite import SqliteLedger

log = logging.getLogger(__name__)

AGAIN = 60.0
"""Real seconds until a verification that came to no finding is begun again."""

_NOT_WHOLE = 3
"""The exit code of the process that found the ledger not to be whole, with the reason on stderr."""


class NotWhole(Exception):
    """The ledger does not verify. The message says where, and what to do."""


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
    await refuse(ledger, await _wrong(ledger, standing))


async def verify_beside(
    ledger: Ledger, file: Path, standing: Mapping[str, Snapshot], again: float = AGAIN
) -> None:
    """In a process of its own, begun anew `again` seconds after one that came to no finding (its reasons are logged).

    Raises `NotWhole`, or `SnapshotWrong`.
    """
    given = json.dumps(standing).encode()
    while True:
        try:
            code, out, err = await _process(file, given)
        except OSError as error:
            code, out, err = None, b"", str(error).encode()
        if code == 0:
            return await refuse(ledger, json.loads(out))
        reason = err.decode(errors="replace").strip()
        if code == _NOT_WHOLE:
            raise NotWhole(reason)
        log.error(
            "the verification of the ledger ended without a finding (exit code %s) and is begun again in %.0f s; "
            "until it is done nothing begins: %s",
            code,
            again,
            reason[-2000:],
        )
        await asyncio.sleep(again)


async def _process(file: Path, given: bytes) -> tuple[int | None, bytes, bytes]:
    """Exit code, standard output and standard error. It ends with the bot."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, file, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        out, err = await process.communicate(given)
        return process.returncode, out, err
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _wrong(ledger: Ledger, standing: Mapping[str, Snapshot]) -> dict[str, int]:
    check = SnapshotCheck({s: (fold, found) for s, found in standing.items() if (fold := fold_of(s))})
    await ledger.verify(each=check.take)
    return check.wrong


async def _main(file: Path) -> None:
    """Snapshots by stream as JSON on standard input, the wrong ones as JSON on standard output."""
    standing = {stream: Snapshot(*parts) for stream, parts in json.load(sys.stdin).items()}
    async with SqliteLedger.open(file, audit=True) as ledger:
        print(json.dumps(await _wrong(ledger, standing)))


if __name__ == "__main__":
    os.nice(10)
    try:
        asyncio.run(_main(Path(sys.argv[1])))
    except (Broken, UnknownEvent, LedgerDamaged) as error:
        print(error, file=sys.stderr)
        sys.exit(_NOT_WHOLE)
