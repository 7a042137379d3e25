"""The console port over HTTP: the vendor's procedure, control by control."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.console import choices, controls, recognize
from bot.console.allow import Purpose
from bot.console.controls import Choice, Control
from bot.console.http_reader import HttpReader
from bot.console.looking import look
from bot.console.pages import Element, Page, PageKind, cut, text
from bot.console.port import Refused, Unrecognized
from bot.console.press import not_sent
from bot.console.profile import Profile
from bot.console.reading import Timeouts, Upload
from bot.console.session import Appliance, Credentials, Driver, Session, SessionExpired
from bot.console.wire import told
from bot.domain.sight import Activity, InstallOutcome, IpmInformation, Observation, WorkState


@dataclass(frozen=True)
class _Open:
    """A page that one step left open for the next, the package it is about, and the session it belongs to."""

    page: Page
    package: str
    signed_in: int
    ipm: IpmInformation | None = None


class HttpConsole:
    """The consoles of one enterprise (`bot.console.port.Console`), one caller at a time.

    `appliances`: the first one's console is worked on, the others' are read. `keep` saves a page as evidence,
    its secrets taken out, and returns its SHA-256. `credentials` that were refused once are never sent again,
    whichever of the sessions that share them it was.
    """

    def __init__(
        self,
        appliances: Sequence[Appliance],
        *,
        credentials: Credentials,
        profile: Profile,
        keep: Callable[[bytes], str],
        timeouts: Timeouts | None = None,
        driver: Driver = HttpReader,
    ) -> None:
        if not appliances:
            raise ValueError("An enterprise has at least one appliance.")
        limits = timeouts or Timeouts()
        self._sessions = [Session(a, credentials, profile, keep, limits, driver=driver) for a in appliances]
        self._first = self._sessions[0]
        self._profile = profile
        self._dialog: _Open | None = None
        self._information: _Open | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(session.close() for session in self._sessions))

    async def look(self) -> Observation:
        """See `bot.console.looking.look`."""
        return await look(self._sessions, self._profile)

    async def upload(self, file: Path, sha256: str, progress: Callable[[int], None]) -> None:
        """Done when the Packages page lists a package that it did not list before."""
        page = await self._first.open(Purpose.PACKAGES)
        before = self._names(page)
        try:
            page = await self._upload(page, file, sha256, progress)
        except SessionExpired:
            page = await self._first.open(Purpose.PACKAGES)
            if self._names(page) == before:
                page = await self._upload(page, file, sha256, progress)
        page = await self._packages_after(page)
        if not self._names(page) - before:
            raise Unrecognized(
                f"{page} lists no new package after the upload of {cut(file.name)!r}. Look at the console.",
                page=page.evidence,
            )

    async def _upload(self, page: Page, file: Path, sha256: str, progress: Callable[[int], None]) -> Page:
        page = await self._first.press(Purpose.OPEN_UPLOAD, page)
        self._expect(page, PageKind.UPLOAD)
        page, field = await self._first.reader.attach(
            page, controls.field(page, self._profile.fields_.package_file), file
        )
        control = controls.action(page, self._profile.labels[Purpose.UPLOAD], file=field)
        answer = await self._first.press(Purpose.UPLOAD, page, control, Upload(file, sha256, progress))
        self._refuse_errors(answer)
        if (
            400 <= answer.status < 500
        ):  # told by the status alone, as a web server in front of the console does
            words = cut(
                answer.heading or answer.title or text(answer.document) or f"status {answer.status}", 300
            )
            raise Refused(f"{answer} refuses the package, status {answer.status}: {words}", words=words)
        return answer

    async def open_distribution(self, package: str) -> None:
        """Leaves the dialog open for `send`."""
        self._dialog = None
        try:
            page = await self._open_distribution(package)
        except SessionExpired:
            page = await self._open_distribution(package)
        self._dialog = _Open(page, package, self._first.signed_in)

    async def _open_distribution(self, package: str) -> Page:
        page = await self._select(package, Purpose.OPEN_DISTRIBUTION)
        self._expect(page, PageKind.DISTRIBUTE)
        if not _speaks_of(page, package):
            raise Unrecognized(f"{page} does not name {package!r}. Look at the console.", page=page.evidence)
        # Before Send is intended none of that name, or two, is no harm.
        controls.action(page, self._profile.labels[Purpose.SEND])
        return page

    async def send(self) -> None:
        """When the session has expired: looks whether the distribution has begun, and presses Send only if not."""
        dialog, self._dialog = self._dialog, None
        if dialog is None:
            raise Unrecognized("The dialog of Distribute is not open, so Send was not pressed.")
        try:
            if dialog.signed_in != self._first.signed_in:
                raise SessionExpired("the dialog was opened in an earlier session")
            page = await self._first.press(Purpose.SEND, dialog.page)
        except SessionExpired:
            page = await self._send_again(dialog.package)
        page = await self._packages_after(page)
        with contextlib.suppress(Unrecognized):  # the next look tells what is not understood
            rows = recognize.packages(page, self._profile).rows
            if failed := [f"{row.appliance}: {row.words}" for row in rows if row.state is WorkState.ERROR]:
                raise Refused(
                    f"{page} says: {cut('; '.join(failed), 300)}", words=cut("; ".join(failed), 300)
                )

    async def _send_again(self, package: str) -> Page:
        page = await self._first.open(Purpose.PACKAGES)
        seen = recognize.packages(page, self._profile)
        if (seen.activity, seen.subject) == (Activity.DISTRIBUTING, package):
            return page
        return await self._first.press(Purpose.SEND, await self._open_distribution(package))

    async def finish_distribution(self) -> None:
        """Finds Done on the Packages page. When the session has expired: done already if no panel is left."""
        try:
            await self._finish_distribution()
        except SessionExpired:
            await self._finish_distribution(again=True)

    async def _finish_distribution(self, *, again: bool = False) -> None:
        page = await self._first.open(Purpose.PACKAGES)
        self._expect(page, PageKind.PACKAGES)
        if again and recognize.packages(page, self._profile).activity is Activity.IDLE:
            return
        await self._packages_after(await self._first.press(Purpose.FINISH_DISTRIBUTION, page))

    async def open_install(self, package: str) -> IpmInformation:
        """Leaves the IPM Information page open for `install`."""
        try:
            return await self._open_install(package)
        except SessionExpired:
            return await self._open_install(package)

    async def _open_install(self, package: str) -> IpmInformation:
        self._information = None
        page = await self._select(package, Purpose.OPEN_INSTALL)
        self._expect(page, PageKind.IPM_INFORMATION)
        ipm = recognize.ipm_information(page, self._profile)
        if ipm.package != package:
            raise Unrecognized(f"{page} is about {ipm.package!r}, not {package!r}.", page=page.evidence)
        self._information = _Open(page, package, self._first.signed_in, ipm)
        return ipm

    async def install(self, gate: Callable[[], None]) -> InstallOutcome:
        """The page is spent by this, whatever the outcome; nothing is signed in to, reopened or repeated."""
        opened, self._information = self._information, None
        if opened is None or opened.ipm is None:
            return not_sent("the IPM Information page is not open")
        if opened.signed_in != self._first.signed_in:
            return not_sent("the session was signed in again after the IPM Information page was opened")
        if not opened.ipm.all_selected:
            return not_sent(f"{self._profile.fields_.all_appliances!r} is not selected")
        try:
            page = await self._first.reader.now(opened.page)
            if page is None or recognize.ipm_information(page, self._profile) != opened.ipm:
                return not_sent(f"{opened.page} has changed since it was read")
            selected = None if page.live else controls.choice(page, self._profile.fields_.all_appliances)
            control = controls.action(page, self._profile.labels[Purpose.INSTALL], choose=selected)
        except Exception as error:
            return not_sent(told(error))
        return await self._first.reader.install(page, control, gate)

    async def export_logs(self, into: Path) -> Path:
        """Saved under the console's own name for it, cleaned, or another when that is taken."""
        try:
            return await self._export_logs(into)
        except SessionExpired:
            return await self._export_logs(into)

    async def _export_logs(self, into: Path) -> Path:
        page = await self._first.open(Purpose.SYSTEM)
        page = await self._first.press(Purpose.LOGS, page)
        self._expect(page, PageKind.LOGS)
        control = controls.action(page, self._profile.labels[Purpose.EXPORT_LOGS])
        got = await self._first.download(Purpose.EXPORT_LOGS, page, control, into)
        if isinstance(got, Path):
            return got
        self._expect(got, PageKind.LOGS)
        raise Unrecognized(f"{got} gave no file of logs.", page=got.evidence)

    async def _select(self, package: str, purpose: Purpose) -> Page:
        """Select the IPM of exactly that name on the Packages page, where no work goes on, and press a button there."""
        page, label = await self._first.open(Purpose.PACKAGES), self._profile.labels[purpose]
        rows = self._idle_rows(page, package)
        way = choices.select(page, rows, package, label)
        if isinstance(way, Control):
            page = await self._first.select(page, way, package)
            rows, way = self._idle_rows(page, package), None
        elif way is not None:
            page, way = await self._choose(page, way, package)
            rows = self._idle_rows(page, package)
        apart = [row for name, row in rows.items() if name != package]
        control = controls.action(page, label, choose=way, apart=apart)
        return await self._first.press(purpose, page, control)

    async def _choose(self, page: Page, choice: Choice, package: str) -> tuple[Page, Choice | None]:
        """Select what can be selected now, and see that it is; what a form has still to be given."""
        page, left = await self._first.reader.choose(page, choice)
        if left is None:
            label = self._profile.labels[Purpose.OPEN_INSTALL]
            now = choices.select(page, self._idle_rows(page, package), package, label)
            if not isinstance(now, Choice) or not controls.selected(now):
                raise Unrecognized(
                    f"{page} does not show {package!r} as selected. Look at the console.", page=page.evidence
                )
        return page, left

    def _idle_rows(self, page: Page, package: str) -> dict[str, Element]:
        """The row of each package, where no work goes on and `package` is listed."""
        seen = recognize.packages(page, self._profile)
        if seen.activity is not Activity.IDLE:
            raise Unrecognized(
                f"{page} shows work going on ({seen.activity.value}), and somebody else may be at it: nothing was "
                "pressed. Look at the console.",
                page=page.evidence,
            )
        if package not in {known.name for known in seen.packages}:
            raise Unrecognized(f"{page} does not list {package!r} to select.", page=page.evidence)
        return recognize.package_rows(page, self._profile)

    async def _packages_after(self, page: Page) -> Page:
        """The Packages page after a step, looked at anew after a pop-up, or a page that only confirms the step."""
        confirms = page.popup or recognize.confirms(page, self._profile)
        if confirms and page.kind is not PageKind.PACKAGES and page.status < 400:
            self._refuse_errors(page)
            page = await self._first.open(Purpose.PACKAGES)
        self._expect(page, PageKind.PACKAGES)
        return page

    def _names(self, page: Page) -> set[str]:
        return {package.name for package in recognize.packages(page, self._profile).packages}

    def _expect(self, page: Page, kind: PageKind) -> None:
        """Raises `Refused` when the page shows an error message, `Unrecognized` when it is another page."""
        self._refuse_errors(page)
        recognize.expect(page, kind, self._profile)

    def _refuse_errors(self, page: Page) -> None:
        if words := "; ".join(recognize.errors(page, self._profile)):
            raise Refused(f"{page} says: {cut(words, 300)}", words=cut(words, 300))


def _speaks_of(page: Page, package: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(package)}(?![\w-]|\.\w)", text(page.document)))
