"""A small console over a real TLS socket, for tests: every answer can be replaced, every request is recorded.

Written as another hand would write a console: submit inputs, wrapping labels, names that mean nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import hashlib
import ipaddress
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from bot.console.http_driver import HttpConsole
from bot.console.http_reader import HttpReader
from bot.console.profile import load_profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance, Credentials, Driver
from bot.console.tls import Trust

PASSWORD = "correct horse & battery"
PACKAGE = "imprivata-24.1-hf9"
QUICK = Timeouts(connect=5, page=10, stall=10, upload=20, install=5)


@dataclass(frozen=True)
class Identity:
    """A self-signed certificate and its key, and the certificate's SHA-256."""

    cert: Path
    key: Path
    pin: str

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


def make_identity(directory: Path, name: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    paths = directory / f"{name}.crt", directory / f"{name}.key"
    paths[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return Identity(*paths, cert.fingerprint(hashes.SHA256()).hex())


@dataclass
class Asked:
    """One request as it came. `body` holds the first MiB; `size` and `sha256` are of all that came."""

    method: str
    path: str
    headers: dict[str, str]
    connection: int
    body: bytes = b""
    size: int = 0
    sha256: str = ""
    complete: bool = False
    at: float = field(default_factory=time.monotonic)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


Answer = Callable[[Asked], Awaitable[bytes | AsyncIterator[bytes] | None]]


class Server:
    """HTTP/1.1 over TLS by hand: an answer is raw bytes, at once or in pieces; None cuts the connection.

    An answer that raises `ConnectionResetError` resets it. `port` 0 is any free one. `patience`: by "METHOD /path", how
    many bytes of a request's body are awaited; then it is answered and the connection cut, whatever more is coming.
    """

    def __init__(self, identity: Identity, answer: Answer, port: int = 0) -> None:
        self.identity = identity
        self.answer = answer
        self._wanted = port
        self.patience: dict[str, int] = {}
        self.asked: list[Asked] = []
        self.handshakes = 0
        self.changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self._wanted, ssl=self.identity.context(), limit=1 << 20
        )
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Take the console away: the port refuses from here on."""
        if self._server is not None and self._server.is_serving():
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(condition)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.handshakes += 1
        number = self.handshakes
        try:
            while (asked := await self._read(reader, number)) and (answer := await self.answer(asked)):
                async for piece in _pieces(answer):
                    writer.write(piece)
                    await writer.drain()
                if asked.headers.get("connection") == "close" or not asked.complete:
                    break
        except ConnectionResetError:
            _reset(writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        except asyncio.CancelledError:
            pass  # by `stop`; asyncio's streams would log it as an error
        finally:
            async with self.changed:
                self.changed.notify_all()
            writer.close()
            self._tasks.discard(task)

    async def _read(self, reader: asyncio.StreamReader, number: int) -> Asked | None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {key.lower(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
        asked = Asked(method, path, headers, number)
        self.asked.append(asked)
        digest, left = hashlib.sha256(), int(headers.get("content-length", "0"))
        while left:
            if asked.size >= self.patience.get(asked.line, left + asked.size):
                return asked
            piece = await reader.read(min(left, 1 << 16))
            if not piece:
                return None
            left -= len(piece)
            asked.size += len(piece)
            digest.update(piece)
            if len(asked.body) < 1 << 20:
                asked.body += piece
        asked.sha256, asked.complete = digest.hexdigest(), True
        async with self.changed:
            self.changed.notify_all()
        return asked


async def _pieces(answer: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if isinstance(answer, bytes):
        yield answer
        return
    async for piece in answer:
        yield piece


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST, whoever did so first."""
    with contextlib.suppress(OSError, AttributeError):  # None where it is closed already
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
    writer.transport.abort()


def page(html: str, *, status: str = "200 OK", headers: str = "", charset: str = "utf-8") -> bytes:
    body = html.encode(charset)
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset={charset}\r\n"
        f"Content-Length: {len(body)}\r\n{headers}\r\n"
    ).encode() + body


