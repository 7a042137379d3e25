"""The short form of `make crash`: the most telling points, several in one story."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import events as e
from tests.crash.history import History
from tests.crash.kills import read_story
from tests.crash.stage import tell


async def told(text: str, directory: Path) -> History:
    """The history of a story in which every kill happened and no rule was broken."""
    story = read_story(text)
    told = await tell(story, directory)
    assert told.violations == []
    assert [killed.kill for killed in told.history.killed] == list(story.kills)
    return told.history


async def test_killed_all_along_a_run_it_still_succeeds(tmp_path: Path) -> None:
    history = await told(
        "success; append RunStarted + LockoutOpened@before#1; slack chat.postMessage lockout@unheard#1;"
        "append Posted lockout@after#1; console POST /distribute@unheard#1; append InstallIntended@before#1;"
        "console POST /ipm/install@after#1; slack chat.postMessage finish@before#1; append Posted finish@before#1",
        tmp_path,
    )
    assert [type(end) for end in history.ends().values()] == [e.Succeeded]
    assert history.consoles.install_clicks == 1


@pytest.mark.parametrize("kill", ["append InstallIntended@after#1", "console POST /ipm/install@before#1"])
async def test_between_intent_and_click_nobody_can_know(kill: str, tmp_path: Path) -> None:
    history = await told(f"success; {kill}", tmp_path)
    assert [type(end) for end in history.ends().values()] == [e.BecameUnknown]
    assert history.consoles.install_clicks == 0


async def test_a_click_that_arrived_when_the_bot_was_dead_is_seen(tmp_path: Path) -> None:
    history = await told(
        "install-error; console POST /ipm/install@unheard#1; append Observed + Failed + Quarantined@before#1;"
        "slack chat.postMessage failure@unheard#1; append LogsCollected@before#1",
        tmp_path,
    )
    assert [type(end) for end in history.ends().values()] == [e.Failed]
    assert history.consoles.install_clicks == 1
