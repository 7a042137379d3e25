"""Everything that may be asked of `decide`, by anybody, in any order; the laws hold after each append."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from bot.domain import commands as c
from bot.domain.approval import Authority, Person
from bot.domain.decide import decide
from bot.domain.enterprise import Enterprise, Request, evolve, replay
from bot.domain.events import Event, Phase, Statement, Step, decode, encode
from bot.domain.plan import Plan
from bot.domain.progress import Budgets
from bot.domain.refusal import Refusal
from bot.domain.sight import InstallOutcome, IpmInformation, Observation, Press
from tests.domain import laws
from tests.domain.log import Append
from tests.domain.pools import HEADS, NIGHTS, OTHER_LEVEL, looks, people, requests
from tests.support import values as v

reached: Counter[str] = Counter()
"""How often each event came about: a machine that never gets anywhere proves nothing."""


class Anything(RuleBasedStateMachine):
    """People, the run, the console and the clock, each doing anything at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = v.T0 - timedelta(minutes=90)
        self.state = Enterprise()
        self.log: list[Append] = []
        self.approvers = set(v.APPROVERS)
        self.budgets = Budgets()
        self.watching = self.now
        self.policy = v.rules()
        self.change = "CHG-1"

    # --- what every rule uses

    @property
    def authority(self) -> Authority:
        return v.authority(self.approvers)

    def do(self, command: c.Command) -> list[Event]:
        """Decide; a refusal leaves everything as it was. The laws hold after each append."""
        try:
            events = decide(self.state, command, self.now)
        except Refusal:
            return []
        if events:
            self.log.append(Append(self.now, command, events))
            for event in events:
                self.state = evolve(self.state, event, self.now)
                reached[type(event).__name__] += 1
            laws.check(self.log)
        return events

    def plan(self, id_: str) -> Plan:
        """The plan as it would be made now."""
        draft = self.state.requests[id_].draft
        return v.plan(id_, start=draft.start, window=draft.window, rules=self.policy, change=self.change)

    def now_plan(self, id_: str) -> Plan | None:
        return self.plan(id_) if id_ in self.state.requests else None

    def pick(self, *phases: Phase) -> Request | None:
        return next((r for r in self.state.requests.values() if r.phase in phases), None)

    # --- people

    @rule(id_=requests, by=people, wait=st.sampled_from([0, 30, 100]))
    def ask(self, id_: str, by: Person, wait: int) -> None:
        draft = v.draft(start=v.T0 + v.minutes(wait))
        self.do(
            c.Ask(request=id_, by=by, authority=self.authority, draft=draft, needs_minutes=v.NEEDS_MINUTES)
        )

    @rule(id_=requests, by=people)
    def approve(self, id_: str, by: Person) -> None:
        self.do(c.Approve(request=id_, by=by, authority=self.authority, plan=self.now_plan(id_)))

    @rule(id_=requests, by=people, how=st.sampled_from(["decline", "withdraw", "cancel"]))
    def end(self, id_: str, by: Person, how: str) -> None:
        ends: dict[str, c.Command] = {
            "decline": c.Decline(request=id_, by=by, authority=self.authority, reason="no"),
            "withdraw": c.Withdraw(request=id_, by=by),
            "cancel": c.Cancel(request=id_, by=by, authority=self.authority),
        }
        self.do(ends[how])

    @rule(
        id_=requests,
        by=people,
        statement=st.sampled_from(Statement),
        value=st.sampled_from(["", "CS-1", "CS-2", OTHER_LEVEL]),
    )
    def attest(self, id_: str, by: Person, statement: Statement, value: str) -> None:
        self.do(c.Attest(request=id_, by=by, authority=self.authority, statement=statement, value=value))

    @rule(
        id_=requests,
        clicks=st.lists(
            st.tuples(people, st.sampled_from(["approve", "approve", "decline", "withdraw", "cancel"])),
            min_size=2,
            max_size=8,
        ),
    )
    def many_at_once(self, id_: str, clicks: list[tuple[Person, str]]) -> None:
        """In one instant, in any order: each is decided on what the one before has left."""
        for by, how in clicks:
            if how == "approve":
                self.do(c.Approve(request=id_, by=by, authority=self.authority, plan=self.now_plan(id_)))
            else:
                self.end(id_, by, how)

    @rule(by=people, head=st.sampled_from(HEADS), epoch=st.sampled_from([None, None, 1, 2]))
    def compare(self, by: Person, head: str, epoch: int | None) -> None:
        self.do(c.Compare(by=by, authority=self.authority, head=head, epoch=epoch))

    @rule(id_=requests, by=people)
    def acknowledge(self, id_: str, by: Person) -> None:
        self.do(c.Acknowledge(request=id_, by=by))

    # --- the run, in any order

    @rule(id_=requests, ok=st.booleans())
    def preflight(self, id_: str, ok: bool) -> None:
        self.do(c.ReportPreflight(request=id_, rows=(v.row(ok),), plan=self.now_plan(id_)))

    @rule(id_=requests, ok=st.booleans(), foreign=st.booleans())
    def start(self, id_: str, ok: bool, foreign: bool) -> None:
        command = c.Start(
            request=id_,
            authority=self.authority,
            rows=(v.row(ok and not foreign),),
            plan=self.now_plan(id_),
            foreign="installing something" if foreign else None,
        )
        self.do(command)

    @rule(id_=requests, step=st.sampled_from(Step), seen=looks)
    def intend(self, id_: str, step: Step, seen: Observation) -> None:
        self.do(c.Intend(request=id_, step=step, observation=seen))

    @rule(id_=requests, step=st.sampled_from(Step))
    def finish(self, id_: str, step: Step) -> None:
        self.do(c.Finish(request=id_, step=step))

    @rule(
        id_=requests,
        seen=looks,
        shown=st.builds(
            v.information,
            all_selected=st.booleans(),
            level=st.sampled_from([None, v.NEW, OTHER_LEVEL]),
            package=st.sampled_from([v.package().name, v.OTHER]),
        ),
    )
    def intend_install(self, id_: str, seen: Observation, shown: IpmInformation) -> None:
        self.do(self.install_command(id_, seen, shown))

    def install_command(self, id_: str, seen: Observation, shown: IpmInformation) -> c.IntendInstall:
        return c.IntendInstall(
            request=id_,
            authority=self.authority,
            plan=self.now_plan(id_),
            observation=seen,
            seen_at=self.now,
            information=shown,
        )

    @rule(id_=requests, press=st.sampled_from(Press))
    def press(self, id_: str, press: Press) -> None:
        self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=press)))

    @rule(id_=requests, seen=looks)
    def observe(self, id_: str, seen: Observation) -> None:
        self.do(
            c.Observe(
                request=id_,
                observation=seen,
                seen_at=self.now,
                watching=self.watching,
                budgets=self.budgets,
            )
        )

    @rule(id_=requests, console_error=st.booleans(), unreadable=st.booleans(), foreign=st.booleans())
    def fault(self, id_: str, console_error: bool, unreadable: bool, foreign: bool) -> None:
        command = c.Fault(
            request=id_, words="0x17", console_error=console_error, unreadable=unreadable, foreign=foreign
        )
        self.do(command)

    @rule(id_=requests, file=st.sampled_from(["", "logs.tgz"]))
    def logs(self, id_: str, file: str) -> None:
        self.do(c.ReportLogs(request=id_, file=file, sha256="a" * 64, refused="no"))

    @rule(id_=requests, sent=st.sampled_from([0, 1, v.package().size // 2, v.package().size]))
    def upload_progresses(self, id_: str, sent: int) -> None:
        self.do(c.ReportUpload(request=id_, sent=sent))
        assert not self.do(c.ReportUpload(request=id_, sent=sent)), "said once"

    @rule(id_=requests)
    def evidence_lost(self, id_: str) -> None:
        self.do(c.ReportEvidenceLost(request=id_, reason="no room"))
        assert not self.do(c.ReportEvidenceLost(request=id_, reason="no room")), "said once"

    @rule(id_=requests)
    def foreign_idle(self, id_: str) -> None:
        self.do(c.ReportForeignIdle(request=id_))

    @rule(id_=requests, ts=st.sampled_from(["1.0", "2.0"]))
    def announce(self, id_: str, ts: str) -> None:
        self.do(c.ReportLockoutAnnounced(request=id_, channel="C-OPS", ts=ts))

    # --- the world

    @rule(minutes=st.sampled_from([1, 15, 60, 150]))
    def time_passes(self, minutes: int) -> None:
        self.now += v.minutes(minutes)

    @rule(minutes=st.sampled_from([-300, -61, -1, 24 * 60, 3 * 24 * 60]))
    def the_clock_is_set(self, minutes: int) -> None:
        """A clock that was wrong, a machine that slept: back by hours or ahead by days."""
        self.now += v.minutes(minutes)

    @rule(night=st.sampled_from(NIGHTS))
    def it_is_the_night_of_another_summer_time(self, night: datetime) -> None:
        self.now = night

    @rule()
    def look_again(self) -> None:
        self.do(c.LookAgain())
        assert not decide(self.state, c.LookAgain(), self.now), "what fell due falls due once"

    @rule(who=st.sampled_from([v.ASKER, v.ANNA, v.BEN, v.CARLA, "U-GUEST"]))
    def authority_changes(self, who: str) -> None:
        self.approvers ^= {who}

    @rule(change=st.sampled_from(["CHG-1", "CHG-2"]))
    def the_plan_drifts(self, change: str) -> None:
        self.change = change

    @rule()
    def the_bot_restarts(self) -> None:
        """State is computed from the ledger, never kept beside it (law 7)."""
        stored = [(append.at, encode(event)) for append in self.log for event in append.events]
        again = replay((at, decode(*written)) for at, written in stored)
        assert again == self.state
        self.state, self.watching = again, self.now

    @rule(lost=st.integers(0, 8))
    def the_ledger_is_restored(self, lost: int) -> None:
        """From a copy: the last appends are gone, whatever they were, and a new epoch begins."""
        del self.log[len(self.log) - min(lost, len(self.log)) :]
        self.state = replay((append.at, event) for append in self.log for event in append.events)
        self.watching = self.now
        self.do(c.BeginEpoch(reason="the ledger was restored"))
        assert self.state.hold is not None
        assert not self.do(c.BeginEpoch(reason="again")), "a hold that stands is not begun again"
