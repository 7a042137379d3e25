"""A client of the local workspace for tests and the demo: starts the process, acts as people, reads what they see.

async with running() as workspace:
    await workspace.command("U0ANA", "/upgrade")
    view = await workspace.wait_for(lambda: workspace.view("U0ANA"))
    await workspace.submit("U0ANA", view, {"reason": {"text": "A hotfix"}})
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientTimeout

from bot.sandbox.holds import Moment, Passed
from bot.sandbox.mortal import mortal

Json = dict[str, Any]
T = TypeVar("T")
START_SECONDS = 20.0


class WorkspaceError(Exception):
    """The workspace did not start, refused a request, or did not come to the awaited state in time."""


@dataclass(frozen=True)
class Message:
    """A message as somebody sees it, or (from `messages`) as it stands with all it was before."""

    raw: Json

    @property
    def ts(self) -> str:
        """Its ts."""
        return str(self.raw["ts"])

    @property
    def channel(self) -> str:
        """The channel's id."""
        return str(self.raw["channel"])

    @property
    def text(self) -> str:
        """The text argument: what a notification shows."""
        return str(self.raw["text"])

    @property
    def blocks(self) -> list[Json]:
        """Its blocks."""
        blocks: list[Json] = self.raw["blocks"]
        return blocks

    @property
    def thread_ts(self) -> str | None:
        """The ts of the thread it is in."""
        return self.raw.get("thread_ts")

    @property
    def words(self) -> str:
        """Everything it says: the texts of its blocks, or its text when it has none."""
        return "\n".join(_texts(self.blocks)) if self.blocks else self.text

    @property
    def actions(self) -> list[str]:
        """The action ids of everything in it that can be used."""
        return list(_values_of(self.blocks, "action_id"))

    @property
    def metadata(self) -> Json | None:
        """Its metadata; only from `messages`."""
        return self.raw.get("metadata")


@dataclass(frozen=True)
class View:
    """The modal on top of a person's stack."""

    raw: Json

    @property
    def id(self) -> str:
        """Its view id."""
        return str(self.raw["id"])

    @property
    def title(self) -> str:
        """Its title."""
        return str(self.raw["title"]["text"])

    @property
    def words(self) -> str:
        """Everything it says."""
        return "\n".join(_texts(self.raw["blocks"]))


def _texts(value: Any) -> Iterator[str]:
    yield from _values_of(value, "text")


