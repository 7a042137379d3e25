"""The local workspace's page in a real Chromium: what people see, press and fill in."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.workspace.client import WorkspaceClient, running


def plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text}


def options(*texts: str) -> list[dict[str, Any]]:
    return [{"text": plain(text), "value": text.lower()} for text in texts]


def field(block_id: str, label: str, element: dict[str, Any], **more: Any) -> dict[str, Any]:
    element = {"action_id": "value", **element}
    return {"type": "input", "block_id": block_id, "label": plain(label), "element": element, **more}


MODAL: dict[str, Any] = {
    "type": "modal",
    "callback_id": "request",
    "title": plain("Request an upgrade"),
    "submit": plain("Request"),
    "blocks": [
        field("enterprise", "Enterprise", {"type": "static_select", "options": options("North", "South")}),
        field("when", "When", {"type": "datetimepicker"}, optional=True),
        field(
            "kind", "Kind", {"type": "radio_buttons", "options": options("Hotfix", "Drill")}, optional=True
        ),
        field(
            "reason", "Reason", {"type": "plain_text_input", "multiline": True}, hint=plain("One sentence.")
        ),
        field(
            "done", "Attestations", {"type": "checkboxes", "options": options("Backup taken", "Desk told")}
        ),
    ],
}
CARD: list[dict[str, Any]] = [
    {"type": "header", "text": plain("Upgrade of North")},
    {
        "type": "section",
        "text": mrkdwn(
            "*Waiting* for _two_ of <!subteam^S0APPROVE>, asked by <@U0ANA> in <#C0IDENTITY>; `7.4` &lt;b&gt;"
        ),
        "fields": [
            mrkdwn("*Package*\n<https://example.org/notes|hotfix 5>"),
            mrkdwn("*Window*\n<!date^1893456000^{date_num} {time}|a fallback>"),
        ],
    },
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": t} for t in row]
            for row in (("Appliance", "Level"), ("north-1", "7.4"))
        ],
    },
    {
        "type": "plan",
        "title": "Run",
        "tasks": [{"type": "task_card", "task_id": "1", "title": "Upload", "status": "complete"}],
    },
    {
        "type": "video",
        "alt_text": "v",
        "title": plain("v"),
        "video_url": "https://example.org/v",
        "thumbnail_url": "https://example.org/t",
    },
    {"type": "context", "elements": [mrkdwn("R-1 <img src=x onerror=alert(1)>")]},
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "text": plain("Approve"),
                "style": "primary",
                "value": "R-1",
                "confirm": {
                    "title": plain("Approve?"),
                    "text": mrkdwn("This is *one* of two keys."),
                    "confirm": plain("Turn the key"),
                    "deny": plain("Not now"),
                },
            },
            {"type": "button", "action_id": "decline", "text": plain("Decline"), "style": "danger"},
        ],
    },
]


@pytest.fixture
async def workspace() -> AsyncIterator[WorkspaceClient]:
    async with running() as started:
        yield started


@pytest.fixture
async def submitted(workspace: WorkspaceClient) -> AsyncIterator[list[dict[str, Any]]]:
    """A connected app: a modal on /upgrade, a card when it is submitted, its state on Approve. What came in."""
    got: list[dict[str, Any]] = []
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
        app = AsyncApp(client=slack)

        @app.command("/upgrade")
        async def _(ack: Any, body: dict[str, Any]) -> None:
            await ack("Opening the form")
            await slack.views_open(trigger_id=body["trigger_id"], view=MODAL)

        @app.view("request")
        async def _(ack: Any, body: dict[str, Any]) -> None:
            got.append(body)
            if body["view"]["state"]["values"]["reason"]["value"]["value"] == "no":
                await ack(response_action="errors", errors={"reason": "Say why."})
                return
            await ack()
            await slack.chat_postMessage(channel=workspace.channel, text="Upgrade of North", blocks=CARD)

        @app.action("approve")
        async def _(ack: Any, body: dict[str, Any]) -> None:
            got.append(body)
            await ack()
            where: dict[str, Any] = {"channel": workspace.channel, "ts": body["message"]["ts"]}
            await slack.chat_update(**where, text=f"Approved by <@{body['user']['id']}>")
            await slack.chat_postMessage(channel=workspace.channel, thread_ts=where["ts"], text="Noted.")
            await slack.chat_postMessage(channel="U0ANA", text="Your request was approved.")

        handler = AsyncSocketModeHandler(app, workspace.app_token)
        await handler.connect_async()
        await workspace.wait_for_connections()
        yield got
        await handler.close_async()


async def become(page: Page, name: str) -> None:
    people = page.get_by_label("Acting as")
    option = people.get_by_role("option", name=name)
    await people.select_option(await option.get_attribute("value"))


async def test_from_the_command_to_the_approval(
    page: Page, workspace: WorkspaceClient, submitted: list[dict[str, Any]]
) -> None:
    await page.goto(workspace.address)
    await expect(page.get_by_text("local stand-in for Slack")).to_be_visible()
    await expect(page.get_by_text("The app is connected.")).to_be_visible()
    box = page.get_by_label("Message #identity-ops")
    await box.fill("/upgrade")
    await box.press("Enter")

    dialog = page.get_by_role("dialog", name="Request an upgrade")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="Request").click()
    await expect(dialog.get_by_text("Please complete this required field.")).to_have_count(3)
    await dialog.get_by_label("Enterprise").select_option(label="North")
    await dialog.get_by_label("When").fill("2030-01-01T01:00")
    await dialog.get_by_role("radio", name="Hotfix").check()
    await dialog.get_by_label("Reason").fill("no")
    await dialog.get_by_role("checkbox", name="Backup taken").check()
    await dialog.get_by_role("button", name="Request").click()
    await expect(dialog.get_by_role("alert")).to_have_text("Say why.")
    await expect(dialog.get_by_label("Enterprise")).to_have_value("north")
    await expect(dialog.get_by_role("checkbox", name="Backup taken")).to_be_checked()
    await dialog.get_by_label("Reason").fill("A hotfix")
    await dialog.get_by_role("button", name="Request").click()
    await expect(dialog).to_be_hidden()
    values = submitted[-1]["view"]["state"]["values"]
    assert values["when"]["value"]["selected_date_time"] == 1893456000
    assert values["kind"]["value"]["selected_option"]["value"] == "hotfix"
    assert [o["value"] for o in values["done"]["value"]["selected_options"]] == ["backup taken"]

    await expect(page.get_by_text("Only visible to you")).to_be_visible()
    await become(page, "Ben Adler")
    await expect(page.get_by_text("Only visible to you")).to_be_hidden()
    card = page.get_by_role("article", name="Message from Keyturn")
    await expect(card.get_by_role("heading", name="Upgrade of North")).to_be_visible()
    await card.get_by_role("button", name="Approve").click()
    question = page.get_by_role("dialog", name="Approve?")
    await question.get_by_role("button", name="Not now").click()
    await expect(question).to_be_hidden()
    assert submitted[-1]["type"] == "view_submission"
    await card.get_by_role("button", name="Approve").click()
    await question.get_by_role("button", name="Turn the key").click()
    await expect(card.get_by_text("Approved by @Ben Adler")).to_be_visible()
    await expect(card.get_by_text("(edited)")).to_be_visible()
    await expect(card.get_by_role("button", name="Approve")).to_have_count(0)
    assert submitted[-1]["user"]["id"] == "U0BEN"

    await card.get_by_role("button", name="1 reply").click()
    thread = page.get_by_role("complementary", name="Thread")
    await expect(thread.get_by_text("Noted.")).to_be_visible()
    await thread.get_by_label("Reply").fill("Thank you")
    await thread.get_by_role("button", name="Send reply").click()
    await expect(thread.get_by_text("Thank you")).to_be_visible()

    await become(page, "Ana Ortiz")
    await page.get_by_role("button", name="1 unread").click()
    await expect(page.get_by_text("Your request was approved.")).to_be_visible()
    await expect(page.get_by_role("button", name="1 unread")).to_have_count(0)


async def test_what_is_drawn_and_what_is_not(page: Page, workspace: WorkspaceClient) -> None:
    async with aiohttp.ClientSession() as session:
        slack = AsyncWebClient(workspace.bot_token, base_url=workspace.api, session=session)
        await slack.chat_postMessage(channel=workspace.channel, text="Upgrade of North", blocks=CARD)
    await page.goto(f"{workspace.address}/?user=U0BEN")
    card = page.get_by_role("article", name="Message from Keyturn")
    await expect(card).to_contain_text(
        "Waiting for two of @upgrade-approvers, asked by @Ana Ortiz in #identity-ops; 7.4 <b>"
    )
    await expect(card.locator("strong", has_text="Waiting")).to_be_visible()
    await expect(card.locator(".mention.me")).to_have_text("@upgrade-approvers")
    await expect(card.get_by_role("link", name="hotfix 5")).to_have_attribute(
        "href", "https://example.org/notes"
    )
    await expect(card.get_by_text("2030-01-01 01:00")).to_be_visible()
    await expect(card.get_by_role("cell", name="north-1")).to_be_visible()
    await expect(card.get_by_label("Complete")).to_be_visible()
    await expect(card.get_by_text("cannot draw block of type video")).to_be_visible()
    await expect(card.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    assert await card.locator("img").count() == 0


async def test_what_slack_says_when_nobody_answers(page: Page, workspace: WorkspaceClient) -> None:
    await page.goto(workspace.address)
    await expect(page.get_by_text("No app is connected.")).to_be_visible()
    box = page.get_by_label("Message #identity-ops")
    await box.fill("/upgrade status")
    await box.press("Enter")
    notice = page.get_by_role("alert").filter(has_text="dispatch_failed")
    await expect(notice).to_be_visible()
    await notice.get_by_role("button", name="Dismiss").click()
    await expect(notice).to_have_count(0)
    await box.fill("Hello everybody")
    await box.press("Enter")
    await expect(page.get_by_role("article", name="Message from Ana Ortiz")).to_contain_text(
        "Hello everybody"
    )
