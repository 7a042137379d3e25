"""The events: every fact that the ledger keeps (law 7), and their codec.

An event is written as its class name, its schema version and canonical JSON. Changing an event's fields means a
higher `schema_version` and an upcast on reading; an unknown type or version refuses to load.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import ClassVar

from bot.domain.plan import Package, Plan
from bot.domain.sight import InstallOutcome, IpmInformation, Observation, Words
from bot.domain.values import Moment, Value
from bot.domain.windows import Window


class UnknownEvent(Exception):
    """The ledger holds an event that this version of Keyturn does not know: run the version that wrote it."""


class Event(Value):
    """A fact. Immutable, append-only."""

    schema_version: ClassVar[int] = 1


class Draft(Value):
    """What a requester asks for, before the preflight has made a plan of it."""

    package: Package
    start: Moment
    window: Window
    reason: str
    change: str
    attestations: tuple[str, ...]


class Check(Value):
    """One row of a preflight: what was looked at, whether it holds, and what was seen."""

    name: str
    ok: bool
    detail: Words


class Phase(StrEnum):
    """The life of a request (design, "The life of a request")."""

    REQUESTED = "requested"
    APPROVED = "approved"
    PREPARING = "preparing"
    INSTALLING = "installing"
    VERIFYING = "verifying"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    VOID = "void"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Step(StrEnum):
    """The run's steps beside Install. Distinct names, never renamed while runs are open."""

    UPLOAD = "upload"
    DISTRIBUTE = "distribute"
    COLLECT_LOGS = "collect logs"


class Statement(StrEnum):
    """What two people may state about a console (laws 4 and 5)."""

    RELEASE = "release"
    NOT_STARTED = "not started"
    INSTALLING = "installing"
    CANNOT_TELL = "cannot tell"
    LEVEL = "level"
    FAILURE = "failure"


# --- the life of a request


class UpgradeRequested(Event):
    request: str
    by: str
    draft: Draft


class PreflightDone(Event):
    """`plan` is made of what was seen, when every row holds; None otherwise."""

    request: str
    rows: tuple[Check, ...]
    plan: Plan | None


class Approved(Event):
    request: str
    by: str
    digest: str


class QuorumReached(Event):
    request: str
    by: tuple[str, ...]


class Declined(Event):
    request: str
    by: str
    reason: str


class Withdrawn(Event):
    request: str
    by: str


class Expired(Event):
    request: str


class Voided(Event):
    """Drift, lost authority, a quarantine, or a new epoch: `reason` says which."""

    request: str
    reason: str


class CancelAsked(Event):
    """A run is active: it ends at the next boundary between steps."""

    request: str
    by: str


class Cancelled(Event):
    request: str
    by: str


class NoticeRaised(Event):
    """The lockout lies `minutes` ahead (law 8, before)."""

    request: str
    minutes: int


# --- the run


class RunStarted(Event):
    request: str
    digest: str
    approvers: tuple[str, ...]
    rows: tuple[Check, ...]


class LockoutOpened(Event):
    """Nobody uses the Admin Console or the Packages page from now on. `foreign`: because of somebody else's work."""

    request: str
    foreign: bool = False


class LockoutAnnounced(Event):
    """The lockout notice of this run was delivered: the gate of law 8."""

    request: str
    channel: str
    ts: str


class LockoutClosed(Event):
    request: str
    reason: str


class StepIntended(Event):
    request: str
    step: Step


class StepFinished(Event):
    request: str
    step: Step
    detail: Words = ""


class UploadProgressed(Event):
    """`sent` bytes of the package have left for the console; a broken upload that is begun again falls back."""

    request: str
    sent: int


class InstallIntended(Event):
    """The intent of the one Install click, with the gates that it passed (laws 1, 2, 6 and 8)."""

    request: str
    digest: str
    approvers: tuple[str, ...]
    information: IpmInformation
    lockout_ts: str


class InstallPressed(Event):
    request: str
    outcome: InstallOutcome


class Observed(Event):
    """A look that differs from the last one; silence begins and ends as one."""

    request: str
    observation: Observation


