"""The simulated enterprise itself: its appliances, packages and work. Pure over time: every method is told `now`.

`now` is in simulated seconds since the enterprise was first started. Work is never stepped along: its state
follows from when it was started (`work`), and `advance` draws the conclusions whenever somebody looks.
"""

from __future__ import annotations

from pydantic import BaseModel

from bot.sandbox.enterprise import faults as catalogue
from bot.sandbox.enterprise.faults import Fault, WorkKind
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.enterprise.work import SESSIONS_LOST_AT, Row, Work, dark, rows
from bot.sandbox.package import PackageHeader

FOREIGN_PACKAGE = "agent-24-1-0"
OTHER_LEVEL = "24.1 HF1"  # what mixed-levels shows
LISTED_SIZE = 1_250_000_000


class Refusal(Exception):
    """The console does not do it; the message is what it shows."""


class Package(BaseModel):
    """One line of the list. `size` in bytes; `status` without the work that goes on."""

    name: str
    kind: str
    level: str
    size: int
    status: str = "Uploaded"


class Appliance(BaseModel):
    """One appliance; `level` is its hotfix release."""

    name: str
    kind: str
    level: str


class Counters(BaseModel):
    """What has been done since the enterprise was first started."""

    install_clicks: int = 0
    installs_started: int = 0
    installs_finished: int = 0
    sends: int = 0
    dones: int = 0
    sign_ins: int = 0
    refused_sign_ins: int = 0
    admin_console_requests: int = 0
    admin_console_handshakes: int = 0


class State(BaseModel):
    """All that an enterprise is. `sessions_void_before`: sessions opened earlier (simulated seconds) are dead."""

    appliances: list[Appliance]
    packages: list[Package]
    work: Work | None = None
    faults: dict[str, Fault] = {}
    counters: Counters = Counters()
    sessions_void_before: float = 0.0


def begin(settings: Settings) -> State:
    """A new enterprise with several packages of several kinds in its list."""
    return State(
        appliances=[
            Appliance(
                name=f"appliance-{n + 1}", kind="Database" if n < 2 else "Service", level=settings.level
            )
            for n in range(settings.appliances)
        ],
        packages=[
            Package(
                name="applianceG4-2025-3-1",
                kind="Appliance",
                level="2025.3.1",
                size=891_289_600,
                status="Installed",
            ),
            Package(name=FOREIGN_PACKAGE, kind="Agent", level="24.1.0", size=157_286_400),
            Package(name="25-2-0", kind="Release", level="25.2", size=LISTED_SIZE),
        ],
        counters=Counters(),
    )


