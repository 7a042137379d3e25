"""What the console does beside the procedure: signing in and out, the log export, and what is never to be touched."""

from __future__ import annotations

import hmac
import io
import tarfile

from aiohttp import web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.model import Refusal
from bot.sandbox.enterprise.visit import PASSWORD, USER, Forged, Visit

CHUNK = 1 << 16


async def start(_visit: Visit) -> None:
    """The console's first address, where that is no page."""


async def sign_in(visit: Visit) -> web.Response | None:
    """Log In"""
    try:
        form = await visit.form()
    except Forged:
        return visit.show("sign_in", expired=True)
    user, password = str(visit.field(form, USER)), str(visit.field(form, PASSWORD))
    known = visit.world.settings.passwords.get(user, "")
    if "password-changed" in visit.world.faults or not (
        known and hmac.compare_digest(known.encode(), password.encode())
    ):
        visit.world.state.counters.refused_sign_ins += 1
        raise Refusal("The user name or the password is not correct")
    visit.world.state.counters.sign_ins += 1
    visit.sessions.close(visit.session)
    visit.session = visit.sessions.open(visit.now, user)
    return None


async def sign_out(visit: Visit) -> None:
    """Log Out"""
    visit.sessions.close(visit.session)
    visit.session = visit.sessions.open(visit.now)


async def danger(visit: Visit) -> None:
    """A control that the procedure never touches; `visit.action` says which."""
    await visit.form()
    visit.danger(visit.action)


async def export_logs(visit: Visit) -> web.StreamResponse:
    """Export Logs"""
    await visit.form()
    if "logs-refused" in visit.world.faults:
        return visit.show("refused", status=500, alerts=["Internal error"], title="Internal Error")
    name = f"{visit.appliance.name}-logs"
    answer = web.StreamResponse(
        headers={
            "Content-Type": "application/gzip",
            "Content-Disposition": f'attachment; filename="{name}.tar.gz"',
        }
    )
    await answer.prepare(visit.request)
    archive = _archive(name, _log(visit))
    for start_at in range(0, len(archive), CHUNK):
        await answer.write(archive[start_at : start_at + CHUNK])
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
