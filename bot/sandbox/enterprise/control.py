"""The control port: plain HTTP and JSON on loopback, for tests and the demo to ask and to put faults on."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web
from pydantic import BaseModel

from bot.sandbox.enterprise import faults, pages
from bot.sandbox.enterprise.console import Console
from bot.sandbox.enterprise.report import (
    ApplianceConnection,
    ApplianceReport,
    Connection,
    EnterpriseReport,
    PackageReport,
    RowReport,
    WorkReport,
)
from bot.sandbox.enterprise.settings import SUPER_ADMINISTRATOR
from bot.sandbox.enterprise.world import World
from bot.sandbox.holds import Moment


def app(world: World, consoles: Sequence[Console]) -> web.Application:
    """GET /state /requests /connection /faults /points; PUT and DELETE /faults/NAME[=ARGUMENT]

    PUT /hold {point, moment, nth} holds a request; GET /hold answers {held} as soon as it is; DELETE /hold lets it go.
    """

    async def state(_: web.Request) -> web.Response:
        return _json(report(world, consoles))

    async def requests(_: web.Request) -> web.Response:
        return web.json_response([request.model_dump() for request in world.requests])

    async def connect(_: web.Request) -> web.Response:
        return _json(connection(world))

    async def list_faults(_: web.Request) -> web.Response:
        return web.json_response(faults.CATALOGUE)

    async def change_fault(request: web.Request) -> web.Response:
        try:
            name, argument = faults.parse(request.match_info["fault"])
        except faults.UnknownFault as error:
            return web.json_response({"error": str(error)}, status=404)
        if request.method == "PUT":
            world.enterprise.switch_on(name, argument, world.look())
        else:
            world.enterprise.switch_off(name, world.look())
        world.save()
        return web.json_response({name: fault.argument for name, fault in world.faults.items()})

    async def points(_: web.Request) -> web.Response:
        return web.json_response(world.holds.passed)

    async def hold(request: web.Request) -> web.Response:
        wanted = await request.json()
        world.holds.hold(str(wanted["point"]), Moment(wanted["moment"]), int(wanted["nth"]))
        return web.json_response({})

    async def held(_: web.Request) -> web.Response:
        return web.json_response({"held": await world.holds.held()})

    async def let_go(_: web.Request) -> web.Response:
        world.holds.let_go()
        return web.json_response({})

    application = web.Application()
    application.add_routes(
        [
            web.get("/state", state),
            web.get("/requests", requests),
            web.get("/connection", connect),
            web.get("/faults", list_faults),
            web.put("/faults/{fault}", change_fault),
            web.delete("/faults/{fault}", change_fault),
            web.get("/points", points),
            web.put("/hold", hold),
            web.get("/hold", held),
            web.delete("/hold", let_go),
        ]
    )
    return application


def connection(world: World) -> Connection:
    """How to reach and enter the consoles."""
    return Connection(
        appliances=[
            ApplianceConnection(
                name=appliance.name,
                kind=appliance.kind,
                level=world.enterprise.level(appliance),
                address=world.address(index),
                service=world.service(index),
                fingerprint=world.identities[index].fingerprint,
                certificate=world.identities[index].certificate,
            )
            for index, appliance in enumerate(world.appliances)
        ],
        user=SUPER_ADMINISTRATOR,
        password=world.settings.password,
        level=world.appliances[0].level,
    )


def report(world: World, consoles: Sequence[Console]) -> EnterpriseReport:
    """Everything that a test asks."""
    now = world.look()
    enterprise = world.enterprise
    return EnterpriseReport(
        now=now,
        rate=world.clock.rate,
        appliances=[
            ApplianceReport(
                name=appliance.name,
                kind=appliance.kind,
                level=enterprise.level(appliance),
                address=world.address(index),
                service=world.service(index),
                fingerprint=world.identities[index].fingerprint,
                server="Running" if enterprise.server_up(appliance) else "Down",
                reachable=enterprise.reachable(appliance, now),
            )
            for index, appliance in enumerate(world.appliances)
        ],
        packages=[
            PackageReport(**package.model_dump(exclude={"status"}), status=enterprise.status(package))
            for package in world.state.packages
        ],
        work=_work(world, now),
        locked=enterprise.locked,
        faults={name: fault.argument for name, fault in world.faults.items()},
        **world.state.counters.model_dump(),
        uploads=world.uploads,
        dangerous=world.dangerous,
        sessions=sum(console.sessions.signed_in(now) for console in consoles),
    )


def _work(world: World, now: float) -> WorkReport | None:
    work = world.state.work
    if work is None:
        return None
    return WorkReport(
        kind=work.kind,
        package=work.package,
        foreign=work.foreign,
        elapsed=now - work.started,
        duration=work.duration,
        rows=[
            RowReport(appliance=row.appliance, words=pages.words(work.kind, row))
            for row in world.enterprise.rows(now)
        ],
        finished=world.enterprise.finished(now),
    )


def _json(model: BaseModel) -> web.Response:
    return web.Response(text=model.model_dump_json(), content_type="application/json")
