"""The machine of the laws: begins somewhere on the way, goes on sensibly or not at all (Hypothesis)."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from bot.domain import commands as c
from bot.domain.enterprise import Request
from bot.domain.events import Phase, Statement, Step
from bot.domain.sight import InstallOutcome, Observation, Press
from bot.domain.windows import next_fit
from tests.domain.anything import Anything
from tests.domain.pools import (
    OTHER_LEVEL,
    PEOPLE,
    REQUESTS,
    SEEN_WRONG,
    STATEMENTS,
    THROUGH_INSTALL,
    WAYS,
    WEEKLY,
    WRONG,
    heads,
    looks,
    requests,
)
from tests.support import story as s
from tests.support import values as v

ALIVE = (Phase.REQUESTED, Phase.APPROVED, Phase.PREPARING)
WATCHED = (Phase.PREPARING, Phase.INSTALLING, Phase.VERIFYING)


class Laws(Anything):
    """Anything at all after `way`, mixed with what leads on."""

    way = "asked"
    announcing = True
    outcome = Press.ANSWERED

    @initialize(
        requester_may=st.booleans(),
        quorum=st.sampled_from([2, 2, 3]),
        others=st.integers(0, 2),
        others_approved=st.booleans(),
        announced=st.sampled_from([True, True, True, False]),
        press=st.sampled_from(Press),
        wrong=st.sampled_from((None, *WRONG)),
        epochs=st.integers(0, 1),
    )
    def begin(
        self,
        requester_may: bool,
        quorum: int,
        others: int,
        others_approved: bool,
        announced: bool,
        press: Press,
        wrong: str | None,
        epochs: int,
    ) -> None:
        """Somewhere on the way: a waiting request, a run in any of its steps, or one that has ended; also in a ledger
        that was restored earlier."""
        self.policy = v.rules(requester_may_approve=requester_may, quorum=quorum)
        for _ in range(epochs):
            self.do(c.BeginEpoch(reason="the ledger was restored earlier"))
            for by in (v.ANNA, v.BEN):
                self.do(c.Compare(by=v.person(by), authority=self.authority, head=s.HEAD))
        for id_ in REQUESTS[: 1 + others]:
            self.ask_well(id_)
            if others_approved and id_ != "KT-1":
                self.carry_on(self.state.requests[id_])
        begun = WAYS[self.way]
        self.announcing = announced or begun.steps == THROUGH_INSTALL
        self.outcome = Press.ANSWERED if begun.looks else press
        for _ in range(begun.steps):
            self.carry_on(self.state.requests["KT-1"])
        self.announcing = True
        for look, minutes in begun.looks:
            self.observe_it("KT-1", look)
            self.now += v.minutes(minutes)
        if begun.restored:
            self.do(c.BeginEpoch(reason="the ledger was restored"))
        if wrong is not None:
            self.try_gates("KT-1", wrong)

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
                self.do(c.ReportPress(request=id_, outcome=InstallOutcome(press=self.outcome)))

    def preflight_well(self, id_: str) -> None:
        self.do(c.ReportPreflight(request=id_, rows=(v.row(),), plan=self.plan(id_)))

    @rule(id_=requests)
    def asked_well(self, id_: str) -> None:
        self.ask_well(id_)

    def ask_well(self, id_: str) -> None:
        """In the window of the first evening, or the next one that fits."""
        draft = v.draft(start=max(self.now, v.T0))
        if draft.window.left(draft.start) < v.minutes(v.NEEDS_MINUTES):
            start, window = next_fit(WEEKLY, self.now, v.minutes(v.NEEDS_MINUTES)) or (self.now, v.WINDOW)
            draft = v.draft(start=start, window=window)
        self.do(
            c.Ask(
                request=id_,
                by=v.person(v.ASKER),
                authority=self.authority,
                draft=draft,
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
        self.do(
            c.Observe(
                request=id_,
                observation=seen,
                seen_at=self.now,
                watching=self.watching,
                budgets=self.budgets,
            )
        )

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
    @rule(choice=st.integers(0, 2), same=st.booleans(), between=st.none() | looks)
    def two_state(self, choice: int, same: bool, between: Observation | None) -> None:
        """Two people, or one of them twice, state something that fits the phase, with a look in between."""
        request = self.attested()
        assert request is not None
        statement, value = STATEMENTS[request.phase][choice]
        self.state_by([v.ANNA], request.id, statement, value)
        if between:
            self.observe_it(request.id, between)
        self.state_by([v.ANNA if same else v.BEN], request.id, statement, value)

    def state_by(self, people: Sequence[str], id_: str, statement: Statement, value: str) -> None:
        for by in people:
            command = c.Attest(
                request=id_, by=v.person(by), authority=v.authority(), statement=statement, value=value
            )
            self.do(command)

    @precondition(lambda self: self.state.hold is not None)
    @rule(by=st.permutations(v.APPROVERS), heads=st.tuples(heads, heads), asked=requests)
    def two_compare(self, by: Sequence[str], heads: tuple[str, str], asked: str) -> None:
        """Two people compare, the second after anything else was tried; then life goes on."""
        for who, head in zip(by, heads, strict=False):
            self.do(c.Compare(by=v.person(who), authority=self.authority, head=head))
            self.ask_well(asked)

    def attested(self) -> Request | None:
        if self.state.quarantine:
            return self.state.requests[self.state.quarantine.request]
        return self.pick(Phase.INSTALLING, Phase.VERIFYING)

    # --- one thing wrong

    @rule(id_=requests, wrong=st.sampled_from(WRONG))
    def at_the_gates(self, id_: str, wrong: str) -> None:
        self.try_gates(id_, wrong)

    def try_gates(self, id_: str, wrong: str) -> None:
        """Everything is as it should be but for one thing, at the very moment."""
        if (request := self.state.requests.get(id_)) is None:
            return
        right, now = self.plan(id_), self.plan(id_)
        if wrong == "plan":
            now = right.model_copy(update={"profile": "e" * 64})
        self.now = max(self.now, right.latest_start + v.minutes(61) if wrong == "late" else right.start)
        if wrong == "cancelled":
            self.do(c.Cancel(request=id_, by=v.person(v.ASKER), authority=v.authority()))
        self.do(c.Approve(request=id_, by=v.person(v.ANNA), authority=v.authority(), plan=right))
        gone = {v.ANNA, *request.approvals} if wrong == "authority" else set()
        authority = v.authority(set(v.APPROVERS) - gone)
        for by in v.APPROVERS:
            self.do(c.Approve(request=id_, by=v.person(by), authority=authority, plan=now))
        self.do(c.Start(request=id_, authority=authority, rows=(v.row(wrong != "preflight"),), plan=now))
        install = c.IntendInstall(
            request=id_,
            authority=authority,
            plan=now,
            observation=SEEN_WRONG.get(wrong, v.distributed()),
            seen_at=self.now,
            information=v.information(all_selected=wrong != "information"),
        )
        self.do(install)
        for step in (Step.DISTRIBUTE, Step.UPLOAD):
            self.do(c.Intend(request=id_, step=step, observation=SEEN_WRONG.get(wrong, v.look())))
