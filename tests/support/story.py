"""A story: commands decided one after the other on one enterprise, up to the phase that a test is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain import commands as c
from bot.domain.approval import Authority
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise, Request, evolve
from bot.domain.events import Event, Phase, Statement, Step
from bot.domain.plan import Plan
from bot.domain.progress import Budgets
from bot.domain.sight import InstallOutcome, Observation, Press
from tests.support import values as v

BUDGETS = Budgets()
HEAD = "5f2c" * 16
"""The last announced head."""


@dataclass
class Story:
    """The state folded so far, the time, and every event with its moment."""

    now: datetime = v.T0
    state: Enterprise = field(default_factory=Enterprise)
    recorded: list[tuple[datetime, Event]] = field(default_factory=list)

    def do(self, command: c.Command) -> list[Event]:
        """Decide and keep what it causes. Raises `Refusal`."""
        events = decide(self.state, command, self.now)
        for event in events:
            self.record(event)
        return events

    def record(self, event: Event) -> None:
        """Keep one more event, decided here or elsewhere."""
        self.state = evolve(self.state, event, self.now)
        self.recorded.append((self.now, event))

    def later(self, minutes: float) -> Story:
        self.now += v.minutes(minutes)
        return self

    def request(self, id_: str = "KT-1") -> Request:
        return self.state.requests[id_]

    def phase(self, id_: str = "KT-1") -> Phase:
        return self.request(id_).phase

    # --- people

    def ask(self, id_: str = "KT-1", by: str = v.ASKER) -> list[Event]:
        command = c.Ask(
            request=id_,
            by=v.person(by),
            authority=v.authority(),
            draft=v.draft(),
            needs_minutes=v.NEEDS_MINUTES,
        )
        return self.do(command)

    def approve(
        self, by: str, id_: str = "KT-1", authority: Authority | None = None, plan: Plan | None = None
    ) -> list[Event]:
        """`plan` None: the plan has not drifted."""
        now = plan or self.request(id_).plan
        return self.do(
            c.Approve(request=id_, by=v.person(by), authority=authority or v.authority(), plan=now)
        )

    def decline(self, by: str = v.ANNA, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Decline(request=id_, by=v.person(by), authority=v.authority(), reason="not today"))

    def withdraw(self, by: str = v.ASKER, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Withdraw(request=id_, by=v.person(by)))

    def cancel(self, by: str = v.ASKER, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Cancel(request=id_, by=v.person(by), authority=v.authority()))

    def attest(self, by: str, statement: Statement, value: str = "", id_: str = "KT-1") -> list[Event]:
        return self.do(
            c.Attest(request=id_, by=v.person(by), authority=v.authority(), statement=statement, value=value)
        )

    def both(self, statement: Statement, value: str = "") -> list[Event]:
        """Anna and Ben state the same; the events of the second statement."""
        self.attest(v.ANNA, statement, value)
        return self.attest(v.BEN, statement, value)

    def acknowledge(self, by: str = v.OUTSIDER, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Acknowledge(request=id_, by=v.person(by)))

    # --- the run

    def preflight(self, id_: str = "KT-1", plan: Plan | None = None) -> list[Event]:
        return self.do(c.ReportPreflight(request=id_, rows=(v.row(),), plan=plan or v.plan(id_)))

    def start(
        self, id_: str = "KT-1", authority: Authority | None = None, plan: Plan | None = None
    ) -> list[Event]:
        return self.do(
            c.Start(
                request=id_,
                authority=authority or v.authority(),
                rows=(v.row(),),
                plan=plan or self.request(id_).plan,
            )
        )

    def announce(self, id_: str = "KT-1") -> list[Event]:
        return self.do(c.ReportLockoutAnnounced(request=id_, channel="C-OPS", ts="1763755200.000100"))

    def intend(self, step: Step, seen: Observation | None = None, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Intend(request=id_, step=step, observation=seen or v.look()))

    def finish(self, step: Step, id_: str = "KT-1") -> list[Event]:
        return self.do(c.Finish(request=id_, step=step))

    def intend_install(
        self,
        seen: Observation | None = None,
        authority: Authority | None = None,
        plan: Plan | None = None,
        id_: str = "KT-1",
    ) -> list[Event]:
        return self.do(
            c.IntendInstall(
                request=id_,
                authority=authority or v.authority(),
                plan=plan or self.request(id_).plan,
                observation=seen or v.distributed(),
                seen_at=self.now,
                information=v.information(),
            )
        )

    def press(self, press: Press = Press.ANSWERED, id_: str = "KT-1") -> list[Event]:
        return self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=press, words="as it was")))

    def observe(
        self,
        seen: Observation,
        watching: datetime | None = None,
        id_: str = "KT-1",
        seen_at: datetime | None = None,
    ) -> list[Event]:
        """`watching` None: looking without a gap since the beginning. `seen_at` None: decided at once."""
        return self.do(
            c.Observe(
                request=id_,
                observation=seen,
                seen_at=seen_at or self.now,
                watching=watching or v.T0,
                budgets=BUDGETS,
            )
        )

    def fault(
        self,
        words: str = "no route",
        console_error: bool = False,
        unreadable: bool = False,
        id_: str = "KT-1",
    ) -> list[Event]:
        return self.do(c.Fault(request=id_, words=words, console_error=console_error, unreadable=unreadable))

    # --- epochs

    def begin_epoch(self, reason: str = "the ledger was restored from a copy") -> list[Event]:
        return self.do(c.BeginEpoch(reason=reason))

    def compare(
        self, by: str, head: str = HEAD, authority: Authority | None = None, epoch: int | None = None
    ) -> list[Event]:
        who = authority or v.authority()
        return self.do(c.Compare(by=v.person(by), authority=who, head=head, epoch=epoch))

    def look_again(self) -> list[Event]:
        return self.do(c.LookAgain())


def kinds(events: Iterable[Event]) -> list[str]:
    """The events' names, where their content is not what a test is about."""
    return [type(event).__name__ for event in events]


