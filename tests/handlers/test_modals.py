"""The form that asks for an upgrade: opened, filled in, refused beneath the right field, submitted once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.approval import DirectoryUnavailable
from bot.domain.refusal import Refusal
from handlers import form
from tests.handlers.conftest import Side, filled
from tests.support import values as v
from tests.support.desk import ANA, BEN, CHANNEL, DAN, settings

PICKED = (v.T0 + timedelta(hours=1)).timestamp()


async def test_upgrade_opens_the_form_and_submitting_asks(side: Side) -> None:
    await side.workspace.command(ANA, "/upgrade")
    modal = await side.modal(ANA)
    assert "presses Install once" in modal.words
    assert "Saturday 20:00 to 02:00 UTC" in modal.words

    assert (await side.workspace.submit(ANA, modal, filled()))["ok"]

    await side.told(ANA, f"U-1 is asked for. Its preflight is running; the card in <#{CHANNEL}>")
    assert side.desk.calls == [("ask", "main", ANA, v.package().name, "Security fix", "CHG-7")]
    assert await side.workspace.view(ANA) is None
    _, request = await side.desk.find("U-1")
    assert request.draft.start == side.desk.clock.moment


async def test_a_chosen_time_is_the_start(side: Side) -> None:
    await side.workspace.command(ANA, "/upgrade request")

    values = filled(when="time", start=PICKED)
    assert (await side.workspace.submit(ANA, await side.modal(ANA), values))["ok"]

    await side.told(ANA, "U-1 is asked for")
    _, request = await side.desk.find("U-1")
    assert request.draft.start == datetime.fromtimestamp(PICKED, UTC)


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        ANA,
        {"when": "time", "start": (v.T0 + timedelta(days=1)).timestamp()},
        "start",
        "the next start that fits is Sat 28 Nov 2026 20:00 (UTC)",
    ),
    (ANA, {"when": "time"}, "start", "Choose the time"),
    (ANA, {"start": PICKED}, "start", "Clear the time"),
    (ANA, {"attestations": ["backup"]}, "attestations", "not yet confirmed: The service desk"),
    (ANA, {"attestations": []}, "attestations", "required"),
    (DAN, {}, "enterprise", "you are not among those who may ask"),
]


async def test_a_refusal_stands_beneath_its_field(side: Side) -> None:
    for user, changes, field, words in REFUSED:
        await side.workspace.command(user, "/upgrade")
        modal = await side.modal(user)

        answer = await side.workspace.submit(user, modal, filled(**changes))

        assert list(answer["errors"]) == [field], answer
        assert words in answer["errors"][field]
        await side.workspace.close(user, modal)


async def test_a_corrected_form_is_asked_again(side: Side) -> None:
    await side.workspace.command(ANA, "/upgrade")
    modal = await side.modal(ANA)
    side.desk.fault = DirectoryUnavailable("users.info: HTTP 503")
    refused = await side.workspace.submit(ANA, modal, filled())
    assert refused["errors"] == {
        "enterprise": "Slack cannot say who you are right now; nothing was recorded; submit it again."
    }

    side.desk.fault = None
    assert (await side.workspace.submit(ANA, modal, filled()))["ok"]

    await side.told(ANA, "U-1 is asked for")


async def submission(side: Side, user: str) -> dict[str, Any]:
    """A filled-in form as Slack sends it, for deliveries that no person causes."""
    await side.workspace.command(user, "/upgrade")
    modal = await side.modal(user)

    def option(value: str) -> dict[str, Any]:
        return {"value": value}

    state: dict[str, Any] = {
        "enterprise": {"selected_option": option("main")},
        "package": {"selected_option": option(v.package().name)},
        "when": {"selected_option": option("approved")},
        "start": {"selected_date_time": None},
        "reason": {"value": "Security fix"},
        "change": {"value": "CHG-7"},
        "attestations": {"selected_options": [option(key) for key in v.draft().attestations]},
    }
    return {
        "type": "view_submission",
        "user": {"id": user, "team_id": "T0LOCAL"},
        "team": {"id": "T0LOCAL"},
        "view": {**modal.raw, "state": {"values": {name: {name: value} for name, value in state.items()}}},
    }


async def test_a_submission_delivered_twice_is_one_request(side: Side) -> None:
    payload = await submission(side, ANA)
    deliver = {"type": "interactive", "payload": payload}

    at_once = [side.workspace.control("envelope", **deliver) for _ in range(2)]
    acks = await asyncio.gather(*at_once)
    late = await side.workspace.control("envelope", **deliver)

    assert [answer["ack"] for answer in (*acks, late)] == [{}, {}, {}]
    await side.told(ANA, "U-1 is asked for")
    await side.type(ANA, "/upgrade help", "/upgrade list")
    assert len(side.desk.calls) == 1
    assert sum("is asked for" in m.text for m in await side.answers()) == 1


async def test_a_slow_desk_closes_the_form_in_time_and_tells_later(side: Side) -> None:
    side.desk.gate.clear()
    await side.workspace.command(ANA, "/upgrade")

    assert (await side.workspace.submit(ANA, await side.modal(ANA), filled()))["ok"]
    assert await side.workspace.view(ANA) is None
    side.desk.gate.set()

    await side.told(ANA, "U-1 is asked for")


async def test_a_slow_refusal_is_told_too(side: Side) -> None:
    side.desk.gate.clear()
    side.desk.fault = Refusal("run U-9 is under way on this enterprise")
    await side.workspace.command(ANA, "/upgrade")

    assert (await side.workspace.submit(ANA, await side.modal(ANA), filled()))["ok"]
    side.desk.gate.set()

    await side.told(ANA, "run U-9 is under way")


async def test_who_is_in_no_common_channel_is_told_directly(side: Side) -> None:
    """The bot was taken out of the channel in which /upgrade was typed."""
    await side.workspace.command(ANA, "/upgrade")
    modal = await side.modal(ANA)
    await side.workspace.control("channel", id=side.workspace.channel, members=[BEN, "U0BOT"])

    await side.workspace.submit(ANA, modal, filled())

    assert (await side.told(ANA, "U-1 is asked for")).channel.startswith("D")


async def test_without_a_package_there_is_advice_and_no_form(side: Side) -> None:
    side.desk.added = []

    await side.type(ANA, "/upgrade", "keyturn package add FILE --level LEVEL")

    assert await side.workspace.view(ANA) is None


async def test_a_form_that_slack_does_not_open_is_told(side: Side) -> None:
    payload = {
        "command": "/upgrade",
        "text": "",
        "user_id": ANA,
        "team_id": "T0LOCAL",
        "channel_id": CHANNEL,
        "trigger_id": "spent",
    }

    await side.workspace.control("envelope", type="slash_commands", payload=payload)

    await side.told(ANA, "Slack did not open the form")


def test_every_enterprise_and_package_is_offered_within_slacks_limits() -> None:
    many = {f"e{n}": settings(title="A long title " * 9) for n in range(12)}
    packages = [v.package(name=f"{'p' * 140}-{n}") for n in range(120)]

    view = form.ask_view(many, form.offered(packages), CHANNEL)

    elements = {b["block_id"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    assert len(elements["enterprise"]["options"]) == 12
    assert len(elements["package"]["options"]) == 100
    assert "initial_option" not in elements["package"]


async def test_slack_accepts_the_largest_form(side: Side) -> None:
    many = {f"e{n}": settings(title="A long title " * 9) for n in range(12)}
    packages = form.offered([v.package(name=f"{'p' * 140}-{n}") for n in range(120)])

    for view in (form.ask_view(many, packages, CHANNEL), form.decline_view("U-" + "X" * 60)):
        assert (await side.slack.client.api_call("blocks.validate", json={"view": view}))["ok"]
