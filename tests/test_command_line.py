"""The command line: what is bad gives one clear line and no traceback; what is good says what README says."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from bot.__main__ import app
from bot.config import load_settings
from bot.sandbox.cli import app as sandbox
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.faults import CATALOGUE
from bot.sandbox.enterprise.settings import SUPER_ADMINISTRATOR, Settings
from bot.sandbox.workspace.client import running
from storage.migrations import MIGRATIONS

README = Path(__file__).parent.parent / "README.md"
SECRETS = {
    "KEYTURN_SLACK__BOT_TOKEN": "xoxb-hidden",
    "KEYTURN_SLACK__APP_TOKEN": "xapp-hidden",
    "KEYTURN_ENTERPRISES__MAIN__PASSWORD": "hidden-password",
}
FINGERPRINT = f'fingerprint = "{":".join(["AB"] * 32)}"'
GOOD = f"""
state = "state"

[slack]
base_url = "http://127.0.0.1:1/api/"

[enterprises.main]
title = "General Hospital"
channel = "C0123456789"
oncall_group = "S0ONCALL"

[enterprises.main.rules]
quorum = 2
requester_groups = ["S0REQUEST"]
approver_groups = ["S0APPROVE"]

[[enterprises.main.appliances]]
name = "appliance-1"
address = "https://127.0.0.1:1"
{FINGERPRINT}

