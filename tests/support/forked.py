"""A simulated enterprise in a process that is forked from one that has imported it already: half a second sooner."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import io
import json
import multiprocessing
import signal
import tempfile
from multiprocessing.process import BaseProcess
from pathlib import Path

import httpx

from bot.sandbox.enterprise import server
from bot.sandbox.enterprise.client import POLL_SECONDS, READY_SECONDS, STOP_SECONDS, EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.mortal import PR_SET_PDEATHSIG

_FORKS = multiprocessing.get_context("forkserver")
# What pytest and the catalogue's command line would import again in each process, beside the enterprise.
_FORKS.set_forkserver_preload(["bot.sandbox.enterprise.server", "pytest", "tests.catalogue.carried"])


class ForkedEnterprise(EnterpriseProcess):
    """As `EnterpriseProcess`; it cannot be killed and started again."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._child: BaseProcess | None = None

    async def start(self) -> None:
        """Fork the process and wait until it is ready. Raises `TimeoutError`."""
        with tempfile.TemporaryDirectory() as directory:
            ready = Path(directory) / "ready"
            self._child = _FORKS.Process(
                target=_serve, args=(self.settings.model_copy(update={"ready_file": ready}),), daemon=True
            )
            self._child.start()
            async with asyncio.timeout(READY_SECONDS):
                while not ready.exists() or not (line := ready.read_text()).endswith("\n"):  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
        self._http = httpx.AsyncClient(base_url=json.loads(line)["control"], trust_env=False, verify=False)

    async def stop(self) -> int:
        """Ask it to end, and give its exit code."""
        assert self._child is not None
        if self._http is not None:
            await self._http.aclose()
        self._child.terminate()
        await asyncio.to_thread(self._child.join, STOP_SECONDS)
        code = self._child.exitcode
        assert code is not None, "the simulated enterprise does not end"
        self._child.close()
        return code


def _serve(settings: Settings) -> None:
    # Its parent is the process that forks; that one ends with the tests.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    with contextlib.redirect_stdout(io.StringIO()):
        server.run(settings)
