"""A new epoch as people read it: what is said while an enterprise is held, and when it is released (law 1)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.announce.blocks import Json, Message
from bot.domain import commands as c
from bot.domain import events as e
from tests.announce import examples as x
from tests.announce.flow import AUTHORITY, BEN, CHLOE, Flow, no_more
from tests.support import story as s
from tests.support import values as v


def every(story: s.Story, family: str) -> list[Message]:
    return [m.message for m in x.shown(story.recorded) if m.key.startswith(f"{family}:")]


def buttons(said: Message) -> Iterator[Json]:
    for block in said.blocks:
        if block["type"] == "actions":
            yield from block["elements"]


def test_the_hold_says_why_what_is_void_and_what_to_do() -> None:
    held = every(x.restored(), "hold")
    said = [m for m in held if "Compared so far: nobody" in m.text][-1]
    for words in (
        "Main campus is held: two people have to compare the consoles",
        "<!subteam^S0ONCALL>: two approvers of Main campus are needed.",
        "Since: 21 Nov 2026",
        "“the ledger was restored from a copy”",
        "KT-1, asked for by <@U0ASKER> (its run was under way and is no longer watched)",
        "nothing can be asked for, approved or started here",
        "Lockout: on since",
        "Open the Appliance Console of every appliance, read only.",
        f"This ledger last saw: db-1 “{v.OLD}”, db-2 “{v.OLD}”, svc-1 “{v.OLD}”.",
        "the last head that Keyturn itself announced in this channel before this message",
        "If there is none, it is 00000000.",
        "Do not release when a console shows that anything is being distributed or installed",
        "Call Reseller hotline +49 30 1234",
        "Compared so far: nobody; two approvers are needed.",
        "/upgrade compared main HEAD",
    ):
        assert words in said.text, words
    (button,) = buttons(said)
    assert (button["action_id"], button["value"]) == ("compare", "main:1")


def test_it_says_who_has_compared_and_never_which_head() -> None:
    """Two people who look for themselves: nobody copies the other's head from the channel."""
    held = every(x.restored(), "hold")
    (half,) = {m.text for m in held if "Compared so far: <@U0ANNA>; another approver is needed." in m.text}
    assert s.HEAD[:8] not in half
    assert "stated" not in {m.key.split(":")[0] for m in x.shown(x.restored().recorded)}


def test_once_released_it_has_no_button_and_a_message_says_so() -> None:
    story = x.restored()
    over = every(story, "hold")[-1]
    assert "The hold of Main campus by epoch 1 is over" in over.text
    assert not list(buttons(over))
    (said,) = every(story, "compared")
    assert (
        "<@U0ANNA> and <@U0BEN> compared the consoles and stated the same last announced head." in said.text
    )
    assert s.HEAD in said.text
    assert "those that became void have to be asked for anew" in said.text


def test_a_hold_that_began_again_sends_to_the_newest_message() -> None:
    first, second = (
        [m for m in x.shown(x.restored_twice().recorded) if m.key == key][-1].message
        for key in ("hold:main:1", "hold:main:2")
    )
    assert "A newer epoch has begun since." in first.text
    assert not list(buttons(first))
    assert [b["value"] for b in buttons(second)] == ["main:2"]
    assert "Compared so far: nobody" in second.text


def test_a_quarantine_is_named_and_stays() -> None:
    story = x.restored_in_quarantine()
    assert "Quarantine: that of KT-1 stays, and needs its own release" in every(story, "hold")[0].text
    assert "Void: no request was open" in every(story, "hold")[0].text
    assert "The quarantine stays, and needs its own release." in every(story, "compared")[-1].text


@pytest.mark.parametrize("story", [x.restored, x.restored_while_asked, x.restored_in_quarantine])
def test_nobody_is_told_that_nothing_was_installed_or_that_a_console_is_usable(story: object) -> None:
    """What happened after the copy was made is not known."""
    assert callable(story)
    told: s.Story = story()
    began = next(at for at, event in told.recorded if isinstance(event, e.EpochBegan))
    for shown in x.shown(told.recorded):
        if shown.entry.at >= began and any(
            isinstance(ev, e.EpochBegan) for ev in _until(told, shown.entry.version)
        ):
            for words in ("usable", "Nothing was installed", "Keyturn installed nothing", "withdrawn"):
                assert words not in shown.message.text, shown.key


def _until(story: s.Story, version: int) -> list[e.Event]:
    return [event for _, event in story.recorded[:version]]


def test_a_void_request_is_told_as_what_it_is() -> None:
    said = every(x.restored(), "finish")[0]
    assert "“epoch 1 began: the ledger was restored from a copy”" in said.text
    assert "What became of it since the copy was made is not known." in said.text
    assert "Nothing can be asked for until the enterprise is released." in said.text
    assert "Void since" in every(x.restored(), "card")[-1].text
    closed = every(x.restored(), "unlocked")[0]
    assert "ask the two who compared what they saw there" in closed.text


async def test_the_hold_in_the_channel(flow: Flow) -> None:
    async with flow.announcing():
        await flow.started()
        await flow.until(e.LockoutAnnounced)
        await flow.do(c.BeginEpoch(reason="the ledger was restored from a copy"))
        hold = await flow.reads("hold:main:1", "Compared so far: nobody")
        assert hold.actions == ["compare"]
        await flow.message("finish:KT-1")
        await flow.do(c.Compare(by=v.person(BEN), authority=AUTHORITY, head=s.HEAD))
        await flow.reads("hold:main:1", f"Compared so far: <@{BEN}>")
        await flow.do(c.Compare(by=v.person(CHLOE), authority=AUTHORITY, head=s.HEAD[:8]))
        over = await flow.reads("hold:main:1", "is over")
        assert over.actions == []
        await flow.reads("compared:main:1", f"<@{BEN}> and <@{CHLOE}> compared")
        await flow.reads("unlocked:KT-1", "ask the two who compared")
        await flow.reads("lockout:KT-1", "is over")
        await no_more(flow)
    keys = [key for key in await flow.keys() if not key.startswith("ask:")]
    start = keys.index("hold:main:1")
    assert keys[start:] == ["hold:main:1", "finish:KT-1", "compared:main:1", "unlocked:KT-1", "card:KT-9"]


async def test_a_hold_is_edited_on_after_a_restart_and_announced_once(flow: Flow) -> None:
    async with flow.announcing():
        await flow.do(c.BeginEpoch(reason="the ledger was restored from a copy"))
        await flow.message("hold:main:1")
        await flow.until(e.Posted)
    await flow.do(c.Compare(by=v.person(BEN), authority=AUTHORITY, head=s.HEAD))
    async with flow.announcing():
        await flow.reads("hold:main:1", f"Compared so far: <@{BEN}>")
    assert await flow.keys() == ["hold:main:1"]


async def test_a_hold_that_was_over_before_it_could_be_said_is_folded(flow: Flow) -> None:
    await flow.do(c.BeginEpoch(reason="the ledger was restored from a copy"))
    for by in (BEN, CHLOE):
        await flow.do(c.Compare(by=v.person(by), authority=AUTHORITY, head=s.HEAD))
    async with flow.announcing():
        await no_more(flow)
    assert await flow.keys() == ["compared:main:1", "card:KT-9"]
