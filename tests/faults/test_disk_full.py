"""A disk that is full: the run is watched on and nothing is pressed; it is said in Slack; nothing is half-written."""

from __future__ import annotations

from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.sight import Press
from bot.sandbox import person
from bot.sandbox.holds import Moment
from tests.e2e.scene import open_scene
from tests.faults.machine import IN_ORDER, announced, full_disk, looked, pressed, told


async def test_full_from_the_click_on_install_on(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.enterprise.hold("console POST /ipm/install", Moment.AFTER)
        id_ = await scene.approved()
        assert await scene.enterprise.held()
        with full_disk(scene):
            position = (await scene.ledger.head()).position
            await scene.enterprise.let_go()
            notice = await told(scene, "cannot record anything")
            await looked(scene, 40)
            assert (await scene.ledger.head()).position == position
        assert "the disk refuses the ledger ledger.sqlite" in notice.words

        done = await scene.ends(id_, Phase.SUCCEEDED)
        assert done.run
        [outcome] = [event.outcome for event in await scene.events(e.InstallPressed)]
        assert outcome.press is Press.ANSWERED, "known all the time, and written at last"
        await told(scene, "records again")
        await scene.posted(f"unlocked:{id_}")
        assert announced(await scene.keys(), id_) == IN_ORDER
        assert (await pressed(scene)).count("Install") == 1
        await scene.check_laws()


async def test_full_while_it_is_prepared(tmp_path: Path) -> None:
    async with open_scene(tmp_path) as scene:
        await scene.enterprise.hold("console POST /upload", Moment.AFTER)
        id_ = await scene.approved()
        assert await scene.enterprise.held()
        with full_disk(scene):
            await scene.enterprise.let_go()
            await told(scene, "no button is pressed")
            before = await pressed(scene)
            answer = await scene.type(person.ANA, f"/upgrade cancel {id_}")
            assert "this was not recorded" in answer
            await looked(scene, 20)
            assert await pressed(scene) == before, "nothing without its intent on disk"
        await scene.ends(id_, Phase.SUCCEEDED)
        await scene.posted(f"unlocked:{id_}")
        assert announced(await scene.keys(), id_) == IN_ORDER
        assert len([u for u in (await scene.enterprise.state()).uploads if u.accepted]) == 1
        await scene.check_laws()


async def test_full_while_it_waits_for_its_window(tmp_path: Path) -> None:
    """Nobody acts and no run is under way: a notice falls due and cannot be recorded, and the start is not missed."""
    async with open_scene(tmp_path) as scene:
        id_ = await scene.asked(start=scene.ahead(70))
        await scene.approve(id_)
        with full_disk(scene):
            await told(scene, "cannot record anything")
            assert not await scene.events(e.NoticeRaised)
        await scene.ends(id_, Phase.SUCCEEDED)
        await told(scene, "records again")
        await scene.check_laws()


async def test_full_between_a_post_and_its_outcome(tmp_path: Path) -> None:
    """The announcer begins again from the ledger, and finds what it has posted."""
    async with open_scene(tmp_path) as scene:
        await scene.workspace.hold("slack chat.postMessage card", Moment.AFTER)
        id_ = await scene.ask()
        assert await scene.workspace.held()
        with full_disk(scene):
            await scene.workspace.control("let_go")
            await told(scene, "cannot record anything")
        await told(scene, "records again")
        await scene.until(id_, lambda r: r.plan)
        await scene.approve(id_)
        await scene.ends(id_, Phase.SUCCEEDED)
        await scene.posted(f"unlocked:{id_}")
        assert announced(await scene.keys(), id_) == IN_ORDER
        await scene.check_laws()
