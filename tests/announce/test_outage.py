"""The one message outside the ledger, over real sockets: one for each outage and channel, edited, never doubled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.announce.outage import EVENT_TYPE, OutageNotice
from bot.clock import Clock
from bot.sandbox.workspace.client import Message, WorkspaceClient, WorkspaceError
from storage.errors import DiskRefused

FULL = DiskRefused(
    "the disk refuses the ledger /srv/secret-place/keyturn/ledger.sqlite (disk I/O error): look for room"
)


class Disk:
    """Takes a trial write unless it is `full`."""

    def __init__(self) -> None:
        self.full = True
        self.tried = asyncio.Event()

    async def try_write(self) -> None:
        self.tried.set()
        if self.full:
            raise FULL


@asynccontextmanager
async def noticing(
    slack: AsyncWebClient, *channels: str, disk: Disk, lull: float = 60.0
) -> AsyncIterator[OutageNotice]:
    slack.retry_handlers.clear()  # as the bot's own
    notice = OutageNotice(slack, channels, Clock(), disk.try_write, probe=0.02, lull=lull)
    task = asyncio.create_task(notice.run())
    try:
        yield notice
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def standing(workspace: WorkspaceClient) -> list[Message]:
    messages = await workspace.messages()
    return [m for m in messages if (m.metadata or {}).get("event_type") == EVENT_TYPE]


async def reads(workspace: WorkspaceClient, words: str) -> Message:
    return await workspace.wait_for_message(lambda m: words in m.words)


async def test_posted_once_and_edited_when_it_is_over(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    disk = Disk()
    async with noticing(slack, workspace.channel, workspace.channel, disk=disk) as notice:
        for _ in range(3):
            notice.met(FULL)
        first = await reads(workspace, "Keyturn cannot record anything")
        assert "the disk refuses the ledger ledger.sqlite (disk I/O error)" in first.words
        assert "secret-place" not in first.words
        assert "key" not in (first.metadata or {})["event_payload"], "no announcement of the book's"
        disk.full = False
        assert (await reads(workspace, "Keyturn records again")).ts == first.ts
        assert len(await standing(workspace)) == 1


async def test_one_that_comes_back_soon_has_no_new_message(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    disk = Disk()
    async with noticing(slack, workspace.channel, disk=disk) as notice:
        for _ in range(2):
            disk.full = True
            notice.met(FULL)
            await reads(workspace, "cannot record anything")
            disk.full = False
            await reads(workspace, "records again")
        assert len(await standing(workspace)) == 1


async def test_a_later_one_has_its_own(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    disk = Disk()
    async with noticing(slack, workspace.channel, disk=disk, lull=0.0) as notice:
        notice.met(FULL)
        await reads(workspace, "cannot record anything")
        disk.full = False
        await reads(workspace, "records again")
        disk.full = True
        notice.met(FULL)
        await reads(workspace, "cannot record anything")
        assert len(await standing(workspace)) == 2


async def test_an_answer_that_is_lost_doubles_nothing(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    disk = Disk()
    await workspace.control("outage", mode="lost-answers", method="chat.postMessage", times=1)
    async with noticing(slack, workspace.channel, disk=disk) as notice:
        notice.met(FULL)
        await reads(workspace, "cannot record anything")
        disk.full = False
        await reads(workspace, "records again")
        assert len(await standing(workspace)) == 1


async def test_slack_is_gone_too(workspace: WorkspaceClient, slack: AsyncWebClient) -> None:
    disk = Disk()
    await workspace.control("outage", on=True)
    async with noticing(slack, workspace.channel, disk=disk) as notice:
        notice.met(FULL)
        await refused(workspace)
        await workspace.control("outage", on=False)
        await reads(workspace, "cannot record anything")


async def test_what_is_over_before_slack_takes_it_is_not_said(
    workspace: WorkspaceClient, slack: AsyncWebClient
) -> None:
    disk = Disk()
    await workspace.control("outage", on=True)
    async with noticing(slack, workspace.channel, disk=disk) as notice:
        notice.met(FULL)
        await refused(workspace)
        disk.full, disk.tried = False, asyncio.Event()
        await disk.tried.wait()
        await workspace.control("outage", on=False)
        with pytest.raises(WorkspaceError):
            await workspace.wait_for_message(lambda m: "Keyturn" in m.words, timeout=1.5)


async def refused(workspace: WorkspaceClient) -> None:
    """Slack has answered a post with 503."""

    async with asyncio.timeout(10):
        while not await workspace.calls("chat.postMessage"):  # noqa: ASYNC110 - another process's log
            await asyncio.sleep(0.02)


async def test_what_slack_refuses_keeps_no_other_channel_waiting(
    workspace: WorkspaceClient, slack: AsyncWebClient, caplog: pytest.LogCaptureFixture
) -> None:
    disk = Disk()
    async with noticing(slack, "C0NOWHERE", workspace.channel, disk=disk) as notice:
        notice.met(FULL)
        await reads(workspace, "cannot record anything")
        disk.full = False
        await reads(workspace, "records again")
    assert "C0NOWHERE: Slack refuses the notice" in caplog.text
