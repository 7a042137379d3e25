"""The command that runs the local workspace."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.sandbox.workspace.seed import SeedError, read_seed
from bot.sandbox.workspace.server import run_workspace


def workspace(
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 0,
    people: Annotated[
        Path | None, typer.Option(help="JSON file with people, groups, tokens and names.")
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Where to write the ready line as well, once it is ready.")
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="The slash command, when it is not that of the people file (/upgrade).")
    ] = None,
) -> None:
    """Run a local stand-in for Slack: Web API, Socket Mode, and a page on which to act as its people.

    Prints one JSON line with its address when it is ready; ends with 0 on SIGTERM.
    """
    try:
        asyncio.run(run_workspace(read_seed(people, command), port, ready_file))
    except SeedError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(f"The local workspace cannot listen on 127.0.0.1:{port}: {error.strerror}.", err=True)
        raise typer.Exit(1) from error
