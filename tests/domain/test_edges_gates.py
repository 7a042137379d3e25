"""The gates at their edges: the second bolts, the exact boundaries, and the reasons that people read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.events import Check, Phase, Statement, Step
from bot.domain.handle import Handler
from bot.domain.refusal import Refusal
from bot.domain.sight import IpmInformation, Observation, PackageState
from tests.support import story as s
from tests.support import values as v
from tests.support.ledger import MemoryLedger, StillClock

WITH_ASKER = v.authority(approvers=[*v.APPROVERS, v.ASKER])
TICK = timedelta(microseconds=1)


def refused(what: Callable[[], object]) -> str:
    """The whole sentence."""
    with pytest.raises(Refusal) as refusal:
        what()
    return str(refusal.value)


# --- the requester never counts where the rules do not say so, whatever the ledger holds (law 2)


def approved_by_the_asker(also: tuple[str, ...]) -> s.Story:
    """The asker's approval is in the ledger, as no gate would have let it come there."""
    story = s.asked()
    for who in (v.ASKER, *also):
        story.record(e.Approved(request="KT-1", by=who, digest=v.plan().digest))
    return story


def test_an_approval_of_the_asker_makes_no_quorum() -> None:
    story = approved_by_the_asker(())
    assert s.kinds(story.approve(v.ANNA, authority=WITH_ASKER)) == ["Approved"]
    assert story.approve(v.BEN, authority=WITH_ASKER)[-1] == e.QuorumReached(
        request="KT-1", by=(v.ANNA, v.BEN)
    )


def test_an_approval_of_the_asker_is_no_part_of_a_run() -> None:
    story = approved_by_the_asker((v.ANNA, v.BEN))
    story.record(e.QuorumReached(request="KT-1", by=(v.ANNA, v.BEN)))
    begun, _ = story.start(authority=WITH_ASKER)
    assert isinstance(begun, e.RunStarted)
    assert begun.approvers == (v.ANNA, v.BEN)
    story.announce()
    for step in (Step.UPLOAD, Step.DISTRIBUTE):
        story.intend(step)
        story.finish(step)
    (intended,) = story.intend_install(authority=WITH_ASKER)
    assert isinstance(intended, e.InstallIntended)
    assert intended.approvers == (v.ANNA, v.BEN)


def test_the_asker_is_not_awaited() -> None:
    story = s.asked()
    story.approve(v.ANNA)
    words = refused(lambda: story.approve(v.ANNA, authority=WITH_ASKER))
    assert words == f"your approval counts already; still awaited: <@{v.BEN}> or <@{v.CARLA}>"


# --- boundaries


def test_a_start_with_exactly_what_is_needed_is_early_enough() -> None:
    story = s.Story()
    start = v.WINDOW.closes - v.minutes(v.NEEDS_MINUTES)
    ask = c.Ask(
        request="KT-1",
        by=v.person(v.ASKER),
        authority=v.authority(),
        draft=v.draft(start=start),
        needs_minutes=v.NEEDS_MINUTES,
    )
    assert s.kinds(story.do(ask)) == ["UpgradeRequested"]
    story.preflight(plan=v.plan(start=start))
    story.now = v.plan().latest_start
    for who in (v.ANNA, v.BEN):
        story.approve(who)
    assert story.phase() is Phase.APPROVED
    assert s.kinds(story.start()) == ["RunStarted", "LockoutOpened"]


def test_a_look_of_exactly_a_quarter_of_an_hour_still_serves() -> None:
    for age, serves in ((v.minutes(15), True), (v.minutes(15) + TICK, False)):
        story = s.ready()
        command = c.IntendInstall(
            request="KT-1",
            authority=v.authority(),
            plan=v.plan(),
            observation=v.distributed(),
            seen_at=story.now - age,
            information=v.information(),
        )
        if serves:
            assert s.kinds(story.do(command)) == ["InstallIntended"]
        else:
            assert "too old" in refused(lambda story=story, command=command: story.do(command))


# --- what the looks at a gate show


