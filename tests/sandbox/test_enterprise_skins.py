"""Every skin does the same to the same enterprise, and holds every control.

By plain requests: no markup is read, and a skin that is added is tested here without a line.
"""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from bot.sandbox.cli import app
from bot.sandbox.enterprise import acts, pages, skins
from bot.sandbox.enterprise.acts import ACTS
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.enterprise.skins import Skin, SkinError
from bot.sandbox.package import make_package
from tests.sandbox.skin_visitor import SkinVisitor

pytestmark = pytest.mark.asyncio(loop_scope="module")

NAME, LEVEL = "imprivata-24-1-hf4", "24.1 HF4"
HOW_TO = Path(__file__).parents[2] / "docs" / "skins.md"
DANGERS = [name for name, act in ACTS.items() if act.done == "recorded"]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=skins.names())
async def enterprise(request: pytest.FixtureRequest) -> AsyncIterator[EnterpriseProcess]:
    settings = Settings(
        skin=request.param,
        appliances=2,
        rate=1000,
        distribution_seconds=100,
        install_seconds=300,
        idle_minutes=600,
    )
    async with EnterpriseProcess(settings) as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(enterprise: EnterpriseProcess) -> AsyncIterator[SkinVisitor]:
    async with SkinVisitor(await enterprise.connection(), enterprise.settings.skin) as somebody:
        await somebody.sign_in()
        yield somebody
    for fault in (await enterprise.state()).faults:
        await enterprise.clear(fault)


async def test_the_procedure(enterprise: EnterpriseProcess, visitor: SkinVisitor, tmp_path: Path) -> None:
    before = len(await enterprise.requests())
    make_package(tmp_path / "a.ipm", NAME, LEVEL, 100_000)
    await visitor.do("upload", tmp_path / "a.ipm")
    assert f">{NAME}<" in (text := (await visitor.page("packages")).text) or f'"{NAME}"' in text
    await visitor.do("open_distribution", package=NAME)
    await visitor.do("send", package=NAME)
    await visitor.do("send", package=NAME)
    await enterprise.until(lambda state: bool(state.work and state.work.finished))
    await visitor.do("finish_distribution")
    opened = await visitor.do("open_install", package=NAME)
    page = await visitor.http.get(opened.headers["location"]) if opened.is_redirect else opened
    assert LEVEL in page.text
    assert all(scope in page.text for scope in pages.SCOPES.values())
    assert (await enterprise.state()).install_clicks == 0
    await visitor.do("install", package=NAME, scope="all")
    locked = await enterprise.until(lambda state: state.locked)
    assert (
        [row.appliance for row in locked.work.rows] == ["appliance-1", "appliance-2"]
        if locked.work
        else False
    )
    state = await enterprise.until(lambda state: state.work is None)
    assert {appliance.level for appliance in state.appliances} == {LEVEL}
    assert (state.sends, state.dones, state.install_clicks, state.installs_finished) == (1, 1, 1, 1)
    assert state.dangerous == []
    changes = [request.action for request in (await enterprise.requests())[before:] if request.changes]
    assert changes == ["Upload", "Send", "Done", "Install"]


async def test_every_danger_is_there_and_counted(enterprise: EnterpriseProcess, visitor: SkinVisitor) -> None:
    skin = visitor.skin
    shown = [(await visitor.http.get(address)).text for address in skin.layout.pages.values()]
    shown += [file.read_text() for file in skin.files.values()]
    before = len((await enterprise.state()).dangerous)
    for act in DANGERS:
        assert any(ACTS[act].word in text for text in shown), f"{ACTS[act].word!r} is on no page"
        await visitor.do(act)
    await visitor.do("install", package="25-2-0", scope="one")
    labels = [danger.label for danger in (await enterprise.state()).dangerous[before:]]
    assert labels == [*(ACTS[act].word for act in DANGERS), pages.SCOPES["one"]]


async def test_a_forged_token_does_nothing(
    enterprise: EnterpriseProcess, visitor: SkinVisitor, tmp_path: Path
) -> None:
    make_package(tmp_path / "b.ipm", "forged", LEVEL, 10_000)
    before = await enterprise.state()
    own, visitor.token = visitor.token, "forged"
    for act in ("upload", "send", "finish_distribution", "install"):
        answer = await visitor.do(act, tmp_path / "b.ipm" if act == "upload" else None, package="25-2-0")
        assert answer.status_code == 403
    after = await enterprise.state()
    assert after.install_clicks == before.install_clicks + 1
    assert (after.packages, after.work, after.uploads) == (before.packages, before.work, before.uploads)
    visitor.token = own
    async with SkinVisitor(visitor.connection, visitor.skin.name) as other:
        await other.sign_in()
        assert other.token != own
        other.token = own
        assert (await other.do("send", package="25-2-0")).status_code == 403
    assert (await enterprise.state()).sends == before.sends


