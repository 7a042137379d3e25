"""Renders the console's pages: docs/assumed-console.md, as HTML. Everything is escaped."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.sandbox.enterprise.model import Enterprise
from bot.sandbox.enterprise.work import Row

NAVIGATION = {
    "Packages": "/packages",
    "System": "/system/operations",
    "Network": "/network",
    "Security": "/security",
    "Enterprise": "/enterprise",
    "Log Out": "/sign-out",
}
SYSTEM_TABS = {
    "Operations": "/system/operations",
    "General Settings": "/system/general",
    "Database Affinity": "/system/affinity",
    "Health Agents": "/system/agents",
    "Logs": "/system/logs",
}

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(template: str, **context: object) -> str:
    """The page of a template in `templates/`, without its ending."""
    return _environment.get_template(f"{template}.html").render(context)


def size(count: int) -> str:
    """Bytes as the Size column shows them."""
    if count >= 1 << 20:
        return f"{count / (1 << 20):.1f} MB"
    return f"{count / (1 << 10):.1f} KB"


def panel(enterprise: Enterprise, now: float) -> dict[str, object] | None:
    """The section about what goes on, for the Packages page: heading, rows of (appliance, status), done."""
    work = enterprise.state.work
    if work is None:
        return None
    noun = "Distribution" if work.kind == "distribution" else "Installation"
    return {
        "heading": f"{noun} of {work.package}",
        "rows": [(row.appliance, words(work.kind, row)) for row in enterprise.rows(now)],
        "done": enterprise.finished(now),
    }


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