def redirect(location: str, *, status: str = "303 See Other", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nLocation: {location}\r\nContent-Length: 0\r\n{headers}\r\n".encode()


NAVIGATION = "".join(
    f'<li><a href="{path}">{label}</a></li>'
    for label, path in (
        ("Packages", "/p"),
        ("System", "/s"),
        ("Operations", "/s"),
        ("Logs", "/l"),
        ("Network", "/n"),
        ("Enterprise", "/e"),
        ("Log Out", "/bye"),
        ("Reboot/shutdown options", "/reboot"),
    )
)
INSTALL_FORM = (
    '<form action="/i2" method="post"><input type="hidden" name="t" value="token-0123456789">'
    '<input type="hidden" name="k" value="{package}">'
    '<label><input type="radio" name="w" value="all" checked> Install IPM on all appliances</label>'
    '<label><input type="radio" name="w" value="one"> Install IPM on this appliance only</label>'
    '<input type="submit" value="Install" name="go"></form>'
    '<form action="/p"><input type="submit" value="Cancel"></form>'
)


def body(heading: str, content: str = "") -> str:
    return f"<!DOCTYPE html><title>{heading}</title><ul>{NAVIGATION}</ul><h1>{heading}</h1>{content}"


@dataclass
class MiniConsole:
    """The console's state; `instead` replaces the answer to "METHOD /path", once per entry of its list."""

    packages: dict[str, str] = field(default_factory=lambda: {PACKAGE: "Distributed", "agent-7": "Installed"})
    panel: str = ""
    release: str = "24.1 HF3"
    server_state: str = "Running"
    install_form: str = INSTALL_FORM
    instead: dict[str, list[bytes | None]] = field(default_factory=dict)
    sessions: set[str] = field(default_factory=set)
    sign_ins: list[str] = field(default_factory=list)
    expire_before: str = ""
    """A "METHOD /path" before which, once, all sessions end."""

    async def answer(self, asked: Asked) -> bytes | None:
        path = asked.path.partition("?")[0]
        line = f"{asked.method} {path}"
        if waiting := self.instead.get(line):
            return waiting.pop(0)
        if self.expire_before == line:
            self.sessions.clear()
            self.expire_before = ""
        if line == "POST /in":
            return self._sign_in(asked)
        if not any(session in asked.headers.get("cookie", "") for session in self.sessions):
            return self._sign_in_page() if line == "GET /login" else redirect("/login?expired=1")
        return self._signed_in(line, asked)

    def _sign_in_page(self, words: str = "") -> bytes:
        return page(
            f"<h1>Imprivata Appliance Console</h1>{words}<form action='/in' method='post'>"
            "<input type='hidden' name='t' value='token-0123456789'>"
            "<label>User name: <input name='a1'></label><label>Password: <input type='password' name='a2'></label>"
            "<button>Log In</button></form>"
        )

    def _sign_in(self, asked: Asked) -> bytes:
        self.sign_ins.append(asked.form.get("a1", ""))
        if asked.form.get("a2") != PASSWORD:
            return self._sign_in_page("<p role='alert'>Wrong user name or password</p>")
        session = f"session-{len(self.sign_ins):08d}"
        self.sessions = {session}
        return redirect("/", headers=f"Set-Cookie: sid={session}; Path=/; Secure; HttpOnly\r\n")

    def _signed_in(self, line: str, asked: Asked) -> bytes:
        chosen = unquote(asked.form.get("pick", "")) if asked.size < 10_000 and asked.form else ""
        match line:
            case "GET /":
                return page(body("Welcome"))
            case "GET /p":
                return page(self.packages_page())
            case "POST /p" if "Distribute" in asked.form.values():
                return page(body("Distribute", f"<p>Package {chosen}</p>" + _form("/d", "Send", "Cancel")))
            case "POST /p" if "Install" in asked.form.values():
                facts = "".join(
                    f"<tr><th>{name}</th><td>{value}</td></tr>"
                    for name, value in (("Name", chosen), ("Release", "24.1 HF9"))
                )
                facts = f"<table>{facts}</table>"
                return page(body("IPM Information", facts + self.install_form.format(package=chosen)))
            case "GET /u":
                return page(body("Upload Imprivata Package", UPLOAD_FORM))
            case "POST /u":
                name = asked.body.partition(b'filename="')[2].partition(b".ipm")[0].decode()
                self.packages[name] = "Uploaded"
                return redirect("/p")
            case "POST /d":
                self.panel = panel("Distribution", [("a1", "Copying 40%"), ("a2", "Waiting")])
                return redirect("/p")
            case "POST /done":
                self.panel = ""
                return redirect("/p")
            case "POST /i2":
                self.panel = panel("Installation", [("a1", "Waiting"), ("a2", "Waiting")])
                return redirect("/p?token=token-0123456789")
            case "GET /e":
                rows = "".join(
                    f"<tr><td>{n}</td><td>x</td><td>{self.release}</td></tr>" for n in ("a1", "A2")
                )
                head = "<tr><th>Appliance</th><th>Type</th><th>Release</th></tr>"
                return page(
                    body("Enterprise", f"<table>{head}{rows}</table><button>Remove Appliance</button>")
                )
            case "GET /s":
                return page(
                    body(
                        "Operations",
                        f"<table><tr><th>Imprivata Server</th><td>{self.server_state}</td></tr></table>",
                    )
                )
            case "GET /l":
                return page(body("Logs", _form("/x", "Export Logs", "Clear Logs")))
            case "POST /x":
                return (
                    b'HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename="../../etc/logs 1.zip"\r\n'
                    b"Content-Length: 9\r\n\r\nlog bytes"
                )
            case "GET /bye":
                self.sessions.clear()
                return redirect("/login")
        return page(body("Not found"), status="404 Not Found")

    def packages_page(self) -> str:
        rows = "".join(
            f'<tr><td><label><input type="radio" name="pick" value="{name}"> {name}</label></td>'
            f"<td>kind</td><td>1 GB</td><td>{status}</td></tr>"
            for name, status in self.packages.items()
        )
        buttons = "".join(
            f'<input type="submit" name="b" value="{b}">' for b in ("Distribute", "Install", "Remove")
        )
        return body(
            "Packages",
            f'{self.panel}<a href="/u">Upload  Imprivata\n Package</a><form action="/p" method="post">'
            '<input type="hidden" name="t" value="token-0123456789"><table><tr><th>Package</th><th>Type</th>'
            f"<th>Size</th><th>Status</th></tr>{rows}</table>{buttons}</form>",
        )


UPLOAD_FORM = (
    '<form action="/u" method="post" enctype="multipart/form-data"><input type="hidden" name="t" value="tök&quot;en">'
    '<label for="f7">Imprivata Package</label><input id="f7" type="file" name="f&quot;9">'
    '<input type="submit" value="Upload"></form>'
)


def panel(what: str, rows: list[tuple[str, str]], package: str = PACKAGE, more: str = "") -> str:
    cells = "".join(f"<tr><td>{name}</td><td>{status}</td></tr>" for name, status in rows)
    head = "<tr><th>Appliance</th><th>Status</th></tr>"
    return f"<section><h2>{what} of {package}</h2><table>{head}{cells}</table>{more}</section>"


def done_button() -> str:
    return _form("/done", "Done")


def _form(action: str, *labels: str) -> str:
    buttons = "".join(f"<button name='b'>{label}</button>" for label in labels)
    token = "<input type='hidden' name='t' value='token-0123456789'>"
    return f"<form action='{action}' method='post'>{token}{buttons}</form>"


class Evidence:
    """Keeps pages in memory, by hash."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}

    def __call__(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self.pages[digest] = content
        return digest

    @property
    def everything(self) -> bytes:
        return b"\n".join(self.pages.values())


def driver(
    *servers: Server,
    password: str = PASSWORD,
    evidence: Evidence | None = None,
    timeouts: Timeouts = QUICK,
    pin: str | None = None,
    reader: Driver = HttpReader,
) -> HttpConsole:
    """A driver whose appliances a1, a2, … are these servers, each trusted by its own pin, or all by `pin`."""
    return HttpConsole(
        [
            Appliance(f"a{n}", f"https://127.0.0.1:{s.port}", Trust.pinned(pin or s.identity.pin))
            for n, s in enumerate(servers, start=1)
        ],
        credentials=Credentials("Super Administrator", SecretStr(password)),
        profile=load_profile(),
        keep=evidence or Evidence(),
        timeouts=timeouts,
        driver=reader,
    )