def test_send_is_intended_again_when_the_console_shows_that_nothing_came_of_it() -> None:
    story = s.sent()
    uploaded = v.look(packages=v.listed(PackageState.UPLOADED))
    assert story.intend(Step.DISTRIBUTE, uploaded) == [e.StepIntended(request="KT-1", step=Step.DISTRIBUTE)]
    assert "Send was intended already" in refused(lambda: story.intend(Step.DISTRIBUTE, v.look()))


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (v.console_error(errors=("one", "two")), "one; two"),
        (v.look(packages=v.listed(PackageState.ERROR, words="bad")), f"{v.package().name}: bad"),
    ],
)
@pytest.mark.parametrize(
    "gate", [s.Story.intend_install, lambda story, seen: story.intend(Step.UPLOAD, seen)]
)
def test_an_error_at_a_gate_is_told_whole(
    gate: Callable[[s.Story, Observation], list[e.Event]], seen: Observation, words: str
) -> None:
    story = s.ready()
    assert gate(story, seen) == [
        e.Failed(request="KT-1", words=words),
        e.Quarantined(request="KT-1", reason=words),
    ]


@pytest.mark.parametrize(
    ("seen", "listing"),
    [
        (
            v.distributed(appliances=v.appliances(v.OLD, db_2={"level": None})[1:]),
            f"db-2 no level, svc-1 {v.OLD}",
        ),
        (v.distributed(appliances=()), "none is listed"),
    ],
)
def test_the_appliances_that_are_not_the_plans_are_listed(seen: Observation, listing: str) -> None:
    story = s.ready()
    story.intend_install(seen)
    assert story.request().reason == f"the appliances are not those of the plan at {v.OLD}: {listing}"


@pytest.mark.parametrize(
    ("information", "reason"),
    [
        (
            v.information(all_selected=False),
            '"Install IPM on all appliances" is not selected on the IPM Information page',
        ),
        (
            v.information(package=v.OTHER),
            f"the IPM Information page shows {v.OTHER}, not {v.package().name}",
        ),
    ],
)
def test_what_the_ipm_information_page_shows_is_told(information: IpmInformation, reason: str) -> None:
    story = s.ready()
    command = c.IntendInstall(
        request="KT-1",
        authority=v.authority(),
        plan=v.plan(),
        observation=v.distributed(),
        seen_at=story.now,
        information=information,
    )
    story.do(command)
    assert story.request().reason == reason


# --- reasons that name more than one thing


def test_every_bad_row_is_told() -> None:
    story = s.Story()
    story.ask()
    rows = (Check(name="levels", ok=False, detail="mixed"), Check(name="disk", ok=False, detail="full"))
    story.do(c.ReportPreflight(request="KT-1", rows=rows, plan=v.plan()))
    assert story.request().reason == "preflight: levels: mixed; disk: full"


def test_everything_that_drifted_is_told() -> None:
    story = s.approved()
    story.start(plan=v.plan(change="CHG-2", profile="c" * 64))
    assert story.request().reason == (
        "the plan has changed: change: CHG-1 is now CHG-2; profile: bbbbbbbbbbbb…bbbbbb is now cccccccccccc…cccccc"
    )


def test_everybody_who_may_no_longer_approve_is_told() -> None:
    story = s.approved()
    story.start(authority=v.authority(approvers=[v.CARLA]))
    assert story.request().reason == f"no quorum any more: <@{v.ANNA}>, <@{v.BEN}> may no longer approve"


def test_a_plan_that_cannot_be_made_any_more_is_told() -> None:
    story = s.approved()
    story.do(c.Start(request="KT-1", authority=v.authority(), rows=(v.row(),), plan=None))
    assert story.request().reason == (
        "the plan can no longer be made: its package or its enterprise is gone from this host"
    )


def test_an_appliance_of_which_nothing_was_seen_has_not_moved() -> None:
    story = s.approved()
    story.state = replace(story.state, levels=MappingProxyType({"db-1": v.OLD}))
    assert s.kinds(story.start()) == ["RunStarted", "LockoutOpened"]


def test_what_a_step_came_to_is_kept() -> None:
    story = s.started()
    story.intend(Step.UPLOAD)
    assert story.do(c.Finish(request="KT-1", step=Step.UPLOAD, detail="4096 bytes")) == [
        e.StepFinished(request="KT-1", step=Step.UPLOAD, detail="4096 bytes")
    ]


# --- what people state


