"""The contract of both drivers: the procedure, on every skin of the simulated console that each of them can drive.

The suite holds the http driver to all skins and the browser driver to one of them; `make contract` both to all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Container, Iterable
from functools import partial
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from pydantic import SecretStr

from bot.console.browser.chromium import Chromium
from bot.console.browser.reader import BrowserReader
from bot.console.http_driver import HttpConsole
from bot.console.http_reader import HttpReader
from bot.console.port import Console, Refused
from bot.console.profile import load_profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust
from bot.domain.sight import Activity, Observation, PackageState, Press, ServerState, WorkState
from bot.sandbox.enterprise import skins
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.console.console_server import Evidence
from tests.support import chromium

NAME, LEVEL = "imprivata-24.1-hf9", "24.1 HF9"
TIMEOUTS = Timeouts(connect=10, page=20, install=10)
CONTRACT = [
    (name, skin)
    for skin in skins.names()
    for name in ("http", "browser")
    if name == "browser" or not skins.Skin(skin).layout.needs_javascript
]
IN_BROWSER = frozenset({"spa"})


def in_suite(contract: Iterable[tuple[str, str]], browser: Container[str] = ()) -> list[ParameterSet]:
    """All of it; with the browser all but the skins of `browser` marked as of the long form."""
    return [
        pytest.param(
            name, skin, marks=[pytest.mark.long] if name == "browser" and skin not in browser else []
        )
        for name, skin in contract
    ]


def settings(name: str, skin: str) -> Settings:
    # A browser takes its time to look: the installation goes on long enough to be seen.
    slower = 6 if name == "browser" else 1
    return Settings(
        rate=600 / slower, skin=skin, appliances=2, distribution_seconds=300 / slower, install_seconds=1200
    )


async def driver(name: str, enterprise: EnterpriseProcess, picture: Callable[[str, bytes], None]) -> Console:
    connection = await enterprise.connection()
    browser = partial(BrowserReader, Chromium(chromium.path(), picture)) if name == "browser" else HttpReader
    return HttpConsole(
        [Appliance(a.name, a.address, Trust.pinned(a.fingerprint)) for a in connection.appliances],
        credentials=Credentials(connection.user, SecretStr(connection.password)),
        profile=load_profile(skins.FOLDER / enterprise.settings.skin / skins.PROFILE),
        keep=Evidence(),
        timeouts=TIMEOUTS,
        driver=browser,
    )


async def seen(console: Console, condition: Callable[[Observation], bool]) -> Observation:
    async with asyncio.timeout(60):
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


@pytest.mark.parametrize(("name", "skin"), in_suite(CONTRACT, IN_BROWSER))
async def test_the_whole_procedure(name: str, skin: str, package: tuple[Path, str], tmp_path: Path) -> None:
    pictures: dict[str, bytes] = {}
    async with (
        EnterpriseProcess(settings(name, skin)) as enterprise,
        await driver(name, enterprise, pictures.__setitem__) as console,
    ):
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
        assert last.reason == ""
        assert {(a.level, a.server) for a in last.appliances} == {(LEVEL, ServerState.RUNNING)}
        assert (await console.export_logs(tmp_path / "logs")).stat().st_size > 0
        state = await enterprise.state()
        assert (state.sends, state.dones, state.install_clicks, state.installs_finished) == (1, 1, 1, 1)
        assert state.dangerous == []
    assert all(png.startswith(b"\x89PNG") for png in pictures.values())
    assert (len(pictures) >= 6) is (name == "browser"), (
        "upload, Distribute, Send, Done and Install leave a picture"
    )


@pytest.mark.parametrize(("name", "skin"), in_suite(CONTRACT))
async def test_faults_are_understood(name: str, skin: str, package: tuple[Path, str]) -> None:
    async with (
        EnterpriseProcess(settings(name, skin)) as enterprise,
        await driver(name, enterprise, lambda *_: None) as console,
    ):
        for fault in ("unknown-page", "wizard"):
            await enterprise.fault(fault)
            observation = await console.look()
            assert (observation.answered, observation.recognized) == (True, False)
            await enterprise.clear(fault)
        await enterprise.fault("upload-refused")
        with pytest.raises(Refused, match="signature"):
            await console.upload(*package, lambda _: None)
        await enterprise.clear("upload-refused")
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
