"""What must hold of a whole story, however often and wherever the bot was killed: one function for each rule.

Each gives a sentence for everything that breaks it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from bot.announce import routes
from bot.domain import events as e
from bot.domain.events import Step
from bot.domain.ledger import Entry
from bot.sandbox.demo import LEVEL
from bot.sandbox.enterprise.report import RequestReport
from bot.sandbox.holds import Moment
from tests.crash.history import History, Killed
from tests.crash.kills import Kill
from tests.kill.scene import key

Rule = Callable[[History], Iterator[str]]

CLOCK = 0.002
"""Seconds by which two records of one moment may differ: the console's log is cut to milliseconds."""

LETTING_GO = 0.3
"""Seconds after a kill within which a request that was held is handled. A bot takes longer to start."""

UNKNOWABLE = {
    ("append InstallIntended", Moment.AFTER): "the intent is on disk, and the click was never sent",
    ("console POST /ipm/install", Moment.BEFORE): "the click was about to arrive, and never did",
}
"""Where a kill leaves an intent and no click, by construction: nobody can tell it from a click that arrived, until
the console has been idle for the settle budget."""
BETWEEN = "the bot does several things at once: this one fell between the intent and the click"
"""At any other point it happens only by chance."""


def the_chain_verifies(history: History) -> Iterator[str]:
    """Law 7."""
    if history.broken:
        yield history.broken


def no_acknowledged_event_is_lost(history: History) -> Iterator[str]:
    """Whatever an append has returned stands in the ledger, with its hash."""
    there = {(entry.position, entry.hash) for entry in history.entries}
    for position, hash_ in history.acknowledged:
        if (position, hash_) not in there:
            yield f"entry {position} ({hash_}) was acknowledged and is lost"


def install_is_clicked_once(history: History) -> Iterator[str]:
    """Law 1: at most one intent for each request, and at most one click for each intent."""
    intents = [entry.event.request for entry in history.own if isinstance(entry.event, e.InstallIntended)]
    for request in {r for r in intents if intents.count(r) > 1}:
        yield f"Install was intended {intents.count(request)} times for {request}"
    if history.consoles.install_clicks > len(intents):
        yield f"{history.consoles.install_clicks} clicks on Install, and {len(intents)} intents"


CHANGING = ("Upload", "Send", "Done", "Install")
"""What the console's log calls the requests that change something, or are refused when they try to."""


def requests_are_explained(history: History) -> Iterator[str]:
    """Every request that changes something, or tries to, has an intent before it, of the same life of the bot.

    One intent explains one Upload, Send or Install.
    """
    pressed = [r for r in history.requests if r.changes or r.action in CHANGING]
    moments: list[tuple[float, Entry | Killed | RequestReport]] = []
    moments += [(history.real(entry), entry) for entry in history.own]
    moments += [(killed.at + LETTING_GO, killed) for killed in history.killed]
    moments += [(_real(request.at) + CLOCK, request) for request in pressed]
    explained: Counter[str] = Counter()
    for _, what in sorted(moments, key=lambda moment: moment[0]):
        match what:
            case Entry():
                _explain(explained, what.event)
            case Killed():
                explained = Counter(Done=explained["Done"])
            case RequestReport():
                if not explained[what.action]:
                    yield f"{what.method} {what.path} ({what.action}) at {what.at} has no intent before it"
                elif what.action != "Done":
                    explained[what.action] -= 1


def _explain(explained: Counter[str], event: e.Event) -> None:
    """What may be pressed after an event. Done may be pressed until the distribution is finished."""
    match event:
        case e.StepIntended(step=Step.UPLOAD):
            explained["Upload"] += 1
        case e.StepIntended(step=Step.DISTRIBUTE):
            explained["Send"] += 1
            explained["Done"] = 1
        case e.StepFinished(step=Step.DISTRIBUTE):
            explained["Send"] = explained["Done"] = 0
        case e.InstallIntended():
            explained["Install"] += 1


def nothing_else_is_touched(history: History) -> Iterator[str]:
    """Law 3."""
    for danger in history.consoles.dangerous:
        yield f"{danger.label} was used on {danger.appliance}"
    if history.consoles.admin_console_requests:
        yield f"{history.consoles.admin_console_requests} requests to the Admin Console"


def no_message_is_doubled(history: History) -> Iterator[str]:
    """Law 8: each key stands in Slack once."""
    for wanted, messages in history.standing().items():
        if len(messages) > 1:
            yield f"{wanted} stands in Slack {len(messages)} times"