async def test_without_a_session_nothing_is_done(enterprise: EnterpriseProcess) -> None:
    before = await enterprise.state()
    async with SkinVisitor(await enterprise.connection(), enterprise.settings.skin) as somebody:
        refused = await somebody.sign_in("wrong")
        assert "The user name or the password is not correct" in refused.text
        for act in (*DANGERS, "send", "export_logs"):
            await somebody.do(act, package="25-2-0")
        assert "appliance-2" not in (await somebody.page("enterprise")).text
    after = await enterprise.state()
    assert after.refused_sign_ins == before.refused_sign_ins + 1
    assert (after.sign_ins, after.sends, after.dangerous) == (before.sign_ins, before.sends, before.dangerous)


async def test_the_faults_of_pages(enterprise: EnterpriseProcess, visitor: SkinVisitor) -> None:
    await enterprise.fault("unknown-page")
    assert "Service Advisory" in (await visitor.page("packages")).text
    await enterprise.clear("unknown-page")
    await enterprise.fault("wizard")
    assert "Appliance Setup Wizard" in (await visitor.page("packages")).text
    await enterprise.clear("wizard")
    await enterprise.fault("logs-refused")
    assert (await visitor.do("export_logs")).status_code == 500
    await enterprise.clear("logs-refused")
    assert "attachment" in (await visitor.do("export_logs")).headers["content-disposition"]
    await enterprise.fault("install-500")
    assert (await visitor.do("install", package="25-2-0")).status_code == 500
    await enterprise.fault("install-sign-in")
    await enterprise.clear("install-500")
    sent_away = await visitor.do("install", package="25-2-0")
    assert sent_away.status_code == 307
    assert sent_away.headers["location"].startswith(visitor.skin.layout.pages["sign_in"])
    await visitor.sign_in()
    await enterprise.fault("session-expiry=0")
    assert "appliance-2" not in (await visitor.page("enterprise")).text


async def test_requests_of_one_lost_session_get_one_new_one(
    enterprise: EnterpriseProcess, visitor: SkinVisitor
) -> None:
    await enterprise.fault("session-expiry=0")
    old = dict(visitor.http.cookies)
    given = []
    for page in ("packages", "enterprise"):
        visitor.http.cookies.clear()
        visitor.http.cookies.update(old)
        given.append((await visitor.page(page)).headers["set-cookie"])
    assert given[0] == given[1]
    await enterprise.clear("session-expiry")
    await visitor.sign_in()
    visitor.http.cookies.clear()
    visitor.http.cookies.update(old)
    assert "appliance-2" not in (await visitor.page("enterprise")).text


async def test_signing_out_ends_the_session(enterprise: EnterpriseProcess, visitor: SkinVisitor) -> None:
    before = (await enterprise.state()).sessions
    await visitor.do("sign_out")
    assert (await enterprise.state()).sessions == before - 1


@pytest.mark.parametrize("command", [["enterprise", "--skin", "nonsense"], ["profile", "nonsense"]])
async def test_an_unknown_skin_is_refused_with_what_there_is(command: list[str]) -> None:
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "nonsense" in result.output
    assert f"there are: {', '.join(skins.names())}" in result.output


async def test_the_how_to_names_every_act() -> None:
    said = HOW_TO.read_text()
    assert [name for name in (*ACTS, acts.PRESS) if f"`{name}`" not in said] == []


async def test_a_skins_profile_is_printed() -> None:
    result = CliRunner().invoke(app, ["profile", "frames"])
    assert tomllib.loads(result.output)["labels"]["sign_in"] == "Sign On"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('"POST /i" = "install"\n"POST /s" = "sign_in"\n"POST /x" = "explode"', "no act is called 'explode'"),
        ('"POST /s" = "sign_in"', "'install' needs exactly one address"),
        (
            '"POST /i" = "install"\n"POST /j" = "install"\n"POST /s" = "sign_in"',
            "'install' needs exactly one",
        ),
        ('"POST /i" = 5', "skin.toml cannot be used"),
        (
            '"POST /i" = "install"\n"POST /s" = "sign_in"',
            "no template for the pages packages, refused, sign_in",
        ),
    ],
)
async def test_a_layout_that_cannot_be_used(tmp_path: Path, lines: str, says: str) -> None:
    (tmp_path / "mine").mkdir()
    layout = f'about = "a skin"\n[pages]\nsign_in = "/s"\n[acts]\n{lines}\n'
    (tmp_path / "mine" / skins.LAYOUT).write_text(layout)
    assert skins.names(tmp_path) == ["mine"]
    with pytest.raises(SkinError, match=says):
        acts.check(Skin("mine", tmp_path))
