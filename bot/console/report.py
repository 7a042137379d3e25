"""What a profile understands of the consoles of an enterprise, as a value. Its JSON is what
`keyturn console check --json` and `keyturn console replay --json` print:

    {"enterprise": "main", "at": "2026-11-22T19:40:00Z", "profile": SHA-256 of the profile's content,
     "result": "found" | "missing" | "failed",
     "consoles": [{"name", "address", "failure", "trusted", "signed_in", "locked", "activity", "subject", "server",
                   "certificate": {"fingerprint", "subject", "issuer", "not_before", "not_after"} or null,
                   "packages": [{"name", "state", "words"}], "levels": {appliance: release or null},
                   "errors": [words], "shows": {view: [what can be read there]}}],
     "findings": [{"key": "labels.logs", "expected": "Logs", "view": "system", "outcome": "found", "near": [],
                   "reason": "", "consoles": [names]}]}

`key` is the profile's own, or `page.VIEW` for what the recognizer makes of a whole page, or `appliances`. Findings
of several consoles that agree are one. All words are the consoles' own, on one line, cut to 300 characters.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import computed_field

from bot.console.certificate import Certificate
from bot.console.visit import View
from bot.domain.sight import Activity, PackageSight, ServerState, Words
from bot.domain.values import Moment, Value


class Outcome(StrEnum):
    """UNCLEAR: it is there, but twice, or of no use, or not understood. NOT_SEEN: there was nowhere to look."""

    FOUND = "found"
    MISSING = "missing"
    UNCLEAR = "unclear"
    NOT_SEEN = "not seen"


WRONG = (Outcome.MISSING, Outcome.UNCLEAR)
"""What the profile, or the settings, have to be corrected for."""


class Result(StrEnum):
    """FAILED: a console could not be reached, trusted or signed in to."""

    FOUND = "found"
    MISSING = "missing"
    FAILED = "failed"


class Finding(Value):
    """One thing that the profile names. `near`: what comes nearest to it; `consoles`: where that is so."""

    key: str
    expected: Words
    view: View | None
    outcome: Outcome
    near: tuple[Words, ...] = ()
    reason: Words = ""
    consoles: tuple[str, ...] = ()


class ConsoleSight(Value):
    """One console as understood. `levels`: each appliance's release as this console's Enterprise page lists it.

    `activity` and `server` are None where their page was not read; `failure` is empty where all went well.
    """

    name: str
    address: str
    failure: Words
    certificate: Certificate | None
    trusted: bool | None
    signed_in: bool
    locked: bool
    activity: Activity | None
    subject: Words | None
    server: ServerState | None
    packages: tuple[PackageSight, ...]
    levels: dict[str, Words | None]
    errors: tuple[Words, ...]
    shows: dict[View, tuple[Words, ...]]


class Report(Value):
    """`profile`: SHA-256 of its content."""

    enterprise: str
    at: Moment
    profile: str
    consoles: tuple[ConsoleSight, ...]
    findings: tuple[Finding, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def result(self) -> Result:
        """The worst of what was met."""
        if any(console.failure for console in self.consoles):
            return Result.FAILED
        return Result.MISSING if self.wrong else Result.FOUND

    @property
    def wrong(self) -> tuple[Finding, ...]:
        """What was looked for and not found, or not understood."""
        return tuple(finding for finding in self.findings if finding.outcome in WRONG)
