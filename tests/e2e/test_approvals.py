"""Two people, one exact thing (law 2): whose click counts, and once only."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox import person
from bot.sandbox.person import ANA, BEN, CHLOE
from tests.e2e.scene import Scene, eventually

LATER = 12 * 60.0
"""Minutes until a start that no test here waits for."""

DAN, GUEST = "U0DAN", "U0GUEST"
APPROVERS = [ANA, BEN, CHLOE]


async def waiting(scene: Scene) -> str:
    """A request that can be approved, and starts long after the test."""
    return await scene.asked(start=scene.ahead(LATER))


async def approvals(scene: Scene, id_: str) -> list[str]:
    return list((await scene.request(id_)).approvals)


async def test_the_requesters_own_approval_is_refused(scene: Scene) -> None:
    id_ = await waiting(scene)
    refused = "you asked for this yourself; other people must approve it"
    assert refused in await scene.click(ANA, await scene.card(id_), "approve")
    assert refused in await scene.type(ANA, f"/upgrade approve {id_}")
    await scene.type(BEN, f"/upgrade approve {id_}")
    request = await scene.request(id_)
    assert list(request.approvals) == [BEN]
    assert request.phase is Phase.REQUESTED


async def test_one_persons_two_clicks_are_one_approval(scene: Scene) -> None:
    id_ = await waiting(scene)
    card = await scene.card(id_)
    assert "Your approval" in await scene.click(BEN, card, "approve")
    assert "your approval counts already" in await scene.click(BEN, card, "approve")
    assert (await scene.request(id_)).phase is Phase.REQUESTED
    assert [a.by for a in await scene.events(e.Approved)] == [BEN]


async def test_a_hundred_clicks_of_two_people_are_one_quorum(scene: Scene) -> None:
    id_ = await waiting(scene)
    card = await scene.card(id_)
    clicks = [scene.workspace.click(user, card, "approve") for user in (BEN, CHLOE) * 50]
    assert all(answer["ok"] for answer in await asyncio.gather(*clicks))

    async def answers() -> list[str] | None:
        told = [*await scene.told(BEN), *await scene.told(CHLOE)]
        return told if len(told) == 100 else None

    told = await eventually(answers)
    assert sum("Your approval" in t for t in told) == 1
    assert sum("has its quorum" in t for t in told) == 1
    assert sum("counts already" in t or "is already approved" in t for t in told) == 98
    assert sorted(a.by for a in await scene.events(e.Approved)) == [BEN, CHLOE]
    assert len(await scene.events(e.QuorumReached)) == 1


async def test_two_people_in_the_same_instant_both_count(scene: Scene) -> None:
    id_ = await waiting(scene)
    card = await scene.card(id_)
    await asyncio.gather(scene.click(BEN, card, "approve"), scene.click(CHLOE, card, "approve"))
    assert sorted(await approvals(scene, id_)) == [BEN, CHLOE]
    (quorum,) = await scene.events(e.QuorumReached)
    assert sorted(quorum.by) == [BEN, CHLOE]


async def test_who_is_nobody_here_is_refused(scene: Scene) -> None:
    """Outside the groups, a guest whom somebody has put into them, a deactivated account."""
    await scene.workspace.control("group", id="S0APPROVE", users=[*APPROVERS, GUEST])
    await scene.workspace.control("group", id="S0REQUEST", users=[ANA, GUEST])
    for user, why in ((DAN, "not among those who may ask"), (GUEST, "guests have no say here")):
        assert why in str((await person.ask(scene.workspace, user))["errors"])
    id_ = await waiting(scene)
    card = await scene.card(id_)
    assert "not among the approvers" in await scene.click(DAN, card, "approve")
    assert "guests have no say here" in await scene.click(GUEST, card, "approve")
    assert "not among the approvers" in await scene.type(DAN, f"/upgrade decline {id_} no")

    await scene.workspace.control("people", id=CHLOE, deactivated=True)
    assert "the account is deactivated" in await _late_envelope(scene, CHLOE, f"approve {id_}")
    request = await scene.request(id_)
    assert not request.approvals
    assert request.phase is Phase.REQUESTED


async def _late_envelope(scene: Scene, user: str, text: str) -> str:
    """A command that was still on its way when its author's account was deactivated; the answer."""
    place = {"user": user, "channel": scene.workspace.channel}
    url = (await scene.workspace.control("response_url", **place))["response_url"]
    payload = {
        "command": "/upgrade",
        "text": text,
        "user_id": user,
        "channel_id": scene.workspace.channel,
        "team_id": "T0LOCAL",
        "api_app_id": "A0KEYTURN",
        "response_url": url,
        "trigger_id": "none",
    }
    await scene.workspace.control("envelope", type="slash_commands", payload=payload)
    (answer,) = await scene.workspace.wait_for(lambda: scene.told(user))
    return answer


async def test_an_approval_dies_with_its_authors_account(scene: Scene) -> None:
    id_ = await waiting(scene)
    await scene.type(CHLOE, f"/upgrade approve {id_}")
    await scene.workspace.control("people", id=CHLOE, deactivated=True)
    await scene.type(BEN, f"/upgrade approve {id_}")
    assert (await scene.request(id_)).phase is Phase.REQUESTED
    assert not await scene.events(e.QuorumReached)


@pytest.mark.parametrize("when", ["after the first approval", "before the start", "before Install"])
@pytest.mark.scene(distribution_seconds=600)
async def test_drift_of_the_package_file_voids(scene: Scene, when: str) -> None:
    """At the next click, at the start, and in the append of the install intent."""
    if when == "after the first approval":
        id_ = await scene.asked()
        await scene.type(BEN, f"/upgrade approve {id_}")
        spoil(scene)
        assert "the plan has changed: package.s" in await scene.type(CHLOE, f"/upgrade approve {id_}")
    elif when == "before the start":
        id_ = await scene.approved(start=scene.ahead(30))
        spoil(scene)
    else:
        id_ = await scene.approved()
        await scene.enterprise.until(lambda s: s.sends == 1)
        spoil(scene)
    request = await scene.ends(id_, Phase.VOID)
    assert "package.sha256" in request.reason
    finish = await scene.posted(f"finish:{id_}")
    assert "is void" in finish.words
    assert "package.sha256" in finish.words
    assert (await scene.enterprise.state()).install_clicks == 0
    assert (await scene.state()).lockout is None


def spoil(scene: Scene) -> None:
    """Another byte at the end of the package file on the bot's host."""
    (file,) = (scene.directory / "state" / "packages").iterdir()
    file.chmod(0o600)
    with file.open("ab") as content:
        content.write(b"!")
