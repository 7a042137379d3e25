"""The vendor's procedure: what each of its controls does, whatever the console looks like.

An act raises `Refusal` where the console would say why not.
"""

from __future__ import annotations

import aiohttp
from aiohttp import BodyPartReader, web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.model import Package, Refusal
from bot.sandbox.enterprise.report import UploadReport
from bot.sandbox.enterprise.visit import FILE, SCOPE, TOKEN, Cut, Visit
from bot.sandbox.package import PackageError, PackageHeader, Verifier

CHUNK = 1 << 18
TOKEN_LIMIT = 1024
NO_FILE = "Select a file first"


async def open_upload(visit: Visit) -> None:
    """Upload Imprivata Package"""
    await visit.form()
    visit.enterprise.refuse_while_locked()


async def upload(visit: Visit) -> None:
    """Upload: the file is hashed and verified as it comes, and not kept."""
    if not visit.request.content_type.startswith("multipart/"):
        raise Refusal(NO_FILE)
    verifier = Verifier()
    token: object = None
    try:
        async for part in await visit.request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name in (TOKEN, visit.session.word(TOKEN)):
                token = (await part.read_chunk(TOKEN_LIMIT)).decode("latin-1")
            elif part.name in (FILE, visit.session.word(FILE)):
                while chunk := await part.read_chunk(CHUNK):
                    verifier.feed(chunk)
    except (OSError, aiohttp.ClientError, ValueError):
        raise Cut from None
    visit.check_token(token)
    if not verifier.size:
        raise Refusal(NO_FILE)
    name, reason = "", ""
    try:
        header = _verified(visit, verifier)
        name = header.name
        visit.enterprise.upload(header)
    except (PackageError, Refusal) as refusal:
        reason = str(refusal)
    visit.world.uploads.append(
        UploadReport(
            name=name, sha256=verifier.sha256, size=verifier.size, accepted=not reason, reason=reason
        )
    )
    if reason:
        raise Refusal(reason)
    visit.changes = True


def _verified(visit: Visit, verifier: Verifier) -> PackageHeader:
    if "upload-refused" in visit.world.faults:
        raise PackageError("The package signature is not valid")
    return verifier.finish()


async def open_distribution(visit: Visit) -> Package:
    """Distribute: what follows is about the package."""
    return visit.enterprise.check_distribution(await _named(visit))


async def send(visit: Visit) -> None:
    """Send"""
    visit.enterprise.begin_distribution(await _named(visit), visit.now)
    visit.changes = True


async def cancel(visit: Visit) -> None:
    """Cancel"""
    await visit.form()


async def finish_distribution(visit: Visit) -> None:
    """Done: the finished distribution is acknowledged."""
    await visit.form()
    visit.enterprise.finish_distribution(visit.now)
    visit.changes = True


async def open_install(visit: Visit) -> Package:
    """Install on the Packages page: what follows is about the package."""
    return visit.enterprise.check_installation(await _named(visit))


async def install(visit: Visit) -> web.Response | None:
    """The last Install, and what the faults make of it."""
    form = await visit.form()
    on = visit.world.faults
    if "install-lost" in on:
        raise Cut
    if "install-500" in on:
        return visit.show("refused", status=500, alerts=["Internal error"], title="Internal Error")
    if "install-sign-in" in on:
        address = visit.skin.layout.pages["sign_in"]
        return web.Response(status=307, headers={"Location": f"{address}?expired=1"})
    if "ignored-install" in on:
        return None
    one = visit.chosen(form, SCOPE, pages.SCOPES) == pages.SCOPE_ONE
    if one:
        visit.danger(pages.SCOPES[pages.SCOPE_ONE])
    visit.enterprise.begin_installation(
        await _named(visit), visit.now, only=visit.appliance.name if one else None
    )
    visit.changes = True
    if "install-cut" in on:
        raise Cut
    return None


async def _named(visit: Visit) -> str:
    package = visit.package(await visit.form())
    return package.name if package else ""
