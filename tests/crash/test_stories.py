"""The short form of `make crash`: the most telling points, several in one story."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.domain import events as e
from tests.crash.history import History
from tests.crash.kills import read_story
from tests.crash.kinds import KINDS
from tests.crash.stage import tell

HURRIED: set[type[e.Event]] = {e.NoticeRaised, e.BecameOverdue, e.Acknowledged}
"""What a machine that is very busy passes over: their moments last some seconds of its time."""


async def told(text: str, directory: Path) -> History:
    """The history of a story in which every kill happened and no rule was broken."""
    story = read_story(text)
    told = await tell(story, directory)
    assert told.violations == []
    assert [killed.kill for killed in told.history.killed] == list(story.kills)
    return told.history


async def told_at_once(*stories: str, at: Path) -> list[History]:
    """As `told`, each in a directory of its own: they mostly wait."""
    directories = [at / str(number) for number, _ in enumerate(stories)]
    for directory in directories:
        directory.mkdir()
    return await asyncio.gather(*map(told, stories, directories))


async def test_killed_all_along_a_run_it_still_succeeds(tmp_path: Path) -> None:
    history = await told(
        "success; append RunStarted + LockoutOpened@before#1; slack chat.postMessage lockout@unheard#1;"
        "append Posted lockout@after#1; console POST /distribute@unheard#1; append InstallIntended@before#1;"
        "console POST /ipm/install@after#1; slack chat.postMessage finish@before#1; append Posted finish@before#1",
        tmp_path,
    )
    assert [type(end) for end in history.ends().values()] == [e.Succeeded]
    assert history.consoles.install_clicks == 1


async def test_between_intent_and_click_nobody_can_know(tmp_path: Path) -> None:
    for history in await told_at_once(
        "success; append InstallIntended@after#1", "success; console POST /ipm/install@before#1", at=tmp_path
    ):
        assert [type(end) for end in history.ends().values()] == [e.BecameUnknown]
        assert history.consoles.install_clicks == 0


async def test_a_click_that_arrived_when_the_bot_was_dead_is_seen(tmp_path: Path) -> None:
    history = await told(
        "install-error; console POST /ipm/install@unheard#1; append Observed + Failed + Quarantined@before#1;"
        "slack chat.postMessage failure@unheard#1",
        tmp_path,
    )
    assert [type(end) for end in history.ends().values()] == [e.Failed]
    assert history.consoles.install_clicks == 1


async def test_where_something_else_is_found_it_is_found_again(tmp_path: Path) -> None:
    """The kinds in which the consoles or the ledger are not as they were left."""
    stories = (
        "foreign-work; append Stopped + LockoutOpened@before#1",
        "drift; append Voided@after#1",
        "another-level; slack chat.postMessage level@unheard#1",
        "unreadable; append Stated + WatchResumed@before#1",
        "restored; append EpochBegan + Voided@after#1",
    )
    histories = await told_at_once(*stories, at=tmp_path)
    for story, history in zip(stories, histories, strict=True):
        brought = KINDS[read_story(story).kind].brings - HURRIED
        assert brought <= {type(entry.event) for entry in history.entries}, story
