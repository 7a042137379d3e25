"""`keyturn sandbox`: the stand-ins for what Keyturn works with, each a process of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from bot.sandbox.enterprise import skins
from bot.sandbox.enterprise.faults import CATALOGUE
from bot.sandbox.enterprise.server import run
from bot.sandbox.enterprise.settings import ADMINISTRATOR_PASSWORD_VARIABLE, PASSWORD_VARIABLE, Settings
from bot.sandbox.enterprise.skins import SkinError
from bot.sandbox.enterprise.world import SandboxError
from bot.sandbox.package import make_package
from bot.sandbox.workspace.command import workspace

app = typer.Typer(
    name="sandbox",
    help="Simulations to try Keyturn with: an enterprise of appliances, its packages, a Slack workspace.",
    no_args_is_help=True,
)

_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_DEFAULT = Settings()


@app.command()
def enterprise(
    appliances: Annotated[int, typer.Option(help="How many appliances, 2 to 6.")] = _DEFAULT.appliances,
    port: Annotated[
        int,
        typer.Option(help="First console's port; consoles follow it, stand-ins of port 443 begin 10 above."),
    ] = _DEFAULT.port,
    control_port: Annotated[int, typer.Option(help="The control port; 0 for any.")] = _DEFAULT.control_port,
    rate: Annotated[float, typer.Option(help="Simulated seconds in a real one.")] = _DEFAULT.rate,
    level: Annotated[str, typer.Option(help="The hotfix release of all appliances.")] = _DEFAULT.level,
    password: Annotated[
        str, typer.Option(envvar=PASSWORD_VARIABLE, help="Of the Super Administrator.")
    ] = _DEFAULT.password,
    administrator_password: Annotated[
        str, typer.Option(envvar=ADMINISTRATOR_PASSWORD_VARIABLE, help="Of the Administrator.")
    ] = _DEFAULT.administrator_password,
    distribution_seconds: Annotated[
        float, typer.Option(help="How long a distribution takes, simulated.")
    ] = _DEFAULT.distribution_seconds,
    install_seconds: Annotated[
        float, typer.Option(help="How long an installation takes, simulated.")
    ] = _DEFAULT.install_seconds,
    idle_minutes: Annotated[
        float, typer.Option(help="After how long a session expires, simulated.")
    ] = _DEFAULT.idle_minutes,
    blackout: Annotated[
        float, typer.Option(help="Part of an installation for which all consoles but the first are silent.")
    ] = _DEFAULT.blackout,
    fault: Annotated[
        list[str] | None, typer.Option(help="A fault that is on from the start; may be repeated.")
    ] = None,
    state: Annotated[Path | None, typer.Option(help="A file to continue from after a restart.")] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="A file to write the ready line to as well.")
    ] = None,
    package_name: Annotated[
        str | None, typer.Option(help="The package that the fault already-listed means.")
    ] = None,
    skin: Annotated[
        str, typer.Option(help=f"What the consoles look like: {', '.join(skins.names())}.")
    ] = _DEFAULT.skin,
) -> None:
    """Run a simulated enterprise of appliances, until it is told to stop.

    Prints one line of JSON when it is ready: the address of its control port.
    """
    try:
        run(
            Settings(
                appliances=appliances,
                port=port,
                control_port=control_port,
                rate=rate,
                level=level,
                password=password,
                administrator_password=administrator_password,
                distribution_seconds=distribution_seconds,
                install_seconds=install_seconds,
                idle_minutes=idle_minutes,
                blackout=blackout,
                faults=tuple(fault or ()),
                state=state,
                ready_file=ready_file,
                package_name=package_name,
                skin=skin,
            )
        )
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise _failure(
            f"--{option} {problem['input']}: {problem['msg'].removeprefix('Value error, ')}"
        ) from None
    except (SandboxError, SkinError) as error:
        raise _failure(str(error)) from None


@app.command()
def faults() -> None:
    """What can go wrong at a simulated enterprise, by name: for --fault of `enterprise` and of `keyturn demo`."""
    width = max(map(len, CATALOGUE))
    for name, what in CATALOGUE.items():
        typer.echo(f"{name:{width}}  {what}")


@app.command()
def profile(skin: Annotated[str, typer.Argument(help="One of the skins of `enterprise`.")]) -> None:
    """Print the console profile that a skin needs: a file for the settings of a bot that meets it."""
    try:
        typer.echo(skins.profile(skin), nl=False)
    except SkinError as error:
        raise _failure(str(error)) from None


@app.command()
def package(
    file: Annotated[Path, typer.Argument(help="Where to write it.")],
    level: Annotated[str, typer.Option(help="The hotfix release that it brings.")],
    name: Annotated[str | None, typer.Option(help="Its name; the file's, when not given.")] = None,
    size: Annotated[str, typer.Option(help="Its size in bytes, or with KB, MB, GB, KiB, MiB, GiB.")] = "8MB",
    kind: Annotated[str, typer.Option(help="Its type in the console's list.")] = "Appliance",
) -> None:
    """Make a package that the simulated console accepts."""
    try:
        header = make_package(file, name or file.stem, level, parse_size(size), kind)
    except (ValueError, OSError) as error:
        raise _failure(str(error)) from None
    typer.echo(f"{file}: package {header.name}, {header.kind}, level {header.level}, {header.size} bytes")


app.command()(workspace)


def parse_size(text: str) -> int:
    """`200MB` or `1GiB` or `4096` as bytes. Raises `ValueError`."""
    match = re.fullmatch(r"(\d+)\s*([A-Za-z]*)", text.strip())
    if not match or match[2].upper() not in _UNITS:
        raise ValueError(f"{text!r} is not a size; write it like 200MB")
    return int(match[1]) * _UNITS[match[2].upper()]


def _failure(message: str) -> typer.Exit:
    typer.echo(f"keyturn sandbox: {message}", err=True)
    return typer.Exit(2)
