"""`handle`: load, decide, append, and decide again when somebody else was quicker."""

from __future__ import annotations

import asyncio
import random

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.enterprise import replay
from bot.domain.events import Phase
from bot.domain.handle import Decision, Handler
from bot.domain.refusal import Refusal
from tests.support import story as s
from tests.support import values as v
from tests.support.ledger import MemoryLedger, StillClock


async def asked(ledger: MemoryLedger) -> None:
    story = s.asked()
    await ledger.append("enterprise:main", 0, [event for _, event in story.recorded], v.T0)


def approve(by: str) -> c.Approve:
    return c.Approve(request="KT-1", by=v.person(by), authority=v.authority(), plan=v.plan())


async def click(handler: Handler, by: str) -> Decision | Refusal:
    try:
        return await handler.handle("main", approve(by))
    except Refusal as refusal:
        return refusal


async def test_a_decision_is_in_the_ledger_with_its_moment() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    decision = await Handler(ledger, StillClock(v.T0)).handle("main", approve(v.ANNA))
    assert decision.events == [e.Approved(request="KT-1", by=v.ANNA, digest=v.plan().digest)]
    assert ledger.entries[-1].event == decision.events[0]
    assert ledger.entries[-1].at == v.T0
    assert decision.state == replay((entry.at, entry.event) for entry in ledger.entries)


async def test_a_refusal_leaves_no_trace() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    before = list(ledger.entries)
    with pytest.raises(Refusal, match="not among the approvers"):
        await Handler(ledger, StillClock(v.T0)).handle("main", approve(v.OUTSIDER))
    assert ledger.entries == before


async def test_a_command_that_changes_nothing_appends_nothing() -> None:
    ledger = MemoryLedger()
    decision = await Handler(ledger, StillClock(v.T0)).handle("main", c.LookAgain())
    assert decision.events == []
    assert ledger.entries == []


async def test_enterprises_do_not_see_each_other() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    handler = Handler(ledger, StillClock(v.T0))
    with pytest.raises(Refusal, match="there is no request KT-1"):
        await handler.handle("other", approve(v.ANNA))
    assert (await handler.state("main")).requests.keys() == {"KT-1"}


async def test_what_another_process_appended_is_seen() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    mine, theirs = Handler(ledger, StillClock(v.T0)), Handler(ledger, StillClock(v.T0))
    await mine.state("main")
    await theirs.handle("main", approve(v.ANNA))
    assert (await mine.state("main")).requests["KT-1"].approvals.keys() == {v.ANNA}


async def test_two_people_in_the_same_instant_both_count() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    handlers = [Handler(ledger, StillClock(v.T0)) for _ in range(2)]
    await asyncio.gather(*(h.state("main") for h in handlers))
    answers = await asyncio.gather(click(handlers[0], v.ANNA), click(handlers[1], v.BEN))
    assert all(isinstance(answer, Decision) for answer in answers)
    assert ledger.conflicts == 1
    state = await handlers[0].state("main")
    assert state.requests["KT-1"].phase is Phase.APPROVED
    assert [type(entry.event) for entry in ledger.entries].count(e.QuorumReached) == 1


async def test_a_hundred_clicks_of_two_people_are_one_quorum() -> None:
    ledger = MemoryLedger()
    await asked(ledger)
    handlers = [Handler(ledger, StillClock(v.T0)) for _ in range(2)]
    clicks = [click(handlers[i % 2], by) for i, by in enumerate([v.ANNA, v.BEN, v.BEN, v.ANNA] * 25)]
    random.shuffle(clicks)
    answers = await asyncio.gather(*clicks)
    assert sum(isinstance(answer, Decision) for answer in answers) == 2
    told = {str(answer) for answer in answers if isinstance(answer, Refusal)}
    assert all("already" in sentence for sentence in told)
    kinds = [type(entry.event) for entry in ledger.entries]
    assert kinds.count(e.Approved) == 2
    assert kinds.count(e.QuorumReached) == 1
