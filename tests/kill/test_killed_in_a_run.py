"""kill -9 of the bot at chosen moments: started again it finishes or hands over to people, and never clicks twice."""

from __future__ import annotations

import signal
from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase, Step
from bot.domain.sight import Activity, Press
from bot.sandbox import person
from tests.kill.relay import Place
from tests.kill.scene import Scene, scene

MEGABYTES = 4_000_000
"""More than any request but the upload's has, less than the package."""

LONG = 3600
"""Simulated seconds of an installation, six real ones, that a bot on a busy machine is started again in."""


async def test_killed_in_every_step_of_one_run_it_still_finishes(tmp_path: Path) -> None:
    async with scene(tmp_path, distribution_seconds=1200, install_seconds=LONG) as here:
        enterprise = here.demo.enterprise

        async def large(asked: int) -> bool:
            return asked > MEGABYTES

        async def clicked(_: int) -> bool:
            return await here.has(e.InstallIntended) and (await enterprise.state()).install_clicks == 1

        # The preflight of the request.
        there = here.relay.hold(Place.ANSWERING, lambda _: here.has(e.UpgradeRequested))
        await person.ask(here.demo.workspace)
        await here.reached(there)
        assert not await here.has(e.PreflightDone)
        await here.end()
        await here.restart()

        # The preflight of the start.
        there = here.relay.hold(Place.ANSWERING, lambda _: here.has(e.QuorumReached))
        await here.approve()
        await here.reached(there)
        assert not await here.has(e.RunStarted)
        await here.end()

        # An upload that is half sent.
        there = here.relay.hold(Place.ASKING, large)
        await here.restart()
        await here.reached(there)
        assert await here.has(e.StepIntended)
        await here.end()

        # An upload that has arrived, and whose answer has not.
        there = here.relay.hold(Place.ANSWERING, large)
        await here.restart()
        await here.reached(there)
        assert [u.accepted for u in (await enterprise.state()).uploads][-1]
        assert not await here.has(e.StepFinished)
        await here.end()

        # Between Send and Done.
        await here.restart()
        await enterprise.until(lambda s: s.sends == 1)
        await here.end()
        assert (await enterprise.state()).dones == 0

        # Between the one click and its answer.
        there = here.relay.hold(Place.ANSWERING, clicked)
        await here.restart()
        await here.reached(there)
        await here.end()

        # The watch.
        await here.restart()
        await here.fact(e.Observed, lambda o: o.observation.activity is Activity.INSTALLING)
        await here.end()
        await here.restart()

        await here.ended(Phase.SUCCEEDED)
        await here.standing("finish")
        await in_doubt(here)
        seen = await enterprise.state()
        assert (seen.install_clicks, seen.sends, seen.dones) == (1, 1, 1)
        assert [u.accepted for u in seen.uploads].count(True) == 1, "seen listed, and not sent again"


async def test_after_the_intent_and_before_the_click(tmp_path: Path) -> None:
    """The connection of the one click is held until the bot is dead: nothing was pressed, and nothing ever is."""
    async with scene(tmp_path) as here:
        there = here.relay.hold(Place.OPENING, lambda _: here.has(e.InstallIntended))
        await here.approved()
        await here.reached(there)
        await here.end()
        await here.restart()

        request = await here.ended(Phase.UNKNOWN)
        await in_doubt(here)
        assert (await here.demo.enterprise.state()).install_clicks == 0
        state = await here.state()
        assert state.quarantine
        assert state.quarantine.request == request.id
        assert state.lockout, "the lockout stays until people have looked"
        assert "Acknowledge" in (await here.standing("page")).words


async def test_told_to_end_in_the_watch_it_ends_well_and_goes_on_when_started_again(tmp_path: Path) -> None:
    async with scene(tmp_path, install_seconds=LONG) as here:
        await here.approved()
        await here.fact(e.InstallPressed)
        assert await here.end(signal.SIGTERM) == 0
        assert (await here.request()).phase is Phase.INSTALLING
        await here.restart()

        await here.ended(Phase.SUCCEEDED)
        [pressed] = await here.facts(e.InstallPressed)
        assert pressed.outcome.press is Press.ANSWERED


async def test_after_the_failure_and_before_the_logs(tmp_path: Path) -> None:
    async with scene(tmp_path, "install-error") as here:
        there = here.relay.hold(Place.ASKING, lambda _: here.has(e.Failed))
        await here.approved()
        await here.reached(there)
        assert not await here.facts(e.LogsCollected)
        await here.end()
        await here.restart()

        logs = await here.fact(e.LogsCollected)
        assert Path(logs.file).stat().st_size > 0
        request = await here.ended(Phase.FAILED)
        assert request.run
        assert Step.COLLECT_LOGS in request.run.finished
        assert (await here.state()).quarantine
        await here.standing("logs")
        await here.standing("page")
        assert len(await here.facts(e.Failed)) == len(await here.facts(e.Quarantined)) == 1


async def in_doubt(here: Scene) -> None:
    [pressed] = await here.facts(e.InstallPressed)
    assert pressed.outcome.press is Press.IN_DOUBT
