"""`keyturn console check` in every skin of the simulated console, with each driver that can drive it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.console.profile import load_profile
from bot.sandbox.enterprise import skins
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from tests.console.test_console_skins import CONTRACT, in_suite
from tests.support import chromium
from tests.test_console_command_line import asked, configure, console

FILE = Path("mine.toml")
THREE = {"labels.open_install", "columns.enterprise_release", "labels.export_logs"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("name", "skin"), in_suite(CONTRACT))
async def test_all_is_found_and_three_other_labels_are_told(name: str, skin: str) -> None:
    if name == "browser":
        chromium.path()
    async with EnterpriseProcess(Settings(appliances=2, skin=skin)) as enterprise:
        FILE.write_text(skins.profile(skin))
        configure(await enterprise.connection(), f'profile = "{FILE}"\ndriver = "{name}"')
        ran = await console("check", "main")
        assert (ran.code, ran.err) == (0, ""), ran.out
        assert ran.out.splitlines()[-1] == "All that could be looked for was found."
        await _only_looked(enterprise)

        assert (await console("capture", "main", "pages")).code == 0
        ran = await console("replay", "pages", "--profile", str(FILE))
        assert ran.code == 0, ran.out

        FILE.write_text(_changed(skins.profile(skin)))
        ran = await console("check", "main", "--json")
        wrong = [f for f in json.loads(ran.out)["findings"] if f["outcome"] in ("missing", "unclear")]
        assert {(f["key"], f["outcome"]) for f in wrong} == {(key, "missing") for key in THREE}
        near = {f["key"]: f["near"][0] for f in wrong}
        assert {key: words + " here" for key, words in near.items()} == {
            f["key"]: f["expected"] for f in wrong
        }
        await _only_looked(enterprise)


async def _only_looked(enterprise: EnterpriseProcess) -> None:
    assert {method for method, _ in await asked(enterprise)} == {"GET", "POST"}
    posts = {r.action for r in await enterprise.requests() if r.method == "POST"}
    assert posts <= {"sign in", "sign out"}
    assert (await enterprise.state()).sessions == 0


def _changed(profile: str) -> str:
    """The profile with other words for `THREE`."""
    known = load_profile(FILE).model_dump(mode="json")
    for name in sorted(THREE):
        section, _, key = name.partition(".")
        profile = re.sub(rf"(?m)^{key} = .*\n", "", profile)
        line = f'{key} = "{known[section][key]} here"\n'
        head = f"[{section}]\n"
        profile = profile.replace(head, head + line) if head in profile else f"{profile}\n{head}{line}"
    return profile
