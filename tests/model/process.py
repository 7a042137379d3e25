"""One bot process: its steps as `bot/upgrade` takes them.

A handling of the ledger is two actions, as in `bot/domain/handle.py`: decide on what was read, then append if nobody
else has appended meanwhile. A crash may come between any two actions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.model.deciding import Rules, decide
from tests.model.ledger import (
    BUSY,
    IDLE,
    Command,
    Event,
    Events,
    Ledger,
    Request,
    evolve,
)
from tests.model.world import OFF, TOP, Process, Scope, World, replaced, shown

NAMES = {"U": "the upload", "D": "Send", "N": "Done", "I": "Install"}


class Action(NamedTuple):
    """`good`: it happens also where the world does not misbehave and people do nothing.

    `sends`: the step and plan of a request that leaves. `command`, `events`: what was appended, and why.
    """

    name: str
    good: bool = True
    sends: tuple[str, int] | None = None
    command: Command | None = None
    events: Events = ()


Next = Iterator[tuple[Action, World]]


def process_steps(w: World, i: int, p: Process, scope: Scope, rules: Rules) -> Next:
    name = f"bot {i + 1}" if scope.processes > 1 else "the bot"
    if p == OFF:
        if not scope.lock or all(other == OFF for other in w.processes):
            yield Action(f"{name} starts"), _with(w, i, TOP)
        return
    yield Action(f"{name} is killed", False), _with(w, i, OFF)
    match p.at:
        case "top":
            yield from _top(w, i, name, scope, rules)
        case "append":
            yield from _append(w, i, p, name, rules)
        case "send":
            action = Action(f"{name} sends {NAMES[p.step]}", sends=(p.step, p.request))
            yield action, _with(w, i, p._replace(at="wait"))._replace(net=_sent(w, p.step, p.request))
        case "armed":
            yield from _armed(w, i, p, name, rules)
        case "wait":
            said = f"{name} hears no answer to {NAMES[p.step]}"
            yield from continued(w, i, said, _unanswered(p, rules), rules)
            if p.step == "U":
                yield from continued(w, i, f"{name} gives the upload up", _fault(p.request, "stop"), rules)


def _armed(w: World, i: int, p: Process, name: str, rules: Rules) -> Next:
    not_sent = Command("press", p.request, what="not sent")
    if p.old and rules.without != "an intent older than 30 s is not sent":
        yield from continued(w, i, f"{name} finds the intent too old", not_sent, rules)
        return
    sent = replaced(w.sent, p.request, min(2, w.sent[p.request] + 1))
    clicked = _with(w, i, p._replace(at="wait", old=False))._replace(net=_sent(w, "I", p.request), sent=sent)
    yield Action(f"{name} sends Install", sends=("I", p.request)), clicked
    if not p.old:
        yield Action(f"{name} is suspended for more than 30 s", False), _with(w, i, p._replace(old=True))
        for action, after in continued(w, i, f"{name} cannot connect for Install", not_sent, rules):
            yield action._replace(good=False), after


def _top(w: World, i: int, name: str, scope: Scope, rules: Rules) -> Next:
    """The runner asks the ledger what comes next, looks, and decides on what it saw."""
    ledger = w.ledger
    plan = _next_plan(ledger)
    if plan is None:
        return
    r, truth = ledger.requests[plan], shown(w.console, plan)
    if r.phase == "installing" and not r.pressed:
        if rules.without == "no Install after a restart":
            yield Action(f"{name} goes on with the intent it finds"), _with(w, i, Process("armed", "I", plan))
        else:
            in_doubt = Command("press", plan, what="in doubt")
            yield from continued(w, i, f"{name} finds an intent without an outcome", in_doubt, rules)
        return
    looks = [truth, *(("silent", "unreadable") if scope.silence else ())]
    for look in looks:
        for command in _after_look(ledger, plan, r, look, scope, rules):
            spent = f", {command.spent} time is over" if command.spent else ""
            drift = ", the plan has changed" if command.drift else ""
            words = f"{name} sees {look}{spent}{drift}: {_spoken(command)}"
            aged = later(w) if command.spent else w
            for action, after in continued(aged, i, words, command, rules):
                if after != w:
                    good = look == truth and not command.drift
                    yield action._replace(good=good), after


def _next_plan(ledger: Ledger) -> int | None:
    if ledger.running is not None:
        return ledger.running
    if not ledger.held:
        for i, r in enumerate(ledger.requests):
            if r.phase == "approved":
                return i
    return ledger.lockout.request if ledger.lockout and ledger.lockout.foreign else None


def _after_look(
    ledger: Ledger, plan: int, r: Request, look: str, scope: Scope, rules: Rules
) -> Iterator[Command]:
    """What `steps.py` and `watch.py` tell the ledger after this look."""
    gates = [("", False), ("window", False), ("", True)] if scope.drift else [("", False)]
    listed = look not in ("absent", "silent", "unreadable", "error", "foreign")
    if r.phase == "approved":
        for spent, drift in gates:
            yield Command("start", plan, look, spent=spent, drift=drift)
    elif r.phase == "preparing" and "U" not in r.finished:
        if listed:
            yield Command("finish", plan, look, "U") if "U" in r.intended else _fault(plan, "stop")
        else:
            yield Command("intend", plan, look, "U")
    elif r.phase == "preparing" and "D" not in r.finished:
        if "D" in r.intended and look != "uploaded":
            yield from _observations(plan, r, look)
        else:
            yield Command("intend", plan, look, "D")
    elif r.phase == "preparing":
        yield from _before_install(ledger, plan, look, gates, rules)
    elif r.running:
        yield from _observations(plan, r, look)
    elif look not in BUSY and look not in ("silent", "unreadable"):
        yield Command("foreign idle", plan, look)


def _before_install(
    ledger: Ledger, plan: int, look: str, gates: list[tuple[str, bool]], rules: Rules
) -> Iterator[Command]:
    announced = ledger.lockout is not None and ledger.lockout.announced
    faults = {
        "silent": "stop",
        "error": "error",
        "unreadable": "unreadable",
        **dict.fromkeys(BUSY, "foreign"),
    }
    if rules.without == "foreign work is never adopted":
        faults = {look: what for look, what in faults.items() if what != "foreign"}
    if not announced and rules.without != "the lockout is announced first":
        if len(gates) > 1:
            yield _fault(plan, "stop")
    elif look in faults:
        yield _fault(plan, faults[look])._replace(look=look)
    else:
        for spent, drift in gates:
            yield Command("install", plan, look, spent=spent, drift=drift)


def _observations(plan: int, r: Request, look: str) -> Iterator[Command]:
    yield Command("observe", plan, look)
    if (look in IDLE and r.seen in IDLE) or look == r.seen == "unreadable":
        yield Command("observe", plan, look, spent="settle")
    if not r.overdue:
        yield Command("observe", plan, look, spent="overdue")


def _append(w: World, i: int, p: Process, name: str, rules: Rules) -> Next:
    assert p.command is not None
    assert p.base is not None
    if w.ledger != p.base and rules.without != "appends name the version they were decided on":
        again = _with(w, i, p._replace(base=w.ledger))
        yield Action(f"{name} finds that somebody else appended first"), again
        return
    events = decide(p.base, p.command, rules)
    if events is None:
        yield Action(f"{name} is refused"), _with(w, i, TOP)
        return
    if (
        rules.without == "the intent is on disk before the click"
        and _arms(events)
        and p.command.what != "clicked"
    ):
        armed = Process("armed", "I", p.command.request, p.command)
        yield Action(f"{name} does not append yet"), _with(w, i, armed)
        return
    after = _with(applied(w, events, rules), i, TOP)
    said = f"{name} appends {' + '.join(e.name for e in events)}"
    action = Action(said, command=p.command, events=events)
    following = _following(after.ledger, p.command, events)
    if isinstance(following, Command):
        for _, then in continued(after, i, "", following, rules):
            yield action, then
    else:
        yield action, _with(after, i, following)


def continued(w: World, i: int, name: str, command: Command | Process, rules: Rules) -> Next:
    """Decide `command` for process `i`, which goes on with what it comes to."""
    if isinstance(command, Process):
        yield Action(name), _with(w, i, command)
        return
    events = decide(w.ledger, command, rules)
    if events:
        yield (
            Action(name),
            _with(w, i, Process("append", request=command.request, command=command, base=w.ledger)),
        )
        return
    following = TOP if events is None else _following(w.ledger, command, ())
    if isinstance(following, Command):
        yield from continued(w, i, name, following, rules)
    else:
        yield Action(name), _with(w, i, following)


def _following(ledger: Ledger, c: Command, events: Events) -> Process | Command:
    """What a process does next, its `command` having come to `events`."""
    r = ledger.requests[c.request]
    if any(e.name == "StepIntended" for e in events):
        return Process("send", c.what, c.request)
    if _arms(events):
        answered = Command("press", c.request, what="answered")
        return answered if c.what == "clicked" else Process("armed", "I", c.request)
    if c.kind == "observe" and r.phase == "preparing":
        if c.look == "done":
            return Process("send", "N", c.request)
        if c.look == "distributed":
            return Command("finish", c.request, what="D")
    return TOP


def _unanswered(p: Process, rules: Rules) -> Process | Command:
    if p.step != "I":
        return TOP
    if p.command is not None:
        return p.command._replace(what="clicked")
    if rules.without == "no Install after a lost answer":
        return Process("armed", "I", p.request)
    lost = "not sent" if rules.without == "a lost answer is in doubt" else "in doubt"
    return Command("press", p.request, what=lost)


def answered(p: Process, taken: bool) -> Process | Command:
    if p.step == "I":
        if p.command is not None:
            return p.command._replace(what="clicked")
        return Command("press", p.request, what="answered")
    if not taken:
        return _fault(p.request, "error")
    return Command("finish", p.request, what="U") if p.step == "U" else TOP


def _arms(events: Events) -> bool:
    return any(e.name == "InstallIntended" for e in events)


def _fault(plan: int, what: str) -> Command:
    return Command("fault", plan, what=what)


def _spoken(c: Command) -> str:
    return f"{c.kind} {NAMES.get(c.what, c.what)}".strip()


UNDER_WAY = {"U": 1, "D": 2, "N": 1, "I": 2}
"""How many requests of one step the network holds at most; a bot that is killed again and again leaves more."""


def _sent(w: World, step: str, plan: int) -> tuple[tuple[str, int], ...]:
    full = w.net.count((step, plan)) >= UNDER_WAY[step]
    return w.net if full else tuple(sorted((*w.net, (step, plan))))


# --- parts


def applied(w: World, events: Events, rules: Rules) -> World:
    """The world with these events in its ledger."""
    ledger, owed = w.ledger, w.owed
    for event in events:
        ledger = evolve(ledger, event)
        owed = _owed(owed, event)
    disk = (w.disk or w.ledger) if rules.without == "appends are flushed to disk" else None
    return w._replace(ledger=ledger, owed=owed, disk=disk)


def _owed(owed: bool, event: Event) -> bool:
    if event.name in ("Failed", "BecameUnknown"):
        return True
    return owed and event.name not in ("Released", "WatchResumed", "Compared")


def later(w: World) -> World:
    """More than 30 s pass: what takes minutes has happened, at the console or among people."""
    if not any(p.at == "armed" for p in w.processes):
        return w
    return w._replace(processes=tuple(p._replace(old=True) if p.at == "armed" else p for p in w.processes))


def _with(w: World, i: int, p: Process) -> World:
    return w._replace(processes=(*w.processes[:i], p, *w.processes[i + 1 :]))
