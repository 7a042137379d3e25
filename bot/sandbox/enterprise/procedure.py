"""The pages of the vendor's procedure: Packages, Upload Imprivata Package, Distribute, IPM Information."""

from __future__ import annotations

from collections.abc import Sequence

import aiohttp
from aiohttp import BodyPartReader, web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.model import Package, Refusal
from bot.sandbox.enterprise.report import UploadReport
from bot.sandbox.enterprise.visit import TOKEN, Cut, Visit
from bot.sandbox.package import PackageError, PackageHeader, Verifier

INSTALL_PATH = "/ipm/install"
FILE = "file"
SCOPE = "scope"
ALL, ONE = "Install IPM on all appliances", "Install IPM on this appliance only"
BUTTONS = ("Upload Imprivata Package", "Distribute", "Install", "Remove")
CHUNK = 1 << 18
TOKEN_LIMIT = 1024


async def start(visit: Visit) -> web.StreamResponse:
    """GET /"""
    return visit.go("/packages")


async def packages(visit: Visit) -> web.StreamResponse:
    """GET /packages"""
    if "unknown-page" in visit.world.faults:
        return visit.page("unknown", title="Service Advisory")
    return _packages(visit)


def _packages(visit: Visit, alerts: Sequence[str] = ()) -> web.Response:
    enterprise = visit.enterprise
    return visit.page(
        "packages",
        alerts=[*alerts, *pages.errors(enterprise, visit.now)],
        title="Packages",
        packages=[
            (p.name, p.kind, pages.size(p.size), enterprise.status(p)) for p in enterprise.state.packages
        ],
        panel=pages.panel(enterprise, visit.now),
        buttons=BUTTONS,
    )


async def choose(visit: Visit) -> web.StreamResponse:
    """POST /packages: one of the buttons below the list."""
    form = await visit.form()
    pressed = visit.pressed(form, *BUTTONS)
    package = visit.package(form)
    if pressed is None:
        return visit.nothing_pressed()
    if pressed == "Remove":
        return visit.danger(pressed)
    visit.action = "open Install" if pressed == "Install" else pressed
    try:
        if pressed == "Upload Imprivata Package":
            visit.enterprise.refuse_while_locked()
            return visit.go("/upload")
        name = package.name if package else ""
        if pressed == "Distribute":
            return visit.go(visit.package_address("/distribute", visit.enterprise.check_distribution(name)))
        return visit.go(visit.package_address("/ipm", visit.enterprise.check_installation(name)))
    except Refusal as refusal:
        return _packages(visit, [str(refusal)])


async def upload_page(visit: Visit) -> web.StreamResponse:
    """GET /upload"""
    return _upload(visit)


def _upload(visit: Visit, alerts: Sequence[str] = ()) -> web.Response:
    return visit.page("upload", alerts=alerts, title="Upload Imprivata Package", file=FILE)


async def upload(visit: Visit) -> web.StreamResponse:
    """POST /upload: the file is hashed and verified as it comes, and not kept."""
    if not visit.request.content_type.startswith("multipart/"):
        return _upload(visit, ["Select a file first"])
    verifier = Verifier()
    token: object = None
    try:
        async for part in await visit.request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == visit.session.word(TOKEN):
                token = (await part.read_chunk(TOKEN_LIMIT)).decode("latin-1")
            elif part.name == visit.session.word(FILE):
                while chunk := await part.read_chunk(CHUNK):
                    verifier.feed(chunk)
    except (OSError, aiohttp.ClientError, ValueError):
        raise Cut from None
    visit.check_token(token)
    if not verifier.size:
        return _upload(visit, ["Select a file first"])
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
        return _upload(visit, [reason])
    visit.changes = True
    return visit.go("/packages")


def _verified(visit: Visit, verifier: Verifier) -> PackageHeader:
    if "upload-refused" in visit.world.faults:
        raise PackageError("The package signature is not valid")
    return verifier.finish()


async def distribute_page(visit: Visit) -> web.StreamResponse:
    """GET /distribute"""
    package = visit.package(visit.request.query)
    if package is None:
        return _packages(visit, ["Select a package first"])
    return visit.page(
        "distribute", title="Distribute", package=package.name, appliances=visit.world.appliances
    )


async def distribute(visit: Visit) -> web.StreamResponse:
    """POST /distribute: Send or Cancel"""
    form = await visit.form()
    pressed = visit.pressed(form, "Send", "Cancel")
    package = visit.package(form)
    if pressed is None:
        return visit.nothing_pressed()
    visit.action = pressed
    if pressed == "Send":
        try:
            visit.enterprise.begin_distribution(package.name if package else "", visit.now)
        except Refusal as refusal:
            return _packages(visit, [str(refusal)])
        visit.changes = True
    return visit.go("/packages")


async def done(visit: Visit) -> web.StreamResponse:
    """POST /done: the finished distribution is acknowledged"""
    await visit.form()
    try:
        visit.enterprise.finish_distribution(visit.now)
    except Refusal as refusal:
        return _packages(visit, [str(refusal)])
    visit.changes = True
    return visit.go("/packages")


async def ipm_information(visit: Visit) -> web.StreamResponse:
    """GET /ipm"""
    package = visit.package(visit.request.query)
    if package is None:
        return _packages(visit, ["Select a package first"])
    return visit.page(
        "ipm_information",
        title="IPM Information",
        package=package.name,
        rows=[("Name", package.name), ("Release", package.level), ("Size", pages.size(package.size))],
        scope=SCOPE,
        scopes=(ALL, ONE),
        selected=ONE if "this-appliance-selected" in visit.world.faults else ALL,
        install_path=INSTALL_PATH,
    )


async def install(visit: Visit) -> web.StreamResponse:
    """POST /ipm/install: the last Install, and what the faults make of it"""
    form = await visit.form()
    on = visit.world.faults
    if "install-lost" in on:
        raise Cut
    if "install-500" in on:
        return visit.page("refused", status=500, alerts=["Internal error"], title="Internal Error")
    if "install-sign-in" in on:
        return web.Response(status=307, headers={"Location": "/sign-in?expired=1"})
    if "ignored-install" in on:
        return visit.go("/packages")
    package: Package | None = visit.package(form)
    one = form.get(visit.session.word(SCOPE)) == visit.session.word(f"{SCOPE}:{ONE}")
    try:
        visit.enterprise.begin_installation(
            package.name if package else "", visit.now, only=visit.appliance.name if one else None
        )
    except Refusal as refusal:
        return _packages(visit, [str(refusal)])
    visit.changes = True
    if "install-cut" in on:
        raise Cut
    return visit.go("/packages")
