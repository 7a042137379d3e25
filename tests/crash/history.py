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
    """`errs`: the console was made to show an error; `hides`: a page that nobody knows; `level`: what an installation
    leaves. `broken` is what the ledger's verification says, empty for good. `acknowledged`: position and hash of each
    entry whose append has returned to the bot. `lost`: the entries that a copy which was put back does not have."""

    errs: bool
    hides: bool
    level: str
    install_seconds: float
    rate: float
    epoch: datetime
    settings: EnterpriseSettings
    killed: Sequence[Killed]
    entries: Sequence[Entry]
    lost: Sequence[Entry]
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
    def lived(self) -> list[Entry]:
        """The enterprise's entries with those that a copy lost, as they were written."""
        lost = [entry for entry in self.lost if entry.stream == stream(MAIN)]
        return sorted([*self.own, *lost], key=lambda entry: entry.at)

    @property
    def state(self) -> Enterprise:
        return self.state_after(self.own)

    def state_after(self, entries: Sequence[Entry]) -> Enterprise:
        """What these entries come to."""
        return replay((entry.at, entry.event) for entry in entries)

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
        """The bot's messages by key, without those that only the lost entries know."""
        lost = {(x.event.key, x.event.ts) for x in self.lost if isinstance(x.event, e.Posted)}
        found: dict[str, list[Message]] = {}
        for message in self.messages:
            if (
                (wanted := key(message))
                and (wanted, message.ts) not in lost
                and not message.raw.get("deleted")
            ):
                found.setdefault(wanted, []).append(message)
        return found

    def rendered(self, wanted: str) -> Rendered | None:
        """How an edited message should read now."""
        return routes.current(wanted, self.view(wanted, self.state, self.entries[-1].at))

    def view(self, wanted: str, state: Enterprise, now: datetime) -> EnterpriseView:
        """What the message is rendered from in that state."""
        if routes.family(wanted) in routes.OF_ENTERPRISE:
            return EnterpriseView(MAIN, self.settings, state, now)
        return View(MAIN, self.settings, state, now, state.requests[routes.subject_of(wanted)])
