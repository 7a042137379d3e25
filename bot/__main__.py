"""The command line: `keyturn`."""

from __future__ import annotations

import asyncio
import getpass
import json
import logging
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot import app as house
from bot.config import ConfigurationError, Settings, load_settings
from bot.console.port import ConsoleError
from bot.console.tls import fetch_certificate
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.events import UnknownEvent
from bot.upgrade.packages import PackageError
from handlers.connection import SlackRefused, SlackUnreachable
from storage.errors import LedgerUnavailable
from storage.ledger import Broken
from storage.lock import LockRefused
from storage.sqlite import SqliteLedger

app = typer.Typer(
    help="Hotfix upgrades of Imprivata G4 appliances from Slack: two people approve, one exact plan is done once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
ledger_app = typer.Typer(help="The ledger: every fact, in order.", no_args_is_help=True)
package_app = typer.Typer(help="The packages on this host.", no_args_is_help=True)
console_app = typer.Typer(help="The Appliance Consoles, read-only.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.add_typer(console_app, name="console")
app.add_typer(package_app, name="package")

Config = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="KEYTURN_CONFIG", help="The settings file.", show_default=True),
]
CONFIG = Path("keyturn.toml")

ONE_LINE = (
    ConfigurationError,
    ConsoleError,
    LedgerUnavailable,
    LockRefused,
    PackageError,
    SlackRefused,
    SlackUnreachable,
    UnknownEvent,
    Broken,
)
"""The errors whose message is all that a person needs."""


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; an error that a person can act on is one line on stderr and exit code 2."""
    try:
        asyncio.run(work)
    except ONE_LINE as error:
        typer.echo(f"keyturn: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _settings(config: Path) -> Settings:
    try:
        return load_settings(config)
    except ConfigurationError as error:
        typer.echo("\n".join(f"keyturn: {line}" for line in str(error).splitlines()), err=True)
        raise typer.Exit(2) from None


@app.command()
def serve(config: Config = CONFIG) -> None:
    """Run the bot: listen to Slack, carry out approved plans, announce. Ends on SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    _run(house.serve(_settings(config)))


@app.command()
def status(config: Config = CONFIG) -> None:
    """What each enterprise is doing, from the ledger alone; works without Slack and beside a running bot."""
    settings = _settings(config)

    async def show() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            for name in settings.enterprises:
                entries = await ledger.read(stream(name))
                _show_enterprise(name, replay((entry.at, entry.event) for entry in entries))

    _run(show())


def _show_enterprise(name: str, state: Enterprise) -> None:
    if state.quarantine:
        since = f"{state.quarantine.since:%Y-%m-%d %H:%M UTC}"
        typer.echo(
            f"{name}: QUARANTINE since {since} by {state.quarantine.request}: {state.quarantine.reason}"
        )
    else:
        typer.echo(f"{name}: " + (f"run {state.running.id} is under way" if state.running else "free"))
    if state.lockout:
        typer.echo(f"  lockout since {state.lockout.since:%Y-%m-%d %H:%M UTC} by {state.lockout.request}")
    for appliance, level in sorted(state.levels.items()):
        typer.echo(f"  {appliance}: {level} when last seen")
    for request in state.requests.values():
        detail = f": {request.reason}" if request.reason else ""
        typer.echo(
            f"  {request.id} {request.draft.package.name}, asked by {request.by}: {request.phase}{detail}"
        )


@ledger_app.command()
def verify(
    config: Config = CONFIG,
    head: Annotated[
        str | None, typer.Option(help="A head announced in Slack: the ledger must hold it.")
    ] = None,
) -> None:
    """Recompute the chain of hashes. Exit 1 and the first entry that does not fit when it was tampered with."""
    settings = _settings(config)

    async def check() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            try:
                found = await ledger.verify(head)
            except Broken as error:
                typer.echo(f"keyturn: the ledger does not verify: {error}", err=True)
                raise typer.Exit(1) from None
            typer.echo(f"{found.position} entries verify; head {found.hash}")

    _run(check())


