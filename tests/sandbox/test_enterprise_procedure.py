"""The vendor's procedure at the simulated consoles, over real sockets, by what a person sees."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.sandbox.enterprise_person import Person

NAME = "imprivata-24-1-hf4"
LEVEL = "24.1 HF4"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "download.ipm"
    make_package(path, NAME, LEVEL, 3_000_000)
    return path


@pytest.fixture
async def enterprise() -> AsyncIterator[EnterpriseProcess]:
    settings = Settings(rate=1000, distribution_seconds=300, install_seconds=1500, idle_minutes=600)
    async with EnterpriseProcess(settings) as process:
        yield process


async def test_the_whole_procedure(enterprise: EnterpriseProcess, package: Path) -> None:
    connection = await enterprise.connection()
    async with Person(connection) as person:
        await person.sign_in()
        assert person.heading == "Packages"
        before = {"applianceG4-2025-3-1": "Installed", "agent-24-1-0": "Uploaded", "25-2-0": "Uploaded"}
        assert person.packages() == before

        await person.press("Upload Imprivata Package")
        assert person.heading == "Upload Imprivata Package"
        await person.press("Upload", files={"Imprivata Package": package})
        assert person.heading == "Packages"
        assert person.packages() == before | {NAME: "Uploaded"}

        await person.press("Distribute", choose=NAME)
        assert person.heading == "Distribute"
        assert person.buttons == ["Send", "Cancel"]
        await person.press("Send")
        assert person.heading == "Packages"
        assert person.sections() == [f"Distribution of {NAME}"]
        assert person.packages()[NAME] == "Distributing"
        assert "Done" not in person.buttons
        assert set(person.progress()) == {"appliance-1", "appliance-2", "appliance-3"}
        await enterprise.until(lambda state: bool(state.work and state.work.finished))
        await person.follow("Packages")
        assert set(person.progress().values()) == {"Complete"}
        assert person.packages()[NAME] == "Distributing"
        await person.press("Done")
        assert person.sections() == []
        assert person.packages()[NAME] == "Distributed"

        await person.press("Install", choose=NAME)
        assert person.heading == "IPM Information"
        assert person.facts() == {"Name": NAME, "Release": LEVEL, "Size": "2.9 MB"}
        assert person.control("Install IPM on all appliances").get("checked") is not None
        assert person.control("Install IPM on this appliance only").get("checked") is None
        assert (await enterprise.state()).install_clicks == 0
        await person.press("Install")
        assert person.heading == "Packages"
        assert person.sections() == [f"Installation of {NAME}"]
        assert person.packages()[NAME] == "Installing"
        for tab in ("System", "Enterprise"):
            await person.follow(tab)
            assert any("Enterprise lock" in notice for notice in person.notices)

        await enterprise.until(lambda state: state.work is None)
        await person.visit()
        assert person.notices == ["Your session has expired"], "sessions are lost during an installation"
        await person.sign_in()
        assert person.packages()[NAME] == "Installed"
        assert person.sections() == person.notices == person.alerts == []
        await person.follow("Enterprise")
        assert person.table("Appliance", "Type", "Release") == [
            ["appliance-1", "Database", LEVEL],
            ["appliance-2", "Database", LEVEL],
            ["appliance-3", "Service", LEVEL],
        ]

    state = await enterprise.state()
    assert (state.sends, state.dones, state.install_clicks, state.installs_started) == (1, 1, 1, 1)
    (upload,) = state.uploads
    assert upload.accepted
    assert upload.sha256 == hashlib.sha256(package.read_bytes()).hexdigest()
    assert state.dangerous == []
    changes = [request.action for request in await enterprise.requests() if request.changes]
    assert changes == ["Upload", "Send", "Done", "Install"]


async def test_each_console_shows_its_own_operations(enterprise: EnterpriseProcess) -> None:
    connection = await enterprise.connection()
    for index, appliance in enumerate(connection.appliances):
        async with Person(connection, index) as person:
            await person.sign_in("Administrator", "sandbox-admin")
            await person.follow("System")
            assert person.heading == "Operations"
            assert person.facts()["Imprivata Server"] == "Running"
            assert person.facts()["Appliance"] == appliance.name


async def test_every_tab_has_one_heading_and_the_links(enterprise: EnterpriseProcess) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        for tab in ("Packages", "Network", "Security", "Enterprise"):
            await person.follow(tab)
            assert person.heading == tab
        await person.follow("System")
        for tab in ("General Settings", "Database Affinity", "Health Agents", "Logs", "Operations"):
            await person.follow(tab)
            assert person.heading == tab


async def test_cancel_changes_nothing(enterprise: EnterpriseProcess) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        await person.press("Distribute", choose="25-2-0")
        await person.press("Cancel")
        assert person.heading == "Packages"
        assert person.packages()["25-2-0"] == "Uploaded"
    state = await enterprise.state()
    assert (state.sends, state.work) == (0, None)


async def test_the_console_says_why_it_does_not(enterprise: EnterpriseProcess, package: Path) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        await person.press("Distribute")
        assert person.alerts == ["Select a package first"]
        await person.press("Install", choose="25-2-0")
        assert person.alerts == ["Package 25-2-0 is Uploaded, not Distributed"]
        await person.upload(package)
        await person.upload(package)
        assert person.heading == "Upload Imprivata Package"
        assert person.alerts == [f"A package named {NAME} is already listed"]
        changed = bytearray(package.read_bytes())
        changed[1_000_000] ^= 1
        package.write_bytes(changed)
        await person.upload(package)
        assert person.alerts == ["The package signature is not valid"]
    assert [upload.accepted for upload in (await enterprise.state()).uploads] == [True, False, False]


async def test_logs_are_exported_as_a_file(enterprise: EnterpriseProcess) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        await person.follow("System")
        await person.follow("Logs")
        method, address, fields = person.form("Export Logs")
        assert method == "post"
        answer = await person.http.post(address, data=fields)
    assert 'filename="appliance-1-logs.tar.gz"' in answer.headers["content-disposition"]
    with tarfile.open(fileobj=io.BytesIO(answer.content)) as archive:
        log = archive.extractfile("appliance-1-logs/console.log")
        assert log is not None
        assert "sign in 303" in log.read().decode()
    requests = await enterprise.requests()
    assert requests[-1].action == "Export Logs"
    assert not requests[-1].changes


NEIGHBOURS = [
    (["Packages"], "Remove"),
    (["Enterprise"], "Remove Appliance"),
    (["Enterprise"], "Permanently Delete"),
    (["System"], "Reboot/shutdown options"),
    (["System"], "Stop/restart options"),
    (["System", "Logs"], "Clear Logs"),
    (["Security"], "Recreate Self Signed Certs"),
]


async def test_dangerous_neighbours_are_real_and_counted(enterprise: EnterpriseProcess) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        for path, label in NEIGHBOURS:
            for tab in path:
                await person.follow(tab)
            await person.press(label)
            assert person.heading == label
    dangerous = (await enterprise.state()).dangerous
    assert [danger.label for danger in dangerous] == [label for _, label in NEIGHBOURS]
    changes = [request.action for request in await enterprise.requests() if request.changes]
    assert changes == [label for _, label in NEIGHBOURS]


async def test_the_log_names_controls_and_pages(enterprise: EnterpriseProcess, package: Path) -> None:
    async with Person(await enterprise.connection()) as person:
        await person.sign_in()
        await person.upload(package)
        await person.send(NAME)
        await enterprise.until(lambda state: bool(state.work and state.work.finished))
        await person.follow("Packages")
        await person.press("Done")
        await person.open_install(NAME)
        await person.follow("Log Out")
        assert person.heading == "Imprivata Appliance Console"
    posts = [(r.action, r.user) for r in await enterprise.requests() if r.method == "POST"]
    user = "Super Administrator"
    assert posts == [
        ("sign in", user),
        ("Upload Imprivata Package", user),
        ("Upload", user),
        ("Distribute", user),
        ("Send", user),
        ("Done", user),
        ("open Install", user),
    ]
    assert (await enterprise.state()).sessions == 0
