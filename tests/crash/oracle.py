"""What must hold of a whole story, however often and wherever the bot was killed: one function for each rule.

Each gives a sentence for everything that breaks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from bot.domain import events as e
from bot.domain.events import Step
from bot.domain.ledger import Entry
from bot.domain.sight import Press
from bot.sandbox.enterprise.report import RequestReport
from bot.sandbox.holds import Moment
from tests.crash import announced
from tests.crash.history import History, Killed
from tests.crash.kills import Kill

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
UNREADABLE = "a page that the profile does not recognize"
"""How the bot's reason begins when what the consoles show could not be read."""
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
    """Law 1, for each request: one intent at most, and one click at most between it and its outcome. None elsewhere.

    An outcome `answered` tells of a click, and `not sent` of none.
    """
    intents = [(x, x.event.request) for x in history.lived if isinstance(x.event, e.InstallIntended)]
    for request, count in Counter(request for _, request in intents).items():
        if count > 1:
            yield f"Install was intended {count} times for {request}"
    clicks = [_real(r.at) for r in history.requests if r.action == "Install"]
    if len(clicks) != history.consoles.install_clicks:
        yield f"the consoles count {history.consoles.install_clicks} clicks on Install, and log {len(clicks)}"
    explained: Counter[float] = Counter()
    for intent, request in intents:
        since, until, press = _chance(history, intent, request)
        own = [at for at in clicks if since <= at + CLOCK and at - CLOCK <= until]
        explained.update(own)
        if len(own) > 1:
            yield f"Install was clicked {len(own)} times for {request}"
        if (press is Press.ANSWERED and not own) or (press is Press.NOT_SENT and own):
            yield f"Install of {request} is {press.value}, and was clicked {len(own)} times"
    for at in clicks:
        if not explained[at]:
            yield f"Install was clicked at {datetime.fromtimestamp(at)}, without an intent of any request"


def _chance(history: History, intent: Entry, request: str) -> tuple[float, float, Press | None]:
    """From when until when a click of this intent may have come, and its outcome: the life that wrote it presses."""
    since, until, press = history.real(intent), float("inf"), None
    for entry in history.lived:
        if isinstance(entry.event, e.InstallPressed) and entry.event.request == request:
            until, press = history.real(entry), entry.event.outcome.press
            break
    dead = [killed.at + LETTING_GO for killed in history.killed if killed.at >= since]
    return since, min([until, *dead]), press


CHANGING = ("Upload", "Send", "Done", "Install")
"""What the console's log calls the requests that change something, or are refused when they try to."""


def requests_are_explained(history: History) -> Iterator[str]:
    """Every request that changes something, or tries to, has an intent before it, of the same life of the bot.

    One intent explains one Upload, Send or Install.
    """
    pressed = [r for r in history.requests if r.changes or r.action in CHANGING]
    moments: list[tuple[float, Entry | Killed | RequestReport]] = []
    moments += [(history.real(entry), entry) for entry in history.lived]
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


def success_is_true(history: History) -> Iterator[str]:
    """`succeeded` when, and only when, all appliances show the new level; and not before they do."""
    new = {appliance.level for appliance in history.consoles.appliances} == {history.level}
    succeeded = [entry for entry in history.lived if isinstance(entry.event, e.Succeeded)]
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
    """`unknown` only when the bot was killed between intent and outcome, and no click has come of it; or when the
    consoles showed a page that nobody knows."""
    for event in unknowns(history):
        if history.hides and event.reason.startswith(UNREADABLE):
            continue
        if history.consoles.installs_started:
            yield f"{event}, although the console showed an installation"
        if not causes(history):
            yield f"{event}, although no kill fell between the intent and its outcome"


def unknowns(history: History) -> list[e.BecameUnknown]:
    return [entry.event for entry in history.own if isinstance(entry.event, e.BecameUnknown)]


def causes(history: History) -> list[Kill]:
    """The kills between an install intent and its outcome, of the lives that wrote an intent."""
    first: dict[str, Kill] = {}
    for killed in history.killed:
        if killed.undecided:
            first.setdefault(killed.request, killed.kill)
    return list(first.values())


def everything_ends(history: History) -> Iterator[str]:
    """Nothing is left running, and nothing holds the enterprise."""
    for request in history.state.requests.values():
        if not request.ended:
            yield f"{request.id} is {request.phase.value}"
    if history.state.is_held:
        yield "the enterprise is still held"


def an_epoch_begins_after_a_restoration(history: History) -> Iterator[str]:
    """One, when an old copy was put back; none in a ledger that was only killed."""
    began = [entry.event for entry in history.own if isinstance(entry.event, e.EpochBegan)]
    if len(began) != bool(history.lost):
        yield f"{len(began)} epochs began, and {len(history.lost)} entries were lost by putting back a copy"


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
    *announced.RULES,
    success_is_true,
    failure_is_true,
    unknown_is_unknowable,
    everything_ends,
    an_epoch_begins_after_a_restoration,
    nothing_breaks,
)


def judge(history: History, rules: tuple[Rule, ...] = RULES) -> list[str]:
    """What breaks which rule."""
    return [f"{rule.__name__}: {words}" for rule in rules for words in rule(history)]


def _real(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