def no_message_is_lost(history: History) -> Iterator[str]:
    """What the ledger calls for was posted, and what was posted stands there and is in the ledger."""
    posted = {x.event.key: x.event.ts for x in history.entries if isinstance(x.event, e.Posted)}
    abandoned = {x.event.key: x.event.reason for x in history.entries if isinstance(x.event, e.PostAbandoned)}
    there = {(key(m), m.ts) for m in history.messages if not m.raw.get("deleted")}
    for wanted in history.called_for():
        if wanted not in posted and wanted not in abandoned:
            yield f"{wanted} was never posted"
    for wanted, ts in posted.items():
        if (wanted, ts) not in there:
            yield f"{wanted} is not in Slack at {ts}"
    for wanted in history.standing():
        if wanted not in posted:
            yield f"{wanted} stands in Slack, and the ledger does not know it"
    for wanted, reason in abandoned.items():
        if reason.startswith("Slack says"):
            yield f"{wanted} was given up: {reason}"


def messages_are_up_to_date(history: History) -> Iterator[str]:
    """What is kept up to date reads as the end has it."""
    for wanted, messages in history.standing().items():
        rendered = history.rendered(wanted) if routes.family(wanted) in routes.EDITED else None
        if rendered and messages[0].text != rendered.text:
            lines = itertools.zip_longest(messages[0].text.splitlines(), rendered.text.splitlines())
            reads, should = next(pair for pair in lines if pair[0] != pair[1])
            yield f"{wanted} reads {reads!r}, and should read {should!r}"


def success_is_true(history: History) -> Iterator[str]:
    """`succeeded` when, and only when, all appliances show the new level; and not before they do."""
    new = {appliance.level for appliance in history.consoles.appliances} == {LEVEL}
    succeeded = [entry for entry in history.own if isinstance(entry.event, e.Succeeded)]
    if bool(succeeded) != new:
        levels = ", ".join(f"{a.name} {a.level}" for a in history.consoles.appliances)
        yield f"{len(succeeded)} runs have succeeded, and the appliances are at: {levels}"
    clicks = [_real(r.at) for r in history.requests if r.action == "Install" and r.changes]
    for entry in succeeded:
        done = max(clicks, default=float("inf")) + history.install_seconds / history.rate
        if history.real(entry) < done - CLOCK:
            yield f"{entry.event} came {done - history.real(entry):.3f} s before the installation was complete"


def failure_is_true(history: History) -> Iterator[str]:
    """`failed` when, and only when, the console showed an error."""
    failed = [entry.event for entry in history.own if isinstance(entry.event, e.Failed)]
    package = {p.status for p in history.consoles.packages}
    if bool(failed) != ("Error" in package):
        yield f"{len(failed)} runs have failed, and the console lists {', '.join(sorted(package)) or 'nothing'}"
    if failed and not history.errs:
        yield f"{failed[0]} without an error"


def unknown_is_unknowable(history: History) -> Iterator[str]:
    """`unknown` only when the bot was killed between intent and outcome, and no click has come of it."""
    for entry in history.own:
        if not isinstance(entry.event, e.BecameUnknown):
            continue
        if history.consoles.installs_started:
            yield f"{entry.event}, although the console showed an installation"
        if not causes(history):
            yield f"{entry.event}, although no kill fell between the intent and its outcome"


def causes(history: History) -> list[Kill]:
    """The kills between an install intent and its outcome."""
    return [killed.kill for killed in history.killed if killed.undecided]


def everything_ends(history: History) -> Iterator[str]:
    """Nothing is left running, and nothing holds the enterprise."""
    for request in history.state.requests.values():
        if not request.ended:
            yield f"{request.id} is {request.phase.value}"
    if history.state.is_held:
        yield "the enterprise is still held"


def no_epoch_begins(history: History) -> Iterator[str]:
    """A ledger that was only killed is never taken for a restored one."""
    for entry in history.own:
        if isinstance(entry.event, e.EpochBegan):
            yield f"{entry.event}"


def nothing_breaks(history: History) -> Iterator[str]:
    """No error of the bot's own."""
    if "Traceback" in history.log:
        yield "the bot's log has a traceback"


RULES: tuple[Rule, ...] = (
    the_chain_verifies,
    no_acknowledged_event_is_lost,
    install_is_clicked_once,
    requests_are_explained,
    nothing_else_is_touched,
    no_message_is_doubled,
    no_message_is_lost,
    messages_are_up_to_date,
    success_is_true,
    failure_is_true,
    unknown_is_unknowable,
    everything_ends,
    no_epoch_begins,
    nothing_breaks,
)


def judge(history: History, rules: tuple[Rule, ...] = RULES) -> list[str]:
    """What breaks which rule."""
    return [f"{rule.__name__}: {words}" for rule in rules for words in rule(history)]


def _real(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
