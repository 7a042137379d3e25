"""What both sides of `make bench-upload` send to: a small console over TLS, in a process of its own.

It stands for another machine, whose work would not be done on this one: of an upload it decrypts the first record
alone, and counts the rest by the lengths of its TLS records. Prints its port, then a line of JSON per upload.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.console.console_server import Asked, Identity, MiniConsole, page

T = TypeVar("T")

RECORD_HEAD = 5
SEALED = 17
"""Bytes by which a record of TLS 1.3 is longer than what it holds: its content type, and the tag of AES-GCM."""
UPLOADED = 10_000
"""A longer body is an upload."""
PLAIN = "POST /curl"


class Hung(Exception):
    """The client has hung up."""


class Guest:
    """One connection."""

    def __init__(self, sink: socket.socket, context: ssl.SSLContext, console: MiniConsole) -> None:
        self._socket = sink
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._console = console
        self._buffer = bytearray(1 << 20)

    def serve(self) -> None:
        """Answer its requests, the last of which is an upload."""
        try:
            self._pump(self._tls.do_handshake)
            while self._answer():
                pass
        except (Hung, OSError):
            return
        finally:
            self._socket.close()

    def _answer(self) -> bool:
        head, body = b"", b""
        while b"\r\n\r\n" not in head:
            head += self._pump(lambda: self._tls.read(1 << 16))
        head, _, body = head.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        method, path, _ = first.split(" ")
        asked = Asked(method, path, headers, 0)
        asked.size = int(headers.get("content-length", "0"))
        if "expect" in headers:
            self._say(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(body) < min(asked.size, 500):
            body += self._pump(lambda: self._tls.read(1 << 16))
        asked.body = body
        if asked.line == "POST /in":
            self._console.packages = MiniConsole().packages  # a new round
        if asked.size < UPLOADED:
            self._say(asyncio.run(self._console.answer(asked)) or b"")
            return True
        received = len(body) + self._drain(asked.size - len(body))
        cipher = self._tls.cipher()
        print(json.dumps({"bytes": received, "cipher": cipher and cipher[0]}), flush=True)
        answer = page("") if asked.line == PLAIN else asyncio.run(self._console.answer(asked)) or b""
        self._say(re.sub(rb"\r\n", b"\r\nConnection: close\r\n", answer, count=1))
        return False

    def _drain(self, left: int) -> int:
        """Count so many bytes as they come, sealed; how many there were."""
        before, view = left, memoryview(self._buffer)
        sealed, head, skip = memoryview(self._incoming.read()), b"", 0
        while True:
            at = 0
            while at < len(sealed):
                if skip:
                    step = min(skip, len(sealed) - at)
                    skip -= step
                else:
                    step = RECORD_HEAD - len(head)
                    head += bytes(sealed[at : at + step])
                    if len(head) == RECORD_HEAD:
                        skip = int.from_bytes(head[3:])
                        left, head = left - (skip - SEALED), b""
                at += step
            if left <= 0 and not skip:
                return before - left
            if not (length := self._socket.recv_into(self._buffer)):
                raise Hung
            sealed = view[:length]

    def _say(self, answer: bytes) -> None:
        self._pump(lambda: self._tls.write(answer))

    def _pump(self, work: Callable[[], T]) -> T:
        while True:
            try:
                done = work()
            except ssl.SSLWantReadError:
                self._flush()
                if not (piece := self._socket.recv(1 << 14)):
                    raise Hung from None
                self._incoming.write(piece)
            else:
                self._flush()
                return done

    def _flush(self) -> None:
        if self._outgoing.pending:
            self._socket.sendall(self._outgoing.read())


def main() -> None:
    """`python -m tests.bench.sink CERT KEY`, until it is ended."""
    context = Identity(Path(sys.argv[1]), Path(sys.argv[2]), "").context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    console = MiniConsole()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            connected, _ = listening.accept()
            guest = Guest(connected, context, console)
            threading.Thread(target=guest.serve, daemon=True).start()


if __name__ == "__main__":
    main()
