"""Between the bot and the first console: everything passes, but for what a fault does to it.

The bot trusts this relay's certificate; the relay trusts no certificate and is in nobody's way but the tests'.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Coroutine
from typing import NamedTuple

import httpx

from bot.sandbox.enterprise.client import EnterpriseProcess
from tests.catalogue.fault import (
    Cut,
    Fault,
    OnAnswers,
    OtherCertificate,
    Refused,
    Replaced,
    Rewritten,
    SignedOut,
    Simulated,
    Step,
    Way,
)
from tests.console.console_server import Asked, Identity, Server

APPROVED = "two people have approved"
INSTALL = "POST /ipm/install"
TRICKLE_SECONDS = 0.05
_KEPT_ALIVE = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


class Place(NamedTuple):
    """A step's own request on the classic skin, and what has come before, in that order: requests, answered."""

    line: str
    after: tuple[str, ...] = ()


PLACES = {
    Step.PREFLIGHT: Place("GET /packages"),
    Step.START: Place("GET /packages", (APPROVED,)),
    Step.LOOK: Place("GET /system/operations"),
    Step.SIGN_IN: Place("POST /sign-in"),
    Step.OPEN_UPLOAD: Place("GET /upload", (APPROVED,)),
    Step.UPLOAD: Place("POST /upload", ("GET /upload",)),
    Step.OPEN_DISTRIBUTION: Place("GET /distribute", ("POST /upload",)),
    Step.SEND: Place("POST /distribute", ("GET /distribute",)),
    Step.DISTRIBUTING: Place("GET /packages", ("POST /distribute",)),
    Step.DONE: Place("POST /done", ("POST /distribute",)),
    Step.OPEN_INSTALL: Place("GET /ipm", ("POST /done", "GET /system/operations")),
    Step.INSTALL: Place(INSTALL, ("GET /ipm",)),
    Step.WATCH: Place("GET /packages", (INSTALL,)),
    Step.VERIFY: Place("GET /enterprise", (INSTALL,)),
    Step.LOGS: Place("POST /system/logs", (INSTALL,)),
}


