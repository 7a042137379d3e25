"""One bot for a state directory; the commands that look, and the one that adds a package, work beside it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox import person
from bot.sandbox.demo import DemoFailed
from bot.sandbox.mortal import mortal
from bot.sandbox.package import make_package
from tests.kill.relay import Place
from tests.kill.scene import scene


async def test_the_second_refuses_and_what_a_dead_one_leaves_is_not_in_the_way(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        lock = tmp_path / "state" / "bot.lock"
        dead = here.bot.pid
        await here.end()
        assert lock.read_text() == f"{dead}\n"
        await here.restart()

        before = await here.ledger.head()
        refused = (
            rf"keyturn: Keyturn already runs on this ledger as process {here.bot.pid} .*stop that one first$"
        )
        with pytest.raises(DemoFailed, match=refused) as second:
            await here.demo.keyturn("serve")
        assert len(str(second.value).splitlines()) == 1
        assert await here.ledger.head() == before, "it has read and written nothing"
        assert here.bot.returncode is None


async def test_of_two_that_are_started_in_one_moment_one_serves(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        await here.end()
        command = mortal(sys.executable, "-m", "bot", "serve", "--config", str(here.demo.config))
        with here.log.open("ab") as log:
            pair = [
                await asyncio.create_subprocess_exec(*command, env=here.demo.environment, stderr=log)
                for _ in range(2)
            ]
        waits = {asyncio.create_task(process.wait()): process for process in pair}
        done, pending = await asyncio.wait(waits, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        over, [here.bot] = [waits[w] for w in done], [waits[w] for w in pending]
        assert [p.returncode for p in over] == [2]
        assert here.words().count("Keyturn already runs on this ledger") == 1
        await here.demo.workspace.wait_for_connections(1)
        await person.ask(here.demo.workspace)
        await here.fact(e.PreflightDone)


async def test_the_command_line_works_beside_a_run(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        keyturn, slack = here.demo.keyturn, here.demo.workspace
        silent = here.relay.hold(Place.ANSWERING, lambda _: here.has(e.InstallPressed))
        await here.approved()
        await here.reached(silent)
        request = await here.request()

        assert (await keyturn("status")).startswith(f"main: run {request.id} is under way")
        assert "entries verify; head " in await keyturn("ledger", "verify")
        assert f"InstallIntended: request={request.id}" in await keyturn("ledger", "show")
        make_package(tmp_path / "other.ipm", "other", "24.1 HF5", 20_000)
        added = await keyturn("package", "add", str(tmp_path / "other.ipm"), "--level", "24.1 HF5")
        assert added.startswith("added other: level 24.1 HF5, 20000 bytes, sha256 ")

        here.relay.release()
        await here.ended(Phase.SUCCEEDED)
        await slack.command(person.ANA, "/upgrade")
        form = await slack.wait_for(lambda: slack.view(person.ANA))
        assert "other" in form.words, "the running bot offers what was added"
        assert here.bot.returncode is None
