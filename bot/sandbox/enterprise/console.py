"""The Appliance Console of one appliance: sessions, what a request means, and which page answers it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from bot.sandbox.enterprise import acts, pages
from bot.sandbox.enterprise.acts import ACTS
from bot.sandbox.enterprise.model import Refusal
from bot.sandbox.enterprise.report import RequestReport
from bot.sandbox.enterprise.sessions import Session, Sessions
from bot.sandbox.enterprise.skins import Skin
from bot.sandbox.enterprise.visit import Cut, Forged, Visit
from bot.sandbox.enterprise.world import World, real_time

UNKNOWN = "unknown address"


class Console:
    """The console of the appliance at that index. Raises `SkinError` for a skin that cannot be used."""

    def __init__(self, world: World, index: int) -> None:
        cookie = f"c{world.identities[index].fingerprint[:8]}"
        self.sessions = Sessions(cookie, world.settings.idle_minutes * 60)
        # Frames and scripts ask several things at once: with a session that is over, all of them get the same new one.
        self._heirs: dict[str, str] = {}
        self._world = world
        self._appliance = world.appliances[index]
        self._skin = Skin(world.settings.skin)
        acts.check(self._skin)

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
        if file := self._skin.files.get(request.path):
            return web.FileResponse(file)  # a picture or a script: belongs to no session, and is not logged
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
        if self._act(request) == acts.INSTALL:
            # Counted on arrival, whatever comes of it: a test asks how often the button was pressed.
            self._world.state.counters.install_clicks += 1
            self._world.save()
        now = self._world.look()
        session, expired = self._session(request, now)
        visit = Visit(request, self._world, self._appliance, self._skin, self.sessions, session, now, UNKNOWN)
        user = session.user
        try:
            response = await self._respond(visit, expired)
        except Forged:
            message = "The request was refused: its form does not belong to this session"
            response = visit.show("refused", status=403, alerts=[message], title="Request Refused")
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
        request, skin = visit.request, self._skin
        act, page = self._act(request), self._page(request)
        if page is not None:
            visit.action = pages.word(page)
        if act is not None and act in ACTS:
            visit.action = ACTS[act].word
        if "wizard" in self._world.faults:
            await _drain(request)
            visit.action = pages.word("wizard")
            return visit.show("wizard")
        for_anybody = act == acts.SIGN_IN or page in ("sign_in", *skin.layout.without_session)
        if visit.session.user is None and not for_anybody:
            if visit.action != UNKNOWN:
                visit.action += " without a session"
            await _drain(request)
            return visit.ask_to_sign_in(expired=expired)
        if act is not None:
            return await self._do(visit, act)
        if page is None or request.method != "GET":
            await _drain(request)
            return visit.show("refused", status=404, alerts=["There is no such page"], title="Not Found")
        if page in pages.ABOUT_PACKAGE and visit.package(request.query) is None:
            return visit.show("packages", alerts=["Select a package first"])
        hidden = page in pages.UNKNOWN_PAGES and "unknown-page" in self._world.faults
        return visit.show("unknown" if hidden else page)

    async def _do(self, visit: Visit, name: str) -> web.StreamResponse:
        if name == acts.PRESS:
            pressed = visit.pressed(await visit.form(), acts.PRESSED)
            if pressed is None:
                return visit.show(
                    "refused", status=400, alerts=["No action was chosen"], title="Request Refused"
                )
            name = pressed
        act, layout = ACTS[name], self._skin.layout
        visit.action = act.word
        try:
            came = await act.do(visit)
        except Refusal as refusal:
            page = layout.refused.get(name, act.refused)
            status = layout.statuses.get(page, layout.statuses.get("refused"))
            return visit.show(page, alerts=[str(refusal)], status=status)
        if isinstance(came, web.StreamResponse):
            if name == acts.INSTALL and came.status == 307:
                self.sessions.close(visit.session)
            return came
        return visit.follow_with(layout.done.get(name, act.done), came)

    def _act(self, request: web.Request) -> str | None:
        return self._skin.acts.get((request.method, request.path))

    def _page(self, request: web.Request) -> str | None:
        """The page at the request's address: shown by GET, and what the log calls a form that says no act."""
        return self._skin.pages.get(request.path)

    def _session(self, request: web.Request, now: float) -> tuple[Session, bool]:
        """The request's session, or a new one, and whether it came with one that is over."""
        key = request.cookies.get(self.sessions.cookie, "")
        if found := self._find(key, now):
            return found, False
        heir = self._find(self._heirs.get(key, ""), now)
        if heir is None:
            heir = self.sessions.open(now)
            if key:
                self._heirs[key] = heir.key
        return heir, bool(key)

    def _find(self, key: str, now: float) -> Session | None:
        expiry = self._world.faults.get("session-expiry")
        return self.sessions.find(
            key,
            now,
            void_before=self._world.state.sessions_void_before,
            limit=expiry.number if expiry else None,
        )

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
