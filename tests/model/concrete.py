"""From the model's words to the domain's values and back: what holds the model to the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

from bot.domain import commands as c
from bot.domain import enterprise as domain
from bot.domain import events as e
from bot.domain.decide import decide as domain_decide
from bot.domain.events import Phase, Statement, Step
from bot.domain.progress import Budgets
from bot.domain.refusal import Refusal
from bot.domain.sight import InstallOutcome, Observation, PackageState, Press
from tests.model import ledger as m
from tests.support import values as v

OTHER_LEVEL = "2024.1 HF 8"
PLANS = ("KT-1", "KT-2")
PEOPLE = {"Anna": v.ANNA, "Ben": v.BEN}
STEPS = {"U": Step.UPLOAD, "D": Step.DISTRIBUTE}
HEADS = {"head": "a" * 8, "wrong head": "b" * 8}
VALUES = {"release": "CS-1", "cannot tell": "CS-1", "level": OTHER_LEVEL, "failure": "stuck"}

LOOKS: dict[str, Sequence[Observation]] = {
    "silent": [v.silent()],
    "unreadable": [v.unreadable()],
    "absent": [v.look()],
    "uploaded": [v.look(packages=v.listed(PackageState.UPLOADED))],
    "distributing": [v.distributing(), v.distributing(80)],
    "done": [v.done_offered()],
    "distributed": [v.distributed()],
    "installing": [v.installing(), v.installing(80, locked=False)],
    "installed": [v.installed()],
    "mixed": [v.installed(appliances=v.appliances(v.NEW, db_2={"level": v.OLD}))],
    "other": [v.installed(OTHER_LEVEL)],
    "error": [v.console_error(), v.distributed(errors=("0x17",))],
    "foreign": [v.distributing(subject=v.OTHER), v.installing(subject=v.OTHER)],
}
"""What each look of the model may be in full; the first is what the ledger is given."""

LONG = 10**6
BUDGETS = {
    "": Budgets(distribute=LONG, settle=LONG, expected=LONG, overdue=LONG),
    "settle": Budgets(distribute=LONG, settle=1, expected=LONG, overdue=LONG),
    "overdue": Budgets(distribute=1, settle=1, expected=1, overdue=1),
}
"""Whether a budget is spent: a minute lies between two commands."""
LOOKED = v.T0 + v.minutes(45)
"""When the look before Install was: fresh throughout, a minute lying between two commands."""


def alphabet(plans: int) -> list[m.Command]:
    """Every command that the model knows, about each plan."""
    found: list[m.Command] = [m.Command("begin epoch")]
    found += [m.Command("compare", what=head, who=who) for head in HEADS for who in PEOPLE]
    for plan in range(plans):
        found += [m.Command(kind, plan) for kind in ("ask", "cancel", "announced", "foreign idle")]
        found += [m.Command("finish", plan, what=step) for step in STEPS]
        found += [m.Command("press", plan, what=press.value) for press in Press]
        found += [m.Command("fault", plan, what=what) for what in ("stop", "error", "unreadable", "foreign")]
        for who in PEOPLE:
            found += [m.Command("attest", plan, what=what, who=who) for what in m.STATEMENTS]
            for spent, drift in GATES:
                found.append(m.Command("approve", plan, who=who, spent=spent, drift=drift))
        for look in LOOKS:
            found += [m.Command("observe", plan, look, spent=spent) for spent in BUDGETS]
            for spent, drift in GATES:
                found.append(m.Command("start", plan, look, spent=spent, drift=drift))
                found.append(m.Command("install", plan, look, spent=spent, drift=drift))
                if not drift:
                    found += [m.Command("intend", plan, look, step, spent=spent) for step in STEPS]
    return found


GATES = [("", False), ("window", False), ("", True)]


def decide(
    state: domain.Enterprise, command: m.Command, now: datetime, seen: Observation | None = None
) -> list[e.Event] | None:
    """What the bot's own `decide` says; None when it refuses. `seen` is the look in full."""
    moment = v.WINDOW.closes - v.minutes(5) if command.spent == "window" else now
    caused: list[e.Event] = []
    try:
        for one in told(command, seen):
            if caused:
                state = domain.replay([(now, event) for event in caused], state)
            if isinstance(one, c.Observe):
                one = one.model_copy(update={"seen_at": moment})
            caused += domain_decide(state, one, moment)
    except Refusal:
        return None
    return caused


@cache
def told(command: m.Command, seen: Observation | None = None) -> tuple[c.Command, ...]:
    """The command, or the two of them, that the model's stands for."""
    return tuple(_made(command, seen or v.look()))


