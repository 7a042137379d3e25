"""The console's other pages: Enterprise, System, Network, Security, with the neighbours never to be touched."""

from __future__ import annotations

import io
import tarfile

from aiohttp import web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.visit import Visit

ENTERPRISE_DANGERS = ("Remove Appliance", "Permanently Delete")
OPERATIONS_DANGERS = ("Reboot/shutdown options", "Stop/restart options")
SECURITY_DANGERS = ("Recreate Self Signed Certs",)
LOG_BUTTONS = ("Export Logs", "Clear Logs")
CHUNK = 1 << 16


async def enterprise(visit: Visit) -> web.StreamResponse:
    """GET /enterprise"""
    shown = [(a.name, a.kind, visit.enterprise.level(a)) for a in visit.enterprise.listed()]
    return visit.page("enterprise", title="Enterprise", appliances=shown, buttons=ENTERPRISE_DANGERS)


async def operations(visit: Visit) -> web.StreamResponse:
    """GET /system/operations"""
    rows = [
        ("Appliance", visit.appliance.name),
        ("Type", visit.appliance.kind),
        ("Imprivata Server", "Running" if visit.enterprise.server_up(visit.appliance) else "Down"),
    ]
    return visit.page(
        "operations", title="Operations", tabs=pages.SYSTEM_TABS, rows=rows, buttons=OPERATIONS_DANGERS
    )


async def logs(visit: Visit) -> web.StreamResponse:
    """GET /system/logs"""
    return visit.page("logs", title="Logs", tabs=pages.SYSTEM_TABS, buttons=LOG_BUTTONS)


async def plain(visit: Visit) -> web.StreamResponse:
    """GET of a page that only has its name: the rest of System, and Network"""
    tabs = pages.SYSTEM_TABS if visit.request.path.startswith("/system/") else {}
    return visit.page("plain", title=visit.action, tabs=tabs)


async def security(visit: Visit) -> web.StreamResponse:
    """GET /security"""
    return visit.page("security", title="Security", buttons=SECURITY_DANGERS)


async def danger(visit: Visit) -> web.StreamResponse:
    """POST /enterprise, /system/operations, /security: nothing there belongs to the procedure"""
    pressed = visit.pressed(await visit.form(), *ENTERPRISE_DANGERS, *OPERATIONS_DANGERS, *SECURITY_DANGERS)
    return visit.danger(pressed) if pressed else visit.nothing_pressed()


async def export(visit: Visit) -> web.StreamResponse:
    """POST /system/logs: Export Logs answers with a file, Clear Logs is never to be touched"""
    pressed = visit.pressed(await visit.form(), *LOG_BUTTONS)
    if pressed == "Clear Logs":
        return visit.danger(pressed)
    if pressed is None:
        return visit.nothing_pressed()
    visit.action = pressed
    if "logs-refused" in visit.world.faults:
        return visit.page("refused", status=500, alerts=["Internal error"], title="Internal Error")
    name = f"{visit.appliance.name}-logs"
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/gzip",
            "Content-Disposition": f'attachment; filename="{name}.tar.gz"',
        }
    )
    await answer.prepare(visit.request)
    archive = _archive(name, _log(visit))
    for start in range(0, len(archive), CHUNK):
        await answer.write(archive[start : start + CHUNK])
    await answer.write_eof()
    return answer


def _log(visit: Visit) -> str:
    lines = [
        f"{r.at} {r.method} {r.action} {r.status} {r.user or '-'}"
        for r in visit.world.requests
        if r.appliance == visit.appliance.name
    ]
    errors = [f"ERROR {words}" for words in pages.errors(visit.enterprise, visit.now)]
    return "\n".join([f"Log of {visit.appliance.name} (simulated)", *lines, *errors, ""])


def _archive(name: str, text: str) -> bytes:
    content = text.encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        entry = tarfile.TarInfo(f"{name}/console.log")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
