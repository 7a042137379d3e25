"""A driver carries out the procedure on every skin of the simulated console that it can drive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.console.http_driver import HttpConsole
from bot.console.port import Console, Refused
from bot.console.profile import load_profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance
from bot.console.tls import Trust
from bot.domain.sight import Activity, Observation, PackageState, Press, ServerState, WorkState
from bot.sandbox.enterprise import skins
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.console.console_server import Evidence

NAME, LEVEL = "imprivata-24.1-hf9", "24.1 HF9"
TIMEOUTS = Timeouts(connect=5, page=10, install=10)
SEVERAL_REQUESTS_A_PAGE = {"frames"}
"""A session that ends by their number may end between the frames of one page, which then is no page that is known."""
SKINS = [name for name in skins.names() if not skins.Skin(name).layout.needs_javascript]


def settings(skin: str, *faults: str) -> Settings:
    return Settings(rate=600, skin=skin, faults=faults, distribution_seconds=300, install_seconds=1200)


async def driver(enterprise: EnterpriseProcess) -> Console:
    connection = await enterprise.connection()
    return HttpConsole(
        [Appliance(a.name, a.address, Trust.pinned(a.fingerprint)) for a in connection.appliances],
        user=connection.user,
        password=SecretStr(connection.password),
        profile=load_profile(skins.FOLDER / enterprise.settings.skin / skins.PROFILE),
        keep=Evidence(),
        timeouts=TIMEOUTS,
    )


async def seen(console: Console, condition: Callable[[Observation], bool]) -> Observation:
    async with asyncio.timeout(30):
        while True:
            observation = await console.look()
            if condition(observation):
                return observation
            await asyncio.sleep(0.02)


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / f"{NAME}.ipm"
    make_package(file, NAME, LEVEL, 300_000)
    return file, hashlib.sha256(file.read_bytes()).hexdigest()


async def distributed(console: Console, package: tuple[Path, str]) -> None:
    await console.upload(*package, lambda _: None)
    await console.open_distribution(NAME)
    await console.send()
    done = await seen(console, lambda o: o.finished)
    assert {(row.state, row.percent) for row in done.rows} == {(WorkState.DONE, None)}
    await console.finish_distribution()


@pytest.mark.parametrize("skin", SKINS)
async def test_the_whole_procedure(skin: str, package: tuple[Path, str], tmp_path: Path) -> None:
    async with EnterpriseProcess(settings(skin)) as enterprise, await driver(enterprise) as console:
        first = await console.look()
        assert (first.answered, first.recognized, first.reason) == (True, True, "")
        assert {(a.level, a.server, a.answered) for a in first.appliances} == {
            ("24.1 HF3", ServerState.RUNNING, True)
        }
        assert (first.activity, len(first.packages)) == (Activity.IDLE, 3)
        assert {p.state for p in first.packages} == {PackageState.INSTALLED, PackageState.UPLOADED}
        await distributed(console, package)
        ipm = await console.open_install(NAME)
        assert (ipm.package, ipm.level, ipm.all_selected) == (NAME, LEVEL, True)
        assert (await enterprise.state()).install_clicks == 0
        assert (await console.install(lambda: None)).press is Press.ANSWERED
        busy = await seen(console, lambda o: any(row.percent for row in o.rows))
        assert (busy.activity, busy.subject, busy.locked) == (Activity.INSTALLING, NAME, True)
        done = await seen(console, lambda o: o.answered and o.activity is Activity.IDLE)
        installed = done.package(NAME)
        assert installed is not None
        assert installed.state is PackageState.INSTALLED
        last = await seen(console, lambda o: all(a.answered for a in o.appliances))
        assert {(a.level, a.server) for a in last.appliances} == {(LEVEL, ServerState.RUNNING)}
        assert (await console.export_logs(tmp_path / "logs")).stat().st_size > 0
        state = await enterprise.state()
        assert (state.sends, state.dones, state.install_clicks, state.installs_finished) == (1, 1, 1, 1)
        assert state.dangerous == []


@pytest.mark.parametrize("skin", SKINS)
async def test_faults_are_understood(skin: str, package: tuple[Path, str]) -> None:
    async with EnterpriseProcess(settings(skin)) as enterprise, await driver(enterprise) as console:
        for fault in ("unknown-page", "wizard"):
            await enterprise.fault(fault)
            observation = await console.look()
            assert (observation.answered, observation.recognized) == (True, False)
            await enterprise.clear(fault)
        await enterprise.fault("upload-refused")
        with pytest.raises(Refused, match="signature"):
            await console.upload(*package, lambda _: None)
        await enterprise.clear("upload-refused")
        if skin not in SEVERAL_REQUESTS_A_PAGE:
            await enterprise.fault("session-expiry=12")
        await distributed(console, package)
        for fault in (await enterprise.state()).faults:
            await enterprise.clear(fault)
        await enterprise.fault("this-appliance-selected")
        assert not (await console.open_install(NAME)).all_selected
        assert (await console.install(lambda: None)).press is Press.NOT_SENT
        await enterprise.clear("this-appliance-selected")
        await console.open_install(NAME)
        await enterprise.fault("install-error")
        assert (await console.install(lambda: None)).press is Press.ANSWERED
        failed = await seen(console, lambda o: WorkState.ERROR in {row.state for row in o.rows})
        assert any("1603" in words for words in failed.errors)
        state = await enterprise.state()
        assert (state.install_clicks, state.dangerous) == (1, [])
