"""What people can do. They are patient: what was lost is clicked again, or typed as a command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain import events as e
from bot.domain.enterprise import Enterprise, Request
from bot.sandbox import person
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.person import ANA, BEN, CHLOE
from bot.sandbox.workspace.client import Message, View, WorkspaceClient, WorkspaceError
from tests.kill.scene import key

SAM = "U0SAM"
"""Is on call."""
CASE = "CASE-00042"

TRY_AGAIN = 1.5
"""Real seconds until a person takes what they did for lost."""
GLANCE = 0.05
AT_MOST = 90.0
"""Real seconds after which a person gives up waiting for anything: something is wrong."""

Act = Callable[[int], Awaitable[object]]
"""What a person does to bring something about; told how often it was tried before."""


class Stuck(Exception):
    """What a person waited for did not come about."""


async def _nothing(_: int) -> None:
    """Wait only."""


@dataclass
class People:
    """`look` gives the enterprise as it stands in the ledger, `now` the bot's time.

    `consoles` are what people look at, and where a story has them changed.
    """

    workspace: WorkspaceClient
    consoles: EnterpriseProcess
    look: Callable[[], Awaitable[Enterprise]]
    now: Callable[[], datetime]

    async def until(
        self, what: str, holds: Callable[[Enterprise], object], act: Act = _nothing
    ) -> Enterprise:
        """The state as soon as it `holds`; until then do `act` again and again. Raises `Stuck`."""
        tried = 0
        try:
            async with asyncio.timeout(AT_MOST):
                while True:
                    if holds(state := await self.look()):
                        return state
                    try:
                        await act(tried)
                    except WorkspaceError:
                        await asyncio.sleep(GLANCE)  # not to be done at this moment
                        continue
                    tried += 1
                    for _ in range(round(TRY_AGAIN / GLANCE)):
                        if holds(state := await self.look()):
                            return state
                        await asyncio.sleep(GLANCE)
        except TimeoutError:
            raise Stuck(f"{what} did not come about within {AT_MOST:g} s") from None

    async def until_said(self, wanted: str) -> Message:
        """The message of that key, as soon as it stands. Raises `Stuck`."""
        try:
            return await self.workspace.wait_for_message(lambda m: key(m) == wanted, timeout=AT_MOST)
        except WorkspaceError:
            raise Stuck(f"{wanted} was not said within {AT_MOST:g} s") from None

    async def ask(self, ahead: float = 0) -> str:
        """Ana asks by the form; the id of her request, once its card can be approved, or it has ended.

        The start is so many minutes ahead; 0: as soon as it is approved.
        """
        known = set((await self.look()).requests)
        start = self.now() + timedelta(minutes=ahead) if ahead else None

        async def ask(_: int) -> None:
            if left := await self.workspace.view(ANA):
                await self.workspace.close(ANA, left, clear=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2 * TRY_AGAIN):
                    await person.ask(self.workspace, ANA, start=start)

        state = await self.until("a request", lambda s: set(s.requests) - known, ask)
        [id_] = set(state.requests) - known
        await self.until(f"the plan of {id_}", lambda s: s.requests[id_].plan or s.requests[id_].ended)
        return id_

    async def click(self, user: str, wanted: str, action: str) -> None:
        """Press a button of the message of that key. Raises `WorkspaceError` when it is not there."""
        messages = await self.workspace.messages()
        found = next((m for m in messages if key(m) == wanted and action in m.actions), None)
        if found is None:
            raise WorkspaceError(f"{wanted} has no button {action}")
        await self.workspace.click(user, found, action)

    async def fill_in(self, user: str, words: str) -> None:
        """Write into the one field of the form that opens, and send it. Raises `WorkspaceError`."""

        async def form() -> View | None:
            return await self.workspace.view(user)

        view = await self.workspace.wait_for(form, TRY_AGAIN, "the form")
        block = next(b for b in view.raw["blocks"] if b["type"] == "input")
        await self.workspace.submit(user, view, {block["block_id"]: {block["element"]["action_id"]: words}})

    async def type(self, user: str, words: str) -> None:
        """Type a command. Raises `WorkspaceError` when Slack says at once that the bot is not there."""
        answer = await self.workspace.command(user, f"/upgrade {words}")
        if "dispatch_failed" in str(answer.get("error")):
            raise WorkspaceError(f"{user} typed {words!r} while no bot was there")

    async def do(self, user: str, id_: str, verb: str, holds: Callable[[Request], object]) -> None:
        """Click on the request's card first, and type the command when the click was lost."""

        async def act(tried: int) -> None:
            if tried == 0:
                await self.click(user, f"card:{id_}", verb)
            else:
                await self.type(user, f"{verb} {id_}")

        await self.until(f"{verb} by {user}", lambda s: holds(s.requests[id_]), act)

    async def say(self, user: str, words: str, holds: Callable[[Enterprise], object]) -> None:
        """Type a command."""
        await self.until(words, holds, lambda _: self.type(user, words))

    async def approve(self, id_: str) -> None:
        """Ben and Chloe approve."""
        await self.do(BEN, id_, "approve", lambda r: BEN in r.approvals or not r.is_open)
        await self.do(CHLOE, id_, "approve", lambda r: CHLOE in r.approvals or not r.is_open)

    async def acknowledge(self, _: int = 0) -> None:
        """Sam acknowledges whatever people are paged about."""
        for request in (await self.look()).requests.values():
            if request.trouble and request.trouble.paged and not request.trouble.acknowledged:
                await self.type(SAM, f"ack {request.id}")

    async def see_the_end(self, id_: str) -> Enterprise:
        """Wait for it, and look after what it leaves, `unknown` more than once: once they are paged, two people
        say what they see."""
        while True:
            state = await self.until(f"the end of {id_}", lambda s: s.requests[id_].ended, self.acknowledge)
            if state.quarantine is None:
                return state
            await self.until(f"a page about {id_}", lambda s: not s.quarantine or _paged(s.requests[id_]))
            words = f"release {id_} {CASE}"
            if state.requests[id_].phase is e.Phase.UNKNOWN:
                begun = (await self.consoles.state()).installs_started
                words = f"attest {id_} {'installing' if begun else 'not-started'}"
            await self.say(BEN, words, lambda s: not s.quarantine or BEN in stated(s.requests[id_]))
            await self.say(CHLOE, words, lambda s: not s.quarantine)

    async def logs(self, id_: str) -> None:
        """What became of the logs of a failed run is known."""
        await self.until(
            "the logs", lambda s: (run := s.requests[id_].run) and e.Step.COLLECT_LOGS in run.finished
        )


def _paged(request: Request) -> object:
    return request.trouble and request.trouble.paged


def stated(request: Request) -> list[str]:
    """Who has stated what the console shows."""
    return [said.by for said in request.statements]
