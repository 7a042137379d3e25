"""Every message carries the ledger's head, and never an older one than before; what has left the state is folded."""

from __future__ import annotations

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.enterprise import KEPT
from bot.sandbox.workspace.client import Message
from storage.ledger import Head
from tests.announce.flow import ANA, BEN, CHLOE, Flow, eventually, no_more
from tests.support import values as v


def seal(message: Message) -> Head:
    assert message.metadata
    payload = message.metadata["event_payload"]
    return Head(payload["position"], payload["head"])


async def sealed(flow: Flow) -> dict[str, Head]:
    """The head that each message carries, by key; each one is an entry of the ledger."""
    found = {}
    for message in await flow.posted():
        assert message.metadata
        head = seal(message)
        (entry,) = await flow.ledger.read_all(after=head.position - 1, limit=1)
        assert (entry.position, entry.hash) == head
        found[message.metadata["event_payload"]["key"]] = head
    return found


async def test_posts_and_edits_carry_the_newest_entry_that_was_read(flow: Flow) -> None:
    async with flow.announcing():
        await flow.asked()
        await flow.reads("card:KT-1", "Waiting for approval")
        await flow.message("ask:KT-1:U0BEN")
        before = await sealed(flow)
        await flow.approve(BEN)
        approval = (await flow.ledger.head()).position
        await flow.message("approved:KT-1:U0BEN")
        await flow.reads("ask:KT-1:U0BEN", "Your approval counts")
        await flow.reads("card:KT-1", f"Approved by: <@{BEN}>")
        after = await sealed(flow)
    assert after["approved:KT-1:U0BEN"].position >= approval
    for key in ("card:KT-1", "ask:KT-1:U0BEN"):
        assert after[key].position >= approval > before[key].position


async def test_an_edit_after_a_restart_never_carries_an_older_head(flow: Flow) -> None:
    """The new announcer begins to read where the old one had got to, long before what that had read."""
    async with flow.announcing():
        await flow.asked()
        await flow.message("ask:KT-1:U0CHLOE")
        await flow.ledger.append("packages", 0, [e.PackageAdded(package=v.package(), by="root")] * 3000, v.T0)
        await flow.approve(BEN)
        await flow.message("approved:KT-1:U0BEN")
        await flow.approve(CHLOE)
        card = await flow.reads("card:KT-1", "starts now")
        await no_more(flow)
    await flow.note(e.Announced(position=1))
    edited = len(await edits(flow, card))
    async with flow.announcing():
        await eventually(lambda: _edited(flow, card, edited + 1))
    heads = await edits(flow, card)
    assert heads[edited - 1].position > 3000, "the old one had read them"
    assert [head.position for head in heads] == sorted(head.position for head in heads)


async def edits(flow: Flow, message: Message) -> list[Head]:
    """The head that each edit of the message carried, oldest first."""
    carried = []
    for call in await flow.workspace.calls("chat.update"):
        if call["arguments"]["ts"] == message.ts:
            payload = call["arguments"]["metadata"]["event_payload"]
            carried.append(Head(payload["position"], payload["head"]))
    return carried


async def _edited(flow: Flow, message: Message, times: int) -> bool:
    return len(await edits(flow, message)) >= times


async def test_what_has_left_the_state_is_folded_and_the_rest_is_announced(flow: Flow) -> None:
    for number in range(KEPT + 2):
        await flow.ask(f"E-{number}")
        await flow.do(c.Withdraw(request=f"E-{number}", by=v.person(ANA)))
    assert "E-1" not in (await flow.handler.state("main")).requests
    async with flow.announcing():
        await no_more(flow)
    keys = await flow.keys()
    assert keys[:2] == ["card:E-2", "finish:E-2"]
    assert keys[-1] == "card:KT-9"


async def test_what_leaves_the_state_while_slack_is_gone_is_given_up(flow: Flow) -> None:
    async with flow.announcing():
        await flow.workspace.control("outage", on=True)
        await flow.ask("E-0")
        await flow.until(e.PostIntended)
        await flow.do(c.Withdraw(request="E-0", by=v.person(ANA)))
        for number in range(1, KEPT + 2):
            await flow.ask(f"E-{number}")
            await flow.do(c.Withdraw(request=f"E-{number}", by=v.person(ANA)))
        await flow.workspace.control("outage", on=False)
        assert (await flow.until(e.PostAbandoned)).key == "card:E-0"
        await flow.message("finish:E-2")


async def test_a_post_in_doubt_about_a_request_that_has_left_is_settled(flow: Flow) -> None:
    for number in range(KEPT + 2):
        await flow.ask(f"E-{number}")
        await flow.do(c.Withdraw(request=f"E-{number}", by=v.person(ANA)))
    await flow.note(e.PostIntended(key="card:E-0", channel=flow.workspace.channel))
    async with flow.announcing():
        abandoned = await flow.until(e.PostAbandoned)
        await flow.message("card:E-2")
    assert abandoned.key == "card:E-0"


async def test_the_announcer_forgets_what_has_left_the_state(flow: Flow) -> None:
    """Its memory follows the state's, however many requests there have been."""
    announcer = flow.announcer()
    async with flow.running(announcer):
        for number in range(KEPT + 5):
            await flow.ask(f"E-{number}")
            await flow.do(c.Withdraw(request=f"E-{number}", by=v.person(ANA)))
        await no_more(flow)
    assert KEPT <= len(announcer.standing) <= KEPT + 2, (
        "a card each, one in between, and that of the last request"
    )
