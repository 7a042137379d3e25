"""`keyturn console` against the simulated enterprise: what it prints, how it ends, and what it asked for."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.config import ConfigurationError
from bot.console.profile import Profile, load_profile, schema
from bot.console.report import Outcome, Report
from bot.console.table import WIDTH
from bot.domain.enterprise import stream
from bot.pinning import pinned
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.enterprise.settings import Settings
from storage.sqlite import SqliteLedger
from tests.support import story as s
from tests.test_command_line import GOOD, README, SECRETS, Ran, keyturn

THREE = """
[labels]
open_distribution = "Distribute Package"
export_logs = "Export All Logs"

[columns]
enterprise_release = "Releases"
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
async def enterprise() -> AsyncIterator[EnterpriseProcess]:
    async with EnterpriseProcess(Settings(appliances=3)) as one:
        configure(await one.connection())
        yield one


def configure(connection: Connection, more: str = "", pins: dict[str, str] | None = None) -> None:
    """Settings for these consoles, in the file that the command reads."""
    consoles = "".join(
        f'[[enterprises.main.appliances]]\nname = "{a.name}"\naddress = "{a.address}"\n'
        f'fingerprint = "{(pins or {}).get(a.name, a.fingerprint)}"  # as the appliance shows it\n'
        for a in connection.appliances
    )
    start, end = GOOD.index("[[enterprises.main.appliances"), GOOD.index("[[enterprises.main.windows")
    text = GOOD[:start] + consoles + GOOD[end:]
    Path("keyturn.toml").write_text(text.replace("channel =", f"{more}\nchannel ="))


async def console(*arguments: str, password: str = "sandbox-super") -> Ran:
    env = {**SECRETS, "KEYTURN_ENTERPRISES__MAIN__PASSWORD": password}
    return await asyncio.to_thread(keyturn, "console", *arguments, env=env)


async def asked(enterprise: EnterpriseProcess) -> set[tuple[str, str]]:
    """Method and path of every request, queries left out; nothing among them may have changed anything."""
    requests = await enterprise.requests()
    assert [r for r in requests if r.changes] == []
    state = await enterprise.state()
    assert (state.dangerous, state.install_clicks, state.sends) == ([], 0, 0)
    return {(r.method, r.path.partition("?")[0]) for r in requests}


