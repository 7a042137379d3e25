"""What the commands have in common: the settings file, and one line for what a person can act on."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.config import ConfigurationError, Settings, load_settings
from bot.console.capture import CaptureError
from bot.console.port import ConsoleError
from bot.domain.events import UnknownEvent
from bot.domain.snapshot import SnapshotWrong
from bot.upgrade.packages import PackageError
from bot.verification import NotWhole
from handlers.connection import SlackRefused, SlackUnreachable
from storage.errors import LedgerUnavailable
from storage.ledger import Broken
from storage.lock import LockRefused

Config = Annotated[
    Path,
    typer.Option("--config", "-c", envvar="KEYTURN_CONFIG", help="The settings file.", show_default=True),
]
CONFIG = Path("keyturn.toml")

ONE_LINE = (
    CaptureError,
    ConfigurationError,
    ConsoleError,
    LedgerUnavailable,
    LockRefused,
    NotWhole,
    PackageError,
    SlackRefused,
    SlackUnreachable,
    SnapshotWrong,
    UnknownEvent,
    Broken,
)
"""The errors whose message is all that a person needs."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; an error that a person can act on is one line on stderr and exit code 2."""
    try:
        asyncio.run(work)
    except ONE_LINE as error:
        typer.echo(f"keyturn: {error}", err=True)
        raise typer.Exit(2) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def settings_of(config: Path) -> Settings:
    """The settings; bad ones are a line for each fault on stderr and exit code 2."""
    try:
        return load_settings(config)
    except ConfigurationError as error:
        typer.echo("\n".join(f"keyturn: {line}" for line in str(error).splitlines()), err=True)
        raise typer.Exit(2) from None
