"""The hold of an enterprise by command, button and modal: who may end it, and which hold a form is about (law 1)."""

from __future__ import annotations

import pytest

from bot.domain import commands as c
from bot.sandbox.workspace.client import View
from tests.handlers.conftest import Side
from tests.support.desk import ANA, BEN, CHLOE, DAN
from tests.support.story import HEAD


def head(value: str) -> dict[str, dict[str, str]]:
    return {"head": {"head": value}}


async def opened(side: Side, user: str, value: str = "main:1") -> View:
    assert (await side.workspace.click(user, await side.card(value), "compare"))["ok"]
    return await side.modal(user)


async def test_two_people_end_the_hold_by_button_and_by_command(side: Side) -> None:
    await side.desk.held()
    assert "Held since" in (await side.type(DAN, "/upgrade status main", "nobody has yet")).text

    modal = await opened(side, BEN)
    assert "nothing is being distributed or installed there" in str(modal.raw)
    await side.workspace.submit(BEN, modal, head(HEAD))
    await side.told(BEN, "Recorded. The hold ends when a second approver has compared too")
    status = await side.type(DAN, "/upgrade status main", f"<@{BEN}> compared; another is needed")
    assert HEAD[:8] not in status.text, "nobody is shown the head that somebody else gave"

    await side.type(CHLOE, f"/upgrade compared main {HEAD[:8]}", f"<@{BEN}> and <@{CHLOE}> compared")
    assert (await side.desk.state("main")).hold is None
    assert side.desk.calls == [
        ("compare", "main", BEN, HEAD, "1"),
        ("compare", "main", CHLOE, HEAD[:8], "None"),
    ]


async def test_a_refusal_stands_beneath_the_head_and_can_be_corrected(side: Side) -> None:
    await side.desk.held()
    await side.type(CHLOE, f"/upgrade compared main {HEAD}", "Recorded")
    modal = await opened(side, BEN)

    answer = await side.workspace.submit(BEN, modal, head("0" * 12))
    assert "stated another head" in str(answer["errors"]["head"])
    assert (await side.workspace.submit(BEN, modal, head(HEAD)))["ok"]

    await side.told(BEN, "The hold is over")


@pytest.mark.parametrize(
    ("user", "text", "answer"),
    [
        (DAN, f"main {HEAD}", "you are not among the approvers"),
        (BEN, f"moon {HEAD}", "is not configured here"),
        (BEN, "main 5f2c", "8 to 64 of its first hexadecimal digits"),
        (BEN, "main", "is not complete. It is written `/upgrade compared ENTERPRISE HEAD`"),
    ],
)
async def test_a_comparison_is_refused_with_words(side: Side, user: str, text: str, answer: str) -> None:
    await side.desk.held()
    await side.type(user, f"/upgrade compared {text}", answer)
    hold = (await side.desk.state("main")).hold
    assert hold
    assert not hold.stated


async def test_a_hold_that_is_over_opens_no_form(side: Side) -> None:
    await side.workspace.click(BEN, await side.card("main:1"), "compare")

    await side.told(BEN, "This hold of Main is over; nothing was done.")
    assert await side.workspace.view(BEN) is None


async def test_a_form_of_an_earlier_hold_says_nothing_about_this_one(side: Side) -> None:
    """Opened in one epoch, sent in the next: what that person compared was something else."""
    await side.desk.held()
    modal = await opened(side, BEN)
    for by in (ANA, CHLOE):
        await side.type(by, f"/upgrade compared main {HEAD}", "Recorded" if by == ANA else "The hold is over")
    await side.desk.held()

    answer = await side.workspace.submit(BEN, modal, head(HEAD))

    assert "that is about the hold of epoch 1" in str(answer["errors"]["head"])
    hold = (await side.desk.state("main")).hold
    assert hold
    assert not hold.stated


@pytest.mark.parametrize("value", ["", "main", "main:x", "main:1:2", "MAIN:1", "main:-1", f"{'x' * 60}:1"])
async def test_a_forged_button_names_nothing(side: Side, value: str) -> None:
    await side.desk.held()

    await side.workspace.click(BEN, await side.card(value or " "), "compare")

    await side.told(BEN, "nothing was done")
    assert side.desk.calls == []


async def test_a_button_about_another_enterprise_is_told_so(side: Side) -> None:
    await side.workspace.click(BEN, await side.card("moon:1"), "compare")

    await side.told(BEN, "that enterprise is not configured here")


async def test_while_held_nothing_can_be_asked_or_approved(side: Side) -> None:
    id_ = await side.desk.asked()
    await side.desk.handler.handle("main", c.BeginEpoch(reason="the ledger was restored"))

    await side.type(BEN, f"/upgrade approve {id_}", "this enterprise is held since epoch 1 began")
