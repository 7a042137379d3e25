"""When it goes wrong: terminal failure and its quarantine, blackout, overdue, another level (laws 4, 5 and 9)."""

from __future__ import annotations

import pytest

from bot.announce.failure import PROHIBITIONS
from bot.domain import events as e
from bot.domain.events import Phase
from bot.sandbox import person
from bot.sandbox.demo import LEVEL, Options
from bot.sandbox.enterprise.faults import INSTALL_ERROR
from bot.sandbox.person import ANA, BEN, CHLOE
from bot.sandbox.workspace.client import Json, Message
from tests.e2e.scene import QUICK, SAM, Scene, key_of, says, versions


async def failed(scene: Scene, reason: str = "Monthly hotfix") -> str:
    """A run that the console has failed."""
    id_ = await scene.ask(reason=reason)
    await scene.until(id_, lambda r: r.plan)
    await scene.approve(id_)
    await scene.ends(id_, Phase.FAILED)
    return id_


@pytest.mark.scene("install-error")
async def test_an_install_error_is_terminal_until_two_people_release(scene: Scene) -> None:
    id_ = await failed(scene)
    end = [x for x in await scene.entries() if isinstance(x.event, e.Failed | e.Quarantined)]
    assert end[1].version == end[0].version + 1
    assert end[1].at == end[0].at, "the failure and the quarantine are one append"

    notice = await scene.posted(f"failure:{id_}")
    assert all(words in notice.words for words in PROHIBITIONS)
    assert INSTALL_ERROR in notice.words
    assert "uarantine" in notice.words
    await scene.posted(f"logs:{id_}", says("SHA-256"))
    await acknowledged(scene, id_)

    refused = await person.ask(scene.workspace, ANA)
    assert "in quarantine" in str(refused["errors"])
    assert "n quarantine" in await scene.type(ANA, "/upgrade status")

    await scene.type(BEN, f"/upgrade release {id_} CASE-0001")
    await scene.type(CHLOE, f"/upgrade release {id_} CASE-0002")
    assert "stated this already" in await scene.type(BEN, f"/upgrade release {id_} CASE-0001")
    assert (await scene.state()).quarantine is not None
    assert (await scene.state()).lockout is not None
    assert "released with case" in await scene.type(CHLOE, f"/upgrade release {id_} CASE-0001")
    await scene.posted(f"released:{id_}", says("CASE-0001"))
    await scene.posted(f"unlocked:{id_}", says("Before you use"))
    assert (await scene.state()).lockout is None
    await scene.ask()


async def acknowledged(scene: Scene, id_: str) -> None:
    """The page comes again until somebody presses Acknowledge, and not after that."""

    async def twice() -> list[str]:
        pages = [key for key in await scene.keys() if key.startswith(f"page:{id_}")]
        return pages if len(pages) >= 2 else []

    await scene.workspace.wait_for(twice, 20)
    page = await scene.posted(f"page:{id_}", lambda m: "acknowledge" in m.actions)
    assert "<!subteam^S0ONCALL>" in page.text
    assert "You have acknowledged" in await scene.click(SAM, page, "acknowledge")
    count = len(await scene.events(e.Paged))
    await scene.posted(key_of(page), lambda m: "Acknowledged" in m.words and not m.actions)
    assert len(await scene.events(e.Paged)) == count


@pytest.mark.scene("evil-words")
async def test_the_consoles_words_stay_words(scene: Scene) -> None:
    """What the console and a requester write can neither mention people nor forge a message (law 9)."""
    id_ = await failed(scene, reason="<!here> <@U123> *bold* <https://example.com|click>")
    await scene.posted(f"failure:{id_}")
    await scene.posted(f"page:{id_}")
    await scene.posted(f"card:{id_}", says("Failed"))
    await scene.posted(f"progress:{id_}", says("Failed"))
    await scene.type(ANA, "/upgrade status")
    messages = await scene.workspace.messages()
    assert any("Install failed" in m.words for m in messages), "the words are there"
    for message in (version for m in messages for version in versions(m)):
        _harmless(message)


def _harmless(message: Message) -> None:
    marked = [message.text, *_mrkdwn(message.blocks)]
    for markup in ("<!channel", "<!here", "<@U123", "<https://example", "\u202e", "\x07", "```"):
        assert not any(markup in text for text in marked), (markup, marked)
    for text in (*marked, message.words):
        assert "Upgrade of all appliances succeeded" not in text.splitlines()
    mentioned = [element for element in _elements(message.blocks) if element.get("type") == "user"]
    assert "U123" not in [element["user_id"] for element in mentioned]
    assert not [element for element in _elements(message.blocks) if element.get("type") == "broadcast"]
    assert "A" * 1001 not in message.words


