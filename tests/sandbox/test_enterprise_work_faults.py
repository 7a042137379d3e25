"""What the faults of distributions and installations look like at the consoles, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.sandbox.enterprise_person import Person

NAME = "imprivata-24-1-hf4"
LEVEL = "24.1 HF4"
OLD = "24.1 HF3"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "download.ipm"
    make_package(path, NAME, LEVEL, 200_000)
    return path


@pytest.fixture
async def enterprise() -> AsyncIterator[EnterpriseProcess]:
    settings = Settings(rate=1000, distribution_seconds=100, install_seconds=1500, idle_minutes=600)
    async with EnterpriseProcess(settings) as process:
        yield process


@pytest.fixture
async def person(enterprise: EnterpriseProcess) -> AsyncIterator[Person]:
    async with Person(await enterprise.connection()) as somebody:
        await somebody.sign_in()
        yield somebody


async def distribute(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await person.upload(package)
    await person.send(NAME)
    await enterprise.until(lambda state: bool(state.work and state.work.finished))
    await person.follow("Packages")
    await person.press("Done")


async def levels(person: Person) -> list[str]:
    await person.visit("/enterprise")
    if not person.table("Appliance", "Type", "Release"):
        await person.sign_in()
        await person.follow("Enterprise")
    return [row[2] for row in person.table("Appliance", "Type", "Release")]


async def again(person: Person) -> None:
    """The Packages page, signed in again when the session was lost."""
    await person.visit("/packages")
    if person.heading == "Imprivata Appliance Console":
        await person.sign_in()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("install-error", "Package installation failed (error 1603)"),
        ("evil-words", "Install failed <!channel>"),
    ],
)
async def test_an_install_error_stands_on_the_console_and_stays(
    enterprise: EnterpriseProcess, person: Person, package: Path, fault: str, words: str
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault(fault)
    await person.open_install(NAME)
    await person.press("Install")
    await enterprise.until(
        lambda state: (
            bool(state.work and [r.words[:5] for r in state.work.rows].count("Insta") == 2)
            and state.package(NAME).status == "Error"
            and state.work.elapsed > 1500
        )
    )
    await again(person)
    (alert,) = person.alerts
    assert alert.startswith(f"appliance-2: {words}")
    progress = person.progress()
    assert progress["appliance-1"] == progress["appliance-3"] == "Installed"
    assert progress["appliance-2"].startswith(f"Error: {words}")
    assert person.packages()[NAME] == "Error"
    assert any("Enterprise lock" in notice for notice in person.notices)
    assert await levels(person) == [LEVEL, OLD, LEVEL]
    await enterprise.clear(fault)
    await again(person)
    assert person.packages()[NAME] == "Error"
    if fault == "evil-words":
        source = person.answer.text
        assert "<script" not in source
        assert "&lt;!channel&gt;" in source
        assert "\nUpgrade of all appliances succeeded" in source
        assert len(alert) > 4000


async def test_distribute_error(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("distribute-error")
    await person.send("25-2-0")
    await enterprise.until(lambda state: bool(state.work and state.work.elapsed > 100))
    await person.follow("Packages")
    assert person.progress() == {
        "appliance-1": "Complete",
        "appliance-2": "Error: The package could not be copied: not enough disk space",
        "appliance-3": "Complete",
    }
    assert "Done" not in person.buttons
    assert len(person.alerts) == 1
    assert person.packages()["25-2-0"] == "Error"


async def test_distribute_stall(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("distribute-stall")
    await person.send("25-2-0")
    await enterprise.until(lambda state: bool(state.work and state.work.elapsed > 200))
    await person.follow("Packages")
    assert set(person.progress().values()) == {"Copying 70%"}
    assert "Done" not in person.buttons
    await enterprise.clear("distribute-stall")
    await person.follow("Packages")
    assert "Done" in person.buttons


async def test_stuck_install(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("stuck-install")
    await person.open_install(NAME)
    await person.press("Install")
    await enterprise.until(lambda state: bool(state.work and state.work.elapsed > 2000))
    await again(person)
    assert set(person.progress().values()) == {"Installing 80%"}
    assert person.notices
    assert not person.alerts
    await enterprise.clear("stuck-install")
    await person.follow("Packages")
    assert person.packages()[NAME] == "Installed"


async def test_blackout_silences_every_console_and_ends(
    enterprise: EnterpriseProcess, person: Person, package: Path
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("blackout")
    await person.open_install(NAME)
    await person.press("Install")
    await enterprise.until(lambda state: not any(a.reachable for a in state.appliances))
    with pytest.raises(httpx.TransportError):
        await person.visit("/packages")
    async with Person(person.connection) as other:
        with pytest.raises(httpx.TransportError):
            await other.visit()
    await enterprise.until(lambda state: state.work is None)
    await again(person)
    assert person.packages()[NAME] == "Installed"


async def test_unexpected_level(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("unexpected-level")
    await person.open_install(NAME)
    await person.press("Install")
    await enterprise.until(lambda state: state.work is None)
    assert await levels(person) == [f"{LEVEL} R2"] * 3


async def test_server_down_after_the_installation(
    enterprise: EnterpriseProcess, person: Person, package: Path
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("server-down")
    assert {a.server for a in (await enterprise.state()).appliances} == {"Running"}
    await person.open_install(NAME)
    await person.press("Install")
    await enterprise.until(lambda state: state.work is None)
    async with Person(person.connection, 1) as other:
        await other.sign_in()
        await other.follow("System")
        assert other.facts()["Imprivata Server"] == "Down"
    host, port = person.connection.appliances[1].service.split(":")
    with pytest.raises((ConnectionError, OSError)):
        await asyncio.open_connection(host, int(port), ssl=True)


async def installs(enterprise: EnterpriseProcess) -> tuple[int, int]:
    state = await enterprise.state()
    return state.install_clicks, state.installs_started


@pytest.mark.parametrize(("fault", "started"), [("install-lost", 0), ("install-cut", 1)])
async def test_the_last_install_loses_its_connection(
    enterprise: EnterpriseProcess, person: Person, package: Path, fault: str, started: int
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault(fault)
    await person.open_install(NAME)
    with pytest.raises(httpx.TransportError):
        await person.press("Install")
    assert await installs(enterprise) == (1, started)
    (request,) = [r for r in await enterprise.requests() if r.action == "Install"]
    assert (request.status, request.changes) == (0, bool(started))


@pytest.mark.parametrize(("fault", "status"), [("install-500", 500), ("ignored-install", 303)])
async def test_the_last_install_is_answered_and_nothing_starts(
    enterprise: EnterpriseProcess, person: Person, package: Path, fault: str, status: int
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault(fault)
    await person.open_install(NAME)
    await person.press("Install")
    assert await installs(enterprise) == (1, 0)
    (request,) = [r for r in await enterprise.requests() if r.action == "Install"]
    assert request.status == status
    await person.visit("/packages")
    assert person.packages()[NAME] == "Distributed"


async def test_the_last_install_is_sent_to_the_sign_in_page(
    enterprise: EnterpriseProcess, person: Person, package: Path
) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("install-sign-in")
    await person.open_install(NAME)
    person.http.follow_redirects = False
    await person.press("Install")
    assert person.answer.status_code == 307
    assert person.answer.headers["location"].startswith("/sign-in")
    assert await installs(enterprise) == (1, 0)
    person.http.follow_redirects = True
    await person.visit("/packages")
    assert person.heading == "Imprivata Appliance Console"


async def test_this_appliance_selected(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await distribute(enterprise, person, package)
    await enterprise.fault("this-appliance-selected")
    await person.open_install(NAME)
    assert person.control("Install IPM on this appliance only").get("checked") is not None
    await person.press("Install")
    assert set(person.progress()) == {"appliance-1"}
