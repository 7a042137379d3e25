"""Ends without harm, and what the commands say."""

from __future__ import annotations

import pytest

from bot.domain import events as e
from bot.domain.events import Phase, Step
from bot.sandbox.demo import LEVEL, PACKAGE
from bot.sandbox.person import ANA, BEN, CHLOE
from handlers.words import COMMANDS
from tests.e2e.scene import Scene, says


@pytest.mark.parametrize("step", [Step.UPLOAD, Step.DISTRIBUTE])
@pytest.mark.scene(distribution_seconds=900)
async def test_cancel_before_install(scene: Scene, step: Step) -> None:
    """The step that is under way ends first, then the run."""
    id_ = await scene.asked()
    if step is Step.UPLOAD:
        await scene.enterprise.fault("slow=200")
    await scene.approve(id_)
    await scene.until(id_, lambda r: r.run and step in r.run.intended)
    assert "will be cancelled" in await scene.type(ANA, f"/upgrade cancel {id_}")
    if step is Step.UPLOAD:
        await scene.enterprise.clear("slow")
    request = await scene.ends(id_, Phase.CANCELLED)
    assert request.run
    assert step in request.run.finished
    await scene.posted(f"finish:{id_}", says("was cancelled"))
    await scene.posted(f"unlocked:{id_}")
    consoles = await scene.enterprise.state()
    sent = int(step is Step.DISTRIBUTE)
    assert (consoles.sends, consoles.dones, consoles.install_clicks) == (sent, sent, 0)
    assert (await scene.state()).lockout is None


async def test_cancel_after_install_is_refused_with_the_reason(scene: Scene) -> None:
    id_ = await scene.approved()
    await scene.until(id_, lambda r: r.phase is Phase.INSTALLING)
    assert "past the point of no return" in await scene.type(ANA, f"/upgrade cancel {id_}")
    assert not await scene.events(e.CancelAsked)
    await scene.ends(id_, Phase.SUCCEEDED)


async def test_decline_withdraw_and_cancel_before_the_start(scene: Scene) -> None:
    later = scene.ahead(12 * 60)
    declined, withdrawn = await scene.asked(start=later), await scene.asked(start=later)
    cancelled = await scene.approved(start=later)

    assert "is declined" in await scene.type(BEN, f"/upgrade decline {declined} The wrong week")
    assert "only" in await scene.type(BEN, f"/upgrade withdraw {withdrawn}")
    assert "is withdrawn" in await scene.type(ANA, f"/upgrade withdraw {withdrawn}")
    assert "is cancelled" in await scene.type(BEN, f"/upgrade cancel {cancelled}")
    for id_, phase, words in (
        (declined, Phase.DECLINED, "The wrong week"),
        (withdrawn, Phase.WITHDRAWN, "was withdrawn"),
        (cancelled, Phase.CANCELLED, "was cancelled"),
    ):
        await scene.ends(id_, phase)
        await scene.posted(f"finish:{id_}", says(words))
        await scene.posted(f"card:{id_}", lambda m: not m.actions)
        assert phase.value in await scene.type(CHLOE, f"/upgrade approve {id_}")
    assert (await scene.enterprise.state()).uploads == []


async def test_status_list_and_help_say_what_is(scene: Scene) -> None:
    helped = await scene.type(ANA, "/upgrade help")
    assert all(f"`/upgrade {word}" in helped for word in COMMANDS)
    assert "is no command of Keyturn" in await scene.type(ANA, "/upgrade reboot")
    assert "Nothing is going on and nothing waits." in await scene.type(ANA, "/upgrade status")
    assert "Nobody has asked" in await scene.type(ANA, "/upgrade list")
    assert "no such request" in await scene.type(BEN, "/upgrade approve U-000000")

    id_ = await scene.asked()
    assert f"Waiting: `{id_}` requested: {PACKAGE}" in await scene.type(ANA, "/upgrade status")
    await scene.approve(id_.lower())
    await scene.until(id_, lambda r: r.phase is Phase.INSTALLING)
    during = await scene.type(ANA, "/upgrade status main")
    assert f"Under way: `{id_}` installing" in during
    assert "nobody uses the Admin Console or the Packages page" in during

    await scene.ends(id_, Phase.SUCCEEDED)
    after = await scene.type(ANA, "/upgrade status")
    assert "Nothing is going on and nothing waits." in after
    assert f"appliance-1 {LEVEL}, appliance-2 {LEVEL}" in after
    assert f"`{id_}` succeeded" in await scene.type(ANA, "/upgrade list")
    assert "main: free" in await scene.demo.keyturn("status")
    assert "entries" in await scene.demo.keyturn("ledger", "verify")