VIEWS = {
    ("GET", "/"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/packages"),
    ("GET", "/enterprise"),
    ("GET", "/system/operations"),
    ("GET", "/system/logs"),
    ("GET", "/sign-out"),
}


async def test_all_is_found_at_the_simulated_enterprise(enterprise: EnterpriseProcess) -> None:
    ran = await console("check", "main")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == "All that could be looked for was found."
    assert max(map(len, ran.out.splitlines())) <= WIDTH
    assert await asked(enterprise) == VIEWS
    assert (await enterprise.state()).sessions == 0
    assert not Path("state").exists()


async def test_the_report_as_json(enterprise: EnterpriseProcess) -> None:
    ran = await console("check", "main", "--json")
    assert ran.code == 0
    said = json.loads(ran.out)
    assert said["result"] == "found"
    found = Report.model_validate({key: value for key, value in said.items() if key != "result"})
    connection = await enterprise.connection()
    assert [(c.name, c.trusted, c.certificate.fingerprint) for c in found.consoles if c.certificate] == [
        (a.name, True, a.fingerprint) for a in connection.appliances
    ]
    levels = {a.name: a.level for a in connection.appliances}
    assert [c.levels for c in found.consoles] == [levels] * 3
    listed = [(p.name, p.words) for p in found.consoles[0].packages]
    assert listed == [(p.name, p.status) for p in (await enterprise.state()).packages]


async def test_three_other_labels_are_told_and_nothing_is_clicked(enterprise: EnterpriseProcess) -> None:
    Path("mine.toml").write_text(THREE)
    configure(await enterprise.connection(), 'profile = "mine.toml"')
    ran = await console("check", "main", "--json")
    assert ran.code == 1
    said = json.loads(ran.out)
    assert said["result"] == "missing"
    wrong = [f for f in said["findings"] if f["outcome"] not in (Outcome.FOUND, Outcome.NOT_SEEN)]
    everywhere = ["appliance-1", "appliance-2", "appliance-3"]
    assert [(f["key"], f["expected"], f["outcome"], f["near"][0], f["consoles"]) for f in wrong] == [
        ("labels.open_distribution", "Distribute Package", "missing", "Distribute", everywhere),
        ("columns.enterprise_release", "Releases", "missing", "Release", everywhere),
        ("labels.export_logs", "Export All Logs", "missing", "Export Logs", everywhere),
    ]
    assert await asked(enterprise) == VIEWS
    table = (await console("check", "main")).out
    assert [line.split()[1] for line in table.splitlines() if "MISSING" in line] == [f["key"] for f in wrong]
    assert re.findall(r"nearest: '(.*?)'", table) == ["Distribute", "Release", "Export Logs"]


@pytest.mark.parametrize("section", ["labels", "headings", "fields", "columns"])
async def test_any_three_labels_that_can_be_seen(enterprise: EnterpriseProcess, section: str) -> None:
    """Each label that a check can see, changed a little, three at a time: exactly these are told."""
    names = {
        "labels": "packages enterprise system sign_out open_upload open_distribution open_install operations logs",
        "headings": "packages enterprise operations logs",
        "fields": "user password",
        "columns": "package package_status enterprise_appliance enterprise_release server",
    }[section].split()
    connection, default = await enterprise.connection(), load_profile().model_dump(mode="json")
    for first in range(0, len(names), 3):
        three = names[first : first + 3]
        said = default["fields_" if section == "fields" else section]
        lines = [f'{name} = "{said[name]} Now"' for name in three]
        Path("mine.toml").write_text("\n".join([f"[{section}]", *lines]))
        configure(connection, 'profile = "mine.toml"')
        ran = await console("check", "main", "--json")
        found = [f for f in json.loads(ran.out)["findings"] if f["outcome"] in ("missing", "unclear")]
        assert ran.code == 1
        assert {f["key"] for f in found} == {f"{section}.{name}" for name in three}
        assert all(f["near"] for f in found)
    assert {line for line in await asked(enterprise) if line[0] != "GET"} <= {("POST", "/sign-in")}


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("unknown-page", 1, "'Service Advisory'"),
        ("wizard", 1, "'Appliance Setup Wizard'"),
        ("appliance-missing", 1, "configured, but not listed"),
        ("mixed-levels", 0, "(they differ: no run starts so)"),
        ("foreign-install", 0, "installing, "),
        ("foreign-install", 0, "the enterprise lock holds"),
        ("session-expiry=3", 0, "All that could be looked for was found."),
        ("password-changed", 2, "refused user 'Super Administrator' and password"),
        ("unreachable", 2, "Not reached, not trusted or not signed in to: appliance-1, appliance-2"),
    ],
)
async def test_what_is_wrong_is_said_in_the_exit_code(fault: str, code: int, words: str) -> None:
    async with EnterpriseProcess(Settings(appliances=2, faults=(fault,))) as enterprise:
        configure(await enterprise.connection())
        ran = await console("check", "main")
        assert ran.code == code, ran.out
        assert words in ran.out
        assert [r for r in await enterprise.requests() if r.changes] == []


async def test_a_wrong_password_is_tried_once(enterprise: EnterpriseProcess) -> None:
    ran = await console("check", "main", password="hidden-password")
    assert ran.code == 2
    assert (await enterprise.state()).refused_sign_ins == 1


async def test_another_certificate_is_told_and_nothing_is_sent(enterprise: EnterpriseProcess) -> None:
    configure(await enterprise.connection(), pins={"appliance-2": "ab" * 32})
    ran = await console("check", "main")
    assert ran.code == 2
    assert "NOT TRUSTED" in ran.out
    assert {r.appliance for r in await enterprise.requests()} == {"appliance-1", "appliance-3"}


# --- beside a run


@pytest.mark.parametrize("command", [["check", "main"], ["capture", "main", "cap"], ["look", "main"]])
async def test_nothing_is_sent_while_a_run_is_under_way(
    enterprise: EnterpriseProcess, command: list[str]
) -> None:
    await ledger_of(s.pressed())
    line = (await console(*command)).refusal()
    assert "main: the run KT-1 is under way" in line
    assert await enterprise.requests() == []
    assert not Path("cap").exists()


async def test_a_quarantine_does_not_keep_from_checking(enterprise: EnterpriseProcess) -> None:
    await ledger_of(s.failed())
    assert (await console("check", "main")).code == 0


