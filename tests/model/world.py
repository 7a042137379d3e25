"""What is outside the ledger: bot processes, requests on the network, the Appliance Console, the second person.

A state of the whole model is a `World`. Everything that can happen next is in `protocol`.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.model.ledger import Command, Ledger, Lockout, Request


class Process(NamedTuple):
    """One bot process, at one place in `bot/upgrade/runner.py` and `steps.py`.

    `at`: "off"; "top" (asks the ledger what comes next); "append" (`command` was decided on `base` and is on its
    way to the disk); "send" (`step` is intended); "armed" (Install is intended); "wait" (for the answer to `step`).
    """

    at: str = "off"
    step: str = ""
    request: int = 0
    command: Command | None = None
    base: Ledger | None = None
    old: bool = False
    """More than 30 s have passed since the install intent."""


OFF, TOP = Process(), Process("top")


class Console(NamedTuple):
    """Each plan's package as the console lists it, and whether somebody else is at work with another package.

    A package is absent, uploaded, distributing, done (finished, and "Done" not yet pressed), distributed,
    installing, installed, mixed (on some appliances), other (everywhere, at another level) or error.
    """

    packages: tuple[str, ...]
    other: str = "not yet"
    """`not yet`, `working`, `gone`."""

    @property
    def idle(self) -> bool:
        return self.other != "working" and not any(
            p in ("distributing", "done", "installing") for p in self.packages
        )


class World(NamedTuple):
    """`sent` and `arrived` count each plan's Install requests; `net` holds requests under way: step and plan.

    The rest is history that the laws ask for: `attested`, plans of which two people saw that nothing had started;
    `owed`, a quarantine that two people have not lifted yet; `complained`, the console refused a request;
    `repeated`, the network delivered an Install twice.
    """

    ledger: Ledger
    processes: tuple[Process, ...]
    console: Console
    net: tuple[tuple[str, int], ...] = ()
    sent: tuple[int, ...] = ()
    arrived: tuple[int, ...] = ()
    attested: tuple[bool, ...] = ()
    owed: bool = False
    complained: bool = False
    repeated: bool = False
    backup: Ledger | None = None
    restored: bool = False
    disk: Ledger | None = None
    """What a loss of power would leave; None: the ledger itself (every append is flushed)."""


class Scope(NamedTuple):
    """What may happen in one exploration. The product of everything would not end."""

    name: str
    begun: bool = False
    """Begins where the package is distributed, the lockout announced, and Install comes next."""
    plans: int = 1
    processes: int = 1
    lock: bool = True
    """The process lock: a second process starts only when no other is alive."""
    network: bool = True
    """Requests and answers get lost, late, or (Install) delivered twice."""
    silence: bool = True
    """Looks meet a console that does not answer, or a page that the profile does not recognize."""
    people: bool = False
    """Cancels, requests, approvals and two-person statements."""
    other: bool = False
    """A second person at the console: with another package, or installing ours by hand."""
    failing: bool = True
    """The console's own work fails, or ends at another level or on some appliances only."""
    restore: bool = False
    power: bool = False
    """The host loses power."""
    drift: bool = False
    """The plan changes under the run, the window closes."""


def initial(scope: Scope) -> World:
    """The first plan is approved and due; the others are still to be asked for where people take part."""
    later = Request("none") if scope.people else Request("approved")
    nothing = (0,) * scope.plans
    first, has, lockout = Request("approved"), "absent", None
    if scope.begun:
        first = Request("preparing", intended="UD", finished="UD", seen="distributed")
        has, lockout = "distributed", Lockout(0, announced=True)
    return World(
        ledger=Ledger((first, *[later] * (scope.plans - 1)), lockout=lockout),
        processes=(OFF,) * scope.processes,
        console=Console((has, *["absent"] * (scope.plans - 1))),
        sent=nothing,
        arrived=nothing,
        attested=(False,) * scope.plans,
    )


def shown(console: Console, plan: int) -> str:
    """What a truthful look shows the run of that plan."""
    if console.other == "working":
        return "foreign"
    busy = ("distributing", "done", "installing")
    others = [p for i, p in enumerate(console.packages) if i != plan]
    if any(p in busy for p in others):
        return "foreign"
    return console.packages[plan]


def at_rest(w: World) -> bool:
    """Nothing is on its way, and every run has ended or waits for people."""
    runs = w.ledger.requests
    waits = not w.ledger.free or all(
        r.phase != "approved" and (not r.running or r.overdue or r.other_level) for r in runs
    )
    return waits and not w.net


def replaced(items: tuple[int, ...], at: int, value: int) -> tuple[int, ...]:
    return (*items[:at], value, *items[at + 1 :])
