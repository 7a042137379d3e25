"""Read-only from here: the watch after Install, the watch of somebody else's work, the log export."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

from bot.console.port import ConsoleError
from bot.domain import commands as c
from bot.domain.enterprise import Request
from bot.domain.progress import foreign
from bot.domain.sight import InstallOutcome, Press
from bot.upgrade.run import Run

LOG_TRIES = 5
"""How often an export that breaks is begun again; it is read-only."""


async def watch(run: Run, request: Request) -> None:
    """Look until the domain's verdict ends the run. An intent without an outcome is in doubt (law 1)."""
    assert request.run is not None
    if request.run.pressed is None:
        words = "the bot was restarted between the install intent and its outcome"
        in_doubt = InstallOutcome(press=Press.IN_DOUBT, words=words)
        await run.handle(c.ReportPress(request=run.id, outcome=in_doubt))
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
            file = await run.console.export_logs(run.services.evidence.logs(run.id))
        except (ConsoleError, OSError) as error:
            refused = str(error)
            await run.pause()
            continue
        digest = await asyncio.to_thread(_sha256, file)
        await run.handle(c.ReportLogs(request=run.id, file=str(file), sha256=digest))
        return
    await run.handle(c.ReportLogs(request=run.id, refused=refused))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
