"""The report: a table by point, what `unknown` came from, and what must be zero."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from bot.announce.routes import family
from bot.domain import events as e
from bot.sandbox.holds import Moment
from tests.crash import announced, oracle
from tests.crash.kills import ANY
from tests.crash.plan import Target
from tests.crash.stage import Told

PHASES: dict[type[e.Event], str] = {
    e.Succeeded: "succeeded",
    e.Failed: "failed",
    e.BecameUnknown: "unknown",
    e.Stopped: "stopped",
    e.Cancelled: "cancelled",
    e.Declined: "declined",
    e.Withdrawn: "withdrawn",
    e.Voided: "void",
    e.Expired: "expired",
}
NONE_YET = "not asked yet"

ZERO = {
    "second installs": (oracle.install_is_clicked_once,),
    "unexplained requests": (oracle.requests_are_explained, oracle.nothing_else_is_touched),
    "lost events": (oracle.no_acknowledged_event_is_lost, oracle.the_chain_verifies),
    "doubled messages": (announced.no_message_is_doubled,),
    "lost messages": (
        announced.no_message_is_lost,
        announced.messages_are_up_to_date,
        announced.the_lockout_is_announced_first,
        announced.people_are_paged,
    ),
    "untrue ends": (oracle.success_is_true, oracle.failure_is_true, oracle.unknown_is_unknowable),
}
"""What must be zero, and the rules that count it."""


def report(told: Sequence[Told], missed: Sequence[Target], why: str) -> str:
    """Everything, in Markdown. `missed`: what was planned and never came about, and why it did not."""
    parts = [_totals(told), _folded(told), _unknown(told), _stopped(told), _missed(missed, why), _table(told)]
    return "\n\n".join(text for part in parts if (text := "\n".join(part)))


def kills(told: Sequence[Told]) -> int:
    return sum(len(one.history.killed) for one in told)


def _totals(told: Sequence[Told]) -> Iterator[str]:
    yield "| what | count |"
    yield "|---|---:|"
    yield f"| kills | {kills(told)} |"
    yield f"| stories | {len(told)} |"
    yield f"| points | {len({k.kill.point for one in told for k in one.history.killed} - {ANY})} |"
    yield f"| ledger entries | {sum(len(one.history.entries) for one in told)} |"
    yield f"| clicks on Install | {sum(one.history.consoles.install_clicks for one in told)} |"
    yield f"| messages in Slack | {sum(len(one.history.standing()) for one in told)} |"
    yield f"| messages folded by rule | {sum(_families(told).values())} |"
    broken = Counter(words.partition(":")[0] for one in told for words in one.violations)
    for what, rules in ZERO.items():
        yield f"| {what} | {sum(broken.pop(rule.__name__, 0) for rule in rules)} |"
    yield f"| anything else | {sum(broken.values())} |"


def _table(told: Sequence[Told]) -> Iterator[str]:
    """By point: kills by moment, and how the request ended that was the newest one then."""
    counts: dict[str, Counter[Moment]] = defaultdict(Counter)
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    for one in told:
        ended = one.history.ends()
        for killed in one.history.killed:
            counts[killed.kill.point][killed.kill.moment] += 1
            end = ended.get(killed.request)
            phase = NONE_YET if end is None else PHASES[type(end)]
            ends[killed.kill.point][phase] += 1
    yield "| point | " + " | ".join(moment.value for moment in Moment) + " | the request's end |"
    yield "|---|" + "---:|" * len(Moment) + "---|"
    for point in sorted(counts):
        cells = [str(counts[point][moment] or "") for moment in Moment]
        shown = ", ".join(f"{phase} {count}" for phase, count in ends[point].most_common())
        yield f"| {point} | " + " | ".join(cells) + f" | {shown} |"


def _families(told: Sequence[Told]) -> Counter[str]:
    """Of the messages that were folded."""
    return Counter(family(one.due.key) for t in told for one in announced.folded(t.history))


def _folded(told: Sequence[Told]) -> Iterator[str]:
    if found := _families(told):
        shown = ", ".join(f"{name} {count}" for name, count in found.most_common())
        yield f"Folded, their moment having passed while the bot was dead or within two seconds: {shown}."


def _unknown(told: Sequence[Told]) -> Iterator[str]:
    """Where `unknown` came from, each with its reason."""
    found: Counter[tuple[str, str]] = Counter()
    for one in told:
        found.update({cause for event in oracle.unknowns(one.history) for cause in _causes(one, event)})
    yield "| `unknown` after | count | why nobody could know |"
    yield "|---|---:|---|"
    for (where, why), count in sorted(found.items()):
        yield f"| {where} | {count} | {why} |"


def _causes(one: Told, event: e.BecameUnknown) -> Iterator[tuple[str, str]]:
    if event.reason.startswith(oracle.UNREADABLE):
        yield f"no kill: the kind {one.story.kind}", "the consoles show a page that nobody knows"
        return
    for kill in oracle.causes(one.history):
        why = oracle.UNKNOWABLE.get((kill.point, kill.moment), oracle.BETWEEN)
        yield f"a kill at {kill.point}, {kill.moment.value}", why


def _missed(missed: Sequence[Target], why: str) -> Iterator[str]:
    """Which points no kill came to."""
    if missed:
        yield f"Not come to, {why}: " + ", ".join(f"`{one.story}`" for one in missed) + "."
    else:
        yield "A kill came to every point that any of the stories has come to, at each of its moments."


def _stopped(told: Sequence[Told]) -> Iterator[str]:
    """What stopped a run although nothing was wrong."""
    reasons = Counter(
        end.reason for one in told for end in one.history.ends().values() if isinstance(end, e.Stopped)
    )
    if reasons:
        yield "| a run ended `stopped` | count |"
        yield "|---|---:|"
        for reason, count in reasons.most_common():
            yield f"| {reason} | {count} |"
