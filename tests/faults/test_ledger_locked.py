"""The ledger held by another process for longer than the busy timeout: as a full disk, and it ends by itself."""

from __future__ import annotations

from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox.holds import Moment
from tests.e2e.scene import open_scene
from tests.faults.machine import IN_ORDER, announced, held_ledger, looked, pressed, told


async def test_held_from_the_click_on_install_on(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.enterprise.hold("console POST /ipm/install", Moment.AFTER)
        id_ = await scene.approved()
        assert await scene.enterprise.held()
        async with held_ledger(tmp_path / "state" / "ledger.sqlite"):
            await scene.enterprise.let_go()
            notice = await told(scene, "cannot record anything")
            await looked(scene, 5)
            assert not await scene.events(e.InstallPressed)
        assert "is held by another process" in notice.words

        await scene.ends(id_, Phase.SUCCEEDED)
        await told(scene, "records again")
        await scene.posted(f"unlocked:{id_}")
        assert announced(await scene.keys(), id_) == IN_ORDER
        assert (await pressed(scene)).count("Install") == 1
        await scene.check_laws()
