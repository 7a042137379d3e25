"""Clicks: each is acknowledged, answered, and handed to the desk or to nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain.approval import DirectoryUnavailable
from handlers import answers
from tests.handlers.conftest import Side
from tests.support.desk import ANA, BEN, CHLOE, DAN


async def test_two_people_approve_and_each_is_told(side: Side) -> None:
    id_ = await side.desk.asked()
    card = await side.card(id_)

    assert (await side.workspace.click(BEN, card, "approve"))["ok"]
    await side.told(BEN, "Your approval of U-1 counts")
    assert (await side.workspace.click(CHLOE, card, "approve"))["ok"]
    await side.told(CHLOE, "Approved: U-1 has its quorum")


PRESSED = [
    (ANA, "approve", "you asked for this yourself"),
    (DAN, "approve", "you are not among the approvers"),
    (ANA, "withdraw", "is withdrawn"),
    (BEN, "withdraw", f"only <@{ANA}>, who asked"),
    (CHLOE, "cancel", "is cancelled"),
    (DAN, "cancel", "only the requester and the approvers"),
    (BEN, "acknowledge", "waits to be acknowledged"),
]
"""Each on a request of its own, asked for by ana."""


async def test_each_button_asks_the_desk_and_tells_the_outcome(side: Side) -> None:
    for user, button, answer in PRESSED:
        id_ = await side.desk.asked()

        await side.workspace.click(user, await side.card(id_), button)

        await side.told(user, answer)
        assert side.desk.calls == [(button, id_, user)]


async def test_when_slack_cannot_say_who_it_is_the_click_can_be_repeated(side: Side) -> None:
    card = await side.card(await side.desk.asked())
    side.desk.fault = DirectoryUnavailable("usergroups.users.list: HTTP 503")

    await side.workspace.click(BEN, card, "approve")
    await side.told(BEN, "Slack cannot say who you are right now; nothing was recorded; click again.")

    side.desk.fault = None
    await side.workspace.click(BEN, card, "approve")
    await side.told(BEN, "Your approval of U-1 counts")


async def test_a_hundred_clicks_at_once_are_each_answered_and_one_decides(side: Side) -> None:
    card = await side.card(await side.desk.asked())

    clicks = [side.workspace.click(user, card, "approve") for user in (BEN, CHLOE) for _ in range(50)]
    assert all(answer["ok"] for answer in await asyncio.gather(*clicks))

    async def all_told() -> bool:
        return len(await side.answers()) >= 100

    await side.workspace.wait_for(all_told, timeout=20, what="a hundred answers")
    said = [m.text for m in await side.answers()]
    assert len(said) == 100
    assert sum("has its quorum" in text for text in said) == 1
    assert sum("Your approval of U-1 counts." in text for text in said) == 1
    assert sum("counts already" in text or "is already approved by" in text for text in said) == 98


async def test_declining_asks_for_the_reason(side: Side) -> None:
    card = await side.card(await side.desk.asked())

    await side.workspace.click(BEN, card, "decline")
    modal = await side.modal(BEN)
    assert modal.title == "Decline U-1"
    assert (await side.workspace.submit(BEN, modal, {"reason": {"reason": "Not: tonight"}}))["ok"]

    await side.told(BEN, "U-1 is declined")
    assert side.desk.calls == [("decline", "U-1", BEN, "Not: tonight")]


async def test_a_refused_decline_stands_in_the_modal(side: Side) -> None:
    card = await side.card(await side.desk.asked())

    await side.workspace.click(DAN, card, "decline")
    answer = await side.workspace.submit(DAN, await side.modal(DAN), {"reason": {"reason": "No"}})

    assert answer["errors"] == {"reason": "you are not among the approvers of this enterprise"}


async def test_a_button_of_no_request_does_nothing_and_says_so(side: Side) -> None:
    unknown, overlong = await side.card("U-404"), await side.card("x" * 500)

    for card in (unknown, overlong):
        for button in ("approve", "decline"):
            await side.workspace.click(BEN, card, button)

    async def all_told() -> bool:
        return len(await side.answers()) == 4

    await side.workspace.wait_for(all_told, what="four answers")
    assert all("/upgrade list" in m.text for m in await side.answers())
    assert side.desk.calls == []
    assert await side.workspace.view(BEN) is None


async def test_a_button_that_no_version_knows_any_more_is_answered(side: Side) -> None:
    card = await side.card(await side.desk.asked())

    assert (await side.workspace.click(BEN, card, "retired"))["ok"]

    await side.told(BEN, "does not know this button")


def click(**changes: Any) -> dict[str, Any]:
    """A click on Approve as Slack sends it."""
    return {
        "type": "block_actions",
        "user": {"id": BEN, "team_id": "T0LOCAL"},
        "team": {"id": "T0LOCAL"},
        "channel": {"id": "C0IDENTITY"},
        "actions": [{"type": "button", "action_id": "approve", "block_id": "b", "value": "U-1"}],
        **changes,
    }


async def test_a_click_from_another_workspace_does_nothing_and_is_answered(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    await side.desk.asked()
    forged: list[dict[str, Any]] = [
        {"team": {"id": "T0OTHER"}},
        {"user": {"id": BEN, "team_id": "T0OTHER"}},
        {"team": None, "user": {"id": BEN}},
    ]

    for changes in forged:
        delivered = await side.workspace.control("envelope", type="interactive", payload=click(**changes))
        assert delivered["ack"] == {}

    async def all_told() -> bool:
        return [m.text for m in await side.answers()] == [answers.FOREIGN] * 3

    await side.workspace.wait_for(all_told, what="three answers")
    assert side.desk.calls == []
    assert "another workspace" in caplog.text


MALFORMED: list[Any] = [
    {},
    {"type": "block_actions"},
    {"type": "nonsense", "user": {"id": BEN, "team_id": "T0LOCAL"}},
    click(user="U0BEN"),
    click(user=17),
    click(user=["U0BEN"]),
    click(actions=[]),
    click(actions="approve"),
    click(actions=[{"type": "button", "action_id": "approve"}]),
    click(actions=[{"type": "button", "action_id": "approve", "block_id": "b", "value": {"id": "U-1"}}]),
    click(channel="C0IDENTITY", response_url=5, actions=[None]),
    {"type": "view_submission", "user": {"id": BEN, "team_id": "T0LOCAL"}, "team": {"id": "T0LOCAL"}},
    "text",
]


async def test_a_malformed_payload_is_acknowledged_and_does_nothing(side: Side) -> None:
    await side.desk.asked()

    for payload in MALFORMED:
        delivered = await side.workspace.control("envelope", type="interactive", payload=payload)
        assert delivered["ack"] == {}, payload

    await side.type(ANA, "/upgrade help", "/upgrade list")
    assert side.desk.calls == []
