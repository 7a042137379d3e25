"""The main way in a real Chromium: asked as Ana, approved as Ben and as Chloe, watched to the finish notice."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import Locator, Page, expect

from bot.sandbox.demo import PACKAGE, Demo, Options, running_demo
from bot.sandbox.enterprise.settings import Settings

expect.set_options(timeout=15_000)


@contextlib.asynccontextmanager
async def served(directory: Path, *faults: str) -> AsyncIterator[Demo]:
    """The demonstration with its bot, quick."""
    quick = Settings(rate=400, appliances=2, distribution_seconds=400, install_seconds=2000, faults=faults)
    async with running_demo(directory, quick, Options(package_bytes=1_000_000)) as demo:
        bot = await demo.serve(directory / "bot.log")
        try:
            yield demo
        finally:
            bot.terminate()
            assert await bot.wait() == 0


async def become(page: Page, name: str) -> None:
    people = page.get_by_label("Acting as")
    option = people.get_by_role("option", name=name)
    await people.select_option(await option.get_attribute("value"))


def said(page: Page, heading: str) -> Locator:
    """The bot's messages under a heading that begins so."""
    title = page.get_by_role("heading", name=re.compile(f"^{heading}"))
    return page.get_by_role("article", name="Message from Keyturn").filter(has=title)


async def form(page: Page) -> Locator:
    """`/upgrade`, and the form that it opens."""
    box = page.get_by_label("Message #identity-ops")
    await box.fill("/upgrade")
    await box.press("Enter")
    dialog = page.get_by_role("dialog", name="Ask for an upgrade")
    await expect(dialog).to_be_visible()
    return dialog


async def fill(dialog: Locator) -> None:
    """Everything that the form asks for."""
    await dialog.get_by_label("Reason").fill("Monthly hotfix")
    await dialog.get_by_label("Change number").fill("CHG-4711")
    for tick in await dialog.get_by_role("checkbox").all():
        await tick.check()


async def approve(page: Page, name: str) -> None:
    """As that person: Approve on the card, and yes to the question."""
    await become(page, name)
    await said(page, "Upgrade request").get_by_role("button", name="Approve").click()
    question = page.get_by_role("dialog")
    await expect(question).to_contain_text(PACKAGE)
    await question.get_by_role("button", name=re.compile("Approve")).click()
    await expect(question).to_be_hidden()


async def ask(page: Page) -> None:
    """As Ana: the form, filled in and handed over."""
    await become(page, "Ana")
    dialog = await form(page)
    await fill(dialog)
    await dialog.get_by_role("button", name="Ask").click()
    await expect(dialog).to_be_hidden()


async def test_from_the_request_to_the_finish(page: Page, tmp_path: Path) -> None:
    async with served(tmp_path) as demo:
        await page.goto(demo.workspace.address)
        await ask(page)
        card = said(page, "Upgrade request")
        await expect(card).to_contain_text("2 more approvals are needed")
        await expect(card).to_contain_text("✓ Package not listed")
        await approve(page, "Ben")
        await expect(card).to_contain_text("1 more approval is needed, from @Chloe")
        await approve(page, "Chloe")

        progress = said(page, r"Upgrade \S+: ")
        await expect(progress).to_contain_text("installing on all appliances")
        await expect(progress).to_contain_text("✓ Distribute → Install · Verify")
        await expect(progress).to_contain_text(re.compile(r"appliance-1: .* installing, [1-9]\d?%"))
        await expect(card.get_by_role("button")).to_have_count(1)  # the page's own: Reply in thread
        await expect(said(page, "Lockout now")).to_contain_text(
            "Even if the Admin Console answers, do not use it"
        )

        done = said(page, r"Upgrade \S+ of .* has succeeded")
        await expect(done).to_contain_text("What to do now")
        await expect(progress).to_contain_text("✓ Install ✓ Verify")
        await expect(said(page, r"The lockout of .* is over").last).to_contain_text("usable again")
        assert (await demo.enterprise.state()).install_clicks == 1


async def test_a_failure_gets_the_people_on_call(page: Page, tmp_path: Path) -> None:
    async with served(tmp_path, "install-error") as demo:
        await page.goto(demo.workspace.address)
        await ask(page)
        await approve(page, "Ben")
        await approve(page, "Chloe")
        failure = said(page, r"Upgrade \S+ of .* failed")
        await expect(failure).to_contain_text("Package installation failed (error 1603)")
        await expect(failure).to_contain_text("Do not attempt to run the upgrade again.")
        await expect(failure.get_by_role("listitem")).to_have_count(4)
        await expect(said(page, r"Upgrade \S+: ")).to_contain_text("✗ Install · Verify")

        await become(page, "Sam")
        call = said(page, "Somebody is needed").first
        await expect(call).to_contain_text("@identity-oncall: the upgrade failed.")
        await call.get_by_role("button", name="Acknowledge").click()
        await expect(said(page, "Acknowledged").first).to_contain_text("@Sam Oncall has acknowledged")
        await expect(said(page, "Somebody is needed")).to_have_count(0)
        await expect(said(page, "Lockout now")).to_be_visible()
