"""The laws of the design, of one action: the world before it, what happened, the world after it."""

from __future__ import annotations

from tests.model.checker import Law
from tests.model.ledger import BUSY, ENDED
from tests.model.process import Action
from tests.model.world import World


def install_sent_once(_: World, __: Action, w: World) -> str | None:
    return f"Install was sent {max(w.sent)} times for one plan" if max(w.sent) > 1 else None


def install_arrives_once(_: World, __: Action, w: World) -> str | None:
    return "Install arrived twice for one plan" if max(w.arrived) > 1 and not w.repeated else None


def install_after_its_intent(w: World, a: Action, _: World) -> str | None:
    if a.sends is None or a.sends[0] != "I":
        return None
    r = w.ledger.requests[a.sends[1]]
    return None if r.install and r.running else f"Install was sent, and the ledger says {r.phase}"


def failure_quarantines_at_once(_: World, a: Action, __: World) -> str | None:
    for e in a.events:
        if e.name in ("Failed", "BecameUnknown") and "Quarantined" not in {o.name for o in a.events}:
            return f"{e.name} without Quarantined in the same append"
    return None


def no_quarantine_is_lost(_: World, __: Action, w: World) -> str | None:
    return "the quarantine is gone, and no two people lifted it" if w.owed and w.ledger.free else None


def two_people_lift(w: World, a: Action, _: World) -> str | None:
    lifted = {"Released", "WatchResumed", "Compared"} & {e.name for e in a.events}
    if not lifted or a.command is None:
        return None
    c, said = a.command, w.ledger.requests[a.command.request].said
    stated = {who for what, who in said if what == c.what} if c.kind == "attest" else dict(w.ledger.compared)
    return None if len({*stated, c.who}) >= 2 else f"{c.who} alone lifted it"


def nothing_sent_unless_free(w: World, a: Action, _: World) -> str | None:
    return "a request left while quarantined or held" if a.sends and not w.ledger.free else None


def nothing_begun_unless_free(w: World, a: Action, _: World) -> str | None:
    begun = {"RunStarted", "StepIntended", "InstallIntended"} & {e.name for e in a.events}
    clicked = a.sends is not None and a.sends[0] == "I"
    return "begun while quarantined or held" if (begun or clicked) and not w.ledger.free else None


def an_error_since_send_fails(w: World, a: Action, _: World) -> str | None:
    if a.command is None or a.command.look != "error" or not a.events:
        return None
    r = w.ledger.requests[a.command.request]
    since_send = r.running and "D" in r.intended
    return (
        None if not since_send or any(e.name == "Failed" for e in a.events) else "an error was not a failure"
    )


def stopped_only_if_nothing_sent(w: World, a: Action, _: World) -> str | None:
    if a.command is None or a.command.kind == "begin epoch":
        return None
    harmless = ("Stopped", "Cancelled", "Expired", "Voided")
    for e in a.events:
        if e.name in harmless and w.sent[e.request] and a.command.what != "not started":
            return f"{e.name}, and Install was sent"
    return None


def succeeded_only_if_installed(w: World, a: Action, _: World) -> str | None:
    for e in a.events:
        if e.name == "Succeeded":
            shown, r = w.console.packages[e.request], w.ledger.requests[e.request]
            by_people = a.command is not None and a.command.kind == "attest" and shown == "other"
            if not r.install or not (shown == "installed" or by_people):
                return f"succeeded, and the console shows {shown}"
    return None


def failed_only_if_an_error_stood(w: World, a: Action, _: World) -> str | None:
    for e in a.events:
        by_people = a.command is None or a.command.kind == "attest"
        stood = w.console.packages[e.request] == "error" or w.complained
        if e.name == "Failed" and not by_people and not stood:
            return "failed, and no error stood"
    return None


def lockout_before_install(w: World, a: Action, _: World) -> str | None:
    if a.sends is None or a.sends[0] != "I":
        return None
    lockout = w.ledger.lockout
    told = lockout is not None and lockout.request == a.sends[1] and lockout.announced
    return None if told else "Install was sent before the lockout was announced"


def lockout_while_it_matters(_: World, __: Action, w: World) -> str | None:
    held = w.ledger.running if w.ledger.running is not None else w.ledger.quarantine
    on = w.ledger.lockout
    return (
        None if held is None or (on and on.request == held) else "a run or a quarantine without its lockout"
    )


def the_intent_passed_its_gates(_: World, a: Action, __: World) -> str | None:
    if a.command is None or not any(e.name == "InstallIntended" for e in a.events):
        return None
    if a.command.drift:
        return "Install was intended for a plan that had changed"
    return f"Install was intended, seeing {a.command.look}" if a.command.look in BUSY else None


def an_end_stays_the_end(w: World, a: Action, after: World) -> str | None:
    if a.command is None or a.command.kind == "begin epoch":
        return None
    for was, now in zip(w.ledger.requests, after.ledger.requests, strict=True):
        attested = was.phase == "unknown" and a.command.kind == "attest"
        if was.phase in ENDED and now.phase != was.phase and not attested:
            return f"{was.phase} became {now.phase}"
    return None


LAWS: tuple[Law[World, Action], ...] = (
    Law("Install is sent at most once per plan", install_sent_once),
    Law("Install arrives at most once per plan", install_arrives_once),
    Law("no Install without its intent", install_after_its_intent),
    Law("a failure quarantines in the same append", failure_quarantines_at_once),
    Law("no quarantine is lost", no_quarantine_is_lost),
    Law("two people lift it", two_people_lift),
    Law("nothing is begun while quarantined or held", nothing_begun_unless_free),
    Law("from Send on an error is a failure", an_error_since_send_fails),
    Law("stopped only if nothing was sent", stopped_only_if_nothing_sent),
    Law("succeeded only if installed everywhere", succeeded_only_if_installed),
    Law("failed only if an error stood", failed_only_if_an_error_stood),
    Law("the lockout is announced before Install", lockout_before_install),
    Law("the lockout is on while it matters", lockout_while_it_matters),
    Law("the intent passed its gates", the_intent_passed_its_gates),
    Law("what has ended stays ended", an_end_stays_the_end),
)

ONE_BOT_ALONE = Law("nothing is sent while quarantined or held", nothing_sent_unless_free)
"""Only where one bot runs and nobody declares a failure in the middle of its step: see docs/protocol.md."""
