"""What a press in a browser may ask a console for. Pure.

A browser shows what a press asks for only when it asks: the request is judged then, before a byte is sent.
"""

from __future__ import annotations

import email.policy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser
from urllib.parse import parse_qsl

import httpx

from bot.console.forms import MULTIPART, URLENCODED

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NO_LETTERS = re.compile(r"[\W\d_]+")
LONGEST_NAME = 80
"""Characters; what is longer is a text, and no name of something to be done."""


@dataclass(frozen=True)
class Asked:
    """A request that a browser would send. `navigation`: it loads a document."""

    method: str
    url: httpx.URL
    navigation: bool
    headers: tuple[tuple[str, str], ...]
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Part:
    """A field that a request carries; `file`: it stands for a file."""

    name: str
    value: str
    file: bool = False


class Unreadable(Exception):
    """A request whose content cannot be read."""


def parts(asked: Asked) -> tuple[Part, ...]:
    """The fields of a request, strings and keys of a JSON one as fields without a name. Raises `Unreadable`."""
    kind = asked.content_type.partition(";")[0].strip().lower()
    try:
        if not asked.content:
            return ()
        if kind == URLENCODED:
            pairs = parse_qsl(asked.content.decode(), keep_blank_values=True, strict_parsing=True)
            return tuple(Part(name, value) for name, value in pairs)
        if kind == MULTIPART:
            return tuple(_multipart(asked))
        if kind == "application/json" or kind.endswith("+json"):
            return tuple(Part("", value) for value in _strings(json.loads(asked.content)))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"its content is no {kind}") from error
    raise Unreadable(f"its content is {kind or 'of no kind'}")


def _multipart(asked: Asked) -> Iterator[Part]:
    head = f"Content-Type: {asked.content_type}\r\n\r\n".encode()
    message: Message = BytesParser(policy=email.policy.compat32).parsebytes(head + asked.content)
    if not message.is_multipart():
        raise ValueError("no parts")
    for part in message.get_payload():
        assert isinstance(part, Message)
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(payload, bytes):
            raise ValueError("a part without a name")
        yield Part(name, payload.decode(), part.get_filename() is not None)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from _strings(one)


def words(name: str) -> str:
    """A name as code has it ("removeAppliance", "/appliance/remove.do", "do=remove:a1") as words; "" for a text."""
    return spaced(name) if len(name) <= LONGEST_NAME else ""


def spaced(name: str) -> str:
    """Letters of a name as words."""
    return _NO_LETTERS.sub(" ", _HUMP.sub(" ", name)).strip()
