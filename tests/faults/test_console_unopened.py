"""A console that cannot even be opened, its CA file being gone for a while: waited for, and begun when it is back."""

from __future__ import annotations

import re
from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox import person
from tests.kill.scene import scene


async def test_a_ca_file_that_is_gone_for_a_while(tmp_path: Path) -> None:
    trusted, away = tmp_path / "ca.pem", tmp_path / "away.pem"
    async with scene(tmp_path) as here:
        await here.end()
        appliances = (await here.demo.enterprise.connection()).appliances
        trusted.write_text("".join(a.certificate for a in appliances))
        settings = here.demo.config.read_text()
        here.demo.config.write_text(re.sub(r'fingerprint = "\w+"', f'ca_file = "{trusted}"', settings))
        await here.restart()

        trusted.rename(away)
        await person.ask(here.demo.workspace)
        await here.said("no console can be opened")
        assert not await here.has(e.PreflightDone)
        away.rename(trusted)
        await here.fact(e.PreflightDone)
        await here.approve()
        await here.ended(Phase.SUCCEEDED)