async def ledger_of(story: s.Story) -> None:
    Path("state").mkdir()
    async with SqliteLedger.open(Path("state/ledger.sqlite")) as ledger:
        for version, (at, event) in enumerate(story.recorded):
            await ledger.append(stream("main"), version, [event], at)


# --- captures


async def test_a_capture_is_replayed_without_a_network(enterprise: EnterpriseProcess) -> None:
    ran = await console("capture", "main", "cap")
    assert (ran.code, ran.err) == (0, "")
    assert re.search(r"^21 pages in cap\. Taken out of them:$", ran.out, re.MULTILINE)
    assert re.search(r"^  1-packages\.html: field '\w+' \(1\)$", ran.out, re.MULTILINE)
    assert "sandbox-super" not in "".join(file.read_text() for file in Path("cap").iterdir())
    assert await asked(enterprise) == VIEWS
    await enterprise.kill()
    again = await console("replay", "cap")
    assert (again.code, again.out.splitlines()[-1]) == (0, "All that could be looked for was found.")
    Path("mine.toml").write_text(THREE)
    other = await console("replay", "cap", "--profile", "mine.toml", "--json")
    assert other.code == 1
    wrong = [f["key"] for f in json.loads(other.out)["findings"] if f["outcome"] == "missing"]
    assert wrong == ["labels.open_distribution", "columns.enterprise_release", "labels.export_logs"]
    await enterprise.start()


async def test_a_replay_opens_no_socket(enterprise: EnterpriseProcess) -> None:
    await console("capture", "main", "cap", "--hide-hosts")
    code = (
        "import sys\n"
        "def watch(event, args):\n"
        "    if event in ('socket.connect', 'socket.bind', 'socket.getaddrinfo', 'socket.gethostbyname'):\n"
        "        raise SystemExit(f'a replay used the network: {event}')\n"
        "sys.addaudithook(watch)\n"
        "from bot.__main__ import app\n"
        "app(['console', 'replay', 'cap'])\n"
    )
    ran = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        env={**os.environ, "PYTHONPATH": str(README.parent)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await ran.communicate()
    assert (ran.returncode, err) == (0, b"")
    assert b"https://192.0.2.1:" in out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["capture", "main", "full"], "full is not empty: name a new directory"),
        (["capture", "other", "cap"], "other is not among the configured enterprises: main"),
        (["capture", "main", "keyturn.toml"], "keyturn.toml cannot be used: File exists"),
        (["check", "other"], "other is not among the configured enterprises: main"),
        (["replay", "full"], "full/index.json cannot be read: No such file or directory"),
        (["replay", "full", "--profile", "no.toml"], "Console profile no.toml: cannot be read"),
        (["trust", "a:b"], "a:b is no address; write HOST or HOST:PORT"),
        (["trust", "a:99999"], "a:99999 is no address; write HOST or HOST:PORT"),
        (["trust", ":81"], ":81 is no address; write HOST or HOST:PORT"),
        (["trust", "127.0.0.1:1"], "127.0.0.1:1 gave no certificate"),
    ],
)
async def test_what_cannot_be_done_is_one_line(arguments: list[str], line: str) -> None:
    Path("keyturn.toml").write_text(GOOD)
    Path("full").mkdir()
    Path("full/old.html").touch()
    assert line in (await console(*arguments)).refusal()


# --- trust


async def trust(enterprise: EnterpriseProcess, *arguments: str, answer: str | None = None) -> Ran:
    address = (await enterprise.connection()).appliances[1].address.removeprefix("https://")
    result = await asyncio.to_thread(
        CliRunner().invoke,
        app,
        ["console", "trust", address, *arguments],
        input=answer,
        catch_exceptions=False,
    )
    return Ran(result.exit_code, result.stdout, result.stderr)


def colons(fingerprint: str) -> str:
    return ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()


