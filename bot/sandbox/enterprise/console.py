"""The Appliance Console of one appliance: sessions, sign-in, and which page answers what."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from bot.sandbox.enterprise import procedure, surroundings
from bot.sandbox.enterprise.report import RequestReport
from bot.sandbox.enterprise.sessions import Session, Sessions
from bot.sandbox.enterprise.visit import Cut, Forged, Visit
from bot.sandbox.enterprise.world import World, real_time

USER, PASSWORD = "user", "password"


class Route(NamedTuple):
    """`action` is the log's word until the handler knows better."""

    action: str
    handler: Callable[[Visit], Awaitable[web.StreamResponse]]


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/"): Route("start", procedure.start),
    ("GET", "/packages"): Route("Packages", procedure.packages),
    ("POST", "/packages"): Route("Packages", procedure.choose),
    ("GET", "/upload"): Route("Upload page", procedure.upload_page),
    ("POST", "/upload"): Route("Upload", procedure.upload),
    ("GET", "/distribute"): Route("Distribute page", procedure.distribute_page),
    ("POST", "/distribute"): Route("Distribute page", procedure.distribute),
    ("POST", "/done"): Route("Done", procedure.done),
    ("GET", "/ipm"): Route("IPM Information", procedure.ipm_information),
    ("POST", procedure.INSTALL_PATH): Route("Install", procedure.install),
    ("GET", "/enterprise"): Route("Enterprise", surroundings.enterprise),
    ("POST", "/enterprise"): Route("Enterprise", surroundings.danger),
    ("GET", "/system/operations"): Route("Operations", surroundings.operations),
    ("POST", "/system/operations"): Route("Operations", surroundings.danger),
    ("GET", "/system/general"): Route("General Settings", surroundings.plain),
    ("GET", "/system/affinity"): Route("Database Affinity", surroundings.plain),
    ("GET", "/system/agents"): Route("Health Agents", surroundings.plain),
    ("GET", "/system/logs"): Route("Logs", surroundings.logs),
    ("POST", "/system/logs"): Route("Logs", surroundings.export),
    ("GET", "/network"): Route("Network", surroundings.plain),
    ("GET", "/security"): Route("Security", surroundings.security),
    ("POST", "/security"): Route("Security", surroundings.danger),
}


class Console:
    """The console of the appliance at that index."""

    def __init__(self, world: World, index: int) -> None:
        cookie = f"c{world.identities[index].fingerprint[:8]}"
        self.sessions = Sessions(cookie, world.settings.idle_minutes * 60)
        self._world = world
        self._appliance = world.appliances[index]

    def app(self) -> web.Application:
        """The aiohttp application: every request goes through `_answer`."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        return app

    def dark(self) -> bool:
        """Whether the console does not answer now."""
        return not self._world.enterprise.reachable(self._appliance, self._world.look())

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if slow := self._world.faults.get("slow"):
            await asyncio.sleep(slow.number / 1000)
        if self.dark():
            return self._cut(request)
        point = f"console {request.method} {request.path}"
        if not request.content_type.startswith("multipart/"):
            try:
                await (
                    request.read()
                )  # what is held has come whole, and can be handled when its sender is gone
            except OSError:
                return self._cut(request)
        if not await self._world.holds.before(point):
            return self._cut(request)
        await self._world.holds.unheard(point)
        if (request.method, request.path) == ("POST", procedure.INSTALL_PATH):
            # Counted on arrival, whatever comes of it: a test asks how often the button was pressed.
            self._world.state.counters.install_clicks += 1
            self._world.save()
        now = self._world.look()
        session, expired = self._session(request, now)
        visit = Visit(request, self._world, self._appliance, session, now, action="unknown address")
        user = session.user
        try:
            response = await self._respond(visit, expired)
        except Forged:
            message = "The request was refused: its form does not belong to this session"
            response = visit.page("refused", status=403, alerts=[message], title="Request Refused")
        except Cut:
            response = None
        self._log(visit, user or visit.session.user, response.status if response else 0)
        await self._world.holds.after(point)
        if response is None:
            return self._cut(request)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
            response.set_cookie(
                self.sessions.cookie, visit.session.key, secure=True, httponly=True, samesite="Lax"
            )
        return response

    async def _respond(self, visit: Visit, expired: bool) -> web.StreamResponse:
        request = visit.request
        route = ROUTES.get((request.method, request.path))
        if "wizard" in self._world.faults:
            visit.action = "Appliance Setup Wizard"
            await _drain(request)
            return visit.page("wizard", title="Appliance Setup Wizard")
        if request.path == "/sign-in":
            return await self._sign_in(visit)
        if visit.session.user is None:
            visit.action = f"{route.action} without a session" if route else visit.action
            await _drain(request)
            return visit.go("/sign-in?expired=1") if expired else self._sign_in_page(visit)
        if request.path == "/sign-out":
            visit.action = "sign out"
            self.sessions.close(visit.session)
            visit.session = self.sessions.open(visit.now)
            return visit.go("/sign-in")
        if route is None:
            await _drain(request)
            return visit.page("refused", status=404, alerts=["There is no such page"], title="Not Found")
        visit.action = route.action
        response = await route.handler(visit)
        if visit.action == "Install" and response.status == 307:
            self.sessions.close(visit.session)
        return response

    async def _sign_in(self, visit: Visit) -> web.StreamResponse:
        if visit.request.method != "POST":
            visit.action = "sign-in page"
            return self._sign_in_page(visit, expired="expired" in visit.request.query)
        visit.action = "sign in"
        try:
            form = await visit.form()
        except Forged:
            return self._sign_in_page(visit, expired=True)
        user, password = form.get(visit.session.word(USER)), form.get(visit.session.word(PASSWORD))
        known = self._world.settings.passwords.get(str(user), "")
        if "password-changed" in self._world.faults or not (
            known and hmac.compare_digest(known.encode(), str(password).encode())
        ):
            self._world.state.counters.refused_sign_ins += 1
            return self._sign_in_page(visit, alerts=["The user name or the password is not correct"])
        self._world.state.counters.sign_ins += 1
        self.sessions.close(visit.session)
        visit.session = self.sessions.open(visit.now, str(user))
        return visit.go("/packages")

    def _sign_in_page(
        self, visit: Visit, *, alerts: list[str] | None = None, expired: bool = False
    ) -> web.Response:
        return visit.page(
            "sign_in",
            title="Imprivata Appliance Console",
            alerts=alerts or [],
            expired=expired,
            fields=(USER, PASSWORD),
        )

    def _session(self, request: web.Request, now: float) -> tuple[Session, bool]:
        """The request's session, or a new one, and whether it came with one that is over."""
        key = request.cookies.get(self.sessions.cookie, "")
        expiry = self._world.faults.get("session-expiry")
        found = self.sessions.find(
            key,
            now,
            void_before=self._world.state.sessions_void_before,
            limit=expiry.number if expiry else None,
        )
        return found or self.sessions.open(now), bool(key) and found is None

    def _cut(self, request: web.Request) -> web.Response:
        if request.transport:
            request.transport.abort()
        return web.Response(status=503)

    def _log(self, visit: Visit, user: str | None, status: int) -> None:
        self._world.record(
            RequestReport(
                time=visit.now,
                at=real_time(),
                appliance=self._appliance.name,
                method=visit.request.method,
                path=visit.request.path,
                action=visit.action,
                status=status,
                changes=visit.changes,
                user=user,
            )
        )
        if visit.request.method == "POST":
            self._world.save()


async def _drain(request: web.Request) -> None:
    """Read a body that nobody wants, as web servers do before they answer."""
    async for _ in request.content.iter_any():
        pass