[[enterprises.main.windows]]
day = "sunday"
start = 01:00:00
end = 06:00:00
zone = "Europe/Berlin"
"""
WINDOWS = GOOD[GOOD.index("[[enterprises.main.windows") :]


class Ran(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str

    def refusal(self, code: int = 2) -> str:
        """Its one clear line."""
        assert self.code == code, self
        [line] = self.err.splitlines()
        assert line.startswith("keyturn: ")
        return line


def keyturn(*arguments: str, env: Mapping[str, str | None] = SECRETS) -> Ran:
    """`keyturn ARGUMENTS` in this process; whatever is not told in a line is raised."""
    result = CliRunner().invoke(app, arguments, env=env, catch_exceptions=False)
    for secret in SECRETS.values():
        assert secret not in result.output
    return Ran(result.exit_code, result.stdout, result.stderr)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with good settings, as a person stands in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keyturn.toml").write_text(GOOD)
    (tmp_path / "new.ipm").write_bytes(b"a package")
    (tmp_path / "empty.ipm").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd.toml").write_text("[labels]\nsend = 1\n")
    return tmp_path


def changed(old: str, new: str) -> None:
    """The settings with `old` replaced."""
    assert old in GOOD
    Path("keyturn.toml").write_text(GOOD.replace(old, new))


def added() -> None:
    assert keyturn("package", "add", "new.ipm", "--level", "24.1 HF4").code == 0


# --- bad settings


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('state = "state"', "state =", "not TOML: Invalid value"),
        ('state = "state"', "", "state: this is missing"),
        ("title =", "titel = 1\ntitle =", "enterprises.main.titel: there is no such setting"),
        (
            "[slack]",
            '[slack]\nbot_token = "xoxb-hidden"',
            "slack.bot_token: secrets do not belong in this file",
        ),
        (
            "channel =",
            'password = "hidden-password"\nchannel =',
            "enterprises.main.password: secrets do not belong in this file; use "
            "KEYTURN_ENTERPRISES__MAIN__PASSWORD or password_file",
        ),
        ("quorum = 2", "quorum = 1", "enterprises.main.rules.quorum: should be greater than or equal to 2"),
        ('approver_groups = ["S0APPROVE"]', "", "nobody may approve: name approver_groups or approver_ids"),
        ('requester_groups = ["S0REQUEST"]', "", "nobody may ask: name requester_groups or requester_ids"),
        ('oncall_group = "S0ONCALL"', "", "nobody would be paged: name oncall_group or oncall_ids"),
        ("https://127.0.0.1:1", "http://a:81", "appliances.0.address: 'http://a:81' is no console address"),
        ("https://127.0.0.1:1", "https://a:99999", "appliances.0.address: Port out of range"),
        ('"AB:', '"AB:AB:', "appliances.0.fingerprint: a certificate fingerprint is SHA-256: 64 hex digits"),
        (FINGERPRINT, "", "appliances.0: name either fingerprint (the pinned certificate) or ca_file"),
        (WINDOWS, "", "enterprises.main.windows: this is missing"),
        (WINDOWS, "[other]\n", "other: there is no such setting\nenterprises.main.windows: this is missing"),
        ("Europe/Berlin", "Mars/Base", "windows.0.zone: 'Mars/Base' is no time zone"),
        ("sunday", "someday", "windows.0.day: 'someday' is no day; one of monday,"),
        ("01:00:00", '"one"', "windows.0.start: should be in a valid time format"),
        ("enterprises.main", "enterprises.Main", "enterprise 'Main': names are lower-case"),
        (GOOD, "state = 's'\nenterprises = 1", "enterprises: a table is expected"),
        (GOOD, "state = 's'\n[enterprises]\nmain = 1", "enterprises.main: a table is expected"),
        (GOOD, "state = 's'\nenterprises = {}", "enterprises: Dictionary should have at least 1 item"),
    ],
)
def test_bad_settings_give_a_line_for_each_fault(old: str, new: str, line: str) -> None:
    changed(old, new)
    ran = keyturn("status", env={})
    assert ran.code == 2
    assert ran.out == ""
    assert "hidden" not in ran.err
    assert len(ran.err.splitlines()) == len(line.splitlines()), ran.err
    for wanted in line.splitlines():
        assert re.search(rf"^keyturn: keyturn\.toml: .*{re.escape(wanted)}", ran.err, re.MULTILINE), ran.err


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        (
            "KEYTURN_ENTERPRISES__MIAN__PASSWORD",
            "enterprises.mian: is not in this file, but a variable KEYTURN_",
        ),
        ("KEYTURN_SLACK__TOKEN", "slack.token: there is no such setting"),
        ("KEYTURN_SLACK", 'error parsing value for field "slack"'),
        ("KEYTURN_ENTERPRISES__MAIN__POLL_SECONDS", "poll_seconds: should be a valid integer"),
    ],
)
def test_a_bad_variable_gives_a_line_without_its_value(variable: str, line: str) -> None:
    assert line in keyturn("status", env={variable: "hidden-password"}).refusal()


def test_no_settings_file() -> None:
    Path("keyturn.toml").unlink()
    line = keyturn("status").refusal()
    assert line == "keyturn: keyturn.toml: No such file or directory; name the settings file with --config"
    assert "other.toml: No such file" in keyturn("status", "--config", "other.toml").refusal()
    assert "variable.toml: No such" in keyturn("status", env={"KEYTURN_CONFIG": "variable.toml"}).refusal()


@pytest.mark.parametrize(
    ("missing", "line"),
    [
        (
            "KEYTURN_SLACK__BOT_TOKEN",
            "slack.bot_token is missing: set KEYTURN_SLACK__BOT_TOKEN, or name a file",
        ),
        (
            "KEYTURN_SLACK__APP_TOKEN",
            "slack.app_token is missing: set KEYTURN_SLACK__APP_TOKEN, or name a file",
        ),
        (
            "KEYTURN_ENTERPRISES__MAIN__PASSWORD",
            "enterprises.main.password is missing: set KEYTURN_ENTERPRISES__",
        ),
    ],
)
def test_a_missing_secret(missing: str, line: str) -> None:
    assert line in keyturn("serve", env={**SECRETS, missing: None}).refusal()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("title", 'profile = "no.toml"\ntitle', "Console profile no.toml: cannot be read (No such file"),
        ("title", 'profile = "odd.toml"\ntitle', "Console profile odd.toml: labels.send: expected"),
        (FINGERPRINT, 'ca_file = "no.pem"', "enterprises.main.appliances: CA file no.pem: cannot be used"),
        (
            FINGERPRINT,
            'ca_file = "odd.toml"',
            "enterprises.main.appliances: CA file odd.toml: cannot be used",
        ),
        ('"state"', '"odd.toml"', "state: odd.toml cannot be made or is no directory: File exists"),
        ('"state"', '"odd.toml/state"', "state: odd.toml/state cannot be made or is no directory: Not a"),
    ],
)
def test_what_the_settings_name_and_is_not_there_is_told_at_the_start(old: str, new: str, line: str) -> None:
    changed(old, new)
    assert line in keyturn("serve").refusal()


@pytest.mark.parametrize(
    ("content", "line"),
    [(None, "cannot be read: No such file"), (b"\xff", "cannot be read: not text"), (b" \n", "is empty")],
)
def test_a_bad_file_of_a_secret(here: Path, content: bytes | None, line: str) -> None:
    if content is not None:
        (here / "secret").write_bytes(content)
    changed("title", 'password_file = "secret"\ntitle')
    env = {**SECRETS, "KEYTURN_ENTERPRISES__MAIN__PASSWORD": None}
    assert f"enterprises.main.password_file: secret {line}" in keyturn("serve", env=env).refusal()


# --- bad packages


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["no.ipm"], "no.ipm cannot be read: No such file or directory"),
        (["folder"], "folder cannot be read: Is a directory"),
        (["empty.ipm"], "empty.ipm is empty; download it again"),
        (["new.ipm", "--sha256", "AB" * 32], f"not {'ab' * 32}; download it again and compare"),
    ],
)
def test_a_bad_package(arguments: list[str], line: str) -> None:
    assert line in keyturn("package", "add", *arguments, "--level", "24.1 HF4").refusal()
    assert not [file for file in Path("state/packages").iterdir() if file.stat().st_size]
    assert keyturn("package", "list").out == ""


def test_a_package_name_is_taken_once() -> None:
    added()
    line = keyturn("package", "add", "new.ipm", "--level", "24.1 HF5").refusal()
    assert "a package named new was added already" in line
    assert "--name" in line
    assert keyturn("package", "add", "new.ipm", "--level", "24.1 HF5", "--name", "newer").code == 0


# --- a bad Slack, a bad console


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        (
            "KEYTURN_SLACK__BOT_TOKEN",
            "Slack refuses the bot token: invalid_auth; give the one of this app (xoxb-…",
        ),
        (
            "KEYTURN_SLACK__APP_TOKEN",
            "Slack refuses the app token: invalid_auth; give the one of this app (xapp-…",
        ),
    ],
)
async def test_a_token_that_slack_refuses(variable: str, line: str) -> None:
    async with running() as workspace:
        changed("http://127.0.0.1:1/api/", workspace.api)
        env = {
            **SECRETS,
            "KEYTURN_SLACK__BOT_TOKEN": workspace.bot_token,
            "KEYTURN_SLACK__APP_TOKEN": workspace.app_token,
            variable: SECRETS[variable],
        }
        bot = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "serve"),
            env={**os.environ, **env, "PYTHONPATH": str(README.parent)},
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await bot.communicate()
        assert bot.returncode == 2
        assert said.decode().splitlines()[-1].startswith(f"keyturn: {line}")
        assert "Traceback" not in said.decode()
        assert (await workspace.get("/control/changed"))["connections"] == 0


async def test_a_slack_that_does_not_answer_is_told_in_a_line_and_tried_again() -> None:
    bot = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"),
        env={**os.environ, **SECRETS, "PYTHONPATH": str(README.parent)},
        stderr=asyncio.subprocess.PIPE,
    )
    assert bot.stderr is not None
    async with asyncio.timeout(30):
        line = (await bot.stderr.readline()).decode()
        assert re.search("WARNING .*: Slack does not answer at http://127.0.0.1:1/api/: .*; runs go on", line)
        bot.terminate()
        rest = (await bot.stderr.read()).decode()
        assert await bot.wait() in (0, -signal.SIGTERM), "told while it starts, or later"
    assert "Traceback" not in rest
    assert not [secret for secret in SECRETS.values() if secret in line + rest]


async def test_a_look_at_a_console_says_what_is_wrong() -> None:
    async with EnterpriseProcess(Settings(appliances=2)) as enterprise:
        connection = await enterprise.connection()
        first, second = connection.appliances

        def settings(pin: str) -> None:
            consoles = "".join(
                f'[[enterprises.main.appliances]]\nname = "{a.name}"\naddress = "{a.address}"\n'
                f'fingerprint = "{p}"\n'
                for a, p in ((first, pin), (second, second.fingerprint))
            )
            start, end = GOOD.index("[[enterprises.main.appliances"), GOOD.index("[[enterprises.main.windows")
            Path("keyturn.toml").write_text(GOOD[:start] + consoles + GOOD[end:])

        async def look(password: str) -> Ran:
            env = {**SECRETS, "KEYTURN_ENTERPRISES__MAIN__PASSWORD": password}
            return await asyncio.to_thread(keyturn, "console", "look", "main", env=env)

        settings("ab" * 32)
        wrong = (await look(connection.password)).refusal()
        assert re.search(
            f"SHA-256 is {first.fingerprint}, the pinned one (ab){{32}}. Nothing was sent.", wrong
        )
        assert (await enterprise.requests()) == []

        settings(first.fingerprint)
        wrong = (await look("hidden-password")).refusal()
        assert f"{first.name} refused user '{SUPER_ADMINISTRATOR}' and password: " in wrong
        assert (await enterprise.state()).refused_sign_ins >= 1

        ran = await look(connection.password)
        assert (ran.code, ran.err) == (0, "")
        assert {a["level"] for a in json.loads(ran.out)["appliances"]} == {connection.level}
        assert not [r for r in await enterprise.requests() if r.changes]


def test_a_look_at_no_enterprise() -> None:
    line = keyturn("console", "look", "other").refusal()
    assert line == "keyturn: other is not among the configured enterprises: main"


# --- a bad ledger


@pytest.mark.parametrize("command", [["status"], ["ledger", "show"], ["ledger", "verify"]])
def test_no_ledger(command: list[str]) -> None:
    assert keyturn(*command).refusal() == (
        "keyturn: there is no ledger at state/ledger.sqlite: correct the path, or start Keyturn once"
    )
    assert not Path("state").exists()


COMMANDS = [["serve"], ["status"], ["ledger", "show"], ["ledger", "verify"], ["package", "list"]]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_ledger_that_is_none(here: Path, command: list[str]) -> None:
    (here / "state").mkdir()
    (here / "state" / "ledger.sqlite").write_bytes(b"garbage" * 1000)
    assert "is not a SQLite database: correct the path" in keyturn(*command).refusal()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_ledger_of_a_later_version(command: list[str]) -> None:
    added()
    with sqlite3.connect("state/ledger.sqlite") as database:
        database.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    database.close()
    assert "run the version of Keyturn that wrote it, or a newer one" in keyturn(*command).refusal()


def test_a_ledger_that_was_tampered_with() -> None:
    added()
    head = keyturn("ledger", "verify").out.splitlines()[0].split()[-1]
    with sqlite3.connect("state/ledger.sqlite") as database:
        database.execute("DROP TRIGGER events_no_update")
        database.execute("UPDATE events SET data = replace(data, '24.1 HF4', '24.1 HF9')")
    database.close()
    line = keyturn("ledger", "verify").refusal(1)
    assert line.startswith("keyturn: the ledger does not verify: entry 1 ")
    assert keyturn("ledger", "verify", "--head", head).refusal(1)
    assert "entry 1 " in keyturn("serve").refusal()


# --- what is good


def test_packages_ledger_and_status_of_a_good_ledger() -> None:
    added()
    listed = keyturn("package", "list")
    assert re.match(
        r"new: level 24\.1 HF4, 9 bytes, sha256 [0-9a-f]{64}, added 20\d\d-.* UTC by \w+\n$", listed.out
    )
    assert keyturn("status") == Ran(0, "main: free\n", "")

    shown = keyturn("ledger", "show", "--json").out.splitlines()
    entries: list[dict[str, Any]] = [json.loads(line) for line in shown]
    assert [(entry["position"], entry["type"]) for entry in entries] == [(1, "PackageAdded")]
    assert "PackageAdded: " in keyturn("ledger", "show").out

    verified = keyturn("ledger", "verify", "--head", entries[-1]["hash"])
    assert verified == Ran(0, f"1 entries verify; head {entries[-1]['hash']}\n", "")
    assert "was announced, but is not in this ledger" in keyturn(
        "ledger", "verify", "--head", "ab" * 32
    ).refusal(1)


def test_what_the_sandbox_can_do_wrong() -> None:
    listed = CliRunner().invoke(sandbox, ["faults"])
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()] == list(CATALOGUE)


def test_a_demonstration_of_a_fault_that_there_is_not() -> None:
    ran = keyturn("demo", "--auto", "--fault", "nonsense")
    assert (ran.code, ran.out) == (2, "")
    assert re.fullmatch(
        r"keyturn demo: no fault is called 'nonsense'; there are: .*, install-error, .*\n", ran.err
    )


def test_readme_names_the_commands_that_there_are() -> None:
    there = _commands(app) | {f"sandbox {name}" for name in _commands(sandbox)}
    text = README.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w@/-])keyturn ((?:(?:sandbox|ledger|package|console) )?[a-z]+)", text))
    assert named - there == set()
    assert {name for name in there if not name.startswith("sandbox ")} - named == set()


def _commands(tree: typer.Typer) -> set[str]:
    """Every command of the tree by its whole name."""

    def names(command: Any) -> list[str]:
        below = getattr(command, "commands", None)
        if below is None:
            return [""]
        return [f"{name} {rest}".strip() for name, one in below.items() for rest in names(one)]

    return set(names(typer.main.get_command(tree)))


def test_the_settings_of_readme_are_good(here: Path) -> None:
    [written] = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (here / "readme.toml").write_text(written.replace('"AB:CD:..."', f'"{"ab" * 32}"'))
    settings = load_settings(here / "readme.toml")
    assert settings.enterprises["main"].rules.quorum == 2
