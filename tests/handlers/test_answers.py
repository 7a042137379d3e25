"""What people are told about a decision: from real decisions of real rules."""

from __future__ import annotations

from bot.announce.text import escape
from bot.domain.enterprise import Enterprise
from bot.domain.events import Event, Statement
from bot.domain.handle import Decision
from handlers import answers
from handlers.text import moment
from tests.support import story
from tests.support import values as v
from tests.support.desk import settings
from tests.support.story import Story


def told(events: list[Event], after: Story) -> str:
    return answers.outcome(Decision(events, after.state), "KT-1")


def test_the_first_approval_says_who_is_missing() -> None:
    plan = v.plan(rules=v.rules(approver_ids=("UANNA", "UBEN", v.ASKER), approver_groups=("S1",)))
    asked = story.asked(plan=plan)

    text = told(asked.approve(v.ANNA), asked)

    assert text == "Your approval of KT-1 counts. Still needed: one of <@UANNA>, <@UBEN>, <!subteam^S1>."


def test_the_last_approval_says_when_it_starts() -> None:
    at = v.T0 + v.minutes(60)
    asked = story.asked(plan=v.plan(start=at))
    asked.approve(v.ANNA)

    text = told(asked.approve(v.BEN), asked)

    assert text.endswith(f"it starts at {moment(at)}.")
    assert "counts" not in text


def test_cancelling_a_run_says_that_the_step_ends_first() -> None:
    running = story.sent()

    assert "the current step ends first" in told(running.cancel(), running)


def test_one_statement_gives_the_command_for_the_second_person() -> None:
    failed = story.failed()

    text = told(failed.attest(v.ANNA, Statement.RELEASE, "0042"), failed)

    assert "`/upgrade release KT-1 0042`" in text


def test_two_statements_release() -> None:
    failed = story.failed()

    assert "released with case 0042" in told(failed.both(Statement.RELEASE, "0042"), failed)


def test_not_started_ends_the_run_and_the_quarantine() -> None:
    unknown = story.became_unknown()

    text = told(unknown.both(Statement.NOT_STARTED), unknown)

    assert "KT-1 is stopped" in text
    assert "The enterprise is released by" in text


def test_installing_goes_back_to_the_watch() -> None:
    unknown = story.became_unknown()

    assert "is watched again" in told(unknown.both(Statement.INSTALLING), unknown)


def test_a_declared_failure_says_quarantine() -> None:
    overdue = story.overdue()

    assert "in quarantine" in told(overdue.both(Statement.FAILURE, "red banner"), overdue)


def test_a_confirmed_level_succeeds() -> None:
    other = story.at_other_level("24.1 HF 8")

    assert "succeeded at level 24.1 HF 8" in told(other.both(Statement.LEVEL, "24.1 HF 8"), other)


def test_acknowledging_is_confirmed() -> None:
    failed = story.failed()

    assert "acknowledged KT-1" in told(failed.acknowledge(), failed)


def test_a_decision_without_events_says_where_the_request_stands() -> None:
    assert told([], story.asked()) == "Nothing has changed: KT-1 is requested."


def test_status_tells_the_quarantine_with_harmless_words() -> None:
    failed = story.pressed()
    words = "<!channel> *Upgrade* failed"
    failed.observe(v.console_error(words))

    text = answers.status({"main": (settings(), failed.state)})

    assert "In quarantine" in text
    assert escape(words) in text
    assert "<!channel>" not in text


def test_status_tells_the_lockout_the_run_and_that_it_is_overdue() -> None:
    text = answers.status({"main": (settings(), story.overdue().state)})

    assert "nobody uses the Admin Console" in text
    assert "Under way, overdue: `KT-1` installing" in text


def test_a_long_list_is_cut_between_lines() -> None:
    many = Story()
    for number in range(60):
        many.later(1).ask(f"KT-{number}")

    text = answers.listing({"main": many.state, "other": Enterprise()})

    assert len(text) <= answers.LONGEST + 2
    assert all(line.startswith(("`KT-", "and ", "…")) for line in text.splitlines())
    assert text.startswith("`KT-59`")
