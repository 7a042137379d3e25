"""One request to one console: what was asked, by whom, and the ways to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.model import Appliance, Enterprise, Package
from bot.sandbox.enterprise.report import DangerReport
from bot.sandbox.enterprise.sessions import Session, Sessions
from bot.sandbox.enterprise.skins import Skin
from bot.sandbox.enterprise.world import World

TOKEN = "token"  # noqa: S105 - what the field means
TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - the header's name
BUTTON, PACKAGE, SCOPE, USER, PASSWORD, FILE = "button", "package", "scope", "user", "password", "file"


class Forged(Exception):
    """The request does not carry the token of its session."""


class Cut(Exception):
    """Answer nothing: the connection is cut."""


@dataclass
class Visit:
    """`action` is what the log calls the request; `changes` says whether it changed the enterprise."""

    request: web.Request
    world: World
    appliance: Appliance
    skin: Skin
    sessions: Sessions
    session: Session
    now: float
    action: str
    changes: bool = False

    @property
    def enterprise(self) -> Enterprise:
        """The enterprise that the console belongs to."""
        return self.world.enterprise

    def show(
        self,
        page: str,
        *,
        alerts: Sequence[str] = (),
        status: int | None = None,
        title: str = "",
        expired: bool = False,
        package: Package | None = None,
    ) -> web.Response:
        """Answer with a page of the skin."""
        package = package or self.package(self.request.query)
        rendered = self.skin.render(
            page,
            {
                **pages.view(self.enterprise, self.appliance, self.now, package),
                "page": page,
                "title": title or pages.title(page),
                "alerts": list(alerts),
                "expired": expired or "expired" in self.request.query,
                "user": self.session.user,
                "token": self.session.token,
                "word": self.session.word,
                "query": dict(self.request.query),
            },
        )
        return web.Response(
            text=rendered.text,
            status=status or self.skin.layout.statuses.get(page, 200),
            content_type=rendered.content_type,
        )

    def follow_with(self, page: str, package: Package | None = None) -> web.Response:
        """What comes after an act: a redirect to a page (GET), or the page itself where it has no address."""
        address = self.skin.layout.pages.get(page)
        if address is None or self.skin.is_data(page):
            return self.show(page, package=package, title=self.action if page == "recorded" else "")
        if package is not None:
            address += f"?{self.session.word(PACKAGE)}={self.session.word(f'{PACKAGE}:{package.name}')}"
        return web.Response(status=303, headers={"Location": address})

    def ask_to_sign_in(self, *, expired: bool) -> web.Response:
        """The sign-in page; after a session that is over, by way of a redirect."""
        address = self.skin.layout.pages.get("sign_in")
        if not expired or address is None or self.skin.is_data("sign_in"):
            return self.show("sign_in", expired=expired)
        return web.Response(status=303, headers={"Location": f"{address}?expired=1"})

    async def form(self) -> Mapping[str, object]:
        """The fields of a small request, its token checked unless it only asks for something. Raises `Forged`."""
        if self.request.method == "GET":
            return self.request.query
        fields: Mapping[str, object]
        if self.request.content_type == "application/json":
            try:
                body = await self.request.json()
            except ValueError:
                raise Forged from None
            fields = body if isinstance(body, dict) else {}
        else:
            fields = await self.request.post()
        self.check_token(self.field(fields, TOKEN))
        return fields

    def check_token(self, value: object) -> None:
        """Raises `Forged` unless the value, or the request's header, is the session's token."""
        if self.session.token not in (value, self.request.headers.get(TOKEN_HEADER)):
            raise Forged

    def field(self, fields: Mapping[str, object], meaning: str) -> object:
        """The field of that meaning, by its word in this session or by the meaning itself."""
        return fields.get(self.session.word(meaning), fields.get(meaning))

    def chosen(self, fields: Mapping[str, object], meaning: str, values: Iterable[str]) -> str | None:
        """Which of `values` a field has, by the value's word in this session or as it is."""
        value = self.field(fields, meaning)
        return next((v for v in values if value in (v, self.session.word(f"{meaning}:{v}"))), None)

    def pressed(self, fields: Mapping[str, object], acts: Iterable[str]) -> str | None:
        """Which of `acts` the button that was pressed means: by its value, or as an image button by its name."""
        acts = list(acts)
        names = {self.session.word(f"{BUTTON}:{act}"): act for act in acts}
        by_name = (names.get(name.removesuffix(".x")) for name in fields)
        return self.chosen(fields, BUTTON, acts) or next((act for act in by_name if act), None)

    def package(self, fields: Mapping[str, object]) -> Package | None:
        """The package that is selected in a form, or named by an address."""
        listed = {package.name: package for package in self.enterprise.state.packages}
        return listed.get(self.chosen(fields, PACKAGE, listed) or "")

    def danger(self, label: str) -> None:
        """A control was used that the procedure never touches: count it."""
        self.changes = True
        self.world.dangerous.append(DangerReport(label=label, appliance=self.appliance.name, time=self.now))
