"""What was seen on the Appliance Console: one observation, in the words of the domain.

The console driver makes these; `judge` reads them; the ledger keeps them when they differ from the last.
Words of the console are untrusted text (law 9): cut to length here, escaped where they are shown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from bot.domain.values import Value

WORDS_LIMIT = 300


def _cut(text: str) -> str:
    """One line of printable characters, at most 300 of them."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= WORDS_LIMIT else flat[: WORDS_LIMIT - 1] + "…"


Words = Annotated[str, AfterValidator(_cut)]
"""What the console says: untrusted, flattened to one line and cut to 300 characters."""


class WorkState(StrEnum):
    """How far one appliance, or one package, is with a distribution or an installation."""

    WAITING = "waiting"
    WORKING = "working"
    DONE = "done"
    ERROR = "error"
    UNRECOGNIZED = "unrecognized"


class Activity(StrEnum):
    """What the enterprise as a whole is seen doing on the Packages page."""

    IDLE = "idle"
    DISTRIBUTING = "distributing"
    INSTALLING = "installing"
    UNRECOGNIZED = "unrecognized"


class PackageState(StrEnum):
    """The Status of one package in the list of the Packages page."""

    UPLOADED = "uploaded"
    DISTRIBUTING = "distributing"
    DISTRIBUTED = "distributed"
    INSTALLING = "installing"
    INSTALLED = "installed"
    ERROR = "error"
    UNRECOGNIZED = "unrecognized"


class ServerState(StrEnum):
    """System > Operations, "Imprivata Server" [vendor: "Running" or "Down"]."""

    RUNNING = "running"
    DOWN = "down"
    UNRECOGNIZED = "unrecognized"


class PackageSight(Value):
    """One row of the package list."""

    name: str
    state: PackageState
    words: Words = ""


class WorkRow(Value):
    """One appliance's row in the panel of a distribution or an installation.

    `percent` is 0 to 100, or None where the console shows none.
    """

    appliance: str
    state: WorkState
    percent: int | None = None
    words: Words = ""


class ApplianceSight(Value):
    """One appliance, as its own console and the Enterprise page of the first console show it.

    `level` is the hotfix release that the Enterprise page lists, None where it lists none.
    `answered` says whether the appliance's own console gave pages.
    """

    name: str
    level: str | None = None
    server: ServerState | None = None
    answered: bool = True


class Observation(Value):
    """One look at the consoles of an enterprise. Looking never changes anything.

    `answered`: the first console gave pages; when False everything else is empty and `reason` says why.
    `recognized`: the profile understood every page; when False `reason` says what it did not.
    `activity` and `subject`: what goes on in the Packages page's panel, with which package.
    `rows`: that panel's rows. `finished`: the distribution panel offers "Done".
    `errors`: error messages on the console, in its own words.
    `locked`: the console shows the enterprise lock.
    `pages`: SHA-256 of each page read; the pages are kept outside the ledger.
    """

    answered: bool
    recognized: bool = True
    reason: Words = ""
    activity: Activity = Activity.IDLE
    subject: str | None = None
    rows: tuple[WorkRow, ...] = ()
    finished: bool = False
    locked: bool = False
    errors: tuple[Words, ...] = ()
    packages: tuple[PackageSight, ...] = ()
    appliances: tuple[ApplianceSight, ...] = ()
    pages: tuple[str, ...] = ()

    def package(self, name: str) -> PackageSight | None:
        """The row of that exact name, or None."""
        return next((p for p in self.packages if p.name == name), None)

    def same_as(self, other: Observation | None) -> bool:
        """Whether nothing but the pages' bytes (clocks, tokens) differs."""
        return other is not None and self.model_copy(update={"pages": ()}) == other.model_copy(
            update={"pages": ()}
        )


class IpmInformation(Value):
    """The IPM Information page, as read before its Install button may be pressed.

    `all_selected`: "Install IPM on all appliances" is the selected choice.
    `level` is the level shown there, None where the page shows none.
    """

    package: str
    level: str | None
    all_selected: bool


class Press(StrEnum):
    """What is known of the one request of the last Install button (law 1)."""

    ANSWERED = "answered"
    NOT_SENT = "not sent"
    IN_DOUBT = "in doubt"


class InstallOutcome(Value):
    """`words` says what was answered, or why nothing was sent, or what broke."""

    press: Press
    words: Words = ""