async def test_trust_shows_the_certificate_and_the_line_for_the_settings(
    enterprise: EnterpriseProcess,
) -> None:
    second = (await enterprise.connection()).appliances[1]
    before = Path("keyturn.toml").read_text()
    ran = await trust(enterprise)
    assert (ran.code, ran.err) == (0, "")
    assert f"SHA-256  {second.fingerprint}\n" in ran.out
    assert "subject  CN=appliance-2\n" in ran.out
    assert re.search(r"^valid    20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d$", ran.out, re.MULTILINE)
    line = ran.out.splitlines()[-1]
    assert tomllib.loads(line) == {"fingerprint": colons(second.fingerprint)}
    assert Path("keyturn.toml").read_text() == before
    assert await enterprise.requests() == []


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
async def test_pinning_needs_a_yes(enterprise: EnterpriseProcess, answer: str) -> None:
    configure(await enterprise.connection(), pins={"appliance-2": "ab" * 32})
    before = Path("keyturn.toml").read_bytes()
    ran = await trust(enterprise, "--pin", "main", "appliance-2", answer=answer)
    assert ran.code == 1
    assert Path("keyturn.toml").read_bytes() == before


async def test_pinning_changes_one_line(enterprise: EnterpriseProcess) -> None:
    connection = await enterprise.connection()
    configure(connection, pins=dict.fromkeys((a.name for a in connection.appliances), "ab" * 32))
    Path("keyturn.toml").chmod(0o640)
    before = Path("keyturn.toml").read_text().splitlines()
    ran = await trust(enterprise, "--pin", "main", "appliance-2", answer="y\n")
    assert ran.code == 0, ran
    after = Path("keyturn.toml").read_text().splitlines()
    [(old, new)] = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    pin = colons(connection.appliances[1].fingerprint)
    assert (old, new) == (
        f'fingerprint = "{"ab" * 32}"  # as the appliance shows it',
        f'fingerprint = "{pin}"  # as the appliance shows it',
    )
    assert Path("keyturn.toml").stat().st_mode & 0o777 == 0o640
    assert "appliance-2  https" in (await console("check", "main")).out


