"""docs/console-faults.md, made from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.catalogue.entries import CATALOGUE
from tests.catalogue.fault import End, Fault, OnAnswers, Simulated, Step

PAGE = Path(__file__).parents[2] / "docs" / "console-faults.md"

_HEAD = """\
<!-- Made from tests/catalogue by `python -m tests.catalogue --docs`; a test holds it to the data. -->
# When the Appliance Console misbehaves

What Keyturn does when the console, or the network before it, goes wrong: {count} faults, by the step of an upgrade in \
which they begin. What breaks below Keyturn itself is in [faults.md](faults.md).

Each row is a test: a whole upgrade is asked for, approved by two people and carried out against a simulated \
enterprise with that fault, and has to end as the row says. `make console-faults` carries all of them out. The \
simulated console looks as [assumed-console.md](assumed-console.md) assumes; what a real one looks like is known \
when [it was checked](console.md).

| the run ends | what that means | enterprise in quarantine | Admin Console and Packages page |
|---|---|---|---|
{ends}

"Install" counts how often the last Install is sent: never twice. "You read" are words that the ledger, and with it \
the channel, holds. Where a row says that people are paged, they are paged again until somebody acknowledges. \
Budgets are settings; by default a distribution is overdue after 60 minutes, an installation after 120, and the \
settle budget is 15 minutes.
"""
_ENDS = {
    End.SUCCEEDED: ("the hotfix is installed, with one same new level everywhere", "free again"),
    End.STOPPED: (
        "nothing was installed, nothing is wrong; a new request is allowed",
        "free, unless somebody else is at work",
    ),
    End.VOID: ("the approval does not hold any more; a new request is allowed", "free"),
    End.FAILED: ("the console has shown an error: a support case", "keep off until two people release it"),
    End.UNKNOWN: (
        "nobody can tell from the console: two people have to look",
        "keep off until two people release it",
    ),
    End.OVERDUE: (
        "the run goes on being watched, people are paged; it ends by success, by an error, or by two people",
        "keep off",
    ),
    End.HELD: ("the run waits in `verifying` for two people to confirm the level", "keep off"),
}


def render() -> str:
    """The whole page."""
    ends = "\n".join(
        f"| {end.value} | {means} | {'yes' if end.quarantines else 'no'} | {consoles} |"
        for end, (means, consoles) in _ENDS.items()
    )
    return "\n".join([_HEAD.format(count=len(CATALOGUE), ends=ends), *_sections()])


def _sections() -> Iterator[str]:
    for step in Step:
        rows = [fault for fault in CATALOGUE if fault.at is step]
        yield f"## {step.value[0].upper()}{step.value[1:]}\n"
        yield "| fault | the console | for how long | Keyturn | the run ends | Install | you read | why |"
        yield "|---|---|---|---|---|---|---|---|"
        yield from map(_row, rows)
        yield ""


def _row(fault: Fault) -> str:
    end = fault.end.value + (", somebody else at work" if fault.foreign else "")
    if fault.pending:
        end += f" (not yet so: {fault.pending})"
    read = f"`{fault.says[0]}`" if fault.says else ""
    cells = [
        fault.name,
        fault.does,
        _lasting(fault),
        fault.keyturn,
        end,
        str(fault.installs),
        read,
        fault.why,
    ]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _lasting(fault: Fault) -> str:
    if isinstance(fault.how, OnAnswers):
        return {0: "each time", 1: "once"}.get(fault.times, f"{fault.times} times")
    if fault.minutes:
        return f"{fault.minutes} minute{'s' if fault.minutes > 1 else ''}"
    return "" if isinstance(fault.how, Simulated) else "for good"
