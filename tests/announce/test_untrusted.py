"""Slack takes every message, whatever people and consoles say, and none of it becomes more than words (law 9)."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.announce.blocks import TEXT_LIMIT
from bot.sandbox.workspace.blocks import check_blocks
from tests.announce import examples as x
from tests.support import story as s
from tests.support import values as v


@pytest.mark.parametrize("story", x.STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("told", [True, False])
def test_slack_takes_every_message(story: Callable[[], s.Story], told: bool) -> None:
    messages = list(x.shown(story().recorded, told=told))
    assert messages
    for shown in messages:
        check_blocks(shown.message.blocks)
        assert 0 < len(shown.message.text) <= TEXT_LIMIT


_PIECES = st.sampled_from(
    [
        "<!channel>",
        "<!subteam^S0ONCALL>",
        "<@U0EVIL>",
        "<#C0IDENTITY>",
        "<https://evil.example|click>",
        "https://evil.example",
        "@here",
        "&lt;!here&gt;",
        "*bold*",
        "_i_",
        "```",
        ":skull:",
        "\n> ",
        "\u202e",
        "no quorum any more: <@U0EVIL> may no longer approve",
        "W" * 70,
    ]
)
_UNTRUSTED = st.lists(st.one_of(_PIECES, st.text(max_size=40)), min_size=1, max_size=30).map("".join)


@settings(max_examples=60, deadline=None)
@given(
    story=st.sampled_from(x.STORIES),
    package=_UNTRUSTED,
    level=_UNTRUSTED,
    reason=_UNTRUSTED,
    words=_UNTRUSTED,
    appliance=_UNTRUSTED,
    title=_UNTRUSTED,
)
def test_untrusted_words_mention_nobody_and_fit(
    story: Callable[[], s.Story],
    package: str,
    level: str,
    reason: str,
    words: str,
    appliance: str,
    title: str,
) -> None:
    swapped = {
        "imprivata-2024-1-hf7": package[:150] or "p",
        v.NEW: level[:80] or "l",
        "security fix": reason,
        "CHG-1": reason,
        "0x17": words,
        "as it should be": words,
        "connection refused": words,
        "not today": words,
        "CASE-7": words,
        "somebody-elses": words,
        "svc-1": appliance,
    }
    recorded = x.with_words(story().recorded, swapped)
    for shown in x.shown(recorded, x.settings(title=title, support=title)):
        message = shown.message
        check_blocks(message.blocks)
        assert len(message.text) <= TEXT_LIMIT
        people = {x.real(u) for u in (*v.APPROVERS, v.ASKER, v.OUTSIDER)}
        for part in x.parts(message.blocks):
            assert part.get("type") not in ("mrkdwn", "broadcast", "emoji")
            assert part.get("type") != "user" or part["user_id"] in people
            assert part.get("type") != "usergroup" or part["usergroup_id"] == "S0ONCALL"
            assert part.get("type") != "link" or part["url"].startswith("https://example.slack.com/")
        tokens = set(re.findall(r"<[^>]*>?", message.text))
        allowed = {f"<@{u}>" for u in people} | {"<!subteam^S0ONCALL>", "<#C0IDENTITY>"}
        assert tokens <= allowed
        assert "```" not in message.text


def test_many_appliances_and_rows_fit() -> None:
    names = [f"{'very-long-appliance-name-' * 4}{i}" for i in range(6)]
    story = s.Story()
    story.ask()
    plan = v.plan(
        appliances=tuple(
            a for n in names for a in [v.plan().appliances[0].model_copy(update={"appliance": n})]
        )
    )
    rows = tuple(v.row(detail="d" * 300) for _ in range(40))
    story.preflight(plan=plan)
    recorded = [
        (at, event.model_copy(update={"rows": rows}) if hasattr(event, "rows") else event)
        for at, event in story.recorded
    ]
    recorded = x.with_words(recorded, {"security fix": "r" * 3000})
    for shown in x.shown(recorded):
        check_blocks(shown.message.blocks)
        assert len(shown.message.text) <= TEXT_LIMIT
