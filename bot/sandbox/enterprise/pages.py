"""What the console's pages show: the words and values that a skin's templates put into HTML or JSON.

docs/skins.md lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.sandbox.enterprise.model import Appliance, Enterprise, Package
from bot.sandbox.enterprise.work import Row

PRODUCT = "Imprivata Appliance Console"
SCOPE_ALL, SCOPE_ONE = "all", "one"
SCOPES = {SCOPE_ALL: "Install IPM on all appliances", SCOPE_ONE: "Install IPM on this appliance only"}
UNKNOWN_PAGES = frozenset({"packages"})
"""What the fault unknown-page replaces."""
ABOUT_PACKAGE = frozenset({"distribute", "ipm_information"})
"""What is shown only for a package that is listed."""
_PAGES = {
    "start": ("start", PRODUCT),
    "sign_in": ("sign-in page", PRODUCT),
    "packages": ("Packages", "Packages"),
    "upload": ("Upload page", "Upload Imprivata Package"),
    "distribute": ("Distribute page", "Distribute"),
    "ipm_information": ("IPM Information", "IPM Information"),
    "enterprise": ("Enterprise", "Enterprise"),
    "operations": ("Operations", "Operations"),
    "general": ("General Settings", "General Settings"),
    "affinity": ("Database Affinity", "Database Affinity"),
    "agents": ("Health Agents", "Health Agents"),
    "logs": ("Logs", "Logs"),
    "network": ("Network", "Network"),
    "security": ("Security", "Security"),
    "unknown": ("Packages", "Service Advisory"),
    "wizard": ("Appliance Setup Wizard", "Appliance Setup Wizard"),
}


@dataclass(frozen=True)
class Line:
    """A package of the list; `size` and `status` in the console's words."""

    name: str
    kind: str
    level: str
    size: str
    status: str


@dataclass(frozen=True)
class Progress:
    """How far an appliance is: `percent` is None while it waits; `words` say it as the classic skin does."""

    appliance: str
    percent: int | None
    complete: bool
    error: str
    words: str


@dataclass(frozen=True)
class Going:
    """What goes on: `kind` is distribution or installation; `done`: it waits for "Done"."""

    kind: str
    package: str
    rows: list[Progress]
    done: bool


def word(page: str) -> str:
    """What the log calls a page."""
    return _PAGES.get(page, (page, ""))[0]


def title(page: str) -> str:
    """What a page is headed by, in the words of docs/assumed-console.md."""
    return _PAGES.get(page, ("", page))[1]


def view(
    enterprise: Enterprise, appliance: Appliance, now: float, package: Package | None
) -> dict[str, object]:
    """What goes for every page, whatever it is about: the enterprise as it is now. `package`: the chosen one."""
    return {
        "packages": [line(enterprise, listed) for listed in enterprise.state.packages],
        "package": line(enterprise, package) if package else None,
        "work": going(enterprise, now),
        "errors": errors(enterprise, now),
        "appliances": [
            {"name": a.name, "kind": a.kind, "level": enterprise.level(a)} for a in enterprise.listed()
        ],
        "targets": [a.name for a in enterprise.state.appliances],
        "appliance": appliance.name,
        "kind": appliance.kind,
        "server": "Running" if enterprise.server_up(appliance) else "Down",
        "locked": enterprise.locked,
        "scopes": SCOPES,
        "selected_scope": SCOPE_ONE if "this-appliance-selected" in enterprise.state.faults else SCOPE_ALL,
    }


def line(enterprise: Enterprise, package: Package) -> Line:
    """A package as the list shows it."""
    return Line(package.name, package.kind, package.level, size(package.size), enterprise.status(package))


def size(count: int) -> str:
    """Bytes as the Size column shows them."""
    if count >= 1 << 20:
        return f"{count / (1 << 20):.1f} MB"
    return f"{count / (1 << 10):.1f} KB"


def going(enterprise: Enterprise, now: float) -> Going | None:
    """What goes on; None when nothing does."""
    work = enterprise.state.work
    if work is None:
        return None
    rows = [
        Progress(
            row.appliance,
            None if row.percent is None else int(row.percent),
            row.complete,
            row.error,
            words(work.kind, row),
        )
        for row in enterprise.rows(now)
    ]
    return Going(work.kind, work.package, rows, enterprise.finished(now))


def words(kind: str, row: Row) -> str:
    """An appliance's Status in that section."""
    verb, end = ("Copying", "Complete") if kind == "distribution" else ("Installing", "Installed")
    if row.error:
        return f"Error: {row.error}"
    if row.percent is None:
        return "Waiting"
    return end if row.complete else f"{verb} {int(row.percent)}%"


def errors(enterprise: Enterprise, now: float) -> list[str]:
    """The error messages that stand on the Packages page."""
    return [f"{row.appliance}: {row.error}" for row in enterprise.rows(now) if row.error]
