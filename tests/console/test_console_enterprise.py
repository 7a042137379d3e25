"""The driver against the simulated enterprise: two programs written from the same page of assumptions."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.console.http_driver import HttpConsole
from bot.console.port import Refused, SignInRefused
from bot.console.profile import load_profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust
from bot.domain.sight import Activity, Observation, PackageState, Press, ServerState, WorkState
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.console.console_server import Evidence

NAME, LEVEL = "imprivata-24.1-hf9", "24.1 HF9"
TIMEOUTS = Timeouts(connect=5, page=10, install=10)


def settings(*faults: str) -> Settings:
    return Settings(rate=600, faults=faults, distribution_seconds=300, install_seconds=1200)


async def driver(enterprise: EnterpriseProcess, password: str | None = None) -> HttpConsole:
    connection = await enterprise.connection()
    return HttpConsole(
        [Appliance(a.name, a.address, Trust.pinned(a.fingerprint)) for a in connection.appliances],
        credentials=Credentials(connection.user, SecretStr(password or connection.password)),
        profile=load_profile(),
        keep=Evidence(),
        timeouts=TIMEOUTS,
    )


async def seen(console: HttpConsole, condition: Callable[[Observation], bool]) -> Observation:
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


async def opened(console: HttpConsole, package: tuple[Path, str]) -> None:
    """Everything up to the IPM Information page."""
    await console.upload(*package, lambda _: None)
    await console.open_distribution(NAME)
    await console.send()
    await seen(console, lambda o: o.finished)
    await console.finish_distribution()
    ipm = await console.open_install(NAME)
    assert (ipm.package, ipm.level, ipm.all_selected) == (NAME, LEVEL, True)


@pytest.mark.parametrize("faults", [(), ("session-expiry=7",)], ids=["well", "sessions expire"])
async def test_the_whole_procedure(
    package: tuple[Path, str], tmp_path: Path, faults: tuple[str, ...]
) -> None:
    async with EnterpriseProcess(settings()) as enterprise, await driver(enterprise) as console:
        first = await console.look()
        assert (first.answered, first.recognized, first.reason) == (True, True, "")
        assert {(a.level, a.server, a.answered) for a in first.appliances} == {
            ("24.1 HF3", ServerState.RUNNING, True)
        }
        assert first.activity is Activity.IDLE
        assert len(first.packages) > 1
        for fault in faults:
            await enterprise.fault(fault)
        await opened(console, package)
        for fault in faults:
            await enterprise.clear(fault.partition("=")[0])
        if faults:
            await console.open_install(NAME)
        outcome = await console.install(lambda: None)
        assert outcome.press is Press.ANSWERED
        busy = await seen(console, lambda o: o.activity is Activity.INSTALLING)
        assert (busy.subject, busy.locked) == (NAME, True)
        done = await seen(console, lambda o: o.answered and o.activity is Activity.IDLE)
        installed = done.package(NAME)
        assert installed is not None
        assert installed.state is PackageState.INSTALLED
        last = await seen(console, lambda o: all(a.answered for a in o.appliances))
        assert {(a.level, a.server) for a in last.appliances} == {(LEVEL, ServerState.RUNNING)}
        assert (await console.export_logs(tmp_path / "logs")).stat().st_size > 0
        state = await enterprise.state()
        assert state.install_clicks == 1
        assert state.dangerous == []


async def test_an_installation_that_fails_is_told_in_the_consoles_words(package: tuple[Path, str]) -> None:
    async with (
        EnterpriseProcess(settings("install-error")) as enterprise,
        await driver(enterprise) as console,
    ):
        await opened(console, package)
        await console.install(lambda: None)
        failed = await seen(console, lambda o: bool(o.errors))
        assert any("1603" in words for words in failed.errors)
        assert WorkState.ERROR in {row.state for row in failed.rows}


async def test_a_refused_package(package: tuple[Path, str]) -> None:
    async with (
        EnterpriseProcess(settings("upload-refused")) as enterprise,
        await driver(enterprise) as console,
    ):
        with pytest.raises(Refused, match="sign"):
            await console.upload(*package, lambda _: None)


async def test_a_blackout_is_silence(package: tuple[Path, str]) -> None:
    async with EnterpriseProcess(settings("blackout")) as enterprise, await driver(enterprise) as console:
        await opened(console, package)
        await console.install(lambda: None)
        dark = await seen(console, lambda o: not o.answered)
        assert dark.reason
        await seen(console, lambda o: o.answered and o.activity is Activity.IDLE)


@pytest.mark.parametrize(
    ("fault", "press"),
    [
        ("install-cut", Press.IN_DOUBT),
        ("install-lost", Press.IN_DOUBT),
        ("install-500", Press.ANSWERED),
        ("install-sign-in", Press.ANSWERED),
        ("ignored-install", Press.ANSWERED),
    ],
)
async def test_install_outcomes(package: tuple[Path, str], fault: str, press: Press) -> None:
    async with EnterpriseProcess(settings(fault)) as enterprise, await driver(enterprise) as console:
        await opened(console, package)
        outcome = await console.install(lambda: None)
        assert outcome.press is press
        assert (await enterprise.state()).install_clicks == 1


@pytest.mark.parametrize("fault", ["unknown-page", "wizard"])
async def test_pages_that_nobody_knows(fault: str) -> None:
    async with EnterpriseProcess(settings(fault)) as enterprise, await driver(enterprise) as console:
        observation = await console.look()
        assert observation.answered
        assert not observation.recognized


async def test_words_that_try_to_be_more(package: tuple[Path, str]) -> None:
    async with EnterpriseProcess(settings("evil-words")) as enterprise, await driver(enterprise) as console:
        await opened(console, package)
        await console.install(lambda: None)
        observation = await seen(console, lambda o: bool(o.errors))
        assert observation.recognized
        assert all(len(words) <= 300 and words.isprintable() for words in observation.errors)
        assert WorkState.ERROR in {row.state for row in observation.rows}


async def test_a_wrong_password() -> None:
    async with EnterpriseProcess(settings()) as enterprise, await driver(enterprise, "wrong") as console:
        for _ in range(2):
            with pytest.raises(SignInRefused):
                await console.look()
        assert (await enterprise.state()).refused_sign_ins == 1
