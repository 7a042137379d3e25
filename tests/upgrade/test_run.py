"""The run against the simulated enterprise, from the request to the finished hotfix, without Slack."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.events import Phase
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from tests.support.house import LEVEL, open_house


def simulated(*faults: str, **changes: object) -> EnterpriseProcess:
    quick = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=1200, faults=faults)
    return EnterpriseProcess(quick.model_copy(update=changes))


async def test_an_approved_plan_is_carried_out_once(tmp_path: Path) -> None:
    async with simulated() as sandbox, open_house(tmp_path, sandbox) as house:
        done = await house.ends(await house.approved(), Phase.SUCCEEDED)
        seen = await sandbox.state()
        assert seen.install_clicks == 1
        assert {a.level for a in seen.appliances} == {LEVEL}
        assert done.run
        assert done.run.level == LEVEL
        assert (await house.state()).lockout is None
        assert seen.admin_console_requests == 0
        assert not seen.dangerous


@pytest.mark.parametrize(
    ("fault", "phase", "clicks"),
    [
        ("install-error", Phase.FAILED, 1),
        ("evil-words", Phase.FAILED, 1),
        ("distribute-error", Phase.FAILED, 0),
        ("blackout", Phase.SUCCEEDED, 1),
        ("upload-refused", Phase.STOPPED, 0),
        ("install-cut", Phase.SUCCEEDED, 1),
        ("install-500", Phase.UNKNOWN, 1),
        ("install-lost", Phase.UNKNOWN, 1),
        ("install-sign-in", Phase.UNKNOWN, 1),
        ("ignored-install", Phase.UNKNOWN, 1),
        ("session-expiry", Phase.SUCCEEDED, 1),
    ],
)
async def test_each_fault_ends_as_the_laws_say(tmp_path: Path, fault: str, phase: Phase, clicks: int) -> None:
    async with simulated(fault) as sandbox, open_house(tmp_path, sandbox) as house:
        await house.ends(await house.approved(), phase)
        state = await house.state()
        assert (state.quarantine is not None) == (phase in (Phase.FAILED, Phase.UNKNOWN))
        assert (await sandbox.state()).install_clicks == clicks
