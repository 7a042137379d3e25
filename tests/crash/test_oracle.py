"""Every rule of the oracle can be broken: an honest history, falsified in one place, is found out by that rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.announce import routes
from bot.domain import events as e
from bot.domain.ledger import Entry
from bot.domain.sight import InstallOutcome, Press
from bot.sandbox.enterprise.report import DangerReport
from tests.crash import announced, oracle
from tests.crash.history import History, Killed
from tests.crash.kills import Kill, Story
from tests.crash.oracle import Rule
from tests.crash.stage import tell
from tests.kill.scene import key

Falsify = Callable[[History], History]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A run to success without a kill."""
    told = asyncio.run(tell(Story("success"), tmp_path_factory.mktemp("story")))
    assert told.violations == []
    return told.history


def without(kind: type[e.Event]) -> Falsify:
    return lambda h: replace(h, entries=[x for x in h.entries if not isinstance(x.event, kind)])


def twice(kind: type[e.Event]) -> Falsify:
    def copied(entry: Entry) -> list[Entry]:
        return [entry, entry] if isinstance(entry.event, kind) else [entry]

    return lambda h: replace(h, entries=[x for entry in h.entries for x in copied(entry)])


def instead(kind: type[e.Event], other: Callable[[str], e.Event]) -> Falsify:
    def changed(entry: Entry) -> Entry:
        wanted = isinstance(entry.event, kind)
        return entry._replace(event=other(entry.event.request)) if wanted else entry  # type: ignore[attr-defined]

    return lambda h: replace(h, entries=[changed(entry) for entry in h.entries])


def consoles(**changes: object) -> Falsify:
    return lambda h: replace(h, consoles=h.consoles.model_copy(update=changes))


def pressed_again(action: str) -> Falsify:
    return lambda h: replace(h, requests=[*h.requests, next(r for r in h.requests if r.action == action)])


def both(one: Falsify, other: Falsify) -> Falsify:
    return lambda h: other(one(h))


def not_clicked(history: History) -> History:
    requests = [r for r in history.requests if r.action != "Install"]
    return consoles(install_clicks=0)(replace(history, requests=requests))


def clicked_for_another(history: History) -> History:
    """As many clicks as intents, and both clicks belong to the first: the other one's intent comes an hour later."""
    [intent] = [x for x in history.entries if isinstance(x.event, e.InstallIntended)]
    assert isinstance(intent.event, e.InstallIntended)
    other = intent._replace(
        at=intent.at + timedelta(hours=1),
        position=len(history.entries) + 1,
        event=intent.event.model_copy(update={"request": "U-OTHER"}),
    )
    again = both(pressed_again("Install"), consoles(install_clicks=2))
    return again(replace(history, entries=[*history.entries, other]))


def not_sent(history: History) -> History:
    """As if the bot had said of its click that no byte of it had left."""
    said = InstallOutcome(press=Press.NOT_SENT)
    return instead(e.InstallPressed, lambda r: e.InstallPressed(request=r, outcome=said))(history)


def never_said(family: str) -> Falsify:
    """As if the announcer had passed over the messages of that family."""

    def mine(event: e.Event) -> bool:
        return isinstance(event, e.PostIntended | e.Posted) and routes.family(event.key) == family

    return both(lambda h: replace(h, entries=[x for x in h.entries if not mine(x.event)]), message(family, 0))


def slow(history: History) -> History:
    """As if everything had taken twenty times as long: nothing was too short to be said."""
    return replace(history, rate=history.rate / 20)


def intended_only(history: History) -> History:
    """A post that was intended last, and of which nothing more was heard."""
    last = history.entries[-1]
    wish = e.PostIntended(key="page:U-OTHER:1", channel="C0")
    return replace(history, entries=[*history.entries, last._replace(stream="announcer", event=wish)])


def nobody_paged(history: History) -> History:
    """A trouble that stands, and no page."""
    found = instead(e.Succeeded, lambda r: e.Failed(request=r, words="an error"))
    return without(e.LockoutClosed)(found(history))


def killed_before_the_click(history: History) -> History:
    """As if the bot had been killed in the moment of the intent, and the click had come long after."""
    [intent] = [history.real(x) for x in history.entries if isinstance(x.event, e.InstallIntended)]
    late = datetime.fromtimestamp(intent + 5, UTC).isoformat()
    requests = [r.model_copy(update={"at": late}) if r.action == "Install" else r for r in history.requests]
    killed = Killed(Kill("append InstallIntended"), intent + 0.001, "", True)
    return replace(history, requests=requests, killed=[killed])


