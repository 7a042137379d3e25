"""Which console is trusted: one pinned certificate, or those of one certificate authority. Never any other.

The vendor's certificates are self-signed by default. The check sits in the handshake of every single connection:
no stream exists, and so no byte of HTTP can be sent, before it has passed.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from bot.console.port import CertificateMismatch, Unreachable


class TrustError(ValueError):
    """A pin or a CA file that cannot be used."""


@dataclass(frozen=True)
class Trust:
    """Exactly one of: `pin`, the SHA-256 of the certificate (DER) in 64 hex digits; `ca_file`, a PEM file.

    With a CA file the certificate must also name the host; a pinned one need not, nor be within its dates.
    """

    pin: str | None = None
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.pin is None) == (self.ca_file is None):
            raise TrustError("A console is trusted by a certificate pin or by a CA file: give exactly one.")

    @classmethod
    def pinned(cls, fingerprint: str) -> Self:
        """By fingerprint as people copy it: any letter case, with or without colons and spaces."""
        pin = re.sub(r"[\s:]", "", fingerprint).lower()
        if not re.fullmatch(r"[0-9a-f]{64}", pin):
            raise TrustError(f"A certificate pin is its SHA-256 in 64 hex digits, not {fingerprint[:80]!r}.")
        return cls(pin=pin)

    @classmethod
    def authority(cls, ca_file: Path) -> Self:
        """By the certificates of a PEM file."""
        return cls(ca_file=ca_file)

    def context(self) -> ssl.SSLContext:
        """An SSL context for asyncio whose every handshake makes the check. Raises `TrustError`.

        A connection to a certificate that is not trusted raises `CertificateMismatch`.
        """
        context = _modern_context()
        if self.pin is not None:
            _trust_no_chain(context)
        else:
            try:
                context.load_verify_locations(cafile=self.ca_file)
            except (OSError, ssl.SSLError) as error:
                reason = error.strerror or "no certificate in PEM in it"
                raise TrustError(f"CA file {self.ca_file}: cannot be used ({reason}).") from None
        context.sslobject_class = _checked_object(self.pin)
        context.sslsocket_class = _NoSocket
        return context


async def fetch_certificate(host: str, port: int, timeout: float = 10.0) -> bytes:
    """The certificate that a server shows, in DER, to be shown to a person.

    A bare handshake, nothing else. What it returns is not verified. Raises `Unreachable`.
    """
    context = _modern_context()
    _trust_no_chain(context)
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except (OSError, TimeoutError) as error:
        raise Unreachable(f"{host}:{port} gave no certificate: {error or 'no answer in time'}.") from error
    der: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return der


def _modern_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A server that renegotiates could show another certificate after the check.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


def _trust_no_chain(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


def _checked_object(pin: str | None) -> type[ssl.SSLObject]:
    class CheckedObject(ssl.SSLObject):
        """The TLS side of one connection; its handshake succeeds for the trusted certificate only."""

        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except ssl.SSLCertVerificationError as error:
                raise CertificateMismatch(
                    f"{self.server_hostname}: the certificate is not trusted: {error.verify_message}. "
                    "Nothing was sent. Compare it with the console's, then correct the configuration."
                ) from error
            der = self.getpeercert(binary_form=True)
            shown = hashlib.sha256(der or b"").hexdigest()
            if pin is not None and shown != pin:
                raise CertificateMismatch(
                    f"{self.server_hostname}: the certificate's SHA-256 is {shown}, the pinned one {pin}. "
                    "Nothing was sent. Find out why it changed before you pin the new one."
                )

    return CheckedObject


class _NoSocket(ssl.SSLSocket):
    """The check is in `SSLObject`; a blocking socket would go around it."""

    @classmethod
    def _create(cls, *_args: Any, **_kwargs: Any) -> Self:
        raise NotImplementedError("a console's SSL context is for asyncio only")
