"""Who gets in at the simulated consoles: sign-in, sessions, tokens, certificates. One enterprise for all."""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.sandbox.enterprise_person import Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME = "imprivata-24-1-hf4"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def enterprise() -> AsyncIterator[EnterpriseProcess]:
    async with EnterpriseProcess(Settings(appliances=2)) as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def person(enterprise: EnterpriseProcess) -> AsyncIterator[Person]:
    async with Person(await enterprise.connection()) as somebody:
        await somebody.sign_in()
        yield somebody


async def test_a_wrong_password_is_refused(enterprise: EnterpriseProcess) -> None:
    before = await enterprise.state()
    async with Person(await enterprise.connection()) as somebody:
        await somebody.sign_in(password="wrong")
        assert somebody.heading == "Imprivata Appliance Console"
        assert somebody.alerts == ["The user name or the password is not correct"]
        await somebody.sign_in("Administrator", "sandbox-super")
        assert somebody.alerts
        await somebody.sign_in("Administrator", "sandbox-admin")
        assert somebody.heading == "Packages"
    after = await enterprise.state()
    assert after.refused_sign_ins - before.refused_sign_ins == 2
    assert after.sign_ins - before.sign_ins == 1
    assert after.sessions - before.sessions == 1


async def test_without_a_session_every_page_is_the_sign_in_page(enterprise: EnterpriseProcess) -> None:
    async with Person(await enterprise.connection()) as somebody:
        for address in ("/", "/packages", "/enterprise", "/system/logs", "/nonsense"):
            await somebody.visit(address)
            assert somebody.answer.history == []
            assert somebody.heading == "Imprivata Appliance Console"
            assert not somebody.notices


async def test_a_form_needs_the_token_of_its_session(enterprise: EnterpriseProcess, person: Person) -> None:
    _, address, fields = person.form("Distribute")
    token = next(iter(fields))
    for forged in ({**fields, token: "forged"}, {k: v for k, v in fields.items() if k != token}):
        answer = await person.http.post(address, data=forged)
        assert answer.status_code == 403
        assert "does not belong to this session" in answer.text
    async with Person(person.connection) as other:
        await other.sign_in()
        assert (await other.http.post(address, data=fields)).status_code == 403


async def test_an_upload_needs_the_token_too(
    enterprise: EnterpriseProcess, person: Person, tmp_path: Path
) -> None:
    make_package(tmp_path / "a.ipm", NAME, "1", 5000)
    await person.press("Upload Imprivata Package")
    _, address, fields = person.form("Upload")
    name = person.control("Imprivata Package").get("name")
    content = (tmp_path / "a.ipm").read_bytes()
    forged = dict.fromkeys(fields, "forged")
    answer = await person.http.post(address, data=forged, files={name: ("a.ipm", content)})
    assert answer.status_code == 403
    assert (await enterprise.state()).package(NAME) is None


async def test_names_and_ids_of_controls_mean_nothing_and_change(person: Person) -> None:
    def names() -> set[str]:
        return {str(v) for v in person.page.xpath("//main//@name | //main//@id | //button/@value")}

    first = names()
    assert all(re.fullmatch("x[0-9a-f]{10}", name) for name in first)
    await person.follow("Log Out")
    await person.sign_in()
    assert person.heading == "Packages"
    assert not first & names()


async def test_each_appliance_has_its_own_certificate(enterprise: EnterpriseProcess) -> None:
    connection = await enterprise.connection()
    assert len({a.fingerprint for a in connection.appliances}) == 2
    for appliance in connection.appliances:
        host, port = appliance.address.removeprefix("https://").split(":")
        pem = await asyncio.to_thread(ssl.get_server_certificate, (host, int(port)))
        assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == appliance.fingerprint
    other = ssl.create_default_context(cadata=connection.appliances[1].certificate)
    async with httpx.AsyncClient(verify=other, trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(connection.appliances[0].address)


async def test_port_443_counts_handshakes_and_requests_apart(enterprise: EnterpriseProcess) -> None:
    appliance = (await enterprise.connection()).appliances[0]
    host, port = appliance.service.split(":")
    context = ssl.create_default_context(cadata=appliance.certificate)
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.close()
    await writer.wait_closed()
    state = await enterprise.until(lambda state: state.admin_console_handshakes == 1)
    assert state.admin_console_requests == 0
    async with httpx.AsyncClient(verify=context, trust_env=False) as client:
        assert (await client.get(f"https://{appliance.service}/")).status_code == 503
    assert (await enterprise.state()).admin_console_requests == 1


async def test_an_upload_that_is_cut_leaves_nothing(enterprise: EnterpriseProcess, person: Person) -> None:
    await person.press("Upload Imprivata Package")
    name = person.control("Imprivata Package").get("name")
    host, port = person.target.address.removeprefix("https://").split(":")
    cookies = "; ".join(f"{key}={value}" for key, value in person.http.cookies.items())
    context = ssl.create_default_context(cadata=person.target.certificate)
    _, writer = await asyncio.open_connection(host, int(port), ssl=context)
    writer.write(
        f"POST /upload HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\nContent-Length: 9000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a.ipm"\r\n\r\n'.encode()
        + b"x" * 500_000
    )
    await writer.drain()
    writer.transport.abort()
    async with asyncio.timeout(10):
        while True:
            uploads = [r for r in await enterprise.requests() if r.action == "Upload" and r.status == 0]
            if uploads:
                break
            await asyncio.sleep(0.02)
    assert not uploads[0].changes
    assert (await enterprise.state()).uploads == []
