"""The commands: what people ask and what the run reports. `decide` alone refuses them."""

from __future__ import annotations

from datetime import datetime

from bot.domain.approval import Authority, Person
from bot.domain.events import Check, Draft, Statement, Step
from bot.domain.plan import Plan
from bot.domain.progress import Budgets
from bot.domain.sight import InstallOutcome, IpmInformation, Observation
from bot.domain.values import Value


class Command(Value):
    """Something that somebody, or the run, wants to become a fact."""


# --- people


class Ask(Command):
    """`needs_minutes` must be left of the window at the start."""

    request: str
    by: Person
    authority: Authority
    draft: Draft
    needs_minutes: int


class Approve(Command):
    """`plan` is the plan as it would be made now: drift voids (law 2)."""

    request: str
    by: Person
    authority: Authority
    plan: Plan | None


class Decline(Command):
    request: str
    by: Person
    authority: Authority
    reason: str


class Withdraw(Command):
    request: str
    by: Person


class Cancel(Command):
    request: str
    by: Person
    authority: Authority


class Attest(Command):
    """One person's statement about the console; two different people stating the same act (laws 4 and 5).

    `value`: the vendor's case number (RELEASE, CANNOT_TELL), the level (LEVEL), what was seen (FAILURE).
    """

    request: str
    by: Person
    authority: Authority
    statement: Statement
    value: str = ""


class Acknowledge(Command):
    request: str
    by: Person


class Compare(Command):
    """An approver compared the consoles with the last announced head: its first 8 to 64 hex digits (law 1).

    `epoch`: the hold that the person was shown; None for whichever stands.
    """

    by: Person
    authority: Authority
    head: str
    epoch: int | None = None


# --- the run


class ReportPreflight(Command):
    """The preflight at request time. `plan` is what would be done, when every row holds."""

    request: str
    rows: tuple[Check, ...]
    plan: Plan | None


class Start(Command):
    """Start the run: the preflight again, authority and plan again. `foreign`: somebody else's work, if seen."""

    request: str
    authority: Authority
    rows: tuple[Check, ...]
    plan: Plan | None
    foreign: str | None = None


class Intend(Command):
    """About to act in `step`, having just seen `observation`."""

    request: str
    step: Step
    observation: Observation


class Finish(Command):
    request: str
    step: Step
    detail: str = ""


class IntendInstall(Command):
    """About to press the last Install, having seen `observation` at `seen_at` and now the IPM Information page."""

    request: str
    authority: Authority
    plan: Plan | None
    observation: Observation
    seen_at: datetime
    information: IpmInformation


class ReportPress(Command):
    request: str
    outcome: InstallOutcome


class Observe(Command):
    """A look during the distribution or after the install intent.

    `seen_at`: the end of the look; what lies between it and the decision was not watched. `watching`: looking
    without a gap since then.
    """

    request: str
    observation: Observation
    seen_at: datetime
    watching: datetime
    budgets: Budgets


class Fault(Command):
    """A step could not go on.

    `console_error`: the console showed an error message, `words` are its own. `unreadable`: nobody can read its
    state. `foreign`: somebody else is at work. None of these: the bot's own reason to stop.
    """

    request: str
    words: str
    console_error: bool = False
    unreadable: bool = False
    foreign: bool = False


class ReportUpload(Command):
    """How far the upload has got: `sent` bytes of the package."""

    request: str
    sent: int


class ReportForeignIdle(Command):
    """Somebody else's work, which had raised the lockout, is over."""

    request: str


class ReportLogs(Command):
    """The log export's outcome: a file with its SHA-256, or why there is none."""

    request: str
    file: str = ""
    sha256: str = ""
    refused: str = ""


class ReportEvidenceLost(Command):
    """The bot's host did not take a piece of evidence, for this `reason` of the operating system's."""

    request: str
    reason: str


# --- the ledger, the announcer and the clock


class BeginEpoch(Command):
    """The ledger is a restored one, or lacks what was announced: `reason` says which, as a sentence's second half."""

    reason: str


class ReportLockoutAnnounced(Command):
    request: str
    channel: str
    ts: str


class LookAgain(Command):
    """An alarm rang: expiry, notices, pages. What is due follows from the state and the time alone."""
