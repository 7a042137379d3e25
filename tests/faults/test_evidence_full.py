"""Evidence on a file system of its own that takes no more: the run goes on, and Slack says what is missing."""

from __future__ import annotations

import hashlib
import sys
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox.holds import Moment
from tests.e2e.scene import Scene, open_scene
from tests.faults.machine import WITHOUT_EVIDENCE, announced, mounted, mounts, pressed, started_by


def own_file_system(scene: Scene) -> AbstractAsyncContextManager[None]:
    """The bot again, with a megabyte of its own for the evidence."""
    evidence = scene.directory / "state" / "evidence"
    evidence.mkdir(exist_ok=True)
    bot = (sys.executable, "-m", "bot", "serve", "--config", str(scene.demo.config))
    return started_by(scene, *mounted('mount -t tmpfs -o size=1m tmpfs "$0"', evidence), *bot)


def fill(directory: Path) -> None:
    """Not a byte more goes into its file system."""
    with (directory / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


@pytest.mark.skipif(not mounts(), reason="no mounting here; the test below has a file in the way instead")
async def test_a_full_file_system_of_its_own(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene, own_file_system(scene):
        evidence = Path(f"/proc/{scene.bot.pid}/root{tmp_path}/state/evidence")
        await scene.enterprise.hold("console POST /ipm/install", Moment.AFTER)
        id_ = await scene.approved()
        assert await scene.enterprise.held()
        fill(evidence)
        await scene.enterprise.let_go()
        await said(scene, id_, "No space left on device")

        pages = [path for path in (evidence / "pages").iterdir() if path.is_file()]
        assert pages
        for page in pages:
            assert page.name == f"{hashlib.sha256(page.read_bytes()).hexdigest()}.html", "whole, or not there"
        assert scene.log.read_text().count("evidence is lost") == 1


async def test_a_file_in_the_way_of_the_pages(tmp_path: Path) -> None:
    """It stands for any disk that refuses them."""
    async with open_scene(tmp_path) as scene:
        pages = tmp_path / "state" / "evidence" / "pages"
        await scene.enterprise.hold("console POST /ipm/install", Moment.AFTER)
        id_ = await scene.approved()
        assert await scene.enterprise.held()
        pages.rename(pages.with_name("kept"))
        pages.write_text("in the way")
        await scene.enterprise.let_go()
        await said(scene, id_, "File exists")


async def said(scene: Scene, id_: str, reason: str) -> None:
    """Once when it begins, while the run goes on, and once more at its end."""
    notice = await scene.posted(f"evidence:{id_}")
    assert f"The evidence of {id_} is not complete" in notice.words
    assert reason in notice.words
    assert "The run goes on." in notice.words
    await scene.ends(id_, Phase.SUCCEEDED)
    finish = await scene.posted(f"finish:{id_}")
    assert "Evidence: not complete" in finish.text
    assert reason in finish.words
    await scene.posted(f"unlocked:{id_}")
    assert announced(await scene.keys(), id_) == WITHOUT_EVIDENCE
    assert len(await scene.events(e.EvidenceLost)) == 1
    assert (await pressed(scene)).count("Install") == 1
    await scene.check_laws()
