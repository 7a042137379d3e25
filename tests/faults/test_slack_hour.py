"""Slack is gone for an hour of the bot's time in the middle of a run: the run goes on, and Slack is told once."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import UTC, timedelta
from pathlib import Path

from bot.clock import Clock
from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.lockout import NOTICES
from bot.sandbox import person
from bot.sandbox.workspace.client import Json
from tests.kill.scene import Scene, key, scene

APPROVING = timedelta(minutes=44)
"""Until the only notice (the earlier one would lie behind): over four real seconds to approve, and for Slack to go."""
BURST = 4
"""Messages to one channel within a second: Slack takes about one a second, and short bursts."""


async def away(here: Scene) -> None:
    await here.demo.workspace.control("outage", on=True)


async def back(here: Scene) -> int:
    """How many calls Slack has got so far; from here on they count."""
    calls = len(await here.demo.workspace.calls())
    await here.demo.workspace.control("outage", on=False)
    return calls


async def caught_up(here: Scene, family: str, words: str) -> None:
    """The standing message of that family says what is true now."""
    await here.demo.workspace.wait_for_message(
        lambda m: key(m).startswith(f"{family}:") and words in m.words, timeout=30
    )


async def no_flood(here: Scene, since: int) -> None:
    calls = (await here.demo.workspace.calls())[since:]
    posts = [call for call in calls if call["method"] == "chat.postMessage"]
    assert busiest_second(posts) <= BURST
    edits = Counter(call["arguments"]["ts"] for call in calls if call["method"] == "chat.update")
    assert max(edits.values()) == 1, "each standing message is edited once"


def busiest_second(posts: list[Json]) -> int:
    times = [float(call["at"]) for call in posts]
    return max(sum(start <= at < start + 1 for at in times) for start in times)


async def test_the_run_goes_on_and_its_end_is_told_in_order_and_once(tmp_path: Path) -> None:
    async with scene(tmp_path, install_seconds=3900) as here:
        await here.approved()
        await here.fact(e.InstallPressed)
        before = {key(m) for m in await here.demo.workspace.messages()}
        await away(here)
        request = await here.ended(Phase.SUCCEEDED)
        assert request.run
        assert request.run.install_intended
        assert request.ended
        assert request.ended - request.run.install_intended > timedelta(hours=1)
        calls = await back(here)

        await here.standing("unlocked")
        await caught_up(here, "lockout", "is over")
        await caught_up(here, "progress", "Ran")
        await no_flood(here, calls)
        told = [
            key(m).partition(":")[0] for m in await here.demo.workspace.messages() if key(m) not in before
        ]
        assert told == ["finish", "unlocked"]


async def test_an_hour_of_calls_is_one_call(tmp_path: Path) -> None:
    """On-call is called every five minutes; what Slack did not take is not said twelve times afterwards."""
    async with scene(tmp_path, "install-error") as here:
        await here.approved()
        await here.fact(e.InstallPressed)
        await away(here)
        await here.fact(e.Paged, lambda paged: paged.count == 12)
        await here.facts(e.Paged)
        id_ = (await here.request()).id
        missed = {f"page:{id_}:{x.version}" for x in here.entries if isinstance(x.event, e.Paged)}
        calls = await back(here)

        await here.standing("page")
        await caught_up(here, "progress", "Ran")
        told = [key(m) for m in await here.demo.workspace.messages()]
        assert sum(k in missed for k in told) <= 1
        assert [k.partition(":")[0] for k in told].count("failure") == 1
        posts = (await here.demo.workspace.calls())[calls:]
        assert busiest_second([c for c in posts if c["method"] == "chat.postMessage"]) <= BURST


async def test_a_notice_whose_moment_has_passed_is_not_said(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        clock = Clock(600, tomllib.loads(here.demo.config.read_text())["clock"]["epoch"].astimezone(UTC))
        start = clock.now() + APPROVING + timedelta(minutes=min(NOTICES))
        await person.ask(here.demo.workspace, start=start)
        await here.approve()
        await here.fact(e.QuorumReached)
        await away(here)
        await here.fact(e.NoticeRaised)

        async def past() -> bool:
            return clock.now() > start + timedelta(minutes=1)

        await here.until(past)
        await back(here)
        await here.ended(Phase.SUCCEEDED)
        await here.standing("unlocked")
        told = [key(m).partition(":")[0] for m in await here.demo.workspace.messages()]
        assert "notice" not in told
        assert told.index("lockout") < told.index("finish") < told.index("unlocked")