def _values_of(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _values_of(item, name)
    elif isinstance(value, dict):
        if isinstance(value.get(name), str):
            yield value[name]
        for item in value.values():
            yield from _values_of(item, name)


class WorkspaceClient:
    """A running local workspace. `ready` is its ready line."""

    def __init__(self, session: ClientSession, ready: Json) -> None:
        self._session = session
        self.address = str(ready["address"])
        self.api = str(ready["api"])
        self.bot_token = str(ready["bot_token"])
        self.app_token = str(ready["app_token"])
        self.channel = str(ready["channel"])

    async def get(self, path: str) -> Json:
        """The JSON at a path. Raises WorkspaceError when it is refused."""
        async with self._session.get(f"{self.address}{path}") as response:
            return _good(path, await response.json())

    async def post(self, path: str, **body: Any) -> Json:
        """The answer to a JSON body. Raises WorkspaceError only for what cannot be done at all (HTTP 400)."""
        async with self._session.post(f"{self.address}{path}", json=body) as response:
            answer: Json = await response.json()
            return answer if response.status == 200 else _good(path, answer)

    async def command(self, user: str, text: str, channel: str | None = None) -> Json:
        """Types a slash command, for example "/upgrade list": {ok, response?, error?} after its ack."""
        return await self.post("/people/command", user=user, channel=channel, text=text)

    async def say(
        self, user: str, text: str, channel: str | None = None, thread_ts: str | None = None
    ) -> str:
        """Posts a message; its ts."""
        body = {"user": user, "channel": channel, "text": text, "thread_ts": thread_ts}
        return str((await self.post("/people/message", **body))["ts"])

    async def click(
        self, user: str, message: Message, action_id: str, *, block_id: str | None = None, value: Any = None
    ) -> Json:
        """Uses a button (or, with a value, a select) of a message: {ok, confirm, error?} after its ack."""
        return await self.post(
            "/people/click",
            user=user,
            channel=message.channel,
            ts=message.ts,
            action_id=action_id,
            block_id=block_id,
            value=value,
        )

    async def submit(self, user: str, view: View, values: Json) -> Json:
        """Fills in {block_id: {action_id: VALUE}} and submits: {ok, errors?, error?} after its ack."""
        return await self.post("/people/submit", user=user, view_id=view.id, values=values)

    async def use(
        self, user: str, view: View, action_id: str, value: Any = None, values: Json | None = None
    ) -> Json:
        """Uses a button or a dispatching input of a modal: {ok, confirm, error?} after its ack."""
        return await self.post(
            "/people/block_action",
            user=user,
            view_id=view.id,
            action_id=action_id,
            value=value,
            values=values or {},
        )

    async def close(self, user: str, view: View, *, clear: bool = False) -> Json:
        """Closes a modal, or with `clear` the whole stack."""
        return await self.post("/people/close", user=user, view_id=view.id, clear=clear)

    async def screen(self, user: str) -> Json:
        """Everything that person sees."""
        return await self.get(f"/people/screen?user={user}")

    async def seen_by(self, user: str) -> list[Message]:
        """The messages that person sees in all channels and direct messages, oldest first."""
        channels = (await self.screen(user))["channels"]
        found = [Message(message) for channel in channels for message in channel["messages"]]
        return sorted(found, key=lambda message: float(message.ts))

    async def view(self, user: str) -> View | None:
        """The modal on top of that person's stack, None when none is open."""
        stack = (await self.screen(user))["views"]
        return View(stack[-1]) if stack else None

    async def messages(self) -> list[Message]:
        """Every message ever posted to anybody, deleted ones and edits (`raw["earlier"]`) included, oldest
        first."""
        return [Message(raw) for raw in (await self.get("/control/messages"))["messages"]]

    async def calls(self, method: str | None = None) -> list[Json]:
        """Every Web API call (of that method), oldest first."""
        calls = (await self.get("/control/calls"))["calls"]
        return [call for call in calls if method in (None, call["method"])]

    async def control(self, name: str, **body: Any) -> Json:
        """POST /control/NAME: limit, outage, disconnect, people, group, channel, plan, envelope, trigger,
        response_url, hold, let_go. Raises WorkspaceError when it is refused."""
        return _good(name, await self.post(f"/control/{name}", **body))

    async def hold(self, point: str, moment: Moment, nth: int = 1) -> None:
        """Hold the `nth` call or envelope at that point from now on."""
        await self.control("hold", point=point, moment=moment, nth=nth)

    async def held(self) -> bool:
        """True as soon as it is held, however late; False when it is let go before."""
        url = f"{self.address}/control/held"
        async with self._session.get(url, timeout=ClientTimeout(total=None)) as response:
            return bool(_good("held", await response.json())["held"])

    async def points(self) -> list[Passed]:
        """The points that calls and envelopes have come to, oldest first."""
        return [Passed(*passed) for passed in (await self.get("/control/points"))["points"]]

    async def wait_for(
        self, look: Callable[[], Awaitable[T | None]], timeout: float = 10.0, what: str = "the awaited state"
    ) -> T:
        """What `look` returns as soon as that is not None (nor False or empty); it looks after each change in
        the workspace. Raises WorkspaceError after `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                since = -1
                while True:
                    since = (await self.get(f"/control/changed?since={since}"))["version"]
                    if found := await look():
                        return found
        except TimeoutError as error:
            raise WorkspaceError(f"{what} did not come about within {timeout:g} s") from error

    async def wait_for_message(
        self, predicate: Callable[[Message], bool], user: str | None = None, timeout: float = 10.0
    ) -> Message:
        """The newest message (that `user` sees) which satisfies the predicate, as soon as there is one."""

        async def look() -> Message | None:
            found = await (self.seen_by(user) if user else self.messages())
            return next((m for m in reversed(found) if not m.raw.get("deleted") and predicate(m)), None)

        return await self.wait_for(look, timeout, "the awaited message")

    async def wait_for_connections(self, count: int = 1, timeout: float = 10.0) -> None:
        """Waits until the app holds that many Socket Mode connections."""

        async def look() -> bool:
            return bool((await self.get("/control/changed"))["connections"] == count)

        await self.wait_for(look, timeout, f"{count} Socket Mode connections")


def _good(what: str, answer: Json) -> Json:
    if answer.get("ok") is False:
        raise WorkspaceError(f"{what}: {answer.get('error')}")
    return answer


@contextlib.asynccontextmanager
async def connected(ready: Json) -> AsyncIterator[WorkspaceClient]:
    """A client of a workspace that runs already; `ready` is its ready line."""
    async with ClientSession(timeout=ClientTimeout(total=60)) as session:
        yield WorkspaceClient(session, ready)


@contextlib.asynccontextmanager
async def running(*options: str, people: Path | None = None, port: int = 0) -> AsyncIterator[WorkspaceClient]:
    """Starts a workspace as a process of its own and stops it at the end (SIGTERM).

    Raises WorkspaceError when it does not say that it is ready, or does not end with 0.
    """
    given = [*options, "--port", str(port), *(["--people", str(people)] if people else [])]
    process = await asyncio.create_subprocess_exec(
        *mortal(sys.executable, "-m", "bot.sandbox.workspace", *given), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise WorkspaceError(f"the local workspace ended with {await process.wait()} before it was ready")
        async with connected(json.loads(line)) as client:
            yield client
    finally:
        if process.returncode is None:
            process.terminate()
        status = await process.wait()
    if status != 0:
        raise WorkspaceError(f"the local workspace ended with {status}")
