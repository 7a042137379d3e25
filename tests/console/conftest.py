from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.console.console_server import Identity, MiniConsole, Server, make_identity


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "console")


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return make_identity(tmp_path_factory.mktemp("tls"), "stranger")


@pytest.fixture
def mini() -> MiniConsole:
    return MiniConsole()


@pytest.fixture
async def server(identity: Identity, mini: MiniConsole) -> AsyncIterator[Server]:
    async with Server(identity, mini.answer) as running:
        yield running
