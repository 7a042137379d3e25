"""SIGTERM while Send is on its way: it is finished first, as Install is."""

from __future__ import annotations

import signal
from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase, Step
from tests.kill.relay import Place
from tests.kill.scene import scene


async def test_a_send_in_hand_is_finished(tmp_path: Path) -> None:
    """Cut, it might arrive after the next process has looked, which would send it once more."""
    async with scene(tmp_path) as here:

        async def intended(_: int) -> bool:
            return any(event.step is Step.DISTRIBUTE for event in await here.facts(e.StepIntended))

        there = here.relay.hold(Place.ASKING, intended)
        await here.approved()
        await here.reached(there)
        here.bot.send_signal(signal.SIGTERM)
        await here.said("Send is finished first")
        assert here.bot.returncode is None
        here.relay.release()
        assert await here.gone() == 0
        assert (await here.demo.enterprise.state()).sends == 1

        await here.restart()
        await here.ended(Phase.SUCCEEDED)
