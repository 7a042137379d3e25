"""The upload in a run: how far it has got stands in the ledger; one that breaks is begun again after a look."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

from bot.domain import events as e
from bot.domain.events import Event, Step
from bot.domain.ledger import Entry
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from storage.errors import DiskRefused
from storage.sqlite import SqliteLedger
from tests.kill.relay import Place, Relay, relay_to
from tests.support.house import House, open_house

SIZE = 12_000_000
"""More than the sockets between here and the console take while nobody reads."""
BEGUN = 1_000_000
"""Bytes that no connection carries but the one of the upload."""


class Disk(SqliteLedger):
    """Does not take the first word of how far an upload has got. `refused`: it was asked to."""

    refused: ClassVar[asyncio.Event]

    async def append(
        self, stream: str, expected: int, events: Sequence[Event], at: datetime
    ) -> Sequence[Entry]:
        if any(isinstance(event, e.UploadProgressed) for event in events) and not Disk.refused.is_set():
            Disk.refused.set()
            raise DiskRefused("the disk is full")
        return await super().append(stream, expected, events, at)


@contextlib.asynccontextmanager
async def relayed(
    directory: Path, ledgers: type[SqliteLedger] = SqliteLedger
) -> AsyncIterator[tuple[House, Relay]]:
    """A house whose way to the first console is the relay."""
    async with EnterpriseProcess(Settings(rate=600, appliances=2)) as sandbox:
        straight = await sandbox.connection()
        first, *others = straight.appliances
        async with relay_to(first.address) as relay:
            through = first.model_copy(update={"address": relay.address})
            connection = straight.model_copy(update={"appliances": [through, *others]})
            async with open_house(
                directory, sandbox, connection=connection, ledgers=ledgers, package_bytes=SIZE
            ) as house:
                yield house, relay


async def uploaded(house: House, id_: str) -> None:
    await house.until(lambda r: r.run is not None and Step.UPLOAD in r.run.finished, id_)


async def uploading(asked: int) -> bool:
    return asked > BEGUN


async def test_how_far_an_upload_has_got_is_told_while_it_goes_on(tmp_path: Path) -> None:
    async with relayed(tmp_path) as (house, relay):
        held = relay.hold(Place.ASKING, uploading)
        id_ = await house.approved()
        await held.wait()
        seen = await house.until(lambda r: r.run is not None and r.run.sent > 0, id_)
        assert seen.run is not None
        assert BEGUN < seen.run.sent < SIZE
        assert Step.UPLOAD not in seen.run.finished
        relay.release()
        await uploaded(house, id_)
        told = [x for x in await house.ledger.read_all() if isinstance(x.event, e.UploadProgressed)]
        between = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(told)]
        assert all(seconds >= 60 for seconds in between), "once a minute at most"


async def test_a_ledger_that_does_not_take_it_breaks_no_upload_and_is_told_later(tmp_path: Path) -> None:
    Disk.refused = asyncio.Event()
    async with relayed(tmp_path, Disk) as (house, relay):
        held = relay.hold(Place.ASKING, uploading)
        id_ = await house.approved()
        await held.wait()
        await Disk.refused.wait()
        await house.until(lambda r: r.run is not None and r.run.sent > 0, id_)
        relay.release()
        await uploaded(house, id_)
        assert len((await house.sandbox.state()).uploads) == 1


async def test_an_upload_that_breaks_half_way_is_begun_again_after_a_look(tmp_path: Path) -> None:
    breaks = 1

    async def half_way(asked: int) -> bool:
        nonlocal breaks
        if breaks and asked > SIZE // 2:
            breaks -= 1
            raise ConnectionResetError
        return False

    async with relayed(tmp_path) as (house, relay):
        relay.hold(Place.ASKING, half_way)
        id_ = await house.approved()
        await uploaded(house, id_)
        assert breaks == 0
        assert await house.events(e.StepIntended) == [e.StepIntended(request=id_, step=Step.UPLOAD)] * 2
        asked = [f"{r.method} {r.path}" for r in await house.sandbox.requests()]
        opened = [i for i, line in enumerate(asked) if line == "GET /upload"]
        assert len(opened) == 2
        assert "GET /packages" in asked[opened[0] : opened[1]]
        assert "GET /enterprise" in asked[opened[0] : opened[1]], (
            "a whole look, not the page of the tab alone"
        )
        [arrived] = (await house.sandbox.state()).uploads
        assert arrived.accepted
        assert arrived.size == SIZE
