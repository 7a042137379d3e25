"""One bot for a state directory; the commands that look, and the one that adds a package, work beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox import person
from bot.sandbox.demo import DemoFailed
from bot.sandbox.package import make_package
from tests.kill.scene import scene


async def test_beside_a_running_bot(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        keyturn, slack = here.demo.keyturn, here.demo.workspace
        await here.end()
        assert (tmp_path / "state" / "bot.lock").exists(), "what a dead bot leaves is not in the way"
        await here.restart()

        refused = (
            rf"keyturn: Keyturn already runs on this ledger as process {here.bot.pid} .*stop that one first$"
        )
        with pytest.raises(DemoFailed, match=refused) as second:
            await keyturn("serve")
        assert len(str(second.value).splitlines()) == 1

        make_package(tmp_path / "other.ipm", "other", "24.1 HF5", 20_000)
        added = await keyturn("package", "add", str(tmp_path / "other.ipm"), "--level", "24.1 HF5")
        assert added.startswith("added other: level 24.1 HF5, 20000 bytes, sha256 ")
        assert "entries verify; head " in await keyturn("ledger", "verify")
        assert (await keyturn("status")).startswith("main: free")

        await slack.command(person.ANA, "/upgrade")
        form = await slack.wait_for(lambda: slack.view(person.ANA))
        assert "other" in form.words, "the running bot offers what was added"
        assert here.bot.returncode is None
