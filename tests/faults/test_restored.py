"""A ledger that is older than what Slack shows: nothing begins until two people have compared (law 1)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.domain import events as e
from bot.domain.enterprise import Enterprise, replay, stream
from bot.sandbox import person
from bot.sandbox.demo import Demo, DemoFailed, Options, running_demo
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.workspace.client import Message
from storage.sqlite import SqliteLedger
from tests.e2e.scene import key_of

SIMULATED = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=1200)
OPTIONS = Options(package_bytes=200_000, poll_seconds=60)
PATIENCE = 30.0


def copy(demo: Demo, to: Path) -> None:
    """The ledger as it is now, as a file copy of the host would have it."""
    source = sqlite3.connect(ledger_of(demo))
    with closing(source), closing(sqlite3.connect(to)) as target:
        source.backup(target)


def put_back(demo: Demo, copied: Path | None) -> None:
    """What a colleague in a hurry does to a stopped bot's ledger."""
    for old in ledger_of(demo).parent.glob("ledger.sqlite*"):
        old.unlink()
    if copied:
        copied.rename(ledger_of(demo))


def ledger_of(demo: Demo) -> Path:
    return demo.config.parent / "state" / "ledger.sqlite"


async def state(demo: Demo) -> Enterprise:
    async with SqliteLedger.open(ledger_of(demo), audit=True) as ledger:
        return replay((x.at, x.event) for x in await ledger.read(stream("main")))


async def posted(demo: Demo, family: str) -> Message:
    return await demo.workspace.wait_for_message(
        lambda m: key_of(m).startswith(f"{family}:"), timeout=PATIENCE
    )


async def typed(demo: Demo, user: str, text: str) -> str:
    """Type a command; the answer, which only that person sees."""

    async def told() -> list[str]:
        return [m.text for m in await demo.workspace.messages() if m.raw["only_for"] == user][before:]

    before = 0
    before = len(await told())
    await demo.workspace.command(user, text)
    return (await demo.workspace.wait_for(told, PATIENCE, f"an answer to {user}"))[0]


@asynccontextmanager
async def bot(demo: Demo) -> AsyncIterator[Path]:
    """The bot, until the end of the block; its log."""
    log = demo.config.parent / "bot.log"
    process = await demo.serve(log)
    try:
        yield log
        assert process.returncode is None, log.read_text()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def run_to_success(demo: Demo, copied: Path) -> str:
    """A run, with a copy of the ledger made when all is ready for Install; the last head that was announced."""
    await person.ask(demo.workspace)
    card = await person.card(demo.workspace, person.BEN)
    await person.approve(demo.workspace, person.BEN, card)
    await person.approve(demo.workspace, person.CHLOE, card)
    await posted(demo, "lockout")
    copy(demo, copied)
    finish = await posted(demo, "finish")
    await posted(demo, "unlocked")
    found = re.search(r"head ([0-9a-f]{64})", finish.words)
    assert found, finish.words
    return found[1]


async def test_a_file_copy_from_before_install_presses_nothing(tmp_path: Path) -> None:
    copied = tmp_path / "copy.sqlite"
    async with running_demo(tmp_path, SIMULATED, OPTIONS) as demo:
        async with bot(demo):
            head = await run_to_success(demo, copied)
        put_back(demo, copied)
        async with bot(demo):
            await posted(demo, "hold")
            held = await state(demo)
            assert held.hold
            assert not held.running
            assert {r.phase for r in held.requests.values()} == {e.Phase.VOID}
            assert "held" in str(await person.ask(demo.workspace))
            assert "second approver" in await typed(demo, person.BEN, f"/upgrade compared main {head[:12]}")
            await typed(demo, person.CHLOE, f"/upgrade compared main {head}")
            assert (await state(demo)).hold is None
        # What was compared once is not asked for again.
        async with bot(demo):
            assert (await person.ask(demo.workspace))["ok"]
            assert (await state(demo)).epoch == 1
        assert (await demo.enterprise.state()).install_clicks == 1


async def test_a_ledger_that_is_lost_is_missed(tmp_path: Path) -> None:
    async with running_demo(tmp_path, SIMULATED, OPTIONS) as demo:
        async with bot(demo):
            await run_to_success(demo, tmp_path / "copy.sqlite")
        put_back(demo, None)
        async with bot(demo):
            await posted(demo, "hold")
            assert (await state(demo)).hold


async def test_nothing_begins_before_slack_shows_what_was_announced(tmp_path: Path) -> None:
    async with running_demo(tmp_path, SIMULATED, OPTIONS) as demo:
        control = demo.workspace.control
        await control("limit", method="conversations.history", times=10_000, retry_after=0)
        async with bot(demo):
            assert (await person.ask(demo.workspace))["ok"]
            finish = await posted(demo, "finish")
            assert "preflight: Ledger: Slack " in finish.words, "it could not say, or has not yet"
            await control("limit", method="conversations.history", times=0)

            async def begins() -> bool:
                """A request that is asked for now gets through its preflight."""
                await person.ask(demo.workspace)
                return any("approve" in m.actions for m in await demo.workspace.messages())

            await demo.workspace.wait_for(begins, PATIENCE, "a request that can be approved")


async def test_a_damaged_ledger_ends_the_start_with_one_line(tmp_path: Path) -> None:
    async with running_demo(tmp_path, SIMULATED, OPTIONS) as demo:
        async with bot(demo):
            await person.ask(demo.workspace)
            await person.card(demo.workspace, person.BEN)
        with closing(sqlite3.connect(ledger_of(demo))) as database:
            database.execute("DROP TRIGGER events_no_update")
            database.execute("UPDATE events SET data = replace(data, 'Monthly', 'Weekly') WHERE position = 2")
            database.commit()
        said = len(await demo.workspace.messages())
        with pytest.raises(DemoFailed, match=r"entry 2 .*restore"):
            async with bot(demo):
                pass
        assert len(await demo.workspace.messages()) == said