def _elements(value: object) -> list[Json]:
    """Every object in the blocks, at any depth."""
    if isinstance(value, list):
        return [found for item in value for found in _elements(item)]
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in _elements(item))]
    return []


def _mrkdwn(blocks: list[Json]) -> list[str]:
    """What Slack would look through for markup."""
    return [str(element["text"]) for element in _elements(blocks) if element.get("type") == "mrkdwn"]


@pytest.mark.scene("blackout", install_seconds=1800)
async def test_a_blackout_is_no_failure(scene: Scene) -> None:
    id_ = await scene.approved()
    await scene.ends(id_, Phase.SUCCEEDED)
    await scene.posted(f"unlocked:{id_}")
    await scene.posted(f"progress:{id_}", says("Succeeded"))
    assert [o for o in await scene.events(e.Observed) if not o.observation.answered], "it was dark"
    for message in await scene.workspace.messages():
        for version in versions(message):
            said = f"{version.text}\n{version.words}".lower()
            assert not [w for w in ("failed", "error", "unknown", "quarantine") if w in said], said


@pytest.mark.scene("upload-refused")
async def test_an_upload_that_is_refused_stops_without_harm(scene: Scene) -> None:
    id_ = await scene.approved()
    request = await scene.ends(id_, Phase.STOPPED)
    assert "The package signature is not valid" in request.reason
    await scene.posted(f"finish:{id_}", says("A new request is possible."))
    state = await scene.state()
    assert (state.quarantine, state.lockout) == (None, None)
    assert (await scene.enterprise.state()).sends == 0
    await scene.enterprise.clear("upload-refused")
    await scene.ends(await scene.approved(), Phase.SUCCEEDED)


@pytest.mark.scene("install-error")
async def test_a_quarantine_voids_the_other_approved_request(scene: Scene) -> None:
    first = await scene.asked()
    second = await scene.approved(start=scene.ahead(12 * 60))
    await scene.approve(first)
    await scene.ends(first, Phase.FAILED)
    request = await scene.ends(second, Phase.VOID)
    assert first in request.reason
    await scene.posted(f"finish:{second}", says("Nothing can be asked for"))
    at = {x.at for x in await scene.entries() if isinstance(x.event, e.Failed | e.Quarantined | e.Voided)}
    assert len(at) == 1, "one append"


@pytest.mark.scene("unexpected-level")
async def test_another_level_everywhere_is_held_until_two_people_confirm(scene: Scene) -> None:
    id_ = await scene.approved()
    request = await scene.until(id_, lambda r: r.run and r.run.unexpected_level)
    assert request.phase is Phase.VERIFYING
    level = f"{LEVEL} R2"
    await scene.posted(f"level:{id_}", says(level))
    await scene.posted(f"page:{id_}")
    await scene.type(BEN, f"/upgrade confirm {id_} {level}")
    assert "does not wait for" in await scene.type(CHLOE, f"/upgrade confirm {id_} {LEVEL}")
    assert (await scene.request(id_)).phase is Phase.VERIFYING
    assert "has succeeded" in await scene.type(CHLOE, f"/upgrade confirm {id_} {level}")
    await scene.ends(id_, Phase.SUCCEEDED)
    await scene.posted(f"finish:{id_}", says(level))


OVERDUE_SOON = Options(
    package_bytes=QUICK.package_bytes, poll_seconds=QUICK.poll_seconds, budgets={"overdue": 20}
)


@pytest.mark.scene("stuck-install", options=OVERDUE_SOON, install_seconds=900)
async def test_overdue_is_a_flag_on_a_run_that_goes_on(scene: Scene) -> None:
    id_ = await scene.approved()
    request = await scene.until(id_, lambda r: r.run and r.run.overdue)
    assert request.phase is Phase.INSTALLING
    notice = await scene.posted(f"overdue:{id_}")
    assert "is not a failure" in notice.words
    page = await scene.posted(f"page:{id_}")
    assert "<!subteam^S0ONCALL>" in page.text
    assert "overdue" in await scene.type(ANA, "/upgrade status")
    assert (await scene.state()).quarantine is None

    await scene.enterprise.clear("stuck-install")
    await scene.ends(id_, Phase.SUCCEEDED)
    await scene.posted(f"page:{id_}", says("Settled"))
