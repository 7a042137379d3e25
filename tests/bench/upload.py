"""`make bench-upload`: the upload beside `curl`, over TLS, in the same run.

A round is three uploads of one sparse file to one sink, in changing order: the driver, its whole way (sign-in, look,
upload page, form); `curl` alone; and `curl` with the same file being hashed beside it, which is the work that the
driver does, since it hashes what it sends (law 6) and curl does not. Ends with 1 when the driver stays below 0.9 of
the same work, holds its event loop too long, or takes more memory for a large package than for a small one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from bot.console.http_driver import HttpConsole
from bot.console.profile import load_profile
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust
from tests.console.console_server import PASSWORD, Evidence, Identity, make_identity

MIB = 1 << 20
SMALL = 64 * MIB
RATIO = 0.9
HOLD = 0.020
"""Seconds for which nothing else may be kept from its turn on the event loop."""
GROWTH = 16 * MIB
"""Bytes by which the memory of two processes may differ that do the same."""
TICK = 0.001
_UNITS = {"K": 1 << 10, "M": MIB, "G": 1 << 30, "": 1}
_HASH = "import hashlib, sys; hashlib.file_digest(open(sys.argv[1], 'rb'), 'sha256')"


@dataclass
class Sent:
    """One upload: seconds, peak of resident memory in bytes; of the driver's, hold in seconds, calls of progress."""

    seconds: float
    memory: int
    hold: float = 0.0
    told: int = 0


@dataclass
class Figures:
    """What a run measured, upload by upload."""

    size: int
    driver: list[Sent] = field(default_factory=list)
    curl: list[Sent] = field(default_factory=list)
    hashing: list[Sent] = field(default_factory=list)
    ciphers: set[str] = field(default_factory=set)

    def ratio(self, other: list[Sent]) -> float:
        """The driver's speed in terms of the other's: the median of the rounds."""
        return statistics.median(b.seconds / a.seconds for a, b in zip(self.driver, other, strict=True))

    @property
    def memory(self) -> int:
        return max(sent.memory for sent in self.driver)

    @property
    def hold(self) -> float:
        return max(sent.hold for sent in self.driver)