@ledger_app.command("show")
def show_ledger(
    config: Config = CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Every entry, in order."""
    settings = _settings(config)

    async def show() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            for entry in await ledger.read_all():
                kind, data = type(entry.event).__name__, entry.event.model_dump(mode="json")
                if as_json:
                    whole = {
                        "position": entry.position,
                        "stream": entry.stream,
                        "version": entry.version,
                        "at": entry.at.isoformat(),
                        "type": kind,
                        "data": data,
                        "hash": entry.hash,
                    }
                    typer.echo(json.dumps(whole, ensure_ascii=False))
                else:
                    fields = ", ".join(f"{k}={_short(v)}" for k, v in data.items())
                    typer.echo(
                        f"{entry.position:>6} {entry.at:%Y-%m-%d %H:%M:%S} {entry.stream} {kind}: {fields}"
                    )

    _run(show())


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


@package_app.command()
def add(
    file: Annotated[Path, typer.Argument(help="The file that you downloaded from the vendor.")],
    level: Annotated[str, typer.Option(help="The hotfix release it brings, as the console will show it.")],
    config: Config = CONFIG,
    name: Annotated[
        str | None, typer.Option(help="What the console will list it as; the file's name without its ending.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="The SHA-256 that the vendor publishes.")] = None,
) -> None:
    """Copy, hash and record a package; also beside a running bot."""
    settings = _settings(config)

    async def copy() -> None:
        house.prepare(settings)
        async with house.package_store(settings) as store:
            package = await store.add(file, level, name or file.stem, sha256, getpass.getuser())
        typer.echo(
            f"added {package.name}: level {package.level}, {package.size} bytes, sha256 {package.sha256}"
        )

    _run(copy())


@package_app.command("list")
def list_packages(config: Config = CONFIG) -> None:
    """The packages that can be asked for, newest first."""
    settings = _settings(config)

    async def show() -> None:
        async with house.package_store(settings) as store:
            for recorded in await store.recorded():
                p = recorded.package
                typer.echo(
                    f"{p.name}: level {p.level}, {p.size} bytes, sha256 {p.sha256}, "
                    f"added {recorded.at:%Y-%m-%d %H:%M UTC} by {recorded.by}"
                )

    _run(show())


@console_app.command()
def fingerprint(
    address: Annotated[str, typer.Argument(help="HOST or HOST:PORT; the port is 81 when not given.")],
) -> None:
    """Show the fingerprint of a console's certificate, to be compared with what the appliance itself shows."""
    host, _, port = address.partition(":")
    if not host or not (port or "81").isdigit():
        typer.echo(f"keyturn: {address} is no address; write HOST or HOST:PORT", err=True)
        raise typer.Exit(2)

    async def show() -> None:
        _, found = await fetch_certificate(host, int(port or 81))
        typer.echo(found)

    _run(show())


@console_app.command()
def look(
    enterprise: Annotated[str, typer.Argument(help="The enterprise's name in the settings.")],
    config: Config = CONFIG,
) -> None:
    """Sign in, read the pages, and print what would be understood. Changes nothing. Exit 1 when not all of it is."""
    settings = _settings(config)

    async def once() -> None:
        seen = await house.look(settings, enterprise)
        if seen.answered:
            typer.echo(seen.model_dump_json(indent=2))
        if not (seen.answered and seen.recognized):
            typer.echo(f"keyturn: {enterprise}: {seen.reason}", err=True)
            raise typer.Exit(1)

    _run(once())


@app.command()
def demo(
    auto: Annotated[
        bool, typer.Option("--auto", help="Without a person: ask, approve as two, watch to the end.")
    ] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="What goes wrong at the simulated enterprise; see keyturn sandbox faults."),
    ] = None,
    port: Annotated[int, typer.Option(help="The page's port on 127.0.0.1; 0 takes a free one.")] = 8790,
) -> None:
    """Start a simulated enterprise, a local stand-in for Slack and the bot, and print the address to open.

    With --auto the exit code is 0 for success, 1 when the enterprise ends in quarantine, 2 when the demonstration
    itself does not start, 3 when nothing was started, 4 when the run goes on and waits for people.
    """
    from bot.sandbox.demo import run_demo

    raise typer.Exit(asyncio.run(run_demo(auto=auto, faults=tuple(fault or ()), port=0 if auto else port)))


def main() -> None:
    """The entry point of `keyturn`."""
    try:
        from bot.sandbox.cli import app as sandbox_app
    except ModuleNotFoundError as error:
        if error.name not in ("cryptography", "jinja2"):
            raise
    else:
        app.add_typer(sandbox_app, name="sandbox")
    app()


if __name__ == "__main__":
    main()
