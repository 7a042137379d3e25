"""One request to one console, as its page sees it: what was asked, by whom, and the ways to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from bot.sandbox.enterprise import pages
from bot.sandbox.enterprise.model import Appliance, Enterprise, Package
from bot.sandbox.enterprise.report import DangerReport
from bot.sandbox.enterprise.sessions import Session
from bot.sandbox.enterprise.world import World

TOKEN = "token"  # noqa: S105 - what the field means
BUTTON = "button"
PACKAGE = "package"


class Forged(Exception):
    """The form does not carry the token of its session."""


class Cut(Exception):
    """Answer nothing: the connection is cut."""


@dataclass
class Visit:
    """`action` is what the log calls the request; `changes` says whether it changed the enterprise."""

    request: web.Request
    world: World
    appliance: Appliance
    session: Session
    now: float
    action: str
    changes: bool = False

    @property
    def enterprise(self) -> Enterprise:
        """The enterprise that the console belongs to."""
        return self.world.enterprise

    def page(
        self, template: str, *, alerts: Sequence[str] = (), status: int = 200, **context: object
    ) -> web.Response:
        """Answer with a page."""
        html = pages.render(
            template,
            word=self.session.word,
            token=self.session.token,
            user=self.session.user,
            appliance=self.appliance.name,
            navigation=pages.NAVIGATION if self.session.user else {},
            locked=self.enterprise.locked,
            alerts=alerts,
            **context,
        )
        return web.Response(text=html, status=status, content_type="text/html")

    def go(self, path: str) -> web.Response:
        """Answer with a redirect that is followed by GET."""
        return web.Response(status=303, headers={"Location": path})

    async def form(self) -> Mapping[str, object]:
        """The fields of a small form, its token checked. Raises `Forged`."""
        form = await self.request.post()
        self.check_token(form.get(self.session.word(TOKEN)))
        return form

    def check_token(self, value: object) -> None:
        """Raises `Forged` unless the value is the session's token."""
        if value != self.session.token:
            raise Forged

    def pressed(self, form: Mapping[str, object], *labels: str) -> str | None:
        """The label of the button that was pressed, of those named."""
        value = form.get(self.session.word(BUTTON))
        return next((label for label in labels if value == self.session.word(f"{BUTTON}:{label}")), None)

    def package(self, fields: Mapping[str, object]) -> Package | None:
        """The package that is selected in a form, or named by an address."""
        value = fields.get(self.session.word(PACKAGE))
        packages = self.enterprise.state.packages
        return next((p for p in packages if value == self.session.word(f"{PACKAGE}:{p.name}")), None)

    def package_address(self, path: str, package: Package) -> str:
        """The address of a page about a package."""
        return f"{path}?{self.session.word(PACKAGE)}={self.session.word(f'{PACKAGE}:{package.name}')}"

    def danger(self, label: str) -> web.Response:
        """A control was used that the procedure never touches: count it, and say so on a page."""
        self.action = label
        self.changes = True
        self.world.dangerous.append(DangerReport(label=label, appliance=self.appliance.name, time=self.now))
        return self.page("recorded", title=label)

    def nothing_pressed(self) -> web.Response:
        """A form came without any of its buttons."""
        return self.page("refused", status=400, alerts=["No action was chosen"], title="Request Refused")
