"""What a fault of the catalogue is: what the console does, when, for how long, and what has to come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Step(StrEnum):
    """Where in the life of a request a fault sets in (design, "The life of a request"), in its order."""

    PREFLIGHT = "preflight, when it is asked for"
    LOOK = "any look at the consoles"
    START = "start, when two people have approved"
    SIGN_IN = "sign in"
    OPEN_UPLOAD = "open the upload page"
    UPLOAD = "upload"
    OPEN_DISTRIBUTION = "open the distribution"
    SEND = "Send"
    DISTRIBUTING = "wait for the distribution"
    DONE = "Done"
    OPEN_INSTALL = "open IPM Information"
    INSTALL = "Install"
    WATCH = "watch"
    VERIFY = "verify"
    LOGS = "collect logs"


class End(StrEnum):
    """What has become of the run, in the design's words."""

    SUCCEEDED = "succeeded"
    STOPPED = "stopped"
    VOID = "void"
    FAILED = "failed"
    UNKNOWN = "unknown"
    OVERDUE = "overdue, watched on"
    HELD = "held in verifying"

    @property
    def quarantines(self) -> bool:
        """Law 4."""
        return self in (End.FAILED, End.UNKNOWN)

    @property
    def goes_on(self) -> bool:
        """Whether the run is not over: law 5."""
        return self in (End.OVERDUE, End.HELD)


@dataclass(frozen=True)
class Simulated:
    """The simulated enterprise has a fault of its own, by its name there."""

    fault: str


@dataclass(frozen=True)
class Refused:
    """The console's port refuses connections, and those that stand are reset."""


@dataclass(frozen=True)
class OtherCertificate:
    """The console shows another certificate, and the connections that stand are reset."""


class Way(StrEnum):
    """How an answer may not come."""

    RESET = "reset"
    SILENCE = "silence"
    TRICKLE = "trickle"
    HALF = "half"


@dataclass(frozen=True)
class Cut:
    """The answer does not come, or not whole. `carried_out`: the console does what it was asked all the same."""

    way: Way
    carried_out: bool = False


@dataclass(frozen=True)
class Replaced:
    """Another answer comes. `repeat`: the body is sent so many times in a row."""

    status: str = "200 OK"
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/html; charset=utf-8"})
    repeat: int = 1
    carried_out: bool = False


@dataclass(frozen=True)
class SignedOut:
    """The session is over: the answer is 302 to the sign-in page. `carried_out`: it is over only afterwards."""

    carried_out: bool = False


@dataclass(frozen=True)
class Rewritten:
    """Other words in the answer, headers included: a regular expression and what stands in its place."""

    pattern: str
    words: str


OnAnswers = Cut | Replaced | SignedOut | Rewritten
OnConsole = Simulated | Refused | OtherCertificate


@dataclass(frozen=True)
class Fault:
    """One entry.

    `does`: one sentence of what the console does. `at`: the step in which it begins to.
    `how`: on answers to the step's request, `times` of them (0: all from then on); or on the console from the
    moment before that request, for `minutes` of the run's clock (0: for good).
    `end`, `installs` (how often the Install request leaves the bot), `says` (words that the ledger has to hold for
    its reader), `foreign` (the lockout notice is up for somebody else's work): the expected verdict.
    `besides`: a fault of the simulated enterprise that is on from the beginning, to get so far at all.
    `pending`: why it is known not to end so yet; empty when it does.
    `keyturn`, `why`: the same for a reader, and the law or the vendor's sentence that demands it.
    """

    name: str
    at: Step
    does: str
    how: OnAnswers | OnConsole
    end: End
    keyturn: str
    why: str
    installs: int = 0
    says: tuple[str, ...] = ()
    times: int = 0
    minutes: int = 0
    foreign: bool = False
    besides: str = ""
    pending: str = ""

    @property
    def lockout(self) -> bool:
        """Law 8: it is closed by success and by an end without harm alone."""
        return self.foreign or self.end.quarantines or self.end.goes_on

    @property
    def is_waited_for(self) -> bool:
        """Whether the bot notices by waiting in vain."""
        return isinstance(self.how, Cut) and self.how.way in (Way.SILENCE, Way.TRICKLE)
