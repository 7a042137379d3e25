"""kill -9 between the intent of a post and its outcome: the message stands in Slack exactly once."""

from __future__ import annotations

from pathlib import Path

from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox import person
from tests.kill.scene import Scene, key, scene


async def test_a_post_in_doubt_is_looked_up_and_not_repeated(tmp_path: Path) -> None:
    async with scene(tmp_path) as here:
        slack = here.demo.workspace

        # The request's card is posted, its answer is lost, and nobody can look it up before the bot is dead.
        await slack.control("outage", mode="lost-answers", method="chat.postMessage")
        await slack.control("limit", method="conversations.history", times=100, retry_after=60)
        await person.ask(slack)
        card = await here.standing("card")
        await refused(here, "conversations.history")
        assert not await here.has(e.Posted)
        await here.end()
        await slack.control("limit", method="conversations.history", times=0)
        await here.restart()
        found = await here.fact(e.Posted, lambda posted: posted.key == key(card))
        assert found.ts == card.ts

        await here.fact(e.Posted, lambda posted: posted.key.endswith(f":{person.BEN}"))
        await here.fact(e.Posted, lambda posted: posted.key.endswith(f":{person.CHLOE}"))

        # Of another message there is the intent alone: Slack does not take it before the bot is dead.
        await slack.control("limit", method="chat.postMessage", times=100, retry_after=60)
        await here.approve()
        await here.fact(e.QuorumReached)
        await refused(here, "chat.postMessage")
        await here.end()
        posted = {post.key for post in await here.facts(e.Posted)}
        [doubtful] = {post.key for post in await here.facts(e.PostIntended)} - posted
        assert not [m for m in await slack.messages() if key(m) == doubtful]
        await slack.control("limit", method="chat.postMessage", times=0)
        await here.restart()

        await here.ended(Phase.SUCCEEDED)
        await here.standing("finish")
        assert [key(m) for m in await slack.messages()].count(doubtful) == 1


async def refused(here: Scene, method: str) -> None:
    """Slack has answered a call of that method with 429."""

    async def limited() -> bool:
        return any(call["error"] == "ratelimited" for call in await here.demo.workspace.calls(method))

    await here.until(limited)
