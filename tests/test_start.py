"""What the bot refuses to start with, and what never keeps it from watching a run (laws 4 and 8)."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bot.config import ConfigurationError, load_settings
from bot.domain.enterprise import stream
from bot.sandbox.workspace.client import running
from storage.sqlite import SqliteLedger
from tests.support import story as s
from tests.test_command_line import GOOD, README, SECRETS


async def hold(directory: Path, enterprise: str) -> None:
    """The ledger of a bot whose enterprise is in quarantine."""
    (directory / "state").mkdir()
    async with SqliteLedger.open(directory / "state" / "ledger.sqlite") as ledger:
        for version, (at, event) in enumerate(s.failed().recorded):
            await ledger.append(stream(enterprise), version, [event], at)


async def serve(directory: Path, config: str) -> asyncio.subprocess.Process:
    (directory / "keyturn.toml").write_text(config)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"),
        cwd=directory,
        env={**os.environ, **SECRETS, "PYTHONPATH": str(README.parent)},
        stderr=asyncio.subprocess.PIPE,
    )


async def test_a_held_enterprise_may_not_vanish_from_the_settings(tmp_path: Path) -> None:
    await hold(tmp_path, "renamed")
    bot = await serve(tmp_path, GOOD)
    _, said = await bot.communicate()
    assert bot.returncode == 2
    assert (
        said.decode()
        .splitlines()[-1]
        .startswith("keyturn: enterprises.renamed is not configured, but the ledger")
    )


async def test_a_refused_token_does_not_end_the_watch_of_a_held_enterprise(tmp_path: Path) -> None:
    await hold(tmp_path, "main")
    async with running() as workspace:
        bot = await serve(tmp_path, GOOD.replace("http://127.0.0.1:1/api/", workspace.api))
        assert bot.stderr is not None
        async with asyncio.timeout(30):
            line = (await bot.stderr.readline()).decode()
        assert "Slack refuses the bot token: invalid_auth" in line
        assert "runs go on meanwhile" in line
        bot.terminate()
        await bot.communicate()
        assert bot.returncode == 0


def test_a_console_belongs_to_one_enterprise(tmp_path: Path) -> None:
    second = GOOD[GOOD.index("[enterprises.main]") :].replace("enterprises.main", "enterprises.other")
    (tmp_path / "keyturn.toml").write_text(GOOD + second)
    with pytest.raises(ConfigurationError, match=r"https://127\.0\.0\.1:1 is named twice"):
        load_settings(tmp_path / "keyturn.toml")
