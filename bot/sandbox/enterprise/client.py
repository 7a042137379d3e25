"""Starts a simulated enterprise as a process of its own, and asks its control port. For tests and the demo."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Self

import httpx

from bot.sandbox.enterprise.report import Connection, EnterpriseReport, RequestReport
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.holds import Moment, Passed
from bot.sandbox.mortal import mortal

READY_SECONDS = 30.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
ANSWER_SECONDS = 5.0


class EnterpriseFailed(Exception):
    """The process did not get ready, or the control port refused. The message says what was seen."""


class EnterpriseProcess:
    """A simulated enterprise in a process of its own.

        async with EnterpriseProcess(Settings(rate=600, faults=("install-error",))) as enterprise:
            connection = await enterprise.connection()

    Leaving stops it. `start` again after `stop` or `kill` continues from `Settings.state`, if that is given.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._http: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises `EnterpriseFailed`."""
        self._process = await asyncio.create_subprocess_exec(
            *mortal(sys.executable, "-m", "bot.sandbox", "enterprise", *self.settings.arguments()),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self.settings.environment()},
        )
        try:
            line = await asyncio.wait_for(self._first_line(self._process), READY_SECONDS)
        except TimeoutError:
            await self.kill()
            raise EnterpriseFailed(
                f"the simulated enterprise was not ready within {READY_SECONDS:.0f} s"
            ) from None
        if not line:
            code = await self._process.wait()
            raise EnterpriseFailed(
                f"the simulated enterprise ended with exit code {code} before it was ready"
            )
        self._http = httpx.AsyncClient(base_url=json.loads(line)["control"], trust_env=False)

    async def stop(self) -> int:
        """Ask it to end, and give its exit code; -9 when it had to be killed."""
        process = self._running()
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
        return await self._ended(process)

    async def kill(self) -> None:
        """End it as a power cut would."""
        process = self._running()
        if process.returncode is None:
            process.kill()
        await self._ended(process)

    async def state(self) -> EnterpriseReport:
        """Everything there is to ask."""
        return EnterpriseReport.model_validate_json((await self._ask("GET", "/state")).content)

    async def requests(self) -> list[RequestReport]:
        """All requests to the consoles since the process was started, oldest first."""
        answer = await self._ask("GET", "/requests")
        return [RequestReport.model_validate(request) for request in answer.json()]

    async def connection(self) -> Connection:
        """How to reach and enter the consoles."""
        return Connection.model_validate_json((await self._ask("GET", "/connection")).content)

    async def fault(self, name: str) -> None:
        """Put a fault on: `name` or `name=argument`."""
        await self._ask("PUT", f"/faults/{name}")

    async def clear(self, name: str) -> None:
        """Clear a fault."""
        await self._ask("DELETE", f"/faults/{name}")

    async def hold(self, point: str, moment: Moment, nth: int = 1) -> None:
        """Hold the `nth` request at that point from now on."""
        await self._ask("PUT", "/hold", {"point": point, "moment": moment, "nth": nth})

    async def held(self) -> bool:
        """True as soon as it is held, however late; False when it is let go before."""
        return bool((await self._ask("GET", "/hold", timeout=None)).json()["held"])

    async def let_go(self) -> None:
        """Hold nothing any more."""
        await self._ask("DELETE", "/hold")

    async def points(self) -> list[Passed]:
        """The points that requests have come to, oldest first."""
        return [Passed(*passed) for passed in (await self._ask("GET", "/points")).json()]

    async def until(
        self, condition: Callable[[EnterpriseReport], bool], *, timeout: float = 15.0
    ) -> EnterpriseReport:
        """The first state that meets the condition. Raises `TimeoutError` after `timeout` real seconds."""
        async with asyncio.timeout(timeout):
            while True:
                state = await self.state()
                if condition(state):
                    return state
                await asyncio.sleep(POLL_SECONDS)

    async def _ask(
        self, method: str, path: str, body: object = None, timeout: float | None = ANSWER_SECONDS
    ) -> httpx.Response:
        if self._http is None:
            raise EnterpriseFailed("the simulated enterprise is not started")
        answer = await self._http.request(method, path, json=body, timeout=timeout)
        if answer.is_error:
            raise EnterpriseFailed(f"{method} {path}: {answer.text}")
        return answer

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise EnterpriseFailed("the simulated enterprise is not started")
        return self._process

    async def _ended(self, process: asyncio.subprocess.Process) -> int:
        if self._http is not None:
            await self._http.aclose()
            self._http = None
        return await process.wait()

    @staticmethod
    async def _first_line(process: asyncio.subprocess.Process) -> bytes:
        if process.stdout is None:
            raise EnterpriseFailed("the simulated enterprise has no output to read")
        return await process.stdout.readline()