# --- stories up to a phase; each calls the one before


def asked(now: datetime = v.T0, plan: Plan | None = None) -> Story:
    """Asked for, with its preflight done."""
    story = Story(now)
    story.ask()
    story.preflight(plan=plan)
    return story


def approved(plan: Plan | None = None, by: Iterable[str] = (v.ANNA, v.BEN)) -> Story:
    story = asked(plan=plan)
    for who in by:
        story.approve(who)
    return story


def two_approved() -> Story:
    """KT-1 and KT-2, both approved."""
    story = approved()
    story.ask("KT-2")
    story.preflight("KT-2")
    story.approve(v.ANNA, "KT-2")
    story.approve(v.BEN, "KT-2")
    return story


def started(plan: Plan | None = None) -> Story:
    """Begun, the lockout opened and not yet announced."""
    story = approved(plan)
    story.start()
    return story


def sent(plan: Plan | None = None) -> Story:
    """Uploaded, Send intended, the lockout announced."""
    story = started(plan)
    story.announce()
    story.intend(Step.UPLOAD)
    story.finish(Step.UPLOAD)
    story.intend(Step.DISTRIBUTE)
    return story


def ready(plan: Plan | None = None) -> Story:
    """Distributed; the next step is Install."""
    story = sent(plan)
    story.finish(Step.DISTRIBUTE)
    return story


def pressed(plan: Plan | None = None) -> Story:
    """Install was intended, pressed and answered."""
    story = ready(plan)
    story.intend_install()
    story.press()
    return story


def failed() -> Story:
    """The console showed an error after Install."""
    story = pressed()
    story.observe(v.console_error())
    return story


def became_unknown() -> Story:
    """Install was pressed and nothing began for the whole settle budget."""
    story = pressed()
    story.observe(v.distributed())
    story.later(BUDGETS.settle).observe(v.distributed())
    return story


def overdue() -> Story:
    """Silent since Install, for longer than the budget."""
    story = pressed()
    story.observe(v.silent())
    story.later(BUDGETS.overdue).observe(v.silent())
    return story


def at_other_level(level: str = "2024.1 HF 8") -> Story:
    """Installed everywhere, at one new level that is not the stated one."""
    story = pressed()
    story.observe(v.installed(level))
    return story


def bad_start(foreign: str | None) -> c.Start:
    """A start whose preflight does not hold; `foreign`: because of somebody else's work."""
    rows = (v.row(), v.row(ok=False, detail="db-2 is at HF 2"))
    return c.Start(request="KT-1", authority=v.authority(), rows=rows, plan=v.plan(), foreign=foreign)
