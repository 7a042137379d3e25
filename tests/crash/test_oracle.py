"""Every rule of the oracle can be broken: an honest history, falsified in one place, is found out by that rule."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.domain import events as e
from bot.domain.ledger import Entry
from bot.sandbox.enterprise.report import DangerReport
from tests.crash import oracle
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
    (oracle.requests_are_explained, killed_before_the_click),
    (oracle.requests_are_explained, pressed_again("Install")),
    (oracle.requests_are_explained, pressed_again("Send")),
    (oracle.requests_are_explained, without(e.StepIntended)),
    (oracle.nothing_else_is_touched, consoles(admin_console_requests=1)),
    (
        oracle.nothing_else_is_touched,
        consoles(dangerous=[DangerReport(label="Remove", appliance="appliance-1", time=1.0)]),
    ),
    (oracle.no_message_is_doubled, message("finish", 2)),
    (oracle.no_message_is_lost, message("finish", 0)),
    (oracle.no_message_is_lost, without(e.Posted)),
    (oracle.messages_are_up_to_date, stale),
    (oracle.success_is_true, without(e.Succeeded)),
    (oracle.success_is_true, lambda h: replace(h, install_seconds=h.install_seconds + 600)),
    (oracle.failure_is_true, instead(e.Succeeded, lambda r: e.Failed(request=r, words="no error"))),
    (oracle.unknown_is_unknowable, instead(e.Succeeded, lambda r: e.BecameUnknown(request=r, reason="idle"))),
    (oracle.everything_ends, without(e.Succeeded)),
    (oracle.everything_ends, without(e.LockoutClosed)),
    (oracle.no_epoch_begins, instead(e.Succeeded, lambda _: e.EpochBegan(epoch=1, reason="an old copy"))),
    (oracle.nothing_breaks, lambda h: replace(h, log="Traceback (most recent call last):")),
]


def test_a_falsified_history_is_found_out(honest: History) -> None:
    for number, (rule, falsify) in enumerate(FALSIFIED):
        assert list(rule(honest)) == []
        assert list(rule(falsify(honest))), f"{rule.__name__}, falsification {number}"


def test_each_rule_is_among_these() -> None:
    assert {rule for rule, _ in FALSIFIED} == set(oracle.RULES)
