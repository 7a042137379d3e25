"""Slack that limits, loses answers or is gone: nothing lost, nothing doubled, and the run goes on (law 8)."""

from __future__ import annotations

from bot.domain.events import Phase
from bot.sandbox.person import BEN, CHLOE
from tests.e2e.scene import Scene, says


async def told_in_full(scene: Scene, id_: str) -> None:
    """Everything that a good run says, in order, each thing once, and the edited messages as they end."""
    await scene.posted(f"unlocked:{id_}")
    await scene.posted(f"progress:{id_}", says("Succeeded"))
    await scene.posted(f"card:{id_}", says("Succeeded"))
    await scene.posted(f"lockout:{id_}", says("is over"))
    families = [
        key.partition(":")[0] for key in await scene.keys() if not key.startswith(("ask:", "approved:"))
    ]
    assert families == ["card", "progress", "lockout", "finish", "unlocked"]


async def test_rate_limits_lose_and_double_nothing(scene: Scene) -> None:
    for method in ("chat.postMessage", "chat.update"):
        await scene.workspace.control("limit", method=method, times=2, retry_after=1)
    id_ = await scene.approved()
    await scene.posted(f"lockout:{id_}")
    for method in ("chat.postMessage", "chat.update"):
        await scene.workspace.control("limit", method=method, times=2, retry_after=1)
    await scene.ends(id_, Phase.SUCCEEDED)
    await told_in_full(scene, id_)
    for method in ("chat.postMessage", "chat.update"):
        assert len([c for c in await scene.workspace.calls(method) if c["error"] == "ratelimited"]) >= 2


async def test_lost_answers_double_nothing(scene: Scene) -> None:
    lose = {"mode": "lost-answers", "times": 2}
    await scene.workspace.control("outage", method="chat.postMessage", **lose)
    id_ = await scene.approved()
    await scene.posted(f"lockout:{id_}")
    await scene.workspace.control("outage", method="chat.postMessage", **lose)
    await scene.ends(id_, Phase.SUCCEEDED)
    await told_in_full(scene, id_)
    assert len([c for c in await scene.workspace.calls("chat.postMessage") if c["lost"]]) == 4


async def test_a_run_goes_on_without_slack_and_is_told_afterwards(scene: Scene) -> None:
    id_ = await scene.approved()
    await scene.enterprise.until(lambda s: s.install_clicks == 1)
    await scene.workspace.control("outage", on=True)
    await scene.ends(id_, Phase.SUCCEEDED)
    assert not [key for key in await scene.keys() if key.startswith("finish")]
    await scene.workspace.control("outage", on=False)
    await told_in_full(scene, id_)
    await scene.workspace.wait_for_connections(1, timeout=30)
    assert "succeeded" in await scene.type(BEN, "/upgrade list")


async def test_slack_that_cannot_say_who_is_who_approves_nobody(scene: Scene) -> None:
    id_ = await scene.asked(start=scene.ahead(12 * 60))
    await scene.workspace.control("limit", method="usergroups.users.list", times=10_000, retry_after=0)
    assert "nothing was recorded" in await scene.type(BEN, f"/upgrade approve {id_}")
    assert not (await scene.request(id_)).approvals
    await scene.workspace.control("limit", method="usergroups.users.list", times=0)
    assert "Your approval" in await scene.type(BEN, f"/upgrade approve {id_}")
    assert "has its quorum" in await scene.type(CHLOE, f"/upgrade approve {id_}")
