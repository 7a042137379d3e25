"""What is shown of a certificate, held to what another library reads."""

from __future__ import annotations

import datetime
import hashlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from bot.console.certificate import read
from tests.console.console_server import Identity

KEY = ec.generate_private_key(ec.SECP256R1())


def made(
    subject: list[x509.NameAttribute[str]], ends: datetime.datetime, *, extensions: bool = False
) -> bytes:
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Hospital CA")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name(subject))
        .issuer_name(issuer)
        .public_key(KEY.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.UTC))
        .not_valid_after(ends)
    )
    if extensions:
        names = [x509.DNSName(f"appliance-{n}.example.org") for n in range(40)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("year", [2026, 2049, 2050, 2999], ids=lambda year: f"until {year}")
@pytest.mark.parametrize("extensions", [False, True])
def test_names_dates_and_fingerprint(year: int, extensions: bool) -> None:
    ends = datetime.datetime(year, 12, 31, 1, 2, 3, tzinfo=datetime.UTC)
    subject = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Klinik für Prüfung"),
        x509.NameAttribute(NameOID.SERIAL_NUMBER, "4711"),
        x509.NameAttribute(NameOID.COMMON_NAME, "appliance-1"),
    ]
    der = made(subject, ends, extensions=extensions)
    found = read(der)
    assert found.fingerprint == hashlib.sha256(der).hexdigest()
    assert found.subject == "O=Klinik für Prüfung, CN=appliance-1"
    assert found.issuer == "CN=Hospital CA"
    assert found.not_before == datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.UTC)
    assert found.not_after == ends


def test_a_name_that_tries_to_be_more_is_one_printable_line() -> None:
    evil = x509.NameAttribute(NameOID.COMMON_NAME, "a\n\x1b[31m appliance \u202e" + "x" * 20)
    found = read(made([evil] * 50, datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)))
    assert found.subject.startswith("CN=a [31m appliance")
    assert found.subject.isprintable()
    assert len(found.subject) == 200


@given(st.binary(max_size=200))
def test_what_is_no_certificate_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(data)


@given(st.data())
def test_a_damaged_certificate_never_breaks_the_reader(identity: Identity, data: st.DataObject) -> None:
    der = bytearray(ssl.PEM_cert_to_DER_cert(identity.cert.read_text()))
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)))
    for damaged in (bytes(der), bytes(der[:cut])):
        try:
            read(damaged)
        except ValueError:
            continue
