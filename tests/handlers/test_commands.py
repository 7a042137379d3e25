"""/upgrade and what follows it, over real Socket Mode."""

from __future__ import annotations

import pytest

from bot.domain.approval import DirectoryUnavailable
from bot.domain.events import Statement
from bot.domain.refusal import Refusal
from tests.handlers.conftest import Side
from tests.support import values as v
from tests.support.desk import ANA, BEN, CHLOE, DAN


async def test_help_lists_the_commands_for_the_one_who_asked(side: Side) -> None:
    await side.type(ANA, "/upgrade help", "/upgrade approve ID")

    assert all("/upgrade approve" not in m.words for m in await side.workspace.seen_by(BEN))


async def test_what_is_not_understood_is_said_back_harmlessly(side: Side) -> None:
    said = await side.type(ANA, "/upgrade explode <!channel> *now*", "is no command of Keyturn")

    assert "“explode”" in said.text
    assert "<!channel>" not in said.text


async def test_an_incomplete_command_says_how_it_is_written(side: Side) -> None:
    said = await side.type(ANA, "/upgrade approve", "is not complete")

    assert "`/upgrade approve ID`" in said.text
    assert side.desk.calls == []


async def test_two_approvals_by_command_reach_the_quorum(side: Side) -> None:
    id_ = await side.desk.asked()

    first = await side.type(BEN, f"/upgrade approve {id_.lower()}", "counts")
    second = await side.type(CHLOE, f"/upgrade approve {id_}", "quorum")

    assert "Still needed: one of <!subteam^S0APPROVE>" in first.text
    assert f"<@{BEN}> and <@{CHLOE}>" in second.text
    assert "it starts now" in second.text


async def test_drift_is_told_as_void(side: Side) -> None:
    id_ = await side.desk.asked()
    side.desk.plan_now = v.plan(id_, change="CHG-2")

    await side.type(BEN, f"/upgrade approve {id_}", f"{id_} is void: the plan has changed")


async def test_an_approval_too_late_is_told_as_expired(side: Side) -> None:
    id_ = await side.desk.asked()
    side.desk.clock.moment = v.WINDOW.closes

    await side.type(BEN, f"/upgrade approve {id_}", f"{id_} has expired")


async def test_decline_keeps_the_reason_as_typed(side: Side) -> None:
    id_ = await side.desk.asked()

    await side.type(BEN, f"/upgrade decline {id_} tables <= 3 & @ana says no", f"{id_} is declined")

    assert side.desk.calls == [("decline", id_, BEN, "tables <= 3 & @ana says no")]


async def test_only_the_requester_withdraws(side: Side) -> None:
    id_ = await side.desk.asked()

    refused = await side.type(BEN, f"/upgrade withdraw {id_}", "who asked, can withdraw")
    await side.type(ANA, f"/upgrade withdraw {id_}", f"{id_} is withdrawn")

    assert f"<@{ANA}>" in refused.text


async def test_a_refusal_is_told_as_it_is_and_mentions_nobody_else(side: Side) -> None:
    id_ = await side.desk.asked()
    side.desk.fault = Refusal("only <@U0ANA> may; the console said <!channel> *boo*")

    said = await side.type(
        BEN, f"/upgrade cancel {id_}", "only <@U0ANA> may; the console said &lt;!channel&gt;"
    )

    assert "*boo*" not in said.text


async def test_an_unknown_request_is_told(side: Side) -> None:
    await side.type(BEN, "/upgrade approve U-404", "there is no such request")

    assert side.desk.calls == []


async def test_slack_not_knowing_who_somebody_is_records_nothing(side: Side) -> None:
    id_ = await side.desk.asked()
    side.desk.fault = DirectoryUnavailable("users.info: HTTP 503")

    await side.type(BEN, f"/upgrade approve {id_}", "nothing was recorded; type the command again")

    _, request = await side.desk.find(id_)
    assert not request.approvals


async def test_a_fault_of_our_own_is_answered_too(side: Side, caplog: pytest.LogCaptureFixture) -> None:
    id_ = await side.desk.asked()
    side.desk.fault = ZeroDivisionError("the desk is broken")

    await side.type(BEN, f"/upgrade approve {id_}", "because of a fault of its own")

    assert "the desk is broken" in caplog.text


async def test_statements_go_to_the_desk_with_their_value(side: Side) -> None:
    id_ = await side.desk.asked()

    await side.type(BEN, f"/upgrade release {id_} 0042 4711", "holds no quarantine")
    await side.type(BEN, f"/upgrade failed {id_} red banner", "neither overdue nor")

    assert side.desk.calls == [
        ("attest", id_, BEN, Statement.RELEASE, "0042 4711"),
        ("attest", id_, BEN, Statement.FAILURE, "red banner"),
    ]


async def test_status_and_list_say_what_waits(side: Side) -> None:
    await side.type(DAN, "/upgrade list", "Nobody has asked")
    await side.type(DAN, "/upgrade status", "Nothing is going on")
    id_ = await side.desk.asked()

    assert "Waiting" in (await side.type(DAN, "/upgrade status main", f"`{id_}` requested")).text
    assert "on `main`" in (await side.type(DAN, "/upgrade list", f"`{id_}` requested")).text
    await side.type(DAN, "/upgrade status moon", "is not configured here")