@pytest.mark.parametrize(
    ("begin", "statement", "value", "why"),
    [
        (s.failed, Statement.RELEASE, "CS-1", "two people released the enterprise"),
        (s.became_unknown, Statement.NOT_STARTED, "", "nothing was started"),
        (s.at_other_level, Statement.LEVEL, "2024.1 HF 8", "the installation is complete"),
    ],
)
def test_the_end_of_a_lockout_says_why(
    begin: Callable[[], s.Story], statement: Statement, value: str, why: str
) -> None:
    assert begin().both(statement, value)[-1] == e.LockoutClosed(request="KT-1", reason=why)


def test_an_attestation_releases_without_a_case() -> None:
    assert s.became_unknown().both(Statement.NOT_STARTED)[1:3] == [
        e.Stopped(request="KT-1", reason="two people saw on the console that nothing was started"),
        e.Released(request="KT-1", by=(v.ANNA, v.BEN), case=""),
    ]


def test_a_level_is_confirmed_only_while_a_run_waits_for_it() -> None:
    ended = s.at_other_level("HF 8")
    ended.both(Statement.FAILURE, "not ours")
    for story in (s.approved(), ended):
        assert "does not wait for the confirmation" in refused(
            lambda story=story: story.attest(v.CARLA, Statement.LEVEL, "HF 8")
        )


def test_past_the_point_of_no_return_the_sentence_says_what_happens_now() -> None:
    assert refused(s.pressed().cancel) == (
        "KT-1 is past the point of no return: Install has been pressed, and the vendor's procedure has no way back. "
        "It is being watched until its end"
    )


SENTENCES: dict[str, tuple[Callable[[], s.Story], Callable[[s.Story], Any]]] = {
    "you are not among those who may ask for upgrades of this enterprise": (
        s.Story,
        lambda story: story.ask(by=v.OUTSIDER),
    ),
    "this enterprise is in quarantine since the run of KT-1. Nothing can be asked for until two approvers "
    "release it with the vendor's case number": (s.failed, lambda story: story.ask("KT-2")),
    "you asked for this yourself; other people must approve it": (
        s.asked,
        lambda story: story.approve(v.ASKER, authority=WITH_ASKER),
    ),
    "your approval counts already; still awaited: nobody is left who may": (
        lambda: s.approved(by=[v.ANNA]),
        lambda story: story.approve(v.ANNA, authority=v.authority(approvers=[v.ANNA])),
    ),
    "you are not among the approvers of this enterprise": (s.asked, lambda story: story.approve(v.OUTSIDER)),
    "only the requester and the approvers of this enterprise can cancel": (
        s.asked,
        lambda story: story.cancel(v.OUTSIDER),
    ),
    "give the vendor's case number; a release needs it": (
        s.failed,
        lambda story: story.attest(v.ANNA, Statement.RELEASE),
    ),
    "Install was intended already: never twice (law 1)": (
        lambda: with_an_intent(s.ready()),
        s.Story.intend_install,
    ),
    "nothing is installed before it was distributed": (s.sent, s.Story.intend_install),
    "nothing is distributed before it was uploaded": (s.started, lambda story: story.intend(Step.DISTRIBUTE)),
    "the distribution has begun and is watched to its end: only a verdict ends the run": (
        s.sent,
        s.Story.fault,
    ),
    "there is nothing to watch before Send was intended": (s.started, lambda story: story.observe(v.look())),
    "the outcome of Install is recorded already": (s.pressed, s.Story.press),
}


def with_an_intent(story: s.Story) -> s.Story:
    """Still preparing, as no event would leave it."""
    run = replace(story.request().run, install_intended=v.T0)  # type: ignore[type-var]
    requests = MappingProxyType({"KT-1": replace(story.request(), run=run)})
    story.state = replace(story.state, requests=requests)
    return story


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_refusal_is_this_sentence_and_changes_nothing(sentence: str) -> None:
    begin, act = SENTENCES[sentence]
    story = begin()
    before = story.state
    assert refused(lambda: act(story)) == sentence
    assert story.state == before


# --- handling


async def test_a_command_that_changes_nothing_comes_back_with_the_state() -> None:
    ledger = MemoryLedger()
    story = s.approved()
    await ledger.append("enterprise:main", 0, [event for _, event in story.recorded], v.T0)
    decision = await Handler(ledger, StillClock(v.T0)).handle("main", c.LookAgain())
    assert decision.events == []
    assert decision.state == story.state
