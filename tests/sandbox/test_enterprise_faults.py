"""What each fault looks like at the consoles, over real sockets. One enterprise for all of them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bot.sandbox.enterprise.client import EnterpriseFailed, EnterpriseProcess
from bot.sandbox.enterprise.faults import CATALOGUE
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.sandbox.enterprise_person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "imprivata-24-1-hf4"
OLD = "24.1 HF3"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    path = tmp_path / "download.ipm"
    make_package(path, NAME, "24.1 HF4", 200_000)
    return path


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared() -> AsyncIterator[EnterpriseProcess]:
    async with EnterpriseProcess(Settings()) as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def enterprise(shared: EnterpriseProcess) -> AsyncIterator[EnterpriseProcess]:
    yield shared
    for fault in (await shared.state()).faults:
        await shared.clear(fault)


@pytest_asyncio.fixture(loop_scope="module")
async def person(enterprise: EnterpriseProcess) -> AsyncIterator[Person]:
    async with Person(await enterprise.connection()) as somebody:
        await somebody.sign_in()
        yield somebody


async def levels(person: Person) -> list[str]:
    await person.follow("Enterprise")
    return [row[2] for row in person.table("Appliance", "Type", "Release")]


async def test_the_catalogue_is_served_and_unknown_faults_are_refused(enterprise: EnterpriseProcess) -> None:
    with pytest.raises(EnterpriseFailed, match="no fault is called 'nonsense'"):
        await enterprise.fault("nonsense")
    await enterprise.fault("slow=5")
    await enterprise.fault("wizard")
    assert (await enterprise.state()).faults == {"slow": "5", "wizard": ""}
    await enterprise.clear("slow")
    assert (await enterprise.state()).faults == {"wizard": ""}
    assert all(description.endswith(".") for description in CATALOGUE.values())


async def test_mixed_levels(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("mixed-levels")
    assert await levels(person) == [OLD, OLD, "24.1 HF1"]
    await enterprise.clear("mixed-levels")
    assert await levels(person) == [OLD] * 3


async def test_appliance_missing(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("appliance-missing")
    assert await levels(person) == [OLD] * 2


async def test_already_listed(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await enterprise.fault(f"already-listed={NAME}")
    await person.upload(package)
    assert person.alerts == [f"A package named {NAME} is already listed"]
    await person.follow("Packages")
    assert person.packages()[NAME] == "Uploaded"


async def test_upload_refused(enterprise: EnterpriseProcess, person: Person, package: Path) -> None:
    await enterprise.fault("upload-refused")
    await person.upload(package)
    assert person.alerts == ["The package signature is not valid"]
    await enterprise.clear("upload-refused")
    await person.upload(package)
    assert NAME in person.packages()


@pytest.mark.parametrize(
    ("fault", "section", "lock"),
    [
        ("foreign-distribution", "Distribution of agent-24-1-0", False),
        ("foreign-install", "Installation of agent-24-1-0", True),
    ],
)
async def test_somebody_else_is_at_work(
    enterprise: EnterpriseProcess, person: Person, fault: str, section: str, lock: bool
) -> None:
    await enterprise.fault(fault)
    await person.follow("Packages")
    assert person.sections() == [section]
    assert bool(person.notices) is lock
    await person.press("Distribute", choose="25-2-0")
    assert len(person.alerts) == 1
    await enterprise.clear(fault)
    await person.follow("Packages")
    assert person.sections() == person.notices == []


async def test_unknown_page(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("unknown-page")
    await person.follow("Packages")
    assert person.heading == "Service Advisory"
    assert not person.packages()
    await enterprise.clear("unknown-page")
    await person.visit("/packages")
    assert person.heading == "Packages"


async def test_logs_refused(enterprise: EnterpriseProcess, person: Person) -> None:
    await person.follow("System")
    await person.follow("Logs")
    _, address, fields = person.form("Export Logs")
    await enterprise.fault("logs-refused")
    assert (await person.http.post(address, data=fields)).status_code == 500
    await enterprise.clear("logs-refused")
    assert (await person.http.post(address, data=fields)).status_code == 200


async def test_wizard(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("wizard")
    await person.follow("Packages")
    assert person.heading == "Appliance Setup Wizard"


async def test_session_expiry(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("session-expiry=4")
    for _ in range(3):  # the sign-in led to the first page
        await person.visit("/packages")
        assert person.heading == "Packages"
    await person.visit("/packages")
    assert person.notices == ["Your session has expired"]


async def test_password_changed(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("password-changed")
    await person.follow("Packages")
    assert person.heading == "Packages"
    await person.follow("Log Out")
    await person.sign_in()
    assert person.alerts == ["The user name or the password is not correct"]
    await enterprise.clear("password-changed")
    await person.sign_in()
    assert person.heading == "Packages"


async def test_slow(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("slow=150")
    started = time.monotonic()
    await person.follow("Packages")
    assert time.monotonic() - started >= 0.15


async def test_unreachable(enterprise: EnterpriseProcess, person: Person) -> None:
    await enterprise.fault("unreachable")
    with pytest.raises(httpx.TransportError):
        await person.visit()
    await enterprise.clear("unreachable")
    await person.visit("/packages")
    assert person.heading == "Packages"


async def test_faults_can_be_on_from_the_start(package: Path) -> None:
    settings = Settings(appliances=2, faults=("mixed-levels", f"already-listed={NAME}"))
    async with EnterpriseProcess(settings) as process:
        state = await process.state()
    assert state.faults == {"mixed-levels": "", "already-listed": NAME}
    assert [a.level for a in state.appliances] == [OLD, "24.1 HF1"]
    assert state.package(NAME)
