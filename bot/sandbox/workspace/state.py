"""What the workspace holds, in memory: people, channels, messages, views, and what each person was told.

Nothing here knows about HTTP or sockets. Every change calls `changed`, on which pages and tests wait.
"""

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.workspace.seed import Seed, SeedPerson

Json = dict[str, Any]

TRIGGER_SECONDS = 3.0
RESPONSE_URL_USES = 5
RESPONSE_URL_SECONDS = 30 * 60.0


class Refused(Exception):
    """A request that Slack would refuse: the error's name, and details like "[ERROR] … [json-pointer:…]"."""

    def __init__(self, error: str, *messages: str) -> None:
        super().__init__(error, *messages)
        self.error = error
        self.messages = list(messages)


class RateLimited(Refused):
    """A call that must wait: HTTP 429 with Retry-After in whole seconds."""

    def __init__(self, seconds: int) -> None:
        super().__init__("ratelimited")
        self.seconds = seconds


@dataclass
class Person:
    """A member of the workspace, people and bot alike."""

    id: str
    name: str
    real_name: str
    title: str = ""
    tz: str = "Etc/UTC"
    guest: bool = False
    deactivated: bool = False
    bot: bool = False


@dataclass
class Group:
    """A user group and the ids of its members."""

    id: str
    handle: str
    name: str
    users: list[str]


@dataclass
class Channel:
    """A channel, or the direct messages between the bot and `im_with`."""

    id: str
    name: str
    members: set[str]
    im_with: str | None = None