def message(family: str, count: int) -> Falsify:
    """As if there were so many of the messages of that family."""

    def changed(history: History) -> History:
        kept = [m for m in history.messages if not key(m).startswith(f"{family}:")]
        found = [m for m in history.messages if key(m).startswith(f"{family}:")]
        return replace(history, messages=[*kept, *found * count])

    return changed


def stale(history: History) -> History:
    """The lockout's notice as it was posted at first."""
    for found in history.messages:
        if key(found).startswith("lockout:"):
            found = replace(found, raw={**found.raw, **found.raw["earlier"][0]})
            others = [m for m in history.messages if m.ts != found.ts]
            return replace(history, messages=[*others, found])
    raise AssertionError("no lockout was announced")


FALSIFIED: list[tuple[Rule, Falsify]] = [
    (oracle.the_chain_verifies, lambda h: replace(h, broken="entry 3 does not fit")),
    (oracle.no_acknowledged_event_is_lost, lambda h: replace(h, entries=h.entries[:-1])),
    (oracle.install_is_clicked_once, consoles(install_clicks=2)),
    (oracle.install_is_clicked_once, twice(e.InstallIntended)),
    (oracle.install_is_clicked_once, without(e.InstallIntended)),
    (oracle.install_is_clicked_once, both(pressed_again("Install"), consoles(install_clicks=2))),
    (oracle.install_is_clicked_once, clicked_for_another),
    (oracle.install_is_clicked_once, killed_before_the_click),
    (oracle.install_is_clicked_once, not_clicked),
    (oracle.install_is_clicked_once, not_sent),
    (oracle.requests_are_explained, killed_before_the_click),
    (oracle.requests_are_explained, pressed_again("Install")),
    (oracle.requests_are_explained, pressed_again("Send")),
    (oracle.requests_are_explained, without(e.StepIntended)),
    (oracle.nothing_else_is_touched, consoles(admin_console_requests=1)),
    (
        oracle.nothing_else_is_touched,
        consoles(dangerous=[DangerReport(label="Remove", appliance="appliance-1", time=1.0)]),
    ),
    (announced.no_message_is_doubled, message("finish", 2)),
    (announced.no_message_is_lost, message("finish", 0)),
    (announced.no_message_is_lost, without(e.Posted)),
    (announced.no_message_is_lost, intended_only),
    *(
        (announced.no_message_is_lost, both(never_said(family), slow))
        for family in ("card", "ask", "approved", "progress", "lockout", "finish", "unlocked")
    ),
    (announced.messages_are_up_to_date, stale),
    (announced.the_lockout_is_announced_first, never_said("lockout")),
    (announced.people_are_paged, nobody_paged),
    (oracle.success_is_true, without(e.Succeeded)),
    (oracle.success_is_true, lambda h: replace(h, install_seconds=h.install_seconds + 600)),
    (oracle.failure_is_true, instead(e.Succeeded, lambda r: e.Failed(request=r, words="no error"))),
    (oracle.unknown_is_unknowable, instead(e.Succeeded, lambda r: e.BecameUnknown(request=r, reason="idle"))),
    (
        oracle.unknown_is_unknowable,
        lambda h: replace(
            instead(e.Succeeded, lambda r: e.BecameUnknown(request=r, reason="idle"))(h), hides=True
        ),
    ),
    (oracle.everything_ends, without(e.Succeeded)),
    (oracle.everything_ends, without(e.LockoutClosed)),
    (
        oracle.an_epoch_begins_after_a_restoration,
        instead(e.Succeeded, lambda _: e.EpochBegan(epoch=1, reason="an old copy")),
    ),
    (oracle.an_epoch_begins_after_a_restoration, lambda h: replace(h, lost=h.entries[-1:])),
    (oracle.nothing_breaks, lambda h: replace(h, log="Traceback (most recent call last):")),
]


def test_a_falsified_history_is_found_out(honest: History) -> None:
    for number, (rule, falsify) in enumerate(FALSIFIED):
        assert list(rule(honest)) == []
        assert list(rule(falsify(honest))), f"{rule.__name__}, falsification {number}"


def test_only_a_kill_excuses_what_was_not_said(honest: History) -> None:
    """The lockout's notice, never posted: by the end its moment has passed, and `routes.first` folds it."""
    [closed] = [x for x in honest.entries if isinstance(x.event, e.LockoutClosed)]
    silent = slow(never_said("lockout")(honest))
    killed = Killed(Kill("append LockoutOpened"), silent.real(closed) - 1, "", False)
    assert list(announced.no_message_is_lost(silent))
    assert not list(announced.no_message_is_lost(replace(silent, killed=[killed])))


def test_each_rule_is_among_these() -> None:
    assert {rule for rule, _ in FALSIFIED} == set(oracle.RULES)
