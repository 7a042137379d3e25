"""The demonstration: a simulated enterprise, the local workspace and the bot, each a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from pathlib import Path

import typer

from bot.sandbox import person
from bot.sandbox.enterprise.client import EnterpriseFailed, EnterpriseProcess
from bot.sandbox.enterprise.faults import UnknownFault, parse
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.mortal import mortal
from bot.sandbox.package import make_package
from bot.sandbox.workspace import client as workspaces
from bot.sandbox.workspace.client import Message, WorkspaceClient, WorkspaceError

RATE = 60.0
"""Simulated seconds in a real one: a run whose 60 minutes take one."""
PACKAGE = "applianceG4-24-1-HF4"
LEVEL = "24.1 HF4"
SUCCEEDED, QUARANTINED, BROKEN, STOPPED, WAITING = range(5)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Options:
    """What the bot of a demonstration is set to. `windows`: start and end, UTC, of each day.

    `budgets` are those of the settings that are not left at their default, by name, in minutes.
    """

    package_bytes: int = 24_000_000
    poll_seconds: int = 30
    needs_minutes: int = 150
    install_minutes: int = 90
    windows: Sequence[tuple[time, time]] = ((time(), time()),)
    budgets: Mapping[str, int] = field(default_factory=dict)


DEFAULT = Options()


class DemoFailed(Exception):
    """A part of the demonstration did not start or ended early."""


@dataclass(frozen=True)
class Demo:
    """The running parts. `config` is the bot's settings file."""

    workspace: WorkspaceClient
    enterprise: EnterpriseProcess
    config: Path
    environment: dict[str, str]

    async def keyturn(self, *arguments: str) -> str:
        """Run another `keyturn` command with the bot's settings; what it prints."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "bot",
            *arguments,
            "--config",
            str(self.config),
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        if process.returncode != 0:
            raise DemoFailed(f"keyturn {' '.join(arguments)}: {out.decode().strip()}")
        return out.decode()

    async def serve(self, log: Path, timeout: float = 30.0) -> asyncio.subprocess.Process:
        """Start the bot and wait until it listens, so many seconds at most. Raises `DemoFailed` with its last words."""
        with log.open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *mortal(sys.executable, "-m", "bot", "serve", "--config", str(self.config)),
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        ended = asyncio.create_task(process.wait())
        listening = asyncio.create_task(self.workspace.wait_for_connections(1, timeout=timeout))
        await asyncio.wait({ended, listening}, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            listening.cancel()
            raise DemoFailed(f"the bot ended: {log.read_text(encoding='utf-8').strip()}")
        ended.cancel()
        await listening
        return process


def settings_toml(
    connection: Connection,
    workspace: WorkspaceClient,
    state: Path,
    rate: float,
    epoch: datetime,
    options: Options,
) -> str:
    """The settings of a bot for the simulated enterprise and the local workspace, as a person would write them."""
    windows = "\n".join(
        f'[[enterprises.main.windows]]\nday = "{day}"\nstart = {start}\nend = {end}\nzone = "UTC"\n'
        for day in DAYS
        for start, end in options.windows
    )
    budgets = "\n".join(f"{name} = {minutes}" for name, minutes in options.budgets.items())
    appliances = "\n".join(
        f"[[enterprises.main.appliances]]\nname = {json.dumps(a.name)}\n"
        f'address = "{a.address}"\nfingerprint = "{a.fingerprint}"\n'
        for a in connection.appliances
    )
    return f"""state = {json.dumps(str(state))}

[slack]
base_url = "{workspace.api}"

[clock]
rate = {rate}
epoch = {epoch.isoformat()}

[enterprises.main]
title = "Simulated enterprise"
channel = "{workspace.channel}"
oncall_group = "S0ONCALL"
user = {json.dumps(connection.user)}
poll_seconds = {options.poll_seconds}
needs_minutes = {options.needs_minutes}
install_minutes = {options.install_minutes}

[enterprises.main.budgets]
{budgets}

[enterprises.main.rules]
quorum = 2
approver_groups = ["S0APPROVE"]
requester_groups = ["S0REQUEST"]

