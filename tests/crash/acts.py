"""What people do in each kind of story, from its beginning to an end at which nothing is held."""

from __future__ import annotations

import re

from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request
from bot.sandbox.person import ANA, BEN, CHLOE
from tests.crash.people import People, stated
from tests.kill.scene import MAIN, key

HEAD = re.compile(r"head ([0-9a-f]{64})")


async def upgrade(people: People) -> None:
    """One upgrade, from the form to its end."""
    id_ = await people.ask()
    await people.approve(id_)
    state = await people.see_the_end(id_)
    if state.requests[id_].phase is e.Phase.FAILED:
        await people.logs(id_)


async def second_thoughts(people: People) -> None:
    """One request is declined, one withdrawn, one cancelled while it runs."""
    first = await people.ask()

    async def decline(tried: int) -> None:
        if tried:
            await people.type(BEN, f"decline {first} Not this week")
            return
        await people.click(BEN, f"card:{first}", "decline")
        await people.fill_in(BEN, "Not this week")

    await people.until(f"{first} declined", lambda s: s.requests[first].ended, decline)
    second = await people.ask()
    await people.do(ANA, second, "withdraw", lambda r: r.ended)
    third = await people.ask()
    await people.approve(third)
    await people.until(f"the run of {third}", lambda s: s.requests[third].run or s.requests[third].ended)

    def cancelled(request: Request) -> object:
        past = request.run is not None and request.run.install_intended
        return request.ended or past or (request.run and request.run.cancel_asked)

    await people.do(CHLOE, third, "cancel", cancelled)
    await people.see_the_end(third)


async def foreign_work(people: People) -> None:
    """Somebody else works on the console: when a run is asked for, when it starts, and after it has distributed."""
    await people.consoles.fault("foreign-distribution")
    await people.ask()
    await people.consoles.clear("foreign-distribution")
    second = await people.ask()
    await people.consoles.fault("foreign-install")
    await people.approve(second)
    await _somebody_else_ends(people, second, "foreign-install")
    third = await people.ask()
    await people.approve(third)
    await people.until(
        f"Send of {third}",
        lambda s: (r := s.requests[third]).ended or (r.run and e.Step.DISTRIBUTE in r.run.intended),
    )
    await people.consoles.fault("foreign-distribution")
    await _somebody_else_ends(people, third, "foreign-distribution")


async def _somebody_else_ends(people: People, id_: str, fault: str) -> None:
    """The request has ended, its notice was read, and whoever was at work has finished."""
    state = await people.see_the_end(id_)
    if state.lockout:
        await people.until_said(f"foreign:{id_}")
    await people.consoles.clear(fault)
    await people.until("an idle console", lambda s: not s.is_held)


async def drift(people: People) -> None:
    """Another level is found when a run starts and when one is asked for; one request is never approved."""
    forgotten = await people.ask()
    first = await people.ask(ahead=50)
    await people.consoles.fault("mixed-levels")
    await people.approve(first)
    await people.until(f"the end of {first}", lambda s: s.requests[first].ended)
    await people.ask()
    await people.consoles.clear("mixed-levels")
    await people.until(f"the end of {forgotten}", lambda s: s.requests[forgotten].ended)


async def another_level(people: People) -> None:
    """A run takes longer than planned and ends at a level that was not stated: two people confirm it."""
    id_ = await people.ask()
    await people.approve(id_)

    def waits(request: Request) -> object:
        return request.run and request.run.unexpected_level

    def called(request: Request) -> object:
        return request.trouble and not request.trouble.acknowledged

    await people.until(f"{id_} overdue", lambda s: (r := s.requests[id_]).ended or called(r) or waits(r))
    await people.until(f"{id_} acknowledged", lambda s: not called(s.requests[id_]), people.acknowledge)
    state = await people.until(f"another level of {id_}", lambda s: (r := s.requests[id_]).ended or waits(r))
    if (level := waits(state.requests[id_])) and not state.requests[id_].ended:
        for user in (BEN, CHLOE):
            await people.say(
                user,
                f"confirm {id_} {level}",
                lambda s, user=user: (r := s.requests[id_]).ended or user in stated(r),  # type: ignore[misc]
            )
    await people.see_the_end(id_)


async def unreadable(people: People) -> None:
    """After Install the consoles show a page that nobody knows; two people see that it is being installed."""
    id_ = await people.ask()
    await people.approve(id_)

    def pressed(state: Enterprise) -> object:
        request = state.requests[id_]
        return request.ended or (request.run and request.run.pressed)

    await people.until(f"Install of {id_}", pressed)
    await people.consoles.fault("unknown-page")
    state = await people.until(f"the end of {id_}", lambda s: s.requests[id_].ended, people.acknowledge)
    if state.quarantine:
        await people.logs(id_)
    await people.consoles.clear("unknown-page")
    await people.see_the_end(id_)


async def compare(people: People) -> None:
    """The ledger was restored: two people compare the consoles and the last announced head, and ask anew."""
    state = await people.until("the hold", lambda s: s.epoch)
    notice = await people.until_said(f"hold:{MAIN}:{state.epoch}")
    before = [m for m in await people.workspace.messages() if float(m.ts) < float(notice.ts)]
    head = [found[1] for m in before if key(m) and (found := HEAD.search(m.words))][-1]
    words = f"compared {MAIN} {head[:12]}"

    def said(state: Enterprise, user: str) -> object:
        return state.hold is None or user in state.hold.stated

    async def in_the_form(tried: int) -> None:
        if tried:
            await people.type(BEN, words)
            return
        await people.click(BEN, key(notice), "compare")
        await people.fill_in(BEN, head)

    await people.until("Ben's comparison", lambda s: said(s, BEN), in_the_form)
    await people.say(CHLOE, words, lambda s: said(s, CHLOE))
    await people.ask()
