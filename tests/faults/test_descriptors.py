"""No file descriptor left in mid-run: the console seems silent, nothing is concluded, and it goes on afterwards."""

from __future__ import annotations

from pathlib import Path

from bot.domain.events import Phase
from tests.e2e.scene import Scene, eventually, open_scene
from tests.faults.machine import WITHOUT_EVIDENCE, announced, no_descriptors

APPROVING = 60
"""Minutes until a start before which two people have approved and the descriptors are gone: six real seconds."""


async def test_none_left_in_the_watch(tmp_path: Path) -> None:
    """The consoles' own silence ends the connections that the bot has, and it can open no others."""
    async with open_scene(tmp_path) as scene:
        id_ = await scene.approved()
        await scene.until(id_, lambda r: r.run and r.run.pressed)
        with no_descriptors(scene):
            await logged(scene, "evidence is lost")
            await scene.enterprise.fault("unreachable")
            await scene.until(id_, lambda r: r.run and r.run.last_seen and not r.run.last_seen.answered)
            await scene.enterprise.clear("unreachable")
            await scene.enterprise.until(lambda s: s.installs_finished == 1)
            silent = await scene.request(id_)
            assert silent.is_running
            assert silent.run
            assert silent.run.last_seen
            assert not silent.run.last_seen.answered
        await scene.ends(id_, Phase.SUCCEEDED)
        await scene.posted(f"unlocked:{id_}")
        assert announced(await scene.keys(), id_) == WITHOUT_EVIDENCE
        await scene.check_laws()


async def test_none_left_when_it_is_to_start(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        id_ = await scene.asked(start=scene.ahead(APPROVING))
        await scene.approve(id_)
        with no_descriptors(scene):
            await logged(scene, "Too many open files")
            assert (await scene.request(id_)).phase is Phase.APPROVED
        await scene.ends(id_, Phase.SUCCEEDED)
        await scene.check_laws()


async def logged(scene: Scene, words: str) -> None:
    """The bot's log has these words."""

    async def there() -> bool:
        return words in scene.log.read_text()

    await eventually(there)
