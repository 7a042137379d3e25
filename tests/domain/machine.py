"""A machine that gives commands in any order and holds each append to the laws (Hypothesis)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

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
from tests.domain.pools import (
    OTHER_LEVEL,
    PEOPLE,
    REQUESTS,
    STATEMENTS,
    THROUGH_INSTALL,
    WAYS,
    looks,
    people,
    requests,
)
from tests.support import values as v

ALIVE = (Phase.REQUESTED, Phase.APPROVED, Phase.PREPARING)
WATCHED = (Phase.PREPARING, Phase.INSTALLING, Phase.VERIFYING)

reached: Counter[str] = Counter()
"""How often each event came about: a machine that never gets anywhere proves nothing."""


class Laws(RuleBasedStateMachine):
    """People, the run, the console and the clock, each doing anything at any time, after `way`."""

    way = "asked"

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
        self.announcing = True

    @initialize(
        requester_may=st.booleans(),
        quorum=st.sampled_from([2, 2, 3]),
        others=st.integers(0, 2),
        others_approved=st.booleans(),
        announced=st.sampled_from([True, True, False]),
    )
    def begin(
        self, requester_may: bool, quorum: int, others: int, others_approved: bool, announced: bool
    ) -> None:
        """Somewhere on the way: an empty enterprise, a waiting request, a run in any of its steps."""
        self.policy = v.rules(requester_may_approve=requester_may, quorum=quorum)
        for id_ in REQUESTS[: 1 + others]:
            self.ask_well(id_)
            if others_approved and id_ != "KT-1":
                self.carry_on(self.state.requests[id_])
        begun = WAYS[self.way]
        self.announcing = announced or begun.steps == THROUGH_INSTALL
        for _ in range(begun.steps):
            self.carry_on(self.state.requests["KT-1"])
        self.announcing = True
        for look, minutes in begun.looks:
            self.observe_it("KT-1", look)
            self.now += v.minutes(minutes)

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
            information=shown,
        )

    @rule(id_=requests, press=st.sampled_from(Press))
    def press(self, id_: str, press: Press) -> None:
        self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=press)))

    @rule(id_=requests, seen=looks)
    def observe(self, id_: str, seen: Observation) -> None:
        self.do(c.Observe(request=id_, observation=seen, watching=self.watching, budgets=self.budgets))

    @rule(id_=requests, console_error=st.booleans(), unreadable=st.booleans(), foreign=st.booleans())
    def fault(self, id_: str, console_error: bool, unreadable: bool, foreign: bool) -> None:
        command = c.Fault(
            request=id_, words="0x17", console_error=console_error, unreadable=unreadable, foreign=foreign
        )
        self.do(command)

    @rule(id_=requests, file=st.sampled_from(["", "logs.tgz"]))
    def logs(self, id_: str, file: str) -> None:
        self.do(c.ReportLogs(request=id_, file=file, sha256="a" * 64, refused="no"))

    @rule(id_=requests)
    def foreign_idle(self, id_: str) -> None:
        self.do(c.ReportForeignIdle(request=id_))

    @rule(id_=requests, ts=st.sampled_from(["1.0", "2.0"]))
    def announce(self, id_: str, ts: str) -> None:
        self.do(c.ReportLockoutAnnounced(request=id_, channel="C-OPS", ts=ts))

    @rule(
        id_=requests,
        leaves=st.sampled_from([None, None, v.ANNA, v.BEN]),
        drifts=st.booleans(),
        seen=st.sampled_from([v.distributed(), v.distributed(), v.console_error(), v.look(locked=True)]),
        ok=st.booleans(),
    )
    def at_the_gates(self, id_: str, leaves: str | None, drifts: bool, seen: Observation, ok: bool) -> None:
        """Everything is as it should be but for one thing or two, at the very moment."""
        authority = v.authority(set(v.APPROVERS) - {leaves})
        plan = self.now_plan(id_)
        if plan and drifts:
            plan = plan.model_copy(update={"profile": "e" * 64})
        if id_ in self.state.requests:
            self.now = max(self.now, self.state.requests[id_].draft.start)
        self.do(c.Start(request=id_, authority=authority, rows=(v.row(ok),), plan=plan))
        self.do(
            c.IntendInstall(
                request=id_, authority=authority, plan=plan, observation=seen, information=v.information()
            )
        )

    # --- the world

    @rule(minutes=st.sampled_from([1, 15, 60, 150]))
    def time_passes(self, minutes: int) -> None:
        self.now += v.minutes(minutes)

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

    # --- the sensible way, so that every phase is reached

    def carry_on(self, request: Request) -> None:
        """The next step that leads on."""
        id_, run = request.id, request.run
        match request.phase:
            case Phase.REQUESTED if request.plan is None:
                self.preflight_well(id_)
            case Phase.REQUESTED:
                for by in PEOPLE:
                    self.do(c.Approve(request=id_, by=by, authority=self.authority, plan=self.plan(id_)))
            case Phase.APPROVED:
                assert request.plan is not None
                self.now = max(self.now, request.plan.start)
                self.do(c.Start(request=id_, authority=self.authority, rows=(v.row(),), plan=self.plan(id_)))
                if self.announcing:
                    self.do(c.ReportLockoutAnnounced(request=id_, channel="C-OPS", ts="3.0"))
            case Phase.PREPARING:
                assert run is not None
                for step in (Step.UPLOAD, Step.DISTRIBUTE):
                    if step not in run.intended:
                        self.do(c.Intend(request=id_, step=step, observation=v.look()))
                        return
                    if step not in run.finished:
                        self.do(c.Finish(request=id_, step=step))
                        return
                self.do(self.install_command(id_, v.distributed(), v.information()))
            case Phase.INSTALLING | Phase.VERIFYING:
                self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=Press.ANSWERED)))

    def preflight_well(self, id_: str) -> None:
        self.do(c.ReportPreflight(request=id_, rows=(v.row(),), plan=self.plan(id_)))

    @rule(id_=requests)
    def asked_well(self, id_: str) -> None:
        self.ask_well(id_)

    def ask_well(self, id_: str) -> None:
        self.do(
            c.Ask(
                request=id_,
                by=v.person(v.ASKER),
                authority=self.authority,
                draft=v.draft(start=max(self.now, v.T0)),
                needs_minutes=v.NEEDS_MINUTES,
            )
        )
        if id_ in self.state.requests and self.state.requests[id_].plan is None:
            self.carry_on(self.state.requests[id_])

    @precondition(lambda self: self.pick(*ALIVE) is not None)
    @rule(times=st.integers(1, 6))
    def lead_on(self, times: int) -> None:
        for _ in range(times):
            if request := self.state.running or self.pick(*ALIVE):
                self.carry_on(request)

    @precondition(lambda self: self.pick(*WATCHED) is not None)
    @rule(seen=looks, minutes=st.sampled_from([1, 20, 130]), times=st.integers(1, 2))
    def watch(self, seen: Observation, minutes: int, times: int) -> None:
        for _ in range(times):
            if request := self.pick(*WATCHED):
                self.observe_it(request.id, seen)
                self.now += v.minutes(minutes)

    def observe_it(self, id_: str, seen: Observation) -> None:
        self.do(c.Observe(request=id_, observation=seen, watching=self.watching, budgets=self.budgets))

    @precondition(lambda self: self.pick(Phase.INSTALLING, Phase.VERIFYING) is not None)
    @rule(end=st.sampled_from([v.installed(), v.installed(OTHER_LEVEL), v.console_error()]))
    def the_installation_ends(self, end: Observation) -> None:
        if request := self.pick(Phase.INSTALLING, Phase.VERIFYING):
            self.observe_it(request.id, v.installing())
            self.observe_it(request.id, end)

    @precondition(lambda self: self.pick(Phase.INSTALLING) is not None)
    @rule(seen=st.sampled_from([v.distributed(), v.look(), v.unreadable()]))
    def nothing_is_installed(self, seen: Observation) -> None:
        if request := self.pick(Phase.INSTALLING):
            self.observe_it(request.id, seen)
            self.now += v.minutes(130)
            self.observe_it(request.id, seen)

    @precondition(lambda self: self.pick(Phase.PREPARING) is not None)
    @rule(seen=st.sampled_from([v.installing(subject=v.OTHER), v.distributing(subject=v.OTHER)]))
    def somebody_else_begins(self, seen: Observation) -> None:
        if request := self.pick(Phase.PREPARING):
            for step in (Step.UPLOAD, Step.DISTRIBUTE):
                self.do(c.Intend(request=request.id, step=step, observation=seen))
            self.do(self.install_command(request.id, seen, v.information()))

    @precondition(lambda self: self.pick(Phase.UNKNOWN) is not None)
    @rule()
    def two_saw_it_installing(self) -> None:
        if request := self.pick(Phase.UNKNOWN):
            self.state_by((v.CARLA, v.BEN), request.id, Statement.INSTALLING, "")

    @precondition(lambda self: self.attested() is not None)
    @rule(choice=st.integers(0, 2), same=st.booleans())
    def two_state(self, choice: int, same: bool) -> None:
        """Two people, or one of them twice, state something that fits the phase."""
        request = self.attested()
        assert request is not None
        statement, value = STATEMENTS[request.phase][choice]
        self.state_by((v.ANNA, v.ANNA if same else v.BEN), request.id, statement, value)

    def state_by(self, people: Sequence[str], id_: str, statement: Statement, value: str) -> None:
        for by in people:
            command = c.Attest(
                request=id_, by=v.person(by), authority=v.authority(), statement=statement, value=value
            )
            self.do(command)

    def attested(self) -> Request | None:
        if self.state.quarantine:
            return self.state.requests[self.state.quarantine.request]
        return self.pick(Phase.INSTALLING, Phase.VERIFYING)
