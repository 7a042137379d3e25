"""The simulated enterprise as a process: ready line, restarts, ports, bad options."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.sandbox.cli import app
from bot.sandbox.enterprise.client import EnterpriseFailed, EnterpriseProcess
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.package import make_package
from tests.sandbox.enterprise_person import Person

NAME = "imprivata-24-1-hf4"


async def test_an_idle_session_expires_and_says_so() -> None:
    settings = Settings(appliances=2, rate=600, idle_minutes=5)
    async with EnterpriseProcess(settings) as process, Person(await process.connection()) as somebody:
        await somebody.sign_in()
        assert somebody.heading == "Packages"
        await process.until(lambda state: state.sessions == 0)
        await somebody.visit("/packages")
        assert [answer.status_code for answer in somebody.answer.history] == [303]
        assert somebody.notices == ["Your session has expired"]


async def test_it_goes_on_after_its_own_death(tmp_path: Path) -> None:
    make_package(tmp_path / "a.ipm", NAME, "24.1 HF4", 50_000)
    settings = Settings(rate=200, distribution_seconds=10, install_seconds=1e6, state=tmp_path / "state.json")
    async with EnterpriseProcess(settings) as process, Person(await process.connection()) as somebody:
        await somebody.sign_in()
        await somebody.upload(tmp_path / "a.ipm")
        await somebody.send(NAME)
        await process.until(lambda state: bool(state.work and state.work.finished))
        await somebody.follow("Packages")
        await somebody.press("Done")
        await somebody.open_install(NAME)
        await somebody.press("Install")
        work = (await process.state()).work
        assert work
        await process.kill()

        await process.start()
        assert await process.connection() == somebody.connection
        state = await process.state()
        assert (state.install_clicks, state.sends, len(state.uploads)) == (1, 1, 1)
        assert state.work
        assert state.work.elapsed > work.elapsed, "the enterprise did not stand still"
        await somebody.visit("/packages")
        assert somebody.notices[-1] == "Your session has expired"
        await somebody.sign_in()
        assert somebody.sections() == [f"Installation of {NAME}"]
        assert await process.stop() == 0


async def test_it_prints_one_line_and_ends_well_when_told(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot.sandbox", "enterprise", "--appliances", "2"),
        *("--ready-file", str(tmp_path / "ready")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    assert (tmp_path / "ready").read_text() == line
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(json.loads(line)["control"] + "/connection")
    assert len(Connection.model_validate_json(answer.content).appliances) == 2
    process.terminate()
    rest, errors = await process.communicate()
    assert (rest, errors, process.returncode) == (b"", b"", 0)


async def test_a_taken_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(appliances=2, control_port=taken.getsockname()[1])
        with pytest.raises(EnterpriseFailed, match="exit code 2"):
            await EnterpriseProcess(settings).start()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--appliances", "7"], "--appliances 7: Input should be less than or equal to 6"),
        (["--rate", "0"], "--rate 0.0: Input should be greater than 0"),
        (["--fault", "nonsense"], "no fault is called 'nonsense'"),
        (["--state", "broken.json"], "cannot be read"),
    ],
)
def test_bad_options_give_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.json").write_text("{")
    result = CliRunner().invoke(app, ["enterprise", *options])
    assert result.exit_code == 2
    assert message in result.output
    assert len(result.output.strip().splitlines()) == 1
