"""What a certificate says of itself, for people: the few fields that are shown, read from its DER (RFC 5280).

Nothing is trusted for what stands here; trust is `bot.console.tls`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

from bot.console.pages import cut
from bot.domain.sight import Words
from bot.domain.values import Moment, Value

_SEQUENCE, _OID, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x06, 0x17, 0x18, 0xA0
_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}
_ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
}


class Certificate(Value):
    """`fingerprint`: SHA-256 of the DER, 64 hex digits. `subject` and `issuer` as in `CN=appliance-1, O=Hospital`."""

    fingerprint: Words
    subject: Words
    issuer: Words
    not_before: Moment
    not_after: Moment


def read(der: bytes) -> Certificate:
    """What the certificate says. Raises ValueError when it is none."""
    try:
        return _read(der)
    except (IndexError, StopIteration) as error:
        raise ValueError("this is no X.509 certificate") from error


def _read(der: bytes) -> Certificate:
    whole = _inside(der, _SEQUENCE)
    fields = list(_parts(_inside(whole, _SEQUENCE)))
    if fields[0][0] == _VERSION:
        fields = fields[1:]
    _serial, _algorithm, issuer, validity, subject = (content for _, content in fields[:5])
    begins, ends = (_moment(tag, content) for tag, content in _parts(validity))
    return Certificate(
        fingerprint=hashlib.sha256(der).hexdigest(),
        subject=_name(subject),
        issuer=_name(issuer),
        not_before=begins,
        not_after=ends,
    )


def _name(content: bytes) -> str:
    """A distinguished name, of the attributes that have a short name."""
    said = []
    for _, many in _parts(content):
        for _, pair in _parts(many):
            (tag, key), (kind, value) = _parts(pair)
            if tag == _OID and key in _ATTRIBUTES:
                words = value.decode(_ENCODINGS.get(kind, "latin-1"), errors="replace")
                said.append(f"{_ATTRIBUTES[key]}={words}")
    return cut(", ".join(said), 200)


def _moment(tag: int, content: bytes) -> datetime:
    words = content.decode("ascii")
    if tag == _UTC_TIME:
        words = ("19" if words[:2] >= "50" else "20") + words
    elif tag != _GENERALIZED_TIME:
        raise ValueError("a certificate's dates are no times")
    return datetime.strptime(words, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _inside(data: bytes, tag: int) -> bytes:
    found, content = next(_parts(data))
    if found != tag:
        raise ValueError(f"a DER element of type {tag:#x} was expected, {found:#x} came")
    return content


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each DER element. Raises ValueError or IndexError where one does not fit."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length >= 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if length > len(data) - at:
            raise ValueError("a DER element is longer than what it stands in")
        yield tag, data[at : at + length]
        at += length
