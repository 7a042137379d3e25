"""The Slack side as it runs: the real app over Socket Mode against the local workspace, a desk in memory behind."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from bot.sandbox.workspace.client import Message, View, WorkspaceClient, running
from handlers.connection import SlackConnection, connect
from tests.support.desk import ANA, MemoryDesk

PING_SECONDS = 0.3
BUTTONS = ("approve", "decline", "withdraw", "cancel", "acknowledge", "compare", "retired")


class Side:
    """The workspace, the desk, and what tests do with both."""

    def __init__(self, workspace: WorkspaceClient, desk: MemoryDesk, session: aiohttp.ClientSession) -> None:
        self.workspace = workspace
        self.desk = desk
        self.session = session
        self.slack: SlackConnection

    async def card(self, value: str) -> Message:
        """A message of the bot's with every button, each carrying `value`."""
        elements = [
            {
                "type": "button",
                "action_id": name,
                "value": value,
                "text": {"type": "plain_text", "text": name},
            }
            for name in BUTTONS
        ]
        posted = await self.slack.client.chat_postMessage(
            channel=self.workspace.channel, text="card", blocks=[{"type": "actions", "elements": elements}]
        )
        return await self.workspace.wait_for_message(lambda m: m.ts == posted["ts"], user=ANA)

    async def told(self, user: str, words: str) -> Message:
        """The newest message with these words that was shown to `user` alone, as soon as there is one."""

        def private(message: Message) -> bool:
            return words in message.text and (
                message.raw.get("only_for") == user or message.channel.startswith("D")
            )

        return await self.workspace.wait_for_message(private)

    async def type(self, user: str, text: str, answer: str) -> Message:
        """Types the command and waits for an answer with these words."""
        assert (await self.workspace.command(user, text))["ok"]
        return await self.told(user, answer)

    async def modal(self, user: str) -> View:
        """The modal that opens for `user`."""
        return await self.workspace.wait_for(lambda: self.workspace.view(user), what="a modal")

    async def answers(self) -> list[Message]:
        """Everything that was said to one person alone, oldest first."""
        return [m for m in await self.workspace.messages() if m.raw.get("only_for")]


@contextlib.asynccontextmanager
async def listening(side: Side) -> AsyncIterator[Side]:
    side.slack = await connect(
        side.session,
        side.workspace.bot_token,
        side.workspace.app_token,
        side.workspace.api,
        ping_seconds=PING_SECONDS,
    )
    await side.slack.listen(side.desk)
    await side.workspace.wait_for_connections(1)
    try:
        yield side
    finally:
        await side.slack.close()


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceClient]:
    async with running() as started:
        yield started


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as shared:
        yield shared


@pytest.fixture
async def side(workspace: WorkspaceClient, session: aiohttp.ClientSession) -> AsyncIterator[Side]:
    async with listening(Side(workspace, MemoryDesk(), session)) as started:
        yield started


def filled(**changes: Any) -> dict[str, Any]:
    """The ask form as a person fills it in; the only enterprise and package are chosen already."""
    values = {
        "reason": "Security fix",
        "change": "CHG-7",
        "attestations": ["backup", "service_desk", "rotation"],
        **changes,
    }
    return {name: {name: value} for name, value in values.items()}
