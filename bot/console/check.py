"""From visits to a report: every label of a profile looked for, every page read as a run would read it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.console import recognize
from bot.console.lookup import KINDS, Looked, named, near, readable
from bot.console.pages import Page, cut
from bot.console.port import Unrecognized
from bot.console.profile import Profile
from bot.console.recognize import PackagesSight
from bot.console.report import ConsoleSight, Finding, Outcome, Report
from bot.console.rows import cell_of
from bot.console.visit import View, Visit
from bot.domain.sight import PackageState, ServerState, WorkState
from bot.domain.values import Moment

_WAY: Mapping[View, tuple[str, ...]] = {
    View.SIGN_IN: (),
    View.START: ("headings.sign_in", "fields.user", "fields.password", "labels.sign_in"),
    View.PACKAGES: ("labels.packages",),
    View.ENTERPRISE: ("labels.enterprise",),
    View.SYSTEM: ("labels.system",),
    View.OPERATIONS: ("labels.operations",),
    View.LOGS: ("labels.logs",),
}
"""What a view is not opened without."""

_PROCEDURE, _WORK, _OCCASION, _HEADINGS = (
    "only the procedure opens it",
    "only while work goes on",
    "only when the console has such a thing to say",
    "the headings tell whether it finds them",
)
_UNSEEN: dict[str, dict[str, tuple[str, ...]]] = {
    _PROCEDURE: {
        "labels": ("upload", "send", "finish_distribution", "install"),
        "fields": ("package_file", "all_appliances"),
        "headings": ("upload", "distribute", "ipm_information"),
        "columns": ("ipm_name", "ipm_release"),
    },
    _WORK: {
        "columns": ("work_appliance", "work_status"),
        "work_words": tuple(state.value for state in WorkState if state is not WorkState.UNRECOGNIZED),
        "patterns": ("percent", "error", "distribution", "installation"),
    },
    _OCCASION: {
        "patterns": ("lock", "session_expired", "wizard", "confirmation"),
        "places": ("errors", "notices"),
    },
    _HEADINGS: {"places": ("headings",)},
}
"""What no read-only visit can vouch for, by the reason: never claimed to be found."""


def judged(
    enterprise: str, visits: Sequence[Visit], configured: Iterable[str], profile: Profile, at: Moment
) -> Report:
    """What `profile` makes of the visits. `configured`: the appliances that the Enterprise page has to list."""
    names = list(configured)
    read = [_Reading(visit, profile, names) for visit in visits]
    agreed: dict[Finding, list[str]] = {}
    for one in read:
        for finding in one.findings:
            agreed.setdefault(finding, []).append(one.visit.name)
    order = list(View)
    seen = [finding.model_copy(update={"consoles": tuple(on)}) for finding, on in agreed.items()]
    seen.sort(key=lambda finding: order.index(finding.view or View.SIGN_IN))
    return Report(
        enterprise=enterprise,
        at=at,
        profile=profile.digest,
        consoles=tuple(one.sight() for one in read),
        findings=(*seen, *_unseen(profile)),
    )


@dataclass
class _Reading:
    """One console's pages, read with a profile as soon as this is made."""

    visit: Visit
    profile: Profile
    configured: list[str]
    findings: list[Finding] = field(default_factory=list)
    packages: PackagesSight | None = None
    levels: Mapping[str, str | None] | None = None
    server: ServerState | None = None
    server_words: str = ""

    def __post_init__(self) -> None:
        for view in View:
            if view in self.visit.pages or not self.visit.failure:
                self._read(view)
        self._words()
        self._appliances()

    def sight(self) -> ConsoleSight:
        """The console as understood."""
        visit, pages, listed = self.visit, self.visit.pages, self.packages
        errors = [words for page in pages.values() for words in recognize.errors(page, self.profile)]
        return ConsoleSight(
            name=visit.name,
            address=visit.address,
            failure=visit.failure,
            certificate=visit.certificate,
            trusted=visit.trusted,
            signed_in=visit.signed_in,
            locked=any(recognize.locked(page, self.profile) for page in pages.values()),
            activity=listed.activity if listed else None,
            subject=listed.subject if listed else None,
            server=self.server,
            packages=listed.packages if listed else (),
            levels=dict(self.levels or {}),
            errors=tuple(dict.fromkeys(errors)),
            shows={view: readable(page) for view, page in pages.items()},
        )

    def _add(self, key: str, expected: str, view: View, looked: Looked) -> None:
        outcome, near_it, reason = looked
        found = Finding(
            key=key,
            expected=expected,
            view=view,
            outcome=outcome,
            near=tuple(map(cut, near_it)),
            reason=reason,
        )
        self.findings.append(found)

    def _read(self, view: View) -> None:
        """Look for all that the profile names on a page, then read the page itself."""
        page, before = self.visit.pages.get(view), len(self.findings)
        if page is not None:
            # The console's name stands beside each finding: those that agree have the same words.
            page = replace(page, where="the console")
        for key, expected, look in named(view, self.visit, self.profile):
            self._add(
                key, expected, view, look(page) if page else Looked(Outcome.NOT_SEEN, (), self._why(view))
            )
        lacking = [f.key for f in self.findings[before:] if f.outcome is not Outcome.FOUND]
        self._add(f"page.{view.value}", "", view, self._understood(view, page, lacking))

    def _understood(self, view: View, page: Page | None, lacking: Sequence[str]) -> Looked:
        if page is None:
            if any(f.outcome is not Outcome.FOUND for f in self.findings if f.key in _WAY[view]):
                return Looked(Outcome.NOT_SEEN, (), self._why(view))
            return Looked(Outcome.UNCLEAR, (), self.visit.troubles.get(view, "it was not captured"))
        if needed := [key for key in lacking if key.startswith("columns.")]:
            return Looked(Outcome.NOT_SEEN, (), f"it is not read without {' and '.join(needed)}")
        try:
            # A wrong heading is a finding of its own: the page is read as what its tab says that it is.
            self._understand(view, replace(page, kind=KINDS.get(view, page.kind)))
        except Unrecognized as error:
            return Looked(Outcome.UNCLEAR, (), str(error))
        if view is View.PACKAGES and self.packages and self.packages.reason:
            return Looked(Outcome.UNCLEAR, (), self.packages.reason)
        return Looked(Outcome.FOUND)

    def _understand(self, view: View, page: Page) -> None:
        if view is View.PACKAGES:
            self.packages = recognize.packages(page, self.profile)
        elif view is View.ENTERPRISE:
            self.levels = recognize.levels(page, self.profile)
        elif view is View.OPERATIONS:
            self.server = recognize.server(page, self.profile)
            self.server_words = cell_of(page, self.profile.columns.server) or ""
        elif view in KINDS:
            recognize.expect(page, KINDS[view], self.profile)

    def _why(self, view: View) -> str:
        """Why there is no page to look at."""
        return "its page was not opened" if View.START in self.visit.pages else "nobody was signed in"

    def _words(self) -> None:
        """The status words: those that are on show, and those that are in no list."""
        if self.packages:
            known = self.profile.package_words
            self._states("package_words", View.PACKAGES, known, {p.state for p in self.packages.packages})
            for package in self.packages.packages:
                if package.state is PackageState.UNRECOGNIZED:
                    self._unlisted("package_words", View.PACKAGES, package.words, package.name, known)
            for row in self.packages.rows:
                if row.state is WorkState.UNRECOGNIZED:
                    work = self.profile.work_words
                    self._unlisted("work_words", View.PACKAGES, row.words, row.appliance, work)
        if self.server:
            self._states("server_words", View.OPERATIONS, self.profile.server_words, {self.server})
            if self.server is ServerState.UNRECOGNIZED:
                what, words = self.profile.columns.server, self.server_words
                self._unlisted("server_words", View.OPERATIONS, words, what, self.profile.server_words)

    def _states(self, key: str, view: View, known: Mapping[Any, tuple[str, ...]], on_show: set[Any]) -> None:
        for state, words in known.items():
            looked = Looked(Outcome.NOT_SEEN, (), "nothing is in this state now")
            if state in on_show:
                looked = Looked(Outcome.FOUND)
            self._add(f"{key}.{state.value}", ", ".join(words), view, looked)

    def _unlisted(
        self, key: str, view: View, words: str, whose: str, known: Mapping[Any, tuple[str, ...]]
    ) -> None:
        nearest = near(words, [one for several in known.values() for one in several])
        self._add(
            key, words, view, Looked(Outcome.UNCLEAR, nearest, f"{cut(whose)} is in a state that no list has")
        )

    def _appliances(self) -> None:
        """The Enterprise page against the settings."""
        if self.levels is None:
            return
        listed = {name.casefold(): level for name, level in self.levels.items()}
        for name in self.configured:
            looked = Looked(Outcome.FOUND)
            if name.casefold() not in listed:
                looked = Looked(Outcome.MISSING, near(name, self.levels), "configured, but not listed")
            elif listed[name.casefold()] is None:
                looked = Looked(Outcome.UNCLEAR, (), "listed without a release")
            self._add("appliances", name, View.ENTERPRISE, looked)
        configured = {name.casefold() for name in self.configured}
        for name in self.levels:
            if name.casefold() not in configured:
                strange = Looked(Outcome.UNCLEAR, near(name, self.configured), "listed, but not configured")
                self._add("appliances", name, View.ENTERPRISE, strange)


def _unseen(profile: Profile) -> list[Finding]:
    content = profile.model_dump(mode="json")
    found = []
    for reason, sections in _UNSEEN.items():
        for section, names in sections.items():
            said = content["fields_" if section == "fields" else section]
            for name in names:
                expected = said.get(name, "")
                found.append(
                    Finding(
                        key=f"{section}.{name}",
                        expected=expected if isinstance(expected, str) else ", ".join(expected),
                        view=None,
                        outcome=Outcome.NOT_SEEN,
                        reason=reason,
                    )
                )
    return found
