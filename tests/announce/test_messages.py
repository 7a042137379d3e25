"""What people read, in every phase: rendered from stories of the domain."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bot.announce import failure, routes
from bot.announce.blocks import Message
from bot.announce.view import View
from bot.domain import events as e
from bot.domain.enterprise import replay
from bot.domain.events import Phase, Statement
from bot.domain.ledger import Entry
from tests.announce import examples as x
from tests.support import story as s
from tests.support import values as v


def last(story: s.Story, family: str) -> Message:
    found = [m.message for m in x.shown(story.recorded) if m.key.startswith(family + ":")]
    return found[-1]


_BUTTONS: list[tuple[Callable[[], s.Story], list[str]]] = [
    (s.asked, ["approve", "decline", "withdraw"]),
    (s.approved, ["cancel"]),
    (s.started, ["cancel"]),
    (s.ready, ["cancel"]),
    (s.pressed, []),
    (x.succeeded, []),
    (s.failed, []),
    (x.declined, []),
    (x.withdrawn, []),
    (x.cancelled, []),
    (x.expired, []),
    (x.drifted, []),
]


@pytest.mark.parametrize(("story", "buttons"), _BUTTONS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_card_offers_only_what_does_something(story: Callable[[], s.Story], buttons: list[str]) -> None:
    assert x.actions(last(story(), "card")) == buttons


def test_missing_evidence_is_said_when_it_begins_and_with_the_failure() -> None:
    story = x.failed_without_evidence()
    assert "The evidence of KT-1 is not complete" in last(story, "evidence").text
    assert (
        "Evidence: not complete, the bot's host could not keep all of it: “no room”"
        in last(story, "failure").text
    )
    assert "Evidence:" not in last(s.failed(), "failure").text


def test_evidence_that_is_missed_after_the_end_holds_up_nothing() -> None:
    assert "The run goes on" in last(x.failed_without_evidence(), "evidence").text
    assert "The run goes on" not in last(x.without_evidence(), "evidence").text


def test_while_the_preflight_runs_a_card_can_only_be_withdrawn() -> None:
    story = s.Story()
    story.ask()
    card = last(story, "card")
    assert x.actions(card) == ["withdraw"]
    assert "preflight is running" in card.text


def test_a_cancelled_run_cannot_be_cancelled_again() -> None:
    story = s.sent()
    story.cancel()
    card = last(story, "card")
    assert x.actions(card) == []
    assert "has cancelled; the current step ends first" in card.text


def test_a_card_names_the_whole_plan() -> None:
    story = s.asked()
    text = last(story, "card").text
    plan = story.request().plan
    assert plan
    for words in (
        "imprivata-2024-1-hf7 (4.1 kB, SHA-256 aaaaaaaaaaaa…)",
        "a" * 64,
        f"“{v.OLD}” → “{v.NEW}”",
        "db-1, db-2, svc-1",
        "21 Nov 2026 20:00 UTC until 22 Nov 2026 02:00 UTC",
        "Latest start: 21 Nov 2026 23:30 UTC",
        "45 to 90 minutes, or possibly longer",
        "temporary codes, enabling users, badges",
        "A backup was taken today on a database appliance, says <@U0ASKER>",
        "CHG-1",
        "security fix",
        "✓ levels: as it should be",
        f"Plan {plan.digest[:12]}",
        "2 more approvals are needed, from <@U0ANNA>, <@U0BEN> or <@U0CARLA>",
    ):
        assert words in text


def test_a_card_says_when_slack_cannot_tell_who_may_approve() -> None:
    cards = [m.message for m in x.shown(s.asked().recorded, told=False) if m.key.startswith("card:")]
    assert "Slack cannot say at the moment who may approve" in cards[-1].text


def test_the_approve_button_asks_once_more_and_names_the_thing() -> None:
    thing = f"imprivata-2024-1-hf7, to level {v.NEW}, on every appliance of Main campus."
    story = s.asked()
    assert (
        _approve_words(story)
        == f"{thing} Other people have to approve too. There is no way back after Install."
    )
    story.approve(v.BEN)
    assert _approve_words(story).startswith(f"{thing} The run then starts ")


def _approve_words(story: s.Story) -> str:
    button = next(p for p in x.parts(last(story, "card").blocks) if p.get("action_id") == "approve")
    assert button["value"] == "KT-1"
    return str(button["confirm"]["text"]["text"])


_ENDS: list[tuple[Callable[[], s.Story], str]] = [
    (x.succeeded, f"Succeeded: every appliance is at level “{v.NEW}”"),
    (x.succeeded, "Approved by <@U0ANNA> and <@U0BEN>"),
    (x.declined, "Declined by <@U0ANNA>"),
    (x.withdrawn, "Withdrawn by <@U0ASKER>"),
    (x.cancelled, "Cancelled by <@U0ASKER>"),
    (x.expired, "Expired "),
    (x.drifted, "“the plan has changed: package.sha256"),
    (x.lost_quorum, "the quorum is gone, since <@U0BEN> may no longer approve"),
    (x.foreign, "Stopped "),
    (s.failed, "Failed "),
    (s.became_unknown, "the outcome is unknown. The enterprise is in quarantine"),
]


@pytest.mark.parametrize(("story", "words"), _ENDS, ids=lambda value: getattr(value, "__name__", ""))
def test_the_last_card_says_what_became_of_it(story: Callable[[], s.Story], words: str) -> None:
    now = next(line for line in last(story(), "card").text.splitlines() if line.startswith("Now: "))
    assert words in now


def test_a_run_that_goes_well_alarms_nobody() -> None:
    messages = list(x.shown(x.succeeded().recorded))
    assert {m.key.split(":")[0] for m in messages} == {
        *("card", "approved", "notice", "progress", "lockout", "finish", "unlocked", "ask")
    }
    for shown in messages:
        words = " ".join(
            [shown.message.text, *(str(p.get("text", "")) for p in x.parts(shown.message.blocks))]
        )
        assert not re.search("failed|error|unknown|quarantine", words, re.IGNORECASE), shown


def test_progress_has_a_row_for_every_appliance_and_says_silence_as_such() -> None:
    texts = [m.message.text for m in x.shown(x.succeeded().recorded) if m.key.startswith("progress:")]
    assert any("• db-2: ████░░░░░░ distributing, 40%" in t for t in texts)
    assert any("• svc-1: █░░░░░░░░░ installing, 10%" in t for t in texts)
    silent = next(t for t in texts if "No answer from the console since 21 Nov 2026 21:44 UTC" in t)
    assert "This is expected during an installation." in silent
    assert "• svc-1: █░░░░░░░░░ installing, 10%" in silent
    assert "Succeeded" in texts[-1]
    assert "Ran: 21 Nov 2026 21:30 UTC until 21 Nov 2026 22:09 UTC, 39 min" in texts[-1]


def test_progress_says_how_far_the_upload_has_got_and_only_while_it_goes_on() -> None:
    story = x.succeeded()
    said = [m for m in x.shown(story.recorded) if m.key.startswith("progress:")]
    [told] = [m for m in said if isinstance(m.entry.event, e.UploadProgressed)]
    assert "Uploading: █████░░░░░ 50% of 4.1 kB" in told.message.text
    assert "uploading the package to the Appliance Console" in told.message.text
    assert sum("Uploading:" in m.message.text for m in said) == 1
    assert routes.key_of(told.entry) is None, "no message of its own"


def test_a_lost_answer_to_install_is_said_as_such() -> None:
    text = last(x.in_doubt(), "progress").text
    assert "The answer to Install was lost. Keyturn looks whether it arrived" in text
    assert "the console shows a page that the profile does not recognize" in text


def test_the_lockout_names_both_places_and_warns() -> None:
    story = s.started()
    text = last(story, "lockout").text
    assert "the Imprivata Admin Console and the Packages page of the Appliance Console" in text
    assert "Even if the Admin Console answers, do not use it. Changes may be lost." in text
    assert "usable" not in text


def test_usable_again_is_said_after_success_only() -> None:
    for story in x.STORIES:
        done = story()
        succeeded = done.request().phase is Phase.SUCCEEDED
        texts = [m.message.text for m in x.shown(done.recorded)]
        assert any("usable" in t for t in texts) == succeeded, story.__name__
    assert "Keyturn installed nothing" in last(x.cancelled(), "unlocked").text
    assert "do what Reseller hotline +49 30 1234 said" in last(x.released(), "unlocked").text


def test_notices_whose_moment_has_passed_are_folded() -> None:
    recorded = x.succeeded().recorded
    keys = [m.key for m in x.shown(recorded)]
    assert "notice:KT-1:60" in keys
    assert "notice:KT-1:15" in keys
    late = replay(recorded)
    view = View("main", x.settings(), late, recorded[-1][0], late.requests["KT-1"])
    posted = set()
    for version, (at, event) in enumerate(recorded, start=1):
        entry = Entry(version, "enterprise:main", version, at, event, "")
        if (key := routes.key_of(entry)) and routes.first(key, view, entry):
            posted.add(key.split(":")[0])
    assert posted == {"card", "progress", "finish", "unlocked"}


def test_the_finish_says_what_to_do_now() -> None:
    text = last(x.succeeded(), "finish").text
    for words in (
        "audit record maintenance",
        "scheduled reports",
        "enter credentials again",
        "the others need the MSI",
    ):
        assert words in text


def test_a_failure_holds_the_prohibitions_the_consoles_words_and_whom_to_call() -> None:
    message = last(s.failed(), "failure")
    for words in (
        *failure.PROHIBITIONS,
        "Quarantine: on since 21 Nov 2026 20:00 UTC",
        "Call now: Reseller hotline +49 30 1234",
        "/upgrade release KT-1 CASE",
    ):
        assert words in message.text
    quoted = [p for p in x.parts(message.blocks) if p.get("type") == "rich_text_preformatted"]
    assert [p["elements"][0]["text"] for p in quoted] == ["Upgrade failed: 0x17"]
    assert "attest" not in message.text


def test_a_failure_that_two_approvers_declared_is_not_put_in_the_consoles_mouth() -> None:
    story = s.overdue()
    story.attest(v.ANNA, Statement.FAILURE, "it hangs")
    story.attest(v.BEN, Statement.FAILURE, "the page has hung since nine")
    text = last(story, "failure").text
    assert "Two approvers declared failure; what they saw:" in text
    assert "the page has hung since nine" in text
    assert "The console says" not in text
    assert "The console says:" in last(s.failed(), "failure").text


def test_an_unknown_outcome_can_be_attested() -> None:
    text = last(s.became_unknown(), "failure").text
    for words in ("not-started", "installing", "cannot-tell CASE"):
        assert f"/upgrade attest KT-1 {words}" in text
    assert all(words in text for words in failure.PROHIBITIONS)


def test_a_failure_that_was_settled_says_so() -> None:
    assert "this has been settled" in last(x.not_started(), "failure").text
    settled = last(x.released(), "failure").text
    assert "The quarantine was released." in settled
    assert "Upgrade failed: 0x17" in settled
    assert "/upgrade release" not in settled


def test_a_second_failure_and_its_page_are_new_messages() -> None:
    keys = {m.key for m in x.shown(x.resumed_and_failed().recorded)}
    assert len([k for k in keys if k.startswith("failure:")]) == 2
    assert len([k for k in keys if k.startswith("page:")]) == 2


def test_a_page_mentions_the_group_until_it_is_acknowledged() -> None:
    pages = [m.message for m in x.shown(x.released().recorded) if m.key.startswith("page:")]
    assert "<!subteam^S0ONCALL>: the upgrade failed." in pages[0].text
    assert x.actions(pages[0]) == ["acknowledge"]
    acknowledged = [p for p in pages if "<@U0OUTSIDER> has acknowledged" in p.text]
    assert acknowledged
    assert all(x.actions(p) == [] for p in acknowledged)
    assert "Settled" in pages[-1].text


def test_overdue_and_another_level_name_their_commands() -> None:
    text = last(s.overdue(), "overdue").text
    assert "/upgrade failed KT-1 WHAT-YOU-SAW" in text
    assert "is overdue" in text
    text = last(s.at_other_level(), "level").text
    assert "/upgrade confirm KT-1 2024.1 HF 8" in text


def test_a_statement_says_how_the_second_approver_states_the_same() -> None:
    stated = [m.message.text for m in x.shown(x.released().recorded) if m.key.startswith("stated:")]
    assert "A second approver has to state the same: /upgrade release KT-1 CASE-7" in stated[0]
    assert (
        "released from quarantine by <@U0ANNA> and <@U0BEN>, case “CASE-7”"
        in last(x.released(), "released").text
    )


def test_an_approver_is_asked_until_it_is_no_longer_needed() -> None:
    story = s.asked()
    ask = [m.message.text for m in x.shown(story.recorded) if m.key == "ask:KT-1:U0CARLA"]
    assert "/upgrade approve KT-1" in ask[-1]
    story.approve(v.CARLA)
    asks = {m.key: m.message.text for m in x.shown(story.recorded) if m.key.startswith("ask:")}
    assert "Your approval counts" in asks["ask:KT-1:U0CARLA"]
    assert "is asked for" in asks["ask:KT-1:U0BEN"]
    story.approve(v.BEN)
    asks = {m.key: m.message.text for m in x.shown(story.recorded) if m.key.startswith("ask:")}
    assert "No longer needed" in asks["ask:KT-1:U0ANNA"]
    story.later(60 * 7).look_again()
    asks = {m.key: m.message.text for m in x.shown(story.recorded) if m.key.startswith("ask:")}
    for approver in ("ANNA", "BEN", "CARLA"):
        assert "Ended: upgrade KT-1" in asks[f"ask:KT-1:U0{approver}"]
        assert "Expired 2" in asks[f"ask:KT-1:U0{approver}"]


def test_overdue_a_second_time_is_a_new_message() -> None:
    story = s.overdue()
    story.observe(v.distributed())
    story.later(s.BUDGETS.settle).observe(v.distributed())
    story.both(Statement.INSTALLING)
    story.later(s.BUDGETS.overdue).observe(v.silent())
    assert len({m.key for m in x.shown(story.recorded) if m.key.startswith("overdue:")}) == 2
