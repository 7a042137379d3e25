"""Law 1: an install intent that is older than 30 real seconds is not sent, however the time went by."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from bot.clock import Clock
from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.sight import Press
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.upgrade.steps import INTENT_LIFE
from tests.support.house import open_house


class Suspended(Clock):
    """The machine is suspended for `seconds` as soon as the install intent is on disk."""

    def __init__(self, rate: float, ledger: Path, seconds: float) -> None:
        super().__init__(rate)
        self._ledger = ledger
        self._seconds = seconds

    def uptime(self) -> float:
        with contextlib.closing(sqlite3.connect(self._ledger)) as database:
            intents = database.execute("SELECT count(*) FROM events WHERE type = 'InstallIntended'")
            return 1000.0 + self._seconds * int(intents.fetchone()[0])


@pytest.mark.parametrize(
    ("seconds", "phase", "press", "clicks"),
    [
        (INTENT_LIFE, Phase.SUCCEEDED, Press.ANSWERED, 1),
        (INTENT_LIFE + 1, Phase.STOPPED, Press.NOT_SENT, 0),
    ],
)
async def test_an_old_intent_is_not_sent(
    tmp_path: Path, seconds: float, phase: Phase, press: Press, clicks: int
) -> None:
    settings = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=600)
    async with (
        EnterpriseProcess(settings) as sandbox,
        open_house(
            tmp_path, sandbox, clock=Suspended(settings.rate, tmp_path / "ledger.sqlite", seconds)
        ) as house,
    ):
        await house.ends(await house.approved(), phase)
        [pressed] = await house.events(e.InstallPressed)
        assert isinstance(pressed, e.InstallPressed)
        assert pressed.outcome.press is press
        assert (await sandbox.state()).install_clicks == clicks
        assert (await house.state()).quarantine is None
        assert (await house.state()).lockout is None
