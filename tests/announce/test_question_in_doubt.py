"""A question to an approver whose answer was lost with the bot, and which nobody waits for any more."""

from __future__ import annotations

from slack_sdk.web.async_client import AsyncWebClient

from bot.domain import events as e
from tests.announce.flow import BEN, Flow


async def test_a_question_that_stands_and_was_answered_meanwhile_is_found(
    flow: Flow, slack: AsyncWebClient
) -> None:
    await flow.asked()
    channel = (await slack.conversations_open(users=BEN))["channel"]["id"]
    await flow.note(e.PostIntended(key=f"ask:KT-1:{BEN}", channel=channel))
    await slack.chat_postMessage(
        channel=channel,
        text="Your approval is asked for",
        metadata={"event_type": "keyturn", "event_payload": {"key": f"ask:KT-1:{BEN}"}},
    )
    await flow.approve(BEN)
    async with flow.announcing():
        await flow.until(e.Posted, lambda posted: posted.key == f"ask:KT-1:{BEN}")
        await flow.reads(f"ask:KT-1:{BEN}", "Your approval counts")
    assert (await flow.keys()).count(f"ask:KT-1:{BEN}") == 1


async def test_a_question_that_never_arrived_and_was_answered_meanwhile_is_given_up(
    flow: Flow, slack: AsyncWebClient
) -> None:
    await flow.asked()
    channel = (await slack.conversations_open(users=BEN))["channel"]["id"]
    await flow.note(e.PostIntended(key=f"ask:KT-1:{BEN}", channel=channel))
    await flow.approve(BEN)
    async with flow.announcing():
        await flow.until(e.PostAbandoned, lambda given_up: given_up.key == f"ask:KT-1:{BEN}")
    assert f"ask:KT-1:{BEN}" not in await flow.keys()


async def test_a_question_in_doubt_is_found_behind_what_was_posted_later(
    flow: Flow, slack: AsyncWebClient
) -> None:
    await flow.asked()
    channel = (await slack.conversations_open(users=BEN))["channel"]["id"]
    key = f"ask:KT-1:{BEN}"
    await flow.note(e.PostIntended(key=key, channel=channel))
    said = {"event_type": "keyturn", "event_payload": {"key": key}}
    await slack.chat_postMessage(channel=channel, text="Your approval is asked for", metadata=said)
    later = await slack.chat_postMessage(channel=channel, text="Another request's question")
    await flow.note(e.Posted(key=f"ask:KT-0:{BEN}", channel=channel, ts=later["ts"]))
    async with flow.announcing():
        await flow.until(e.Posted, lambda posted: posted.key == key)
    assert (await flow.keys()).count(key) == 1
