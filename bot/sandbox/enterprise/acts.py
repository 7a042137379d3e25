"""All that can be done at the console, by name: what the log calls it, and which page follows unless a skin says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from bot.sandbox.enterprise import procedure, surroundings
from bot.sandbox.enterprise.model import Package
from bot.sandbox.enterprise.skins import Skin, SkinError
from bot.sandbox.enterprise.visit import Visit

INSTALL, SIGN_IN, PRESS = "install", "sign_in", "press"
"""`PRESS` is an address where several acts share one form: the button that is pressed says which."""


class Act(NamedTuple):
    """`do` gives nothing, the package that the next page is about, or an answer that goes before any page."""

    word: str
    do: Callable[[Visit], Awaitable[Package | web.StreamResponse | None]]
    done: str
    refused: str = "packages"


def _danger(label: str) -> Act:
    return Act(label, surroundings.danger, "recorded")


ACTS: dict[str, Act] = {
    "start": Act("start", surroundings.start, "packages"),
    SIGN_IN: Act("sign in", surroundings.sign_in, "packages", "sign_in"),
    "sign_out": Act("sign out", surroundings.sign_out, "sign_in"),
    "open_upload": Act("Upload Imprivata Package", procedure.open_upload, "upload"),
    "upload": Act("Upload", procedure.upload, "packages", "upload"),
    "open_distribution": Act("Distribute", procedure.open_distribution, "distribute"),
    "send": Act("Send", procedure.send, "packages"),
    "cancel": Act("Cancel", procedure.cancel, "packages"),
    "finish_distribution": Act("Done", procedure.finish_distribution, "packages"),
    "open_install": Act("open Install", procedure.open_install, "ipm_information"),
    INSTALL: Act("Install", procedure.install, "packages"),
    "export_logs": Act("Export Logs", surroundings.export_logs, "logs"),
    "remove": _danger("Remove"),
    "remove_appliance": _danger("Remove Appliance"),
    "permanently_delete": _danger("Permanently Delete"),
    "reboot": _danger("Reboot/shutdown options"),
    "restart": _danger("Stop/restart options"),
    "clear_logs": _danger("Clear Logs"),
    "recreate_certificates": _danger("Recreate Self Signed Certs"),
}

PRESSED = [name for name in ACTS if name not in (INSTALL, SIGN_IN)]
"""What a button of a shared form may mean. The last Install has an address of its own: it is counted on arrival."""


def check(skin: Skin) -> None:
    """Raises `SkinError` for an act that there is not, more or less than one address for Install, a missing page."""
    for request, act in skin.layout.acts.items():
        if act not in ACTS and act != PRESS:
            known = ", ".join((*ACTS, PRESS))
            raise SkinError(f"the skin {skin.name}: {request}: no act is called {act!r}; there are: {known}")
    for name in (INSTALL, SIGN_IN):
        if list(skin.acts.values()).count(name) != 1:
            raise SkinError(f"the skin {skin.name}: the act {name!r} needs exactly one address")
    if "sign_in" not in skin.layout.pages:
        raise SkinError(f"the skin {skin.name}: the page 'sign_in' needs an address")
    if missing := sorted(page for page in _pages(skin) if not skin.draws(page)):
        raise SkinError(f"the skin {skin.name}: no template for the pages {', '.join(missing)}")


def _pages(skin: Skin) -> set[str]:
    """All that may be shown."""
    layout, done = skin.layout, set(skin.layout.acts.values())
    after = {name: act for name, act in ACTS.items() if name in done or (PRESS in done and name in PRESSED)}
    shown = {layout.done.get(name, act.done) for name, act in after.items()}
    shown |= {layout.refused.get(name, act.refused) for name, act in after.items()}
    return shown | set(layout.pages) | {"refused", "unknown", "wizard"}
