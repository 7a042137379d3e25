"""Whether what came of a run is what its fault's entry says: the differences, in words."""

from __future__ import annotations

from tests.catalogue.carried import Outcome
from tests.catalogue.fault import Fault


def differences(fault: Fault, outcome: Outcome) -> list[str]:
    """Empty when all is as expected, and nothing was done twice or that is no part of the procedure."""
    console = outcome.console
    compared = {
        "the run's end": (fault.end, outcome.end),
        "quarantined": (fault.end.quarantines, outcome.quarantined),
        "lockout notice up": (fault.lockout, outcome.lockout),
        "for somebody else's work": (fault.foreign, outcome.foreign),
        "Install requests sent": (fault.installs, outcome.installs),
        "controls touched that are none of the procedure's": (0, len(console.dangerous)),
        "requests to the Admin Console": (0, console.admin_console_requests),
    }
    found = [f"{what}: {seen}, not {wanted}" for what, (wanted, seen) in compared.items() if seen != wanted]
    uploads = sum(upload.accepted for upload in console.uploads)
    for what, often in (
        ("uploaded", uploads),
        ("sent", console.sends),
        ("installed", console.installs_started),
    ):
        if often > 1:
            found.append(f"{what} {often} times")
    if console.install_clicks > outcome.installs:
        found.append(f"the console counted {console.install_clicks} clicks on Install")
    if outcome.hits < max(fault.times, 1):
        found.append(f"the fault did something {outcome.hits} times only: the run never came so far")
    missing = [words for words in fault.says if words not in outcome.told]
    return found + [f"{words!r} is not told in: {outcome.told}" for words in missing]
