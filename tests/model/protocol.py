"""Everything that can happen next: to the bots (`process`), on the network, at the console, among people."""

from __future__ import annotations

from tests.model.deciding import WHOLE, Rules, decide
from tests.model.ledger import PEOPLE, STATEMENTS, Command, Events
from tests.model.process import NAMES, Action, Next, answered, applied, continued, later, process_steps
from tests.model.world import OFF, Scope, World, replaced


def successors(w: World, scope: Scope, rules: Rules = WHOLE) -> Next:
    """Every action that is possible in `w`, with the world after it."""
    for i, p in enumerate(w.processes):
        yield from process_steps(w, i, p, scope, rules)
    yield from _network(w, scope, rules)
    yield from _console(w, scope)
    if w.ledger.lockout and not w.ledger.lockout.announced:
        command = Command("announced", w.ledger.lockout.request)
        yield from _decided(w, command, "Slack delivers the lockout notice", rules, good=True)
    if scope.people:
        yield from _people(w, rules)
    if scope.restore:
        yield from _restore(w, rules)
    if scope.power:
        if any(p != OFF for p in w.processes):
            dark = w._replace(ledger=w.disk or w.ledger, disk=None, processes=(OFF,) * len(w.processes))
            yield Action("the host loses power", False), dark
        if w.disk is not None:
            yield Action("the disk catches up"), w._replace(disk=None)


# --- the network and the console


def _network(w: World, scope: Scope, rules: Rules) -> Next:
    for message in dict.fromkeys(w.net):
        step, plan = message
        left = list(w.net)
        left.remove(message)
        gone = w._replace(net=tuple(left))
        arrived, taken = _arrives(gone, step, plan)
        waiting = next(
            (i for i, p in enumerate(w.processes) if (p.at, p.step, p.request) == ("wait", *message)), None
        )
        if waiting is None:
            yield Action(f"{NAMES[step]} arrives late"), arrived
        else:
            outcome = answered(w.processes[waiting], taken)
            complained = arrived._replace(complained=w.complained or not taken)
            said = f"{NAMES[step]} arrives and is {'answered' if taken else 'refused'}"
            yield from continued(complained, waiting, said, outcome, rules)
        if scope.network:
            yield Action(f"{NAMES[step]} is lost", False), gone
            if waiting is not None:
                yield Action(f"{NAMES[step]} arrives, its answer is lost", False), arrived
            if step == "I" and not w.repeated:
                twice, _ = _arrives(w, step, plan)
                yield Action("the network delivers Install twice", False), twice._replace(repeated=True)


def _arrives(w: World, step: str, plan: int) -> tuple[World, bool]:
    """The console gets a request; whether it does what it asks for."""
    has, idle = w.console.packages[plan], w.console.idle
    takes = {
        "U": has == "absent",
        "D": has == "uploaded" and idle,
        "N": has == "done",
        "I": has == "distributed" and idle,
    }[step]
    if step == "I":
        w = w._replace(arrived=replaced(w.arrived, plan, min(2, w.arrived[plan] + 1)))
    becomes = {"U": "uploaded", "D": "distributing", "N": "distributed", "I": "installing"}[step]
    return (_package(w, plan, becomes), True) if takes else (w, False)


def _console(w: World, scope: Scope) -> Next:
    goes = {"distributing": ("done",), "installing": ("installed",), "mixed": ("installed",)}
    fails = {"distributing": ("error",), "installing": ("error", "mixed", "other")}
    for plan, has in enumerate(w.console.packages):
        for becomes in goes.get(has, ()):
            yield Action(f"the console: {has}, then {becomes}"), _package(later(w), plan, becomes)
        for becomes in fails.get(has, ()) if scope.failing else ():
            yield Action(f"the console: {has}, then {becomes}", False), _package(later(w), plan, becomes)
        if scope.other and has == "distributed" and w.console.idle and w.console.other == "not yet":
            by_hand = w._replace(console=w.console._replace(other="gone"))
            yield (
                Action("a second person presses Install by hand", False),
                _package(by_hand, plan, "installing"),
            )
    if scope.other and w.console.other == "not yet" and w.console.idle:
        working = w._replace(console=w.console._replace(other="working"))
        yield Action("a second person begins other work on the console", False), working
    if w.console.other == "working":
        gone = later(w)._replace(console=w.console._replace(other="gone"))
        yield Action("the second person's work ends"), gone


def _package(w: World, plan: int, becomes: str) -> World:
    packages = (*w.console.packages[:plan], becomes, *w.console.packages[plan + 1 :])
    return w._replace(console=w.console._replace(packages=packages))


# --- people


def _people(w: World, rules: Rules) -> Next:
    for plan, r in enumerate(w.ledger.requests):
        if r.phase == "none":
            yield from _decided(w, Command("ask", plan), "somebody asks for an upgrade", rules)
        if r.phase == "requested":
            for who in PEOPLE:
                yield from _decided(w, Command("approve", plan, who=who), f"{who} approves", rules)
        if r.open or r.phase == "preparing":
            yield from _decided(w, Command("cancel", plan), "somebody cancels", rules)
        for what in STATEMENTS if r.running or w.ledger.quarantine == plan else ():
            if _honest(w.console.packages[plan], what):
                for who in PEOPLE:
                    command = Command("attest", plan, what=what, who=who)
                    for action, after in _decided(later(w), command, f"{who} states: {what}", rules):
                        acted = what == "not started" and len(action.events) > 1
                        attested = w.attested[plan] or acted
                        marks = (*w.attested[:plan], attested, *w.attested[plan + 1 :])
                        yield action, after._replace(attested=marks)
    yield from _comparing(w, rules)


def _comparing(w: World, rules: Rules) -> Next:
    for who in PEOPLE if w.ledger.held else ():
        command = Command("compare", what="head", who=who)
        yield from _decided(w, command, f"{who} compares console and head", rules)


def _honest(package: str, what: str) -> bool:
    """People say of an unknown run what they see; a release needs no more than the vendor's case number."""
    if what == "not started":
        return package in ("absent", "uploaded", "distributing", "done", "distributed")
    return what != "installing" or package == "installing"


def _decided(w: World, command: Command, name: str, rules: Rules, good: bool = False) -> Next:
    """A command of people or of the announcer, decided and appended at once."""
    if events := decide(w.ledger, command, rules):
        yield Action(name, good, None, command, events), applied(w, events, rules)


def _restore(w: World, rules: Rules) -> Next:
    if w.restored:
        yield from _comparing(w, rules)
    elif w.backup is None:
        yield Action("a backup is made", False), w._replace(backup=w.ledger)
    elif w.backup != w.ledger and all(p == OFF for p in w.processes):
        back = w._replace(ledger=w.backup, backup=None, restored=True)
        command = Command("begin epoch")
        events: Events = ()
        if rules.without != "a restored ledger begins an epoch":
            events = decide(back.ledger, command, rules) or ()
        yield Action("the backup is restored", False, None, command, events), applied(back, events, rules)
