from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import Clock
from bot.domain.handle import Handler
from bot.sandbox.workspace.client import WorkspaceClient, running
from storage.sqlite import SqliteLedger
from tests.announce.flow import Flow, web_client


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceClient]:
    async with running() as started:
        yield started


@pytest.fixture
async def slack(workspace: WorkspaceClient) -> AsyncIterator[AsyncWebClient]:
    async with web_client(workspace) as client:
        yield client


@pytest.fixture
async def flow(workspace: WorkspaceClient, slack: AsyncWebClient, tmp_path: Path) -> AsyncIterator[Flow]:
    clock = Clock()
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        yield Flow(workspace, ledger, Handler(ledger, clock), clock, slack)
