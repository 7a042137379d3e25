"""Read-only from here: the watch after Install, the watch of somebody else's work, the log export."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from pathlib import Path

from bot.console.port import ConsoleError
from bot.domain import commands as c
from bot.domain.enterprise import Request
from bot.domain.progress import foreign
from bot.domain.sight import InstallOutcome, Press
from bot.upgrade.run import Run
from storage.files import flush

log = logging.getLogger(__name__)

LOG_TRIES = 5
"""How often an export that breaks is begun again; it is read-only."""


async def watch(run: Run, request: Request) -> None:
    """Look until the domain's verdict ends the run. An intent without an outcome is in doubt (law 1)."""
    assert request.run is not None
    if request.run.pressed is None:
        words = "the bot was restarted between the install intent and its outcome"
        outcome = run.unsent or InstallOutcome(press=Press.IN_DOUBT, words=words)
        request = (await run.report(c.ReportPress(request=run.id, outcome=outcome))).state.requests[run.id]
    while request.is_running:
        request = await run.observe(await run.look())
        if request.is_running:
            await run.pause()


async def look_at_foreign(run: Run) -> None:
    """One look at somebody else's work: never adopted, watched until the console is idle (law 6)."""
    seen = await run.look()
    if seen.answered and seen.recognized and not foreign(seen):
        await run.handle(c.ReportForeignIdle(request=run.id))


async def collect_logs(run: Run) -> None:
    """The vendor: "Collect the appliance logs and contact Imprivata Technical Support"."""
    refused = ""
    for _ in range(LOG_TRIES):
        try:
            file = await run.console.export_logs(run.evidence.logs(run.id))
            digest = await asyncio.to_thread(_kept, file)
        except ConsoleError as error:
            refused = str(error)
        except OSError as error:
            refused = f"the bot's host could not keep the file: {error.strerror or type(error).__name__}"
        else:
            await run.report(c.ReportLogs(request=run.id, file=str(file), sha256=digest))
            return
        log.warning("%s: the appliance logs were not exported: %s", run.id, refused)
        await run.pause()
    await run.report(c.ReportLogs(request=run.id, refused=refused))


def _kept(file: Path) -> str:
    """The file's SHA-256, once its name is on disk."""
    flush(file.parent)
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
