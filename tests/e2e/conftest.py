"""The scene of each test. While a test runs, the next one's processes start and the last one's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.scene import Scene, open_scene


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "scene(*faults, options=, **simulated): what open_scene is given")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One event loop for all tests here: processes that are started early belong to it."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


class Theatre:
    """Opens scenes one ahead and closes them behind. Nothing is shared between two of them."""

    def __init__(self, directories: pytest.TempPathFactory) -> None:
        self._directories = directories
        self._opening: dict[str, tuple[AbstractAsyncContextManager[Scene], asyncio.Task[Scene]]] = {}
        self._closing: list[asyncio.Task[bool | None]] = []

    def prepare(self, item: pytest.Item) -> None:
        """Begin to open the scene of a test."""
        if item.nodeid in self._opening or "scene" not in getattr(item, "fixturenames", ()):
            return
        mark = item.get_closest_marker("scene") or pytest.mark.scene().mark
        manager = open_scene(self._directories.mktemp("scene"), *mark.args, **mark.kwargs)
        self._opening[item.nodeid] = manager, asyncio.create_task(manager.__aenter__())

    async def take(self, item: pytest.Item) -> tuple[AbstractAsyncContextManager[Scene], Scene]:
        """The scene of a test, and what closes it."""
        self.prepare(item)
        manager, opening = self._opening.pop(item.nodeid)
        return manager, await opening

    def leave(self, manager: AbstractAsyncContextManager[Scene]) -> None:
        """Begin to close a scene. What goes wrong with that fails the end of the session."""
        self._closing.append(asyncio.create_task(manager.__aexit__(None, None, None)))

    async def close(self) -> None:
        """Everything closed, also what was opened for nobody because the tests ended early."""
        for manager, opening in self._opening.values():
            await opening
            self.leave(manager)
        await asyncio.gather(*self._closing)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def theatre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Theatre]:
    theatre = Theatre(tmp_path_factory)
    yield theatre
    await theatre.close()


@pytest_asyncio.fixture(loop_scope="session")
async def scene(request: pytest.FixtureRequest, theatre: Theatre) -> AsyncIterator[Scene]:
    """All parts running, a package added. Afterwards the laws are checked."""
    manager, scene = await theatre.take(request.node)
    items = request.session.items
    for following in items[items.index(request.node) + 1 :][:1]:
        theatre.prepare(following)
    try:
        yield scene
        await scene.check_laws()
    finally:
        theatre.leave(manager)
