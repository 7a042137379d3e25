"""The main way: asked, approved, announced, installed once, verified, said so."""

from __future__ import annotations

from datetime import datetime

from bot.domain.events import Phase
from bot.sandbox import person
from bot.sandbox.demo import LEVEL
from tests.e2e.scene import Scene, says, versions

CLICK = "Install"
"""What the simulated enterprise's log calls the last button."""


async def test_from_the_request_to_the_finished_hotfix(scene: Scene) -> None:
    id_ = await scene.ask()
    card = await scene.card(id_)
    assert "Your approval" in await scene.click(person.BEN, card, "approve")
    assert "has its quorum" in await scene.click(person.CHLOE, card, "approve")
    await scene.ends(id_, Phase.SUCCEEDED)

    finish = await scene.posted(f"finish:{id_}")
    await scene.posted(f"unlocked:{id_}")
    announced = [key for key in await scene.keys() if not key.startswith("ask:")]
    assert announced == [
        f"card:{id_}",
        f"approved:{id_}:{person.BEN}",
        f"approved:{id_}:{person.CHLOE}",
        f"progress:{id_}",
        f"lockout:{id_}",
        f"finish:{id_}",
        f"unlocked:{id_}",
    ]
    assert LEVEL in finish.words
    assert "credentials" in finish.words

    lockout = await scene.posted(f"lockout:{id_}", says("is over"))
    assert "do not use the consoles" in versions(lockout)[0].words
    (click,) = [r for r in await scene.enterprise.requests() if r.action == CLICK]
    assert float(lockout.ts) < datetime.fromisoformat(click.at).timestamp()

    progress = await scene.posted(f"progress:{id_}", says("Succeeded"))
    assert any("appliance-2: " in version.words for version in versions(progress))

    consoles = await scene.enterprise.state()
    assert (consoles.sends, consoles.dones, consoles.install_clicks) == (1, 1, 1)
    assert {a.level for a in consoles.appliances} == {LEVEL}
    state = await scene.state()
    assert state.lockout is None
    assert state.quarantine is None
