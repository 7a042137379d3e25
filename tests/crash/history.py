"""All that is left of a story when it has ended: what the oracle judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.announce import routes
from bot.announce.blocks import Message as Rendered
from bot.announce.view import EnterpriseView, View
from bot.config import EnterpriseSettings
from bot.domain import events as e
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.ledger import Entry
from bot.sandbox.enterprise.report import EnterpriseReport, RequestReport
from bot.sandbox.workspace.client import Message
from tests.crash.kills import Kill
from tests.kill.scene import MAIN, key

ENDS = (
    e.Succeeded
    | e.Stopped
    | e.Failed
    | e.BecameUnknown
    | e.Voided
    | e.Expired
    | e.Declined
    | e.Withdrawn
    | e.Cancelled
)


@dataclass(frozen=True)
class Killed:
    """A kill that has happened, at `at` (Unix seconds). `request` is the newest one then, empty before the first.

    `undecided`: Install was intended and has no outcome.
    """

    kill: Kill
    at: float
    request: str
    undecided: bool


@dataclass(frozen=True)
class History:
    """`errs`: the console was made to show an error. `broken` is what the ledger's verification says, empty for
    good. `acknowledged`: position and hash of each entry whose append has returned to the bot."""

    errs: bool
    install_seconds: float
    rate: float
    epoch: datetime
    settings: EnterpriseSettings
    killed: Sequence[Killed]
    entries: Sequence[Entry]
    broken: str
    acknowledged: Sequence[tuple[int, str]]
    requests: Sequence[RequestReport]
    consoles: EnterpriseReport
    messages: Sequence[Message]
    log: str

    @property
    def own(self) -> list[Entry]:
        """The entries of the enterprise's stream."""
        return [entry for entry in self.entries if entry.stream == stream(MAIN)]

    @property
    def state(self) -> Enterprise:
        return replay((entry.at, entry.event) for entry in self.own)

    def real(self, entry: Entry) -> float:
        """When it was appended, in Unix seconds."""
        return self.epoch.timestamp() + (entry.at - self.epoch).total_seconds() / self.rate

    def ends(self) -> dict[str, e.Event]:
        """The first end of each request, by id; what people attest afterwards is not one."""
        found: dict[str, e.Event] = {}
        for entry in self.own:
            if isinstance(entry.event, ENDS):
                found.setdefault(entry.event.request, entry.event)
        return found

    # --- messages

    def standing(self) -> dict[str, list[Message]]:
        """The bot's messages by key."""
        found: dict[str, list[Message]] = {}
        for message in self.messages:
            if key(message) and not message.raw.get("deleted"):
                found.setdefault(key(message), []).append(message)
        return found

    def called_for(self) -> dict[str, Entry]:
        """The keys of the messages that the ledger's events call for, but those whose moment has passed."""
        keys = {wanted: entry for entry in self.own if (wanted := routes.key_of(entry))}
        return {k: entry for k, entry in keys.items() if routes.first(k, self.view(k), entry) is not None}

    def rendered(self, wanted: str) -> Rendered | None:
        """How an edited message should read now."""
        return routes.current(wanted, self.view(wanted))

    def view(self, wanted: str) -> EnterpriseView:
        """What the message is rendered from now."""
        state, now = self.state, self.entries[-1].at
        if routes.family(wanted) in routes.OF_ENTERPRISE:
            return EnterpriseView(MAIN, self.settings, state, now)
        return View(MAIN, self.settings, state, now, state.requests[routes.subject_of(wanted)])