class BecameOverdue(Event):
    """A flag: the run goes on being watched (law 5)."""

    request: str
    reason: str


class LevelUnexpected(Event):
    """All appliances show one new level that is not the stated one: two people confirm or declare failure."""

    request: str
    level: str


class Stopped(Event):
    """Nothing started, or provably nothing was sent. A new request is allowed."""

    request: str
    reason: Words


class Failed(Event):
    """The console showed an error, `words` are its own; or two approvers declared it, in the words of the second."""

    request: str
    words: Words
    declared_by: tuple[str, ...] = ()


class BecameUnknown(Event):
    """Nobody can tell from the console what state the enterprise is in: ask a human."""

    request: str
    reason: Words


class Quarantined(Event):
    request: str
    reason: Words


class Released(Event):
    """Two people released the quarantine; `case` is the vendor's case number, empty after an attestation."""

    request: str
    by: tuple[str, ...]
    case: str


class WatchResumed(Event):
    """Two people saw it installing: the run is watched again."""

    request: str
    by: tuple[str, ...]


class Succeeded(Event):
    request: str
    level: str


class LogsCollected(Event):
    """The appliance logs of a failed run, kept on the bot's host as `file` (SHA-256 `sha256`)."""

    request: str
    file: str
    sha256: str


class LogsRefused(Event):
    request: str
    reason: Words


class EvidenceLost(Event):
    """The bot's host did not take a page of the consoles, or the head, while this run was carried out: said once."""

    request: str
    reason: Words


# --- people about it


class Stated(Event):
    """One person's statement; a second, different person stating the same makes it act."""

    request: str
    by: str
    statement: Statement
    value: str = ""


class Paged(Event):
    """The on-call group was mentioned; `count` from 1."""

    request: str
    count: int


class Acknowledged(Event):
    request: str
    by: str


# --- epochs: the enterprise's own, of no request


class EpochBegan(Event):
    """The ledger was restored from a copy: what happened after the copy was made is not in it (law 1).

    `epoch` counts from 1; a ledger that was never restored is in epoch 0. The enterprise is held from here on, and
    every request that was open or under way is voided in the same append.
    """

    epoch: int
    reason: Words


class ComparisonStated(Event):
    """One person compared the consoles and the last announced head: `head`, its first 8 to 64 hex digits.

    Who states again, corrects themselves.
    """

    epoch: int
    by: str
    head: str


class Compared(Event):
    """Two people stated the same head: the hold of this epoch is over. `head` is the longer of what they gave."""

    epoch: int
    by: tuple[str, ...]
    head: str


# --- packages (stream `packages`)


class PackageAdded(Event):
    """A person downloaded this file from the vendor and added it on the bot's host."""

    package: Package
    by: str


# --- announcements (stream `announcer`)


class PostIntended(Event):
    """About to post the message `key`; carried in the message's metadata, so that a post in doubt is found."""

    key: str
    channel: str


class Posted(Event):
    key: str
    channel: str
    ts: str


class PostAbandoned(Event):
    """Slack will not take this message at all (for example a DM to a user who left)."""

    key: str
    reason: Words


class Announced(Event):
    """Every event up to `position` has been announced or folded."""

    position: int


def _all(base: type[Event]) -> dict[str, type[Event]]:
    return {c.__name__: c for c in base.__subclasses__()}


EVENTS: dict[str, type[Event]] = _all(Event)
"""Every event type by its name in the ledger."""


def encode(event: Event) -> tuple[str, int, str]:
    """Type name, schema version and canonical JSON: what is stored and hashed."""
    data = json.dumps(
        event.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return type(event).__name__, event.schema_version, data


def decode(name: str, schema_version: int, data: str) -> Event:
    """The event of stored bytes. Raises `UnknownEvent` for a type or version that this code does not know."""
    kind = EVENTS.get(name)
    if kind is None or schema_version != kind.schema_version:
        raise UnknownEvent(
            f"the ledger holds {name} version {schema_version}, which this version of Keyturn does not know; "
            "run the version of Keyturn that wrote it, or a newer one"
        )
    return kind.model_validate_json(data)