def _made(command: m.Command, seen: Observation) -> Iterator[c.Command]:
    id_, who = PLANS[command.request], v.person(PEOPLE.get(command.who, v.ASKER))
    plan = v.plan(id_, profile="e" * 64) if command.drift else v.plan(id_)
    authority = v.authority()
    match command.kind:
        case "ask":
            yield c.Ask(
                request=id_, by=who, authority=authority, draft=v.draft(), needs_minutes=v.NEEDS_MINUTES
            )
            yield c.ReportPreflight(request=id_, rows=(v.row(),), plan=plan)
        case "approve":
            yield c.Approve(request=id_, by=who, authority=authority, plan=plan)
        case "start":
            rows, foreign = (v.row(command.look == "absent"),), command.look in m.BUSY
            words = "installing another" if foreign else None
            yield c.Start(request=id_, authority=authority, rows=rows, plan=plan, foreign=words)
        case "intend":
            yield c.Intend(request=id_, step=STEPS[command.what], observation=seen)
        case "finish":
            yield c.Finish(request=id_, step=STEPS[command.what])
        case "install":
            yield c.IntendInstall(
                request=id_,
                authority=authority,
                plan=plan,
                observation=seen,
                seen_at=LOOKED,
                information=v.information(),
            )
        case "press":
            yield c.ReportPress(request=id_, outcome=InstallOutcome(press=Press(command.what)))
        case "observe":
            budgets = BUDGETS[command.spent]
            yield c.Observe(request=id_, observation=seen, seen_at=v.T0, watching=v.T0, budgets=budgets)
        case "fault":
            kinds = {"error": "console_error", "unreadable": "unreadable", "foreign": "foreign"}
            kind = kinds.get(command.what)
            yield c.Fault(request=id_, words="a fault", **({kind: True} if kind else {}))
        case "cancel":
            yield c.Cancel(request=id_, by=who, authority=authority)
        case "attest":
            yield c.Attest(
                request=id_,
                by=who,
                authority=authority,
                statement=Statement(command.what),
                value=VALUES.get(command.what, ""),
            )
        case "announced":
            yield c.ReportLockoutAnnounced(request=id_, channel="C-OPS", ts="1.0")
        case "foreign idle":
            yield c.ReportForeignIdle(request=id_)
        case "begin epoch":
            yield c.BeginEpoch(reason="it was restored")
        case "compare":
            yield c.Compare(by=who, authority=authority, head=HEADS[command.what])


def named(events: Iterable[e.Event]) -> m.Events:
    """The events in the model's words; several requests voided at once in the order of the plans."""
    words = [m.Event(type(x).__name__, _plan(x), _detail(x)) for x in events]
    voided = iter(sorted(event for event in words if event.name == "Voided"))
    return tuple(next(voided) if event.name == "Voided" else event for event in words)


def _plan(event: e.Event) -> int:
    return PLANS.index(getattr(event, "request", PLANS[0]))


def _detail(event: e.Event) -> str:
    match event:
        case e.Approved():
            return _name(PEOPLE, event.by)
        case e.LockoutOpened():
            return "foreign" if event.foreign else ""
        case e.StepIntended() | e.StepFinished():
            return _name(STEPS, event.step)
        case e.InstallPressed():
            return event.outcome.press.value
        case e.Observed():
            return look_of(event.observation)
        case e.Stated():
            return f"{event.statement.value} {_name(PEOPLE, event.by)}"
        case e.ComparisonStated():
            return f"{_name(HEADS, event.head)} {_name(PEOPLE, event.by)}"
    return ""


def look_of(seen: Observation | None) -> str:
    """The model's word for a look; nothing for none."""
    if seen is None:
        return ""
    return next(name for name, full in LOOKS.items() if any(seen.same_as(one) for one in full))


def abstract(state: domain.Enterprise, plans: int) -> m.Ledger:
    """What the model keeps of a state of the domain."""
    quarantine, lockout, hold = state.quarantine, state.lockout, state.hold
    on = None
    if lockout is not None:
        announced = lockout.announced is not None
        on = m.Lockout(PLANS.index(lockout.request), lockout.foreign, announced)
    said = {_name(PEOPLE, who): _name(HEADS, head) for who, head in hold.stated.items()} if hold else {}
    return m.Ledger(
        requests=tuple(_request(state.requests.get(id_)) for id_ in PLANS[:plans]),
        quarantine=PLANS.index(quarantine.request) if quarantine else None,
        lockout=on,
        moved=any(level != v.OLD for level in state.levels.values()),
        held=hold is not None,
        compared=tuple(sorted(said.items())),
    )


def _request(r: domain.Request | None) -> m.Request:
    if r is None:
        return m.Request()
    phase, run = r.phase.value, r.run
    said = tuple(sorted((s.statement.value, _name(PEOPLE, s.by)) for s in r.statements))
    pressed = run.pressed.press.value if run and run.pressed else ""
    install = run is not None and run.install_intended is not None
    if r.phase in (Phase.FAILED, Phase.UNKNOWN):
        kept = tuple(stated for stated in said if stated[0] in m.OF_QUARANTINE)
        return m.Request(phase, install=install, pressed=pressed, said=kept)
    if r.phase is Phase.REQUESTED:
        return m.Request(phase, approved=tuple(_name(PEOPLE, by) for by in r.approvals))
    if run is None or not r.is_running:
        return m.Request(phase)
    return m.Request(
        phase,
        intended="".join(key for key, step in STEPS.items() if step in run.intended),
        finished="".join(key for key, step in STEPS.items() if step in run.finished),
        install=install,
        pressed=pressed,
        seen=look_of(run.last_seen),
        overdue=run.overdue,
        other_level=run.unexpected_level is not None,
        cancel=run.cancel_asked is not None,
        said=said,
    )


def _name(names: Mapping[str, object], value: object) -> str:
    return next(name for name, known in names.items() if known == value)