async def test_settings_that_change_while_a_person_compares_are_kept(enterprise: EnterpriseProcess) -> None:
    """The answer comes late: the file that is then there is the one that is changed."""
    connection = await enterprise.connection()
    configure(connection, pins={"appliance-2": "ab" * 32})
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "console", "trust"),
        connection.appliances[1].address.removeprefix("https://"),
        *("--pin", "main", "appliance-2"),
        env={**os.environ, **SECRETS, "PYTHONPATH": str(README.parent)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert bot.stdin is not None
    assert bot.stdout is not None
    async with asyncio.timeout(30):
        await bot.stdout.readuntil(b"to be trusted as appliance-2?")
        Path("keyturn.toml").write_text("# a word more\n" + Path("keyturn.toml").read_text())
        bot.stdin.write(b"y\n")
        await bot.communicate()
    after = Path("keyturn.toml").read_text()
    assert after.startswith("# a word more\n")
    assert colons(connection.appliances[1].fingerprint) in after


async def test_the_console_of_another_appliance_is_not_pinned(enterprise: EnterpriseProcess) -> None:
    ran = await trust(enterprise, "--pin", "main", "appliance-1", answer="y\n")
    assert ran.code == 2
    assert "appliance-1: its address in the settings is" in ran.err


A, B, NEW = "aa" * 32, "bb" * 32, "CC:" * 31 + "CC"
SETTINGS = f"""# ours
[[enterprises.main.appliances]]
name = 'one'   # first
address = "https://one:81/"
fingerprint = '{A}' # from the rack
[[enterprises.main.appliances]]
name = "two"
address = "https://two"
  fingerprint="{A}"
[[enterprises.other.appliances]]
name = "two"
address = "https://2:8181"
fingerprint = "{B}"
"""


@pytest.mark.parametrize(
    ("enterprise", "appliance", "address", "line"),
    [("main", "one", "one:81", 4), ("main", "two", "two:81", 8), ("other", "two", "2:8181", 12)],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_pin_is_written_where_it_belongs(
    enterprise: str, appliance: str, address: str, line: int, end: str
) -> None:
    text = SETTINGS.replace("\n", end)
    changed = pinned(text, enterprise, appliance, address, NEW).split(end)
    before = text.split(end)
    assert [n for n, pair in enumerate(zip(before, changed, strict=True)) if pair[0] != pair[1]] == [line]
    assert changed[line] == re.sub(r"""(['"]).{64}\1""", f'"{NEW}"', before[line])


@pytest.mark.parametrize(
    ("text", "enterprise", "appliance", "address", "words"),
    [
        (SETTINGS, "main", "three", "three:81", "there is no such appliance"),
        (SETTINGS, "none", "one", "one:81", "there is no such appliance"),
        ("enterprises = 3", "main", "one", "one:81", "there is no such appliance"),
        (SETTINGS, "main", "one", "two:81", "its address in the settings is 'one:81', not 'two:81'"),
        (SETTINGS.replace("fingerprint", "ca_file"), "main", "one", "one:81", "paste the line yourself"),
        (SETTINGS.replace("# ours", "= ours"), "main", "one", "one:81", "are not TOML"),
        (
            f'enterprises.main.appliances = [{{name = "one", address = "https://one", fingerprint = "{A}"}}]',
            *("main", "one", "one:81", "paste the line yourself"),
        ),
    ],
)
def test_a_pin_that_has_no_line_of_its_own(
    text: str, enterprise: str, appliance: str, address: str, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(words)):
        pinned(text, enterprise, appliance, address, NEW)


# --- the schema


async def test_the_schema_knows_what_a_profile_may_hold() -> None:
    ran = await console("schema")
    assert (ran.code, json.loads(ran.out)) == (0, schema())
    written = tomllib.loads((README.parent / "bot/console/default.toml").read_text())
    assert faults(schema(), written) == []
    assert set(written) == set(schema()["properties"])
    assert faults(schema(), {"labels": {"send": "Go"}}) == []


@pytest.mark.parametrize(
    "content",
    [
        {"labelz": {}},
        {"labels": {"sned": "Send"}},
        {"labels": {"send": ""}},
        {"labels": {"send": 1}},
        {"labels": {"select": "x"}},
        {"fields": {"usr": "x"}},
        {"headings": {"other": "x"}},
        {"package_words": {"unrecognized": ["x"]}},
        {"work_words": {"done": "x"}},
        {"entry": "no/slash"},
    ],
)
def test_the_schema_refuses_what_a_profile_may_not_hold(content: dict[str, Any], tmp_path: Path) -> None:
    assert faults(schema(), content)


def test_what_the_profile_takes_the_schema_takes() -> None:
    content = load_profile().model_dump(mode="json")
    content["fields"] = content.pop("fields_")
    assert faults(schema(), content) == []
    assert set(schema()["properties"]) == {f.removesuffix("_") for f in Profile.model_fields}


def test_the_profile_of_the_docs_is_good(tmp_path: Path) -> None:
    docs = (README.parent / "docs/console.md").read_text(encoding="utf-8")
    [written] = re.findall(r"```toml\n(.*?)```", docs, re.DOTALL)
    (tmp_path / "docs.toml").write_text(written)
    assert load_profile(tmp_path / "docs.toml").columns.enterprise_release == "Hotfix"
    assert faults(schema(), tomllib.loads(written)) == []


def faults(known: dict[str, Any], value: Any, whole: dict[str, Any] | None = None) -> list[str]:
    """What of `value` a JSON schema does not take: as much of JSON Schema as the profile's uses."""
    whole = whole or known
    if "$ref" in known:
        return faults(whole["$defs"][known["$ref"].rpartition("/")[2]], value, whole)
    found: list[str] = []
    kinds: dict[str, type | tuple[type, ...]] = {"object": dict, "string": str, "array": (list, tuple)}
    if "type" in known and not isinstance(value, kinds[known["type"]]):
        return [f"{value!r} is no {known['type']}"]
    if "enum" in known and value not in known["enum"]:
        found.append(f"{value!r} is none of {known['enum']}")
    if isinstance(value, str):
        found += (
            [] if known.get("minLength", 0) <= len(value) <= known.get("maxLength", 10**6) else ["length"]
        )
        found += [] if re.search(known.get("pattern", ""), value) else [f"{value!r} does not match"]
    if isinstance(value, Sequence) and not isinstance(value, str) and "items" in known:
        found += [fault for item in value for fault in faults(known["items"], item, whole)]
    found += [f"{key} is missing" for key in known.get("required", ()) if key not in value]
    for key, item in value.items() if isinstance(value, dict) else ():
        if key in known.get("properties", {}):
            found += faults(known["properties"][key], item, whole)
            continue
        other = known.get("additionalProperties", True)
        if other is False:
            found.append(f"no {key}")
        elif isinstance(other, dict):
            found += faults(other, item, whole)
        if "propertyNames" in known:
            found += faults(known["propertyNames"], key, whole)
    return found