@dataclass
class Message:
    """One message as it stands now; `earlier` holds what it was before each edit, oldest first."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str | None = None
    broadcast: bool = False
    only_for: str | None = None
    metadata: Json | None = None
    edited: Json | None = None
    deleted: bool = False
    pinned: bool = False
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[Json] = field(default_factory=list)
    earlier: list[Json] = field(default_factory=list)


@dataclass
class View:
    """A modal or an App Home of one person. `content` is what the app sent, completed."""

    id: str
    user: str
    content: Json
    root: str
    previous: str | None
    hash: str
    state: Json = field(default_factory=dict)
    notice: str | None = None


@dataclass
class Trigger:
    """What a trigger_id stands for: good once, within three seconds."""

    user: str
    expires: float
    view: str | None = None
    spent: bool = False


@dataclass
class ResponseUrl:
    """What a response_url stands for: five uses in thirty minutes."""

    user: str
    channel: str
    expires: float
    message: Message | None = None
    uses: int = 0


class Workspace:
    """The workspace. Methods raise `Refused` with the error's Slack name."""

    def __init__(self, seed: Seed) -> None:
        self.seed = seed
        self.people: dict[str, Person] = {p.id: _person(p) for p in seed.people}
        bot = Person(seed.bot_user, seed.bot_name, seed.bot_name.capitalize(), title="App", bot=True)
        self.people[bot.id] = bot
        self.groups = {g.id: Group(g.id, g.handle, g.name, list(g.users)) for g in seed.groups}
        self.channels = {
            seed.channel_id: Channel(seed.channel_id, seed.channel_name, {*self.people}),
        }
        self.messages: list[Message] = []
        self.stacks: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.notices: dict[str, list[Json]] = {}
        self.read: dict[tuple[str, str], str] = {}
        self.calls: list[Json] = []
        self.free_plan = False
        self.version = 0
        self._waiting = asyncio.Event()
        self._last_ts = 0
        self._numbers = itertools.count(1)

    def changed(self) -> None:
        """Says that something a person could see is different now."""
        self.version += 1
        self._waiting.set()
        self._waiting = asyncio.Event()

    async def wait_for_change(self, since: int, seconds: float) -> int:
        """The version as soon as it is above `since`, or after `seconds`."""
        if self.version <= since:
            try:
                async with asyncio.timeout(seconds):
                    await self._waiting.wait()
            except TimeoutError:
                pass
        return self.version

    def new_id(self, letter: str) -> str:
        """An id as Slack's look: a letter, then capitals and digits."""
        return f"{letter}{next(self._numbers):04d}{secrets.token_hex(3).upper()}"

    def new_ts(self) -> str:
        """A message's ts: seconds and microseconds, never the same twice."""
        self._last_ts = max(self._last_ts + 1, time.time_ns() // 1000)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def person(self, user: str, error: str = "user_not_found") -> Person:
        """The person with that id."""
        if user not in self.people:
            raise Refused(error)
        return self.people[user]

    def channel(self, name: str) -> Channel:
        """The channel with that id or #name; a person's id is the direct messages with them."""
        if name in self.channels:
            return self.channels[name]
        if name in self.people and not self.people[name].bot and not self.people[name].deactivated:
            return self.direct_messages(name)
        for channel in self.channels.values():
            if channel.im_with is None and channel.name == name.removeprefix("#"):
                return channel
        raise Refused("channel_not_found")

    def direct_messages(self, user: str) -> Channel:
        """The direct messages between the bot and that person, opened if need be."""
        channel_id = f"D{user[1:]}"
        if channel_id not in self.channels:
            members = {user, self.seed.bot_user}
            self.channels[channel_id] = Channel(channel_id, "directmessage", members, im_with=user)
            self.changed()
        return self.channels[channel_id]

    def post(self, message: Message) -> Message:
        """Adds a message."""
        self.messages.append(message)
        self.changed()
        return message

    def edit(self, message: Message, user: str, text: str, blocks: list[Json]) -> None:
        """Gives a message other words and blocks, keeping what it was."""
        message.earlier.append({"at": time.time(), "text": message.text, "blocks": message.blocks})
        message.text, message.blocks = text, blocks
        message.edited = {"user": user, "ts": self.new_ts()}
        self.changed()

    def delete(self, message: Message) -> None:
        """Takes a message away from everybody."""
        message.deleted = True
        self.changed()

    def message(self, channel: str, ts: str) -> Message:
        """The message with that ts that everybody in the channel sees."""
        for message in reversed(self.messages):
            if (
                message.ts == ts
                and message.channel == channel
                and not message.deleted
                and not message.only_for
            ):
                return message
        raise Refused("message_not_found")

    def visible(self, user: str) -> list[Message]:
        """The messages that a person sees, oldest first."""
        return [
            m
            for m in self.messages
            if not m.deleted and user in self.channels[m.channel].members and m.only_for in (None, user)
        ]

    def new_trigger(self, user: str, view: str | None = None, seconds: float = TRIGGER_SECONDS) -> str:
        """A trigger_id for an interaction of that person (in that view)."""
        trigger_id = f"{self.new_id('')}.{secrets.token_hex(6)}"
        self.triggers[trigger_id] = Trigger(user, time.monotonic() + seconds, view)
        return trigger_id

    def spend_trigger(self, trigger_id: str) -> Trigger:
        """Exchanges a trigger_id; the second time and after three seconds it is refused."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise Refused("invalid_trigger_id")
        if trigger.spent:
            raise Refused("exchanged_trigger_id")
        if time.monotonic() > trigger.expires:
            raise Refused("expired_trigger_id")
        trigger.spent = True
        return trigger

    def new_response_url(self, user: str, channel: str, message: Message | None = None) -> str:
        """The key of a response_url."""
        key = secrets.token_hex(12)
        self.response_urls[key] = ResponseUrl(
            user, channel, time.monotonic() + RESPONSE_URL_SECONDS, message=message
        )
        return key

    def notify(self, user: str, text: str, **where: str | None) -> None:
        """Tells one person what Slack itself would say to them, for example that a command failed."""
        self.notices.setdefault(user, []).append(
            {"id": self.new_id("N"), "at": time.time(), "text": text, **where}
        )
        self.changed()

    def view(self, view_id: str) -> View | None:
        """The open view with that id, or that external_id."""
        for view in [*(v for stack in self.stacks.values() for v in stack), *self.homes.values()]:
            if view_id and view_id in (view.id, view.content.get("external_id")):
                return view
        return None


def _person(seed: SeedPerson) -> Person:
    return Person(**seed.model_dump())
