"""The run against the simulated enterprise, from the request to the finished hotfix, without Slack."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Phase, Step
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from tests.support.house import LEVEL, MAIN, open_house


def simulated(*faults: str, **changes: object) -> EnterpriseProcess:
    quick = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=1200, faults=faults)
    return EnterpriseProcess(quick.model_copy(update=changes))


async def looked(sandbox: EnterpriseProcess, count: int) -> None:
    """Until the consoles have had so many requests."""
    async with asyncio.timeout(10):
        while len(await sandbox.requests()) < count:  # noqa: ASYNC110 - the log of another process
            await asyncio.sleep(0.02)


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


@pytest.mark.parametrize("fault", ["mixed-levels", "foreign-install"])
async def test_install_follows_a_look_made_after_the_wait_for_slack(tmp_path: Path, fault: str) -> None:
    """Slack cannot say who may approve, and meanwhile somebody works on the consoles (laws 2 and 6)."""
    async with simulated() as sandbox, open_house(tmp_path, sandbox, announces=False) as house:
        id_ = await house.approved()
        await house.until(lambda r: r.run is not None and Step.DISTRIBUTE in r.run.finished, id_)
        house.people.silent = True
        told = c.ReportLockoutAnnounced(request=id_, channel="C0IDENTITY", ts="1.0")
        await house.handler.handle(MAIN, told)
        await sandbox.fault(fault)
        house.people.silent = False
        await house.ends(id_, Phase.STOPPED, Phase.VOID)
        assert (await sandbox.state()).install_clicks == 0
        state = await house.state()
        assert state.quarantine is None
        assert (state.lockout is not None) == (fault == "foreign-install")


async def test_somebody_elses_work_keeps_no_other_request_waiting(tmp_path: Path) -> None:
    """Between two looks at it the console is free for the preflight of a new request, which says what it sees."""
    async with simulated() as sandbox, open_house(tmp_path, sandbox, announces=False) as house:
        id_ = await house.approved()
        await house.until(lambda r: r.run is not None and Step.DISTRIBUTE in r.run.finished, id_)
        await sandbox.fault("foreign-install")
        told = c.ReportLockoutAnnounced(request=id_, channel="C0IDENTITY", ts="1.0")
        await house.handler.handle(MAIN, told)
        await house.ends(id_, Phase.STOPPED)
        second = await house.request(await house.ask())
        assert second.phase is Phase.STOPPED
        assert "Nobody else at work" in second.reason
        await sandbox.clear("foreign-install")
        async for entry in house.ledger.subscribe():
            if isinstance(entry.event, e.LockoutClosed):
                break
        assert (await house.state()).lockout is None


async def test_one_unreadable_page_after_send_quarantines_nothing(tmp_path: Path) -> None:
    async with simulated() as sandbox, open_house(tmp_path, sandbox, announces=False) as house:
        id_ = await house.approved()
        await house.until(lambda r: r.run is not None and Step.DISTRIBUTE in r.run.finished, id_)
        await sandbox.fault("unknown-page")
        told = c.ReportLockoutAnnounced(request=id_, channel="C0IDENTITY", ts="1.0")
        await house.handler.handle(MAIN, told)
        await looked(sandbox, len(await sandbox.requests()) + 3)
        await sandbox.clear("unknown-page")
        await house.ends(id_, Phase.SUCCEEDED)
