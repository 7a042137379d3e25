"""Signing in, over all sessions of a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.app import consoles, profiles
from bot.config import Settings
from bot.console.port import SignInRefused
from bot.sandbox.enterprise import settings as simulated
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.upgrade.evidence import Evidence
from tests.support.house import MAIN, enterprise_settings


async def test_a_refused_password_is_not_tried_in_the_next_session_either(tmp_path: Path) -> None:
    """Somebody else's work is looked at in a session of its own every five minutes: that would lock the user out."""
    async with EnterpriseProcess(simulated.Settings(appliances=2)) as sandbox:
        enterprise = enterprise_settings(await sandbox.connection(), password=SecretStr("changed since"))
        settings = Settings(state=tmp_path, enterprises={MAIN: enterprise})
        open_console = consoles(settings, profiles(settings), {MAIN: Evidence(tmp_path / "evidence")})
        for _ in range(3):
            async with open_console(MAIN) as console:
                with pytest.raises(SignInRefused, match="start Keyturn again"):
                    await console.look()
        assert (await sandbox.state()).refused_sign_ins == 1