class Bench:
    """One sink, and a place for the files."""

    def __init__(
        self, directory: Path, identity: Identity, sink: asyncio.subprocess.Process, port: int
    ) -> None:
        self._directory = directory
        self._identity = identity
        self._sink = sink
        self._port = port

    async def measure(self, size: int, rounds: int) -> Figures:
        """So many rounds of uploads of so many bytes."""
        file = self._directory / f"package-{size}.ipm"
        with file.open("wb") as stream:
            stream.truncate(size)
        with file.open("rb") as stream:  # both sides then find it in the page cache
            digest = await asyncio.to_thread(lambda: hashlib.file_digest(stream, "sha256").hexdigest())
        figures = Figures(size)
        ways: list[tuple[list[Sent], Callable[[], Awaitable[Sent]]]] = [
            (figures.driver, lambda: self._driver(file, digest)),
            (figures.curl, lambda: self._curl(file)),
            (figures.hashing, lambda: self._curl(file, hashing=True)),
        ]
        for number in range(rounds):
            for results, way in ways if number % 2 == 0 else ways[::-1]:
                results.append(await way())
                received = await self._received(figures)
                if not size < received < size + 4096:
                    raise RuntimeError(f"The sink received {received} bytes of {size}.")
        return figures

    async def _driver(self, file: Path, digest: str) -> Sent:
        arguments = (
            "-m",
            "tests.bench.upload",
            "--drive",
            str(self._port),
            self._identity.pin,
            str(file),
            digest,
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        if process.returncode:
            raise RuntimeError("The driver's upload failed; its error stands above.")
        return Sent(**json.loads(told))

    async def _curl(self, file: Path, *, hashing: bool = False) -> Sent:
        began = time.perf_counter()
        beside = (
            await asyncio.create_subprocess_exec(sys.executable, "-c", _HASH, str(file)) if hashing else None
        )
        curl = await asyncio.create_subprocess_exec(
            *("curl", "--silent", "--show-error", "--fail", "--insecure", "--output", "/dev/null"),
            *(
                "--form",
                f"file=@{file}",
                "--write-out",
                "%{time_total}",
                f"https://127.0.0.1:{self._port}/curl",
            ),
            stdout=asyncio.subprocess.PIPE,
        )
        memory, watching = 0, asyncio.create_task(curl.communicate())
        while not watching.done():
            memory = max(memory, peak(curl.pid))
            await asyncio.wait({watching}, timeout=0.02)
        told, _ = watching.result()
        if curl.returncode:
            raise RuntimeError("curl's upload failed; its error stands above.")
        if beside is None:
            return Sent(float(told), memory)
        await beside.wait()
        return Sent(time.perf_counter() - began, memory)

    async def _received(self, figures: Figures) -> int:
        assert self._sink.stdout is not None
        told = json.loads(await self._sink.stdout.readline())
        figures.ciphers.add(told["cipher"])
        return int(told["bytes"])


@contextlib.asynccontextmanager
async def bench() -> AsyncIterator[Bench]:
    """A bench with its sink, which ends with it."""
    with tempfile.TemporaryDirectory() as directory:
        identity = make_identity(Path(directory), "sink")
        sink = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.sink", str(identity.cert), str(identity.key)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert sink.stdout is not None
        try:
            yield Bench(Path(directory), identity, sink, int(await sink.stdout.readline()))
        finally:
            sink.terminate()
            await sink.wait()


async def drive(port: int, pin: str, file: Path, digest: str) -> Sent:
    """The driver's upload, in this process."""
    hold, told = 0.0, 0

    def progress(_sent: int) -> None:
        nonlocal told
        told += 1

    async def tick() -> None:
        nonlocal hold
        while True:
            left = time.perf_counter() - queued()
            await asyncio.sleep(TICK)
            hold = max(hold, time.perf_counter() - queued() - left - TICK)

    appliance = Appliance("a1", f"https://127.0.0.1:{port}", Trust.pinned(pin))
    console = HttpConsole(
        [appliance],
        credentials=Credentials("Super Administrator", SecretStr(PASSWORD)),
        profile=load_profile(),
        keep=Evidence(),
    )
    async with console:
        ticking = asyncio.create_task(tick())
        began = time.perf_counter()
        await console.upload(file, digest, progress)
        seconds = time.perf_counter() - began
        ticking.cancel()
    return Sent(seconds, peak("self"), hold, told)


def peak(process: int | str) -> int:
    """The most resident memory that a process ever had, in bytes; 0 when it has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text()):
            return int(found[1]) * 1024
    return 0


def queued() -> float:
    """Seconds for which this thread has waited for a processor that others had: nothing that the driver did."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def table(small: Figures, large: Figures) -> str:
    """The figures for people."""
    rows = [f"{'':34}{'MB/s':>8}{'peak MiB':>10}"]
    for name, results in (
        ("driver (sends and hashes)", large.driver),
        ("curl (sends)", large.curl),
        ("curl, and a SHA-256 beside it", large.hashing),
        (f"driver, {small.size // MIB} MiB", small.driver),
    ):
        size = small.size if results is small.driver else large.size
        speed = statistics.median(size / sent.seconds for sent in results) / 1e6
        rows.append(f"{name:34}{speed:8.0f}{max(sent.memory for sent in results) / MIB:10.0f}")
    rows += [
        f"{large.size / MIB:.0f} MiB, {len(large.driver)} rounds, {', '.join(sorted(large.ciphers))}",
        f"driver / curl with SHA-256, the same work: {large.ratio(large.hashing):.2f} (at least {RATIO})",
        f"driver / curl alone: {large.ratio(large.curl):.2f} (needs a processor for hashing beside both ends)",
        f"longest hold of the event loop: {large.hold * 1000:.1f} ms (at most {HOLD * 1000:.0f}), "
        "waiting for a processor left out",
        f"calls of progress: {large.driver[0].told}",
    ]
    return "\n".join(rows)


def faults(small: Figures, large: Figures) -> list[str]:
    """What does not hold."""
    found = []
    if (ratio := large.ratio(large.hashing)) < RATIO:
        found.append(f"throughput: {ratio:.2f} of curl with SHA-256")
    if large.hold > HOLD:
        found.append(f"the event loop was held for {large.hold * 1000:.1f} ms")
    if large.memory - small.memory > GROWTH:
        found.append(f"memory grew by {(large.memory - small.memory) / MIB:.0f} MiB with the package")
    return found


async def run(size: int, rounds: int) -> int:
    """The whole bench; the exit code."""
    async with bench() as made:
        small, large = await made.measure(SMALL, 1), await made.measure(size, rounds)
    print(table(small, large))
    found = faults(small, large)
    print("\n".join(f"FAILS: {fault}" for fault in found) or "All of it holds.")
    return bool(found)


def main() -> None:
    """`--size 8G --rounds 3`; `--drive PORT PIN FILE SHA256` is the driver's own process."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.upload")
    parser.add_argument("--size", default="8G")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drive", nargs=4)
    given = parser.parse_args()
    if given.drive:
        port, pin, file, digest = given.drive
        print(json.dumps(vars(asyncio.run(drive(int(port), pin, Path(file), digest)))))
        return
    amount = re.fullmatch(r"(\d+)([KMG]?)", given.size)
    if amount is None or given.rounds < 1:
        parser.error("--size is bytes, or a number with K, M or G; --rounds is 1 or more")
    sys.exit(asyncio.run(run(int(amount[1]) * _UNITS[amount[2]], given.rounds)))


if __name__ == "__main__":
    main()
