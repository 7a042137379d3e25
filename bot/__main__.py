"""The command line: `keyturn`."""

from __future__ import annotations

import asyncio
import getpass
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot import app as house
from bot.command_line import CONFIG, Config, run, settings_of
from bot.console_cli import console_app
from bot.domain.enterprise import Enterprise, stream
from bot.domain.handle import ENTERPRISE_FOLD
from bot.domain.snapshot import Folded
from bot.ledger_cli import ledger_app
from storage.sqlite import SqliteLedger

app = typer.Typer(
    help="Hotfix upgrades of Imprivata G4 appliances from Slack: two people approve, one exact plan is done once.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
package_app = typer.Typer(help="The packages on this host.", no_args_is_help=True)
app.add_typer(ledger_app, name="ledger")
app.add_typer(console_app, name="console")
app.add_typer(package_app, name="package")


@app.command()
def serve(config: Config = CONFIG) -> None:
    """Run the bot: listen to Slack, carry out approved plans, announce. Ends on SIGTERM or SIGINT."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    run(house.serve(settings_of(config)))


@app.command()
def status(config: Config = CONFIG) -> None:
    """What each enterprise is doing, from the ledger alone; works without Slack and beside a running bot."""
    settings = settings_of(config)

    async def show() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            for name in settings.enterprises:
                _show_enterprise(name, await Folded(ledger, stream(name), ENTERPRISE_FOLD).catch_up())

    run(show())


def _doing(state: Enterprise) -> str:
    if state.running:
        return f"run {state.running.id} is under way"
    return "nothing can begin" if state.hold else "free"


def _show_enterprise(name: str, state: Enterprise) -> None:
    if state.quarantine:
        since = f"{state.quarantine.since:%Y-%m-%d %H:%M UTC}"
        typer.echo(
            f"{name}: QUARANTINE since {since} by {state.quarantine.request}: {state.quarantine.reason}"
        )
    else:
        typer.echo(f"{name}: " + _doing(state))
    if state.hold:
        since = f"{state.hold.since:%Y-%m-%d %H:%M UTC}"
        stated = ", ".join(state.hold.stated) or "nobody"
        typer.echo(
            f"  HELD since {since} by epoch {state.hold.epoch}: {state.hold.reason}; {stated} compared"
        )
    if state.lockout:
        typer.echo(f"  lockout since {state.lockout.since:%Y-%m-%d %H:%M UTC} by {state.lockout.request}")
    for appliance, level in sorted(state.levels.items()):
        typer.echo(f"  {appliance}: {level} when last seen")
    for request in state.requests.values():
        detail = f": {request.reason}" if request.reason else ""
        typer.echo(
            f"  {request.id} {request.draft.package.name}, asked by {request.by}: {request.phase}{detail}"
        )


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
    settings = settings_of(config)

    async def copy() -> None:
        house.prepare(settings)
        async with house.package_store(settings) as store:
            package = await store.add(file, level, name or file.stem, sha256, getpass.getuser())
        typer.echo(
            f"added {package.name}: level {package.level}, {package.size} bytes, sha256 {package.sha256}"
        )

    run(copy())


@package_app.command("list")
def list_packages(config: Config = CONFIG) -> None:
    """The packages that can be asked for, newest first."""
    settings = settings_of(config)

    async def show() -> None:
        async with house.package_store(settings) as store:
            for recorded in await store.recorded():
                p = recorded.package
                typer.echo(
                    f"{p.name}: level {p.level}, {p.size} bytes, sha256 {p.sha256}, "
                    f"added {recorded.at:%Y-%m-%d %H:%M UTC} by {recorded.by}"
                )

    run(show())


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
    if sys.argv[1:2] in (["serve"], ["status"]):
        app()  # the sandbox takes longer to import than a large ledger to open
        return
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
