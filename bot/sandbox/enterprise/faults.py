"""The faults that a simulated enterprise can be given, by name: at its start, or while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

WorkKind = Literal["distribution", "installation"]

INSTALL_ERROR = "Package installation failed (error 1603): the database schema could not be updated"
DISTRIBUTE_ERROR = "The package could not be copied: not enough disk space"
EVIL_WORDS = (
    "Install failed <!channel> <!here> <@U123> <https://example.com|click> ```code``` `tick` *bold* "
    "<b>HTML</b><script>document.title='owned'</script> &lt;!channel&gt;\nUpgrade of all appliances succeeded\n"
    "\u202e\x07 " + "A" * 5000
)[:5000]

CATALOGUE: dict[str, str] = {
    "already-listed": "The package is listed before anybody uploads it; already-listed=NAME says which.",
    "appliance-missing": "The Enterprise page lacks the last appliance.",
    "blackout": "No console answers from 30 % to 70 % of an installation, which then goes on well.",
    "distribute-error": "The second appliance ends in Error half-way through a distribution.",
    "distribute-stall": "A distribution stops at 70 % on all appliances, for as long as the fault is on.",
    "evil-words": "The second appliance ends in Error, with a message that tries to be more than text.",
    "foreign-distribution": "Somebody else's distribution goes on, for as long as the fault is on.",
    "foreign-install": "Somebody else's installation goes on, for as long as the fault is on.",
    "ignored-install": "The last Install is answered as always, and nothing starts.",
    "install-500": "The last Install is answered with a server error, and nothing starts.",
    "install-cut": "The last Install starts the installation, and the connection is cut before the answer.",
    "install-error": "The second appliance ends in Error at 60 % of an installation, and stays so.",
    "install-lost": "The last Install's connection is cut when its body has come, and nothing starts.",
    "install-sign-in": "The last Install is answered with 307 to the sign-in page, and nothing starts.",
    "level-behind": "An installation ends well, and the last appliance shows its old level.",
    "level-unchanged": "An installation ends well, and all appliances show their old level.",
    "lock-stays": "The enterprise lock stays on after an installation, for as long as the fault is on.",
    "logs-refused": "The log export is answered with a server error.",
    "mixed-levels": "The last appliance is at another level than the others.",
    "password-changed": "No password is accepted any more; sessions go on.",
    "progress-backwards": "At 60 % of an installation each appliance falls back by 30 %, and goes on from there.",
    "server-down": "The second appliance's Imprivata Server is Down after an installation, its port 443 too.",
    "session-expiry": "A session dies after 7 requests; session-expiry=N says after how many.",
    "slow": "Each answer comes 300 real milliseconds late; slow=MS says how many.",
    "stuck-install": "An installation stops at 80 % on all appliances, for as long as the fault is on.",
    "this-appliance-selected": "IPM Information opens with “Install IPM on this appliance only” selected.",
    "unexpected-level": "An installation leaves all appliances at another level than the package says.",
    "unknown-page": "The Packages page is replaced by a page that nobody knows.",
    "unreachable": "No console answers, for as long as the fault is on.",
    "upload-refused": "Each uploaded package is refused for its signature.",
    "wizard": "The consoles show the Appliance Setup Wizard instead of their pages.",
}

_DEFAULT_ARGUMENTS = {"already-listed": "", "session-expiry": "7", "slow": "300"}
_NUMBERS = ("session-expiry", "slow")


class UnknownFault(Exception):
    """No such fault, or an argument that it does not take. The message lists what there is."""


class Fault(BaseModel):
    """A fault that is on, since a simulated moment in seconds."""

    since: float
    argument: str = ""

    @property
    def number(self) -> int:
        """The argument of a fault that takes a number."""
        return int(self.argument)


def parse(text: str) -> tuple[str, str]:
    """`name` or `name=argument` as name and argument. Raises `UnknownFault`."""
    name, given, argument = text.partition("=")
    if name not in CATALOGUE:
        raise UnknownFault(f"no fault is called {name!r}; there are: {', '.join(CATALOGUE)}")
    if given and name not in _DEFAULT_ARGUMENTS:
        raise UnknownFault(f"the fault {name} takes no argument")
    if given and name in _NUMBERS and not argument.isdecimal():
        raise UnknownFault(f"the fault {name} takes a whole number, not {argument!r}")
    return name, argument if given else _DEFAULT_ARGUMENTS.get(name, "")


@dataclass(frozen=True)
class Stop:
    """Where a fault stops work of our own: at `percent`, on the second appliance only or on all of them.

    With `words` the appliance ends there in Error, for good; without, it goes on when the fault is cleared.
    """

    kind: WorkKind
    percent: float
    words: str = ""

    @property
    def everywhere(self) -> bool:
        """Whether it stops all appliances."""
        return not self.words


STOPS: dict[str, Stop] = {
    "distribute-error": Stop("distribution", 50, DISTRIBUTE_ERROR),
    "distribute-stall": Stop("distribution", 70),
    "install-error": Stop("installation", 60, INSTALL_ERROR),
    "evil-words": Stop("installation", 60, EVIL_WORDS),
    "stuck-install": Stop("installation", 80),
}