class Relay:
    """Carries requests to the console at `target`, and puts `fault` on when its step has come.

    `own` is what it shows as its certificate, `other` what it shows when that is the fault. `hits`: how often the
    fault has done something. `installs`: how many Install requests have come from the bot.
    """

    def __init__(
        self, sandbox: EnterpriseProcess, target: str, fault: Fault, own: Identity, other: Identity
    ) -> None:
        self.hits = 0
        self.installs = 0
        self._sandbox = sandbox
        self._target = target
        self._fault = fault
        self._place = PLACES[fault.at]
        self._identities = own, other
        self._server = Server(own, self._answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._http = httpx.AsyncClient(verify=context, trust_env=False)
        self._before = list(self._place.after)
        self._changes: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """What the bot's settings name as the console."""
        return f"https://127.0.0.1:{self._server.port}"

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listen, the fault put on already when its step is the first."""
        async with self._http:
            await self._server.__aenter__()
            try:
                if not self._before:
                    await self._begun()
                yield
            finally:
                for change in self._changes:
                    change.cancel()
                await asyncio.gather(*self._changes, return_exceptions=True)
                await self._server.stop()

    async def reach(self, moment: str) -> None:
        """Something has happened after which a fault may begin."""
        if self._before and self._before[0] == moment:
            del self._before[0]
            if not self._before:
                await self._begun()

    # Faults of the console as a whole

    async def _begun(self) -> None:
        match self._fault.how:
            case Simulated(fault=name):
                await self._sandbox.fault(name)
                self._later(self._clear(name))
            case Refused():
                # By a task of its own: it ends the connection that it may have been told on.
                self._later(self._shut(None))
            case OtherCertificate():
                self._later(self._shut(self._identities[1]))
            case _:
                return
        self.hits += 1

    def _later(self, change: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(change)
        self._changes.add(task)

    async def _clear(self, name: str) -> None:
        if await self._over():
            await self._sandbox.clear(name.partition("=")[0])

    async def _shut(self, identity: Identity | None) -> None:
        port = self._server.port
        await self._server.stop()
        if identity is not None:
            await self._listen(identity, port)
        if await self._over():
            if identity is not None:
                await self._server.stop()
            await self._listen(self._identities[0], port)

    async def _listen(self, identity: Identity, port: int) -> None:
        self._server = Server(identity, self._answer, port)
        await self._server.__aenter__()

    async def _over(self) -> bool:
        """True when the fault's time is over; False at once for one that stays."""
        await asyncio.sleep(self._fault.minutes * 60 / self._sandbox.settings.rate)
        return bool(self._fault.minutes)

    # Answers

    async def _answer(self, asked: Asked) -> bytes | AsyncIterator[bytes] | None:
        line = asked.line.partition("?")[0]
        self.installs += line == INSTALL
        answer = await self._answer_to(asked, line)
        await self.reach(line)
        return answer

    async def _answer_to(self, asked: Asked, line: str) -> bytes | AsyncIterator[bytes] | None:
        how, place = self._fault.how, self._place
        over = self._fault.times and self.hits >= self._fault.times
        if line != place.line or self._before or over or not isinstance(how, OnAnswers):
            return await self._passed_on(asked)
        if isinstance(how, Rewritten):
            answer = await self._passed_on(asked)
            changed, count = re.subn(how.pattern.encode(), how.words.encode(), answer or b"")
            self.hits += count > 0
            return _lengthened(changed) if count else answer
        self.hits += 1
        return await self._broken(asked, how)

    async def _broken(
        self, asked: Asked, how: Cut | Replaced | SignedOut
    ) -> bytes | AsyncIterator[bytes] | None:
        match how:
            case SignedOut(carried_out=False):
                asked.headers["cookie"] = re.sub(r"=[^;]*", "=over", asked.headers.get("cookie", ""))
                answer = await self._passed_on(asked)
                return answer and answer.replace(b" 303 See Other", b" 302 Found", 1)
            case SignedOut():
                await self._passed_on(asked)
                return _whole("302 Found", {"Location": "/sign-in?expired=1"}, b"")
            case Replaced():
                if how.carried_out:
                    await self._passed_on(asked)
                return _repeated(how)
        answer = await self._passed_on(asked) if how.carried_out else None
        match how.way:
            case Way.RESET:
                raise ConnectionResetError
            case Way.SILENCE:
                await asyncio.Event().wait()
            case Way.HALF:
                return _ended(answer or b"")
            case Way.TRICKLE:
                return _trickled(answer or b"")
        raise AssertionError(how)

    async def _passed_on(self, asked: Asked) -> bytes | None:
        """The console's own answer; None where it cuts the connection."""
        headers = {name: value for name, value in asked.headers.items() if name not in _KEPT_ALIVE}
        try:
            # Not by the client's own `request`, which would add cookies that it has seen.
            answer = await self._http.send(
                httpx.Request(asked.method, self._target + asked.path, headers=headers, content=asked.body)
            )
        except httpx.TransportError:
            return None
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in _KEPT_ALIVE]
        return _whole(f"{answer.status_code} {answer.reason_phrase}", kept, answer.content)


def _whole(status: str, headers: dict[str, str] | list[tuple[str, str]], body: bytes) -> bytes:
    return _head(status, headers, len(body)) + body


def _head(status: str, headers: dict[str, str] | list[tuple[str, str]], length: int) -> bytes:
    pairs = headers.items() if isinstance(headers, dict) else headers
    lines = [
        f"HTTP/1.1 {status}",
        *(f"{name}: {value}" for name, value in pairs),
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _lengthened(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body


async def _repeated(how: Replaced) -> AsyncIterator[bytes]:
    yield _head(how.status, dict(how.headers), len(how.body) * how.repeat)
    for _ in range(how.repeat):
        yield how.body


async def _ended(answer: bytes) -> AsyncIterator[bytes]:
    yield answer[: len(answer) // 2]
    raise BrokenPipeError  # the server closes the connection


async def _trickled(answer: bytes) -> AsyncIterator[bytes]:
    for byte in answer:
        yield bytes([byte])
        await asyncio.sleep(TRICKLE_SECONDS)
