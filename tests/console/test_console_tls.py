"""Trust: by pin or by CA file, checked in every handshake."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from bot.console.port import CertificateMismatch, Unreachable
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust, TrustError, fetch_certificate
from tests.console.console_server import Identity, MiniConsole, Server


async def shaken(server: Server, trust: Trust) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=trust.context())
    writer.transport.abort()


async def test_pin_and_ca(server: Server, identity: Identity) -> None:
    colons = ":".join(identity.pin[i : i + 2] for i in range(0, 64, 2)).upper()
    await shaken(server, Trust.pinned(colons))
    await shaken(server, Trust.authority(identity.cert))


async def test_another_pin_and_another_ca(server: Server, identity: Identity, stranger: Identity) -> None:
    with pytest.raises(CertificateMismatch) as mismatch:
        await shaken(server, Trust.pinned(stranger.pin))
    assert identity.pin in str(mismatch.value)
    assert stranger.pin in str(mismatch.value)
    with pytest.raises(CertificateMismatch, match="not trusted: self-signed certificate"):
        await shaken(server, Trust.authority(stranger.cert))


async def test_a_ca_must_name_the_host(server: Server, identity: Identity) -> None:
    with pytest.raises(CertificateMismatch, match=r"[Hh]ostname mismatch|not valid for"):
        await asyncio.open_connection(
            "127.0.0.1",
            server.port,
            ssl=Trust.authority(identity.cert).context(),
            server_hostname="other.example",
        )


def test_no_blocking_socket_goes_around_the_check(identity: Identity) -> None:
    import socket

    with socket.socket() as plain, pytest.raises(NotImplementedError):
        Trust.pinned(identity.pin).context().wrap_socket(plain)


async def test_the_certificate_can_be_shown(server: Server, identity: Identity) -> None:
    der = await fetch_certificate("127.0.0.1", server.port)
    assert der == ssl.PEM_cert_to_DER_cert(identity.cert.read_text())
    assert server.asked == []
    await server.stop()
    with pytest.raises(Unreachable, match="gave no certificate"):
        await fetch_certificate("127.0.0.1", server.port if server._server is None else 1)


@pytest.mark.parametrize("pin", ["", "abc", "g" * 64, "a" * 63, "a" * 65])
def test_a_bad_pin(pin: str) -> None:
    with pytest.raises(TrustError, match="64 hex digits"):
        Trust.pinned(pin)


def test_exactly_one_kind_of_trust() -> None:
    for trust in ({}, {"pin": "a" * 64, "ca_file": Path("x")}):
        with pytest.raises(TrustError, match="exactly one"):
            Trust(**trust)  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bad_ca_file(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(TrustError, match=r"ca\.pem: cannot be used"):
        Trust.authority(path).context()


@pytest.mark.parametrize("address", ["http://a:81", "a:81", "https://", "https://a:81/x", "https://u:p@a:81"])
def test_an_address_that_is_none(address: str, identity: Identity) -> None:
    from pydantic import SecretStr

    from bot.console.http_driver import HttpConsole
    from bot.console.profile import load_profile

    with pytest.raises(ValueError, match="https://host:port"):
        HttpConsole(
            [Appliance("a1", address, Trust.pinned(identity.pin))],
            credentials=Credentials("u", SecretStr("p")),
            profile=load_profile(),
            keep=lambda _: "",
        )


async def test_one_pinned_console_is_not_another(stranger: Identity, identity: Identity) -> None:
    async with Server(stranger, MiniConsole().answer) as other:
        with pytest.raises(CertificateMismatch):
            await shaken(other, Trust.pinned(identity.pin))
