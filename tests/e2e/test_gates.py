"""What must be so before anything starts: levels, nobody else at work, a delivered lockout notice, a window."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest

from bot.domain import events as e
from bot.domain.events import Phase, Step
from bot.sandbox import person
from bot.sandbox.demo import Options
from bot.sandbox.person import BEN, CHLOE
from tests.e2e.scene import QUICK, Scene, eventually, says

SOON = 30.0
"""Minutes until a start before which a test has its requests approved and a fault put on: three real seconds."""

HOURLY = Options(
    package_bytes=QUICK.package_bytes,
    poll_seconds=QUICK.poll_seconds,
    needs_minutes=25,
    install_minutes=10,
    windows=tuple((time(hour, 0), time(hour, 50)) for hour in range(24)),
)
"""Windows from each full hour on, in which a run has 25 minutes to start and 40 to come to Install."""


def next_window(scene: Scene, ahead: float = 20) -> datetime:
    """The opening of the first hourly window that is so many minutes ahead, for two people to approve in."""
    return (scene.ahead(ahead) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)


async def nothing_was_done(scene: Scene) -> None:
    consoles = await scene.enterprise.state()
    assert (consoles.uploads, consoles.sends, consoles.install_clicks) == ([], 0, 0)


async def test_an_appliance_at_another_level_refuses_the_start(scene: Scene) -> None:
    id_ = await scene.approved(start=scene.ahead(SOON))
    await scene.enterprise.fault("mixed-levels")
    request = await scene.until(id_, lambda r: r.ended)
    assert request.phase in (Phase.STOPPED, Phase.VOID)
    assert request.run is None
    finish = await scene.posted(f"finish:{id_}")
    assert "24.1 HF1" in finish.words
    assert "A new request is possible." in finish.words
    await nothing_was_done(scene)


@pytest.mark.scene("foreign-distribution")
async def test_somebody_elses_distribution_stops_the_preflight(scene: Scene) -> None:
    id_ = await scene.ask()
    request = await scene.ends(id_, Phase.STOPPED)
    assert "Nobody else at work: distributing agent-24-1-0" in request.reason
    await scene.posted(f"finish:{id_}", says("distributing agent-24-1-0"))
    assert "is stopped" in await scene.type(BEN, f"/upgrade approve {id_}")
    await nothing_was_done(scene)


@pytest.mark.parametrize("fault", ["foreign-distribution", "foreign-install"])
async def test_somebody_elses_work_stops_the_start_and_is_watched_until_idle(
    scene: Scene, fault: str
) -> None:
    id_ = await scene.approved(start=scene.ahead(SOON))
    await scene.enterprise.fault(fault)
    request = await scene.ends(id_, Phase.STOPPED)
    assert request.run is None
    notice = await scene.posted(f"foreign:{id_}")
    assert "somebody else is at work" in notice.words
    assert "Packages page" in notice.words
    lockout = (await scene.state()).lockout
    assert lockout is not None
    assert lockout.foreign

    await scene.enterprise.clear(fault)
    await scene.posted(f"unlocked:{id_}")
    await scene.posted(f"foreign:{id_}", says("is over"))
    assert (await scene.state()).lockout is None
    await nothing_was_done(scene)
    assert not [r for r in await scene.enterprise.requests() if r.changes]
    await scene.asked()


async def test_no_delivered_lockout_notice_no_install(scene: Scene) -> None:
    """Posts fail from before the notice on; once Slack takes them again, the run goes on."""
    id_ = await distributed_without_notice(scene)
    refused = len(await refused_posts(scene))

    async def refused_again() -> bool:
        return len(await refused_posts(scene)) >= refused + 2

    await eventually(refused_again)
    assert (await scene.enterprise.state()).install_clicks == 0
    assert not await scene.events(e.InstallIntended)

    await scene.workspace.control("limit", method="chat.postMessage", times=0)
    await scene.ends(id_, Phase.SUCCEEDED)
    assert (await scene.enterprise.state()).install_clicks == 1


@pytest.mark.scene(options=HOURLY)
async def test_no_delivered_lockout_notice_and_the_window_over_stops(scene: Scene) -> None:
    id_ = await distributed_without_notice(scene, start=True)
    request = await scene.ends(id_, Phase.STOPPED)
    assert "lockout notice" in request.reason
    await scene.workspace.control("limit", method="chat.postMessage", times=0)
    await scene.posted(f"finish:{id_}", says("has stopped"))
    assert f"lockout:{id_}" not in await scene.keys(), "a notice whose moment has passed is folded"
    assert (await scene.enterprise.state()).install_clicks == 0
    assert (await scene.state()).lockout is None


async def distributed_without_notice(scene: Scene, start: bool = False) -> str:
    """A run that has come to Install while Slack takes no posts."""
    id_ = await scene.asked(start=next_window(scene) if start else None)
    await scene.type(BEN, f"/upgrade approve {id_}")
    await scene.posted(f"approved:{id_}:{BEN}")
    await scene.workspace.control("limit", method="chat.postMessage", times=10_000, retry_after=1)
    await scene.type(CHLOE, f"/upgrade approve {id_}")
    await scene.until(id_, lambda r: r.run and Step.DISTRIBUTE in r.run.finished)
    return id_


async def refused_posts(scene: Scene) -> list[object]:
    return [c for c in await scene.workspace.calls("chat.postMessage") if c["error"] == "ratelimited"]


@pytest.mark.scene(options=HOURLY)
async def test_outside_the_windows_the_form_names_the_next_start(scene: Scene) -> None:
    """And a request that nobody approves in time has expired."""
    opens = next_window(scene)
    answer = await person.ask(scene.workspace, start=opens + timedelta(minutes=30))
    assert f"{opens + timedelta(hours=1):%d %b %Y %H:%M} (UTC)" in answer["errors"]["start"]

    id_ = await scene.asked(start=next_window(scene))
    await scene.ends(id_, Phase.EXPIRED)
    await scene.posted(f"finish:{id_}", says("has expired"))
    assert "is expired" in await scene.type(BEN, f"/upgrade approve {id_}")
    await nothing_was_done(scene)