class Enterprise:
    """The rules. Raises `Refusal` where the console would show why not."""

    def __init__(self, settings: Settings, state: State) -> None:
        self.settings = settings
        self.state = state

    # Looking

    def rows(self, now: float) -> list[Row]:
        """How far each appliance is with what goes on; empty when nothing does."""
        return rows(self.state.work, self.state.faults, now) if self.state.work else []

    def finished(self, now: float) -> bool:
        """Whether a distribution is complete on all appliances, so that "Done" is offered."""
        work = self.state.work
        return bool(work and work.kind == "distribution" and all(row.complete for row in self.rows(now)))

    @property
    def locked(self) -> bool:
        """Whether the enterprise lock is on: from an installation's start until it is complete everywhere."""
        stays = "lock-stays" in self.state.faults and self.state.counters.installs_finished > 0
        return stays or (self.state.work is not None and self.state.work.kind == "installation")

    def package(self, name: str) -> Package | None:
        """The listed package of exactly that name."""
        return next((package for package in self.state.packages if package.name == name), None)

    def status(self, package: Package) -> str:
        """The word in the Status column."""
        work = self.state.work
        if work is None or work.package != package.name or package.status == "Error":
            return package.status
        return "Distributing" if work.kind == "distribution" else "Installing"

    def level(self, appliance: Appliance) -> str:
        """The hotfix release that the Enterprise page shows for it."""
        odd = "mixed-levels" in self.state.faults and appliance is self.state.appliances[-1]
        return OTHER_LEVEL if odd else appliance.level

    def server_up(self, appliance: Appliance) -> bool:
        """Whether its Imprivata Server is Running."""
        down = "server-down" in self.state.faults and self.state.counters.installs_finished > 0
        return not (down and appliance is self.state.appliances[1])

    def listed(self) -> list[Appliance]:
        """The appliances that the Enterprise page lists."""
        return self.state.appliances[: -1 if "appliance-missing" in self.state.faults else None]

    def reachable(self, appliance: Appliance, now: float) -> bool:
        """Whether its console answers at all."""
        if "unreachable" in self.state.faults:
            return False
        first = appliance is self.state.appliances[0]
        return not (
            self.state.work and dark(self.state.work, first, self.settings.blackout, self.state.faults, now)
        )

    # Time and faults

    def advance(self, now: float) -> None:
        """Draw the conclusions of what has happened until now."""
        if self.state.work is None:
            self._begin_foreign_work(now)
        work = self.state.work
        if work is None or work.foreign:
            return
        package = self._known(work.package)
        for row in self.rows(now):
            if row.error and row.appliance not in work.failed:
                work.failed[row.appliance] = (row.percent or 0.0, row.error)
                package.status = "Error"
        if work.kind == "installation":
            self._advance_installation(work, package, now)

    def _advance_installation(self, work: Work, package: Package, now: float) -> None:
        if work.elapsed(now) >= SESSIONS_LOST_AT:
            lost = work.started + SESSIONS_LOST_AT * work.duration
            self.state.sessions_void_before = max(self.state.sessions_void_before, lost)
        progress = {row.appliance: row for row in self.rows(now)}
        behind = self.state.appliances[-1:] if "level-behind" in self.state.faults else []
        for appliance in self.state.appliances:
            if "level-unchanged" in self.state.faults or appliance in behind:
                continue
            if package.kind != "Agent" and appliance.name in progress and progress[appliance.name].complete:
                odd = "unexpected-level" in self.state.faults
                appliance.level = f"{package.level} R2" if odd else package.level
        if all(row.complete for row in progress.values()):
            package.status = "Installed"
            self.state.counters.installs_finished += 1
            self.state.work = None

    def _begin_foreign_work(self, now: float) -> None:
        if "foreign-distribution" in self.state.faults:
            self._start("distribution", FOREIGN_PACKAGE, now, foreign=True)
        elif "foreign-install" in self.state.faults:
            self._start("installation", FOREIGN_PACKAGE, now, foreign=True)

    def switch_on(self, name: str, argument: str, now: float) -> None:
        """Put a fault on."""
        self.advance(now)
        self.switch_off(name, now)
        self.state.faults[name] = Fault(since=now, argument=argument)
        listed = argument or self.settings.package_name
        if name == "already-listed" and listed and not self.package(listed):
            self.state.packages.append(
                Package(name=listed, kind="Appliance", level=OTHER_LEVEL, size=LISTED_SIZE)
            )
        self.advance(now)

    def switch_off(self, name: str, now: float) -> None:
        """Clear a fault, and what was there only because of it. What ended in Error stays so."""
        self.advance(now)
        fault = self.state.faults.pop(name, None)
        work = self.state.work
        if fault and name == "already-listed":
            planted = self.package(fault.argument or self.settings.package_name or "")
            if planted and planted.status == "Uploaded" and planted.level == OTHER_LEVEL:
                self.state.packages.remove(planted)
        if fault and work and work.foreign and name.startswith("foreign-"):
            self._known(work.package).status = "Distributed" if work.kind == "distribution" else "Installed"
            self.state.work = None

    # The procedure

    def refuse_while_locked(self) -> None:
        """Raises `Refusal` while an installation goes on."""
        if self.locked:
            raise Refusal("Failed:Enterprise lock failed")

    def upload(self, header: PackageHeader) -> None:
        """List a package whose signature was found valid."""
        self.refuse_while_locked()
        fault = self.state.faults.get("already-listed")
        next_uploaded = fault and not fault.argument and not self.settings.package_name
        if next_uploaded or self.package(header.name):
            raise Refusal(f"A package named {header.name} is already listed")
        self.state.packages.append(
            Package(name=header.name, kind=header.kind, level=header.level, size=header.size)
        )

    def check_distribution(self, name: str) -> Package:
        """The package, if it may be distributed now."""
        return self._idle(name, "Uploaded", "Distributed")

    def begin_distribution(self, name: str, now: float) -> None:
        """ "Send": copy the package to all appliances."""
        self.check_distribution(name)
        self._start("distribution", name, now)
        self.state.counters.sends += 1

    def finish_distribution(self, now: float) -> None:
        """ "Done": only now the package counts as distributed."""
        work = self.state.work
        if not work or work.foreign or not self.finished(now):
            raise Refusal("The distribution is not finished")
        self._known(work.package).status = "Distributed"
        self.state.work = None
        self.state.counters.dones += 1

    def check_installation(self, name: str) -> Package:
        """The package, if it may be installed now."""
        return self._idle(name, "Distributed")

    def begin_installation(self, name: str, now: float, only: str | None = None) -> None:
        """The last "Install": on all appliances, or `only` on one."""
        self.check_installation(name)
        self._start("installation", name, now)
        if only and self.state.work:
            self.state.work.appliances = [only]
        self.state.counters.installs_started += 1

    def _idle(self, name: str, *statuses: str) -> Package:
        package = self.package(name)
        if package is None:
            raise Refusal("Select a package first")
        self.refuse_while_locked()
        if self.state.work:
            raise Refusal("Another package operation is in progress")
        if package.status not in statuses:
            raise Refusal(f"Package {name} is {package.status}, not {' or '.join(statuses)}")
        return package

    def _start(self, kind: WorkKind, package: str, now: float, *, foreign: bool = False) -> None:
        seconds = self.settings.distribution_seconds
        self.state.work = Work(
            kind=kind,
            package=package,
            appliances=[appliance.name for appliance in self.state.appliances],
            started=now,
            duration=seconds if kind == "distribution" else self.settings.install_seconds,
            foreign=foreign,
        )

    def _known(self, name: str) -> Package:
        package = self.package(name)
        if package is None:
            raise LookupError(f"package {name} is being worked on and not listed")
        return package


def switch_on_all(enterprise: Enterprise, texts: tuple[str, ...], now: float) -> None:
    """Put on the faults written as `name` or `name=argument`. Raises `faults.UnknownFault`."""
    for text in texts:
        enterprise.switch_on(*catalogue.parse(text), now)
