"""Who is who, over real sockets (law 2)."""

from __future__ import annotations

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.directory import SlackDirectory
from bot.domain.approval import DirectoryUnavailable, Rules
from bot.sandbox.workspace.client import WorkspaceClient

RULES = Rules(
    approver_groups=("S0APPROVE",),
    approver_ids=("U0DAN", "U0GUEST", "U0GONE", "U0BOT"),
    requester_groups=("S0REQUEST",),
)


@pytest.fixture
def directory(slack: AsyncWebClient) -> SlackDirectory:
    return SlackDirectory(slack)


async def test_members_and_listed_people_count_unless_they_are_barred(directory: SlackDirectory) -> None:
    authority = await directory.authority(RULES)
    assert authority.approvers == {"U0ANA", "U0BEN", "U0CHLOE", "U0DAN"}
    assert authority.requesters == {"U0ANA", "U0BEN"}


@pytest.mark.parametrize(
    ("user", "barred"),
    [
        ("U0ANA", None),
        ("U0GUEST", "guests have no say here"),
        ("U0BOT", "bots have no say here"),
        ("U0GONE", "the account is deactivated"),
    ],
)
async def test_a_person_is_described_as_slack_does(
    directory: SlackDirectory, user: str, barred: str | None
) -> None:
    assert (await directory.person(user)).barred() == barred


async def test_nothing_about_authority_is_kept(workspace: WorkspaceClient, directory: SlackDirectory) -> None:
    assert "U0CHLOE" in (await directory.authority(RULES)).approvers
    await workspace.control("people", id="U0CHLOE", deactivated=True)
    await workspace.control("group", id="S0APPROVE", users=["U0BEN", "U0CHLOE", "U0SAM"])
    assert (await directory.authority(RULES)).approvers == {"U0BEN", "U0DAN", "U0SAM"}


async def test_without_user_groups_the_listed_people_alone_count(
    workspace: WorkspaceClient, directory: SlackDirectory
) -> None:
    await workspace.control("plan", free=True)
    authority = await directory.authority(RULES)
    assert authority.approvers == {"U0DAN"}
    assert authority.requesters == set()


async def test_a_group_that_is_gone_is_no_empty_group(directory: SlackDirectory) -> None:
    rules = RULES.model_copy(update={"approver_groups": ("S0GONE",)})
    with pytest.raises(DirectoryUnavailable, match=r"user group S0GONE \(no_such_subteam\); try again"):
        await directory.authority(rules)


async def test_an_outage_is_said_in_one_sentence(
    workspace: WorkspaceClient, directory: SlackDirectory
) -> None:
    await directory.person("U0ANA")
    await workspace.control("outage", on=True)
    with pytest.raises(DirectoryUnavailable, match="Slack cannot say at the moment who U0ANA is"):
        await directory.person("U0ANA")
    with pytest.raises(DirectoryUnavailable, match="Slack cannot say at the moment"):
        await directory.authority(RULES)