{appliances}
{windows}"""


@contextlib.asynccontextmanager
async def running_demo(
    directory: Path,
    simulated: Settings,
    options: Options = DEFAULT,
    *,
    port: int = 0,
    epoch: datetime | None = None,
) -> AsyncIterator[Demo]:
    """What `running_parts` gives, and a package added."""
    async with running_parts(directory, simulated, options, port=port, epoch=epoch) as demo:
        await demo.keyturn("package", "add", str(await download(directory, options)), "--level", LEVEL)
        yield demo


async def download(directory: Path, options: Options) -> Path:
    """The package as it came from the vendor, in `directory`."""
    file = directory / f"{PACKAGE}.ipm"
    await asyncio.to_thread(make_package, file, PACKAGE, LEVEL, options.package_bytes)
    return file


@contextlib.asynccontextmanager
async def running_parts(
    directory: Path,
    simulated: Settings,
    options: Options = DEFAULT,
    *,
    port: int = 0,
    epoch: datetime | None = None,
) -> AsyncIterator[Demo]:
    """The workspace and the enterprise started, the settings written. The bot is not started."""
    async with EnterpriseProcess(simulated) as enterprise, workspaces.running(port=port) as workspace:
        connection = await enterprise.connection()
        config = directory / "keyturn.toml"
        epoch = epoch or datetime.now(UTC)
        config.write_text(
            settings_toml(connection, workspace, directory / "state", simulated.rate, epoch, options),
            encoding="utf-8",
        )
        environment = {
            **os.environ,
            "KEYTURN_SLACK__BOT_TOKEN": workspace.bot_token,
            "KEYTURN_SLACK__APP_TOKEN": workspace.app_token,
            "KEYTURN_ENTERPRISES__MAIN__PASSWORD": connection.password,
        }
        yield Demo(workspace, enterprise, config, environment)


async def run_demo(*, auto: bool, faults: Sequence[str], port: int) -> int:
    """`keyturn demo`; the exit code."""
    try:
        for fault in faults:
            parse(fault)
    except UnknownFault as error:
        typer.echo(f"keyturn demo: {error}", err=True)
        return BROKEN
    simulated = Settings(rate=RATE, faults=tuple(faults))
    with tempfile.TemporaryDirectory(prefix="keyturn-demo-") as name:
        directory = Path(name)
        log = directory / "bot.log"
        try:
            async with running_demo(directory, simulated, port=port) as demo:
                bot = await demo.serve(log)
                try:
                    return await (_by_itself(demo) if auto else _by_hand(demo, bot, log))
                finally:
                    await _end(bot)
        except (DemoFailed, EnterpriseFailed, WorkspaceError) as error:
            typer.echo(f"keyturn demo: {error}", err=True)
            if log.exists():
                typer.echo(log.read_text(encoding="utf-8"), err=True)
            return BROKEN


async def _end(bot: asyncio.subprocess.Process) -> None:
    if bot.returncode is None:
        bot.send_signal(signal.SIGTERM)
        await bot.wait()


async def _by_hand(demo: Demo, bot: asyncio.subprocess.Process, log: Path) -> int:
    typer.echo(
        f"Keyturn is running against a simulated enterprise. Open {demo.workspace.address}\n"
        "Pick Ana and type /upgrade; approve as Ben and as Chloe; watch. One minute is one second.\n"
        "Ctrl-C ends it."
    )
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    told, ended = asyncio.create_task(stop.wait()), asyncio.create_task(bot.wait())
    await asyncio.wait({told, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        raise DemoFailed(f"the bot ended: {log.read_text(encoding='utf-8').strip()}")
    ended.cancel()
    return SUCCEEDED


async def _by_itself(demo: Demo) -> int:
    """Ask as Ana, approve as Ben and Chloe, watch to the end, then ask once more."""
    channel = _Channel(demo.workspace)
    printing = asyncio.create_task(channel.follow())
    try:
        await person.ask(demo.workspace)
        card = await person.card(demo.workspace, person.BEN)
        await person.approve(demo.workspace, person.BEN, card)
        await person.approve(demo.workspace, person.CHLOE, card)
        await demo.workspace.wait_for_message(_is_end, timeout=300.0)
        code = _code(await demo.keyturn("status"))
        if code != SUCCEEDED:
            typer.echo("\n--- Ana asks again")
            answer = await person.ask(demo.workspace)
            refused = answer.get("errors") or answer.get("error")
            typer.echo(f"refused: {refused}" if refused else "accepted")
        await channel.print_new()
        typer.echo(f"\n--- keyturn status\n{await demo.keyturn('status')}")
        return code
    finally:
        printing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await printing


def _code(status: str) -> int:
    if "QUARANTINE" in status:
        return QUARANTINED
    if "is under way" in status:
        return WAITING
    return SUCCEEDED if ": succeeded" in status else STOPPED


def _is_end(message: Message) -> bool:
    """The last thing that is posted: the finish notice, or the first page after a failure."""
    return _key(message).startswith(("finish:", "page:"))


def _key(message: Message) -> str:
    return str(((message.metadata or {}).get("event_payload") or {}).get("key", ""))


class _Channel:
    """Prints what is posted and edited, each version once."""

    def __init__(self, workspace: WorkspaceClient) -> None:
        self._workspace = workspace
        self._printed: dict[str, str] = {}

    async def follow(self) -> None:
        """Print after each change, until cancelled."""
        while True:
            await self._workspace.wait_for(self.print_new, timeout=3600.0)

    async def print_new(self) -> bool:
        """Print what has not been printed in this version; whether there was anything."""
        fresh = [m for m in await self._workspace.messages() if self._printed.get(m.ts) != m.text]
        for message in fresh:
            where = "in the channel" if message.channel == self._workspace.channel else "direct message"
            if only := message.raw.get("only_for"):
                where = f"only to {only}"
            edited = "edited, " if message.ts in self._printed else ""
            self._printed[message.ts] = message.text
            typer.echo(f"\n[{datetime.now(UTC):%H:%M:%S}, {edited}{where}]\n{message.text}")
        return bool(fresh)
