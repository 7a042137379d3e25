"""The command line of the Appliance Consoles: `keyturn console`."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from bot import app as house
from bot.command_line import CONFIG, Config, run, settings_of
from bot.config import ConfigurationError, EnterpriseSettings, Settings
from bot.console import capture as captures
from bot.console import certificate
from bot.console.certificate import Certificate
from bot.console.check import judged
from bot.console.profile import Profile, ProfileError, load_profile, schema
from bot.console.report import Report, Result
from bot.console.session import Credentials
from bot.console.table import table
from bot.console.tls import fetch_certificate
from bot.console.visit import Visit, visit
from bot.domain.enterprise import stream
from bot.domain.handle import ENTERPRISE_FOLD
from bot.domain.snapshot import Folded
from bot.pinning import pinned
from storage.sqlite import SqliteLedger

console_app = typer.Typer(
    help="The Appliance Consoles. Nothing here can change anything on a console.", no_args_is_help=True
)

CODES = {Result.FOUND: 0, Result.MISSING: 1, Result.FAILED: 2}

Enterprise = Annotated[str, typer.Argument(help="The enterprise's name in the settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="The report as one JSON object.")]


@console_app.command()
def trust(
    address: Annotated[str, typer.Argument(help="HOST or HOST:PORT; the port is 81 when not given.")],
    pin: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="ENTERPRISE APPLIANCE", help="Put it into the settings, after asking."),
    ] = None,
    config: Config = CONFIG,
) -> None:
    """Show a console's certificate, how to compare it, and the line for the settings. A handshake, nothing more."""
    host, _, port = address.removeprefix("https://").rstrip("/").partition(":")
    port = port or "81"
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _refused(f"{address} is no address; write HOST or HOST:PORT")

    async def show() -> None:
        der = await fetch_certificate(host, int(port))
        try:
            found = certificate.read(der)
        except ValueError as error:
            raise ConfigurationError(
                f"{address}: what it shows as its certificate is none: {error}"
            ) from None
        line = ":".join(found.fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
        typer.echo(_described(found))
        typer.echo(f'\nfingerprint = "{line}"')
        if pin:
            _pin(config, pin, f"{host}:{port}", line)

    run(show())


def _described(found: Certificate) -> str:
    return "\n".join(
        (
            f"subject  {found.subject or 'none'}",
            f"issuer   {found.issuer or 'none'}",
            f"valid    {found.not_before:%Y-%m-%d} to {found.not_after:%Y-%m-%d}",
            f"SHA-256  {found.fingerprint}",
            "",
            "Anybody between here and the appliance could have shown this. Compare the SHA-256 with what somebody",
            "sees who reaches the appliance another way: at the virtual machine's own screen, or in a browser on a",
            "computer of the appliance's network (padlock, certificate, fingerprint). Then take over the line:",
        )
    )


def _pin(config: Path, pin: tuple[str, str], address: str, fingerprint: str) -> None:
    enterprise, appliance = pin
    _changed(config, pin, address, fingerprint)  # what cannot be done is told before anybody is asked
    if not typer.confirm(
        f"\nDoes the appliance itself show this SHA-256, and is it to be trusted as {appliance}?"
    ):
        typer.echo("keyturn: nothing was changed", err=True)
        raise typer.Exit(1)
    changed = _changed(config, pin, address, fingerprint)
    try:
        config.write_bytes(changed.encode())
    except OSError as error:
        raise ConfigurationError(f"{config} cannot be written: {error.strerror}") from None
    typer.echo(
        f"{config}: {enterprise}, {appliance} is pinned; a running bot takes it on when it is started again"
    )


def _changed(config: Path, pin: tuple[str, str], address: str, fingerprint: str) -> str:
    try:
        return pinned(config.read_bytes().decode(), *pin, address, fingerprint)
    except OSError as error:
        raise ConfigurationError(
            f"{config}: {error.strerror}; name the settings file with --config"
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{config}: not TOML: {error}") from None


@console_app.command()
def look(enterprise: Enterprise, config: Config = CONFIG) -> None:
    """Sign in, read the pages, and print what a run would understand. Exit 1 when that is not all of it."""
    settings = settings_of(config)

    async def once() -> None:
        house.enterprise(settings, enterprise)
        await _nobody_at_work(settings, enterprise)
        seen = await house.look(settings, enterprise)
        if seen.answered:
            typer.echo(seen.model_dump_json(indent=2))
        if not (seen.answered and seen.recognized):
            typer.echo(f"keyturn: {enterprise}: {seen.reason}", err=True)
            raise typer.Exit(1)

    run(once())


@console_app.command()
def check(enterprise: Enterprise, as_json: AsJson = False, config: Config = CONFIG) -> None:
    """Sign in to each console, look at its pages, and say of each label of the profile whether it is there.

    It can send nothing but sign-in, page views and sign-out. Refused while a run is under way. Exit 0 when all was
    found, 1 when something is missing or not understood, 2 when a console cannot be reached or signed in to.
    """
    settings = settings_of(config)

    async def once() -> None:
        known, profile = _ready(settings, enterprise)
        await _nobody_at_work(settings, enterprise)
        visits = await _visits(settings, enterprise, profile, captures.Kept())
        names = [appliance.name for appliance in known.appliances]
        _tell(judged(enterprise, visits, names, profile, house.clock(settings).now()), as_json)

    run(once())


@console_app.command()
def capture(
    enterprise: Enterprise,
    directory: Annotated[Path, typer.Argument(help="Where to: a new or an empty directory.")],
    hide_hosts: Annotated[
        bool,
        typer.Option("--hide-hosts", help="Also put made-up names for appliances, hosts and IPv4 addresses."),
    ] = False,
    config: Config = CONFIG,
) -> None:
    """Save the pages that a check sees, without secrets, for writing a profile elsewhere. Says what it took out."""
    settings = settings_of(config)

    async def once() -> None:
        _, profile = _ready(settings, enterprise)
        await _nobody_at_work(settings, enterprise)
        captures.prepare(directory)
        kept, at = captures.Kept(), house.clock(settings).now()
        visits = await _visits(settings, enterprise, profile, kept)
        hide = captures.without_hosts(visits) if hide_hosts else None
        taken = captures.save(directory, enterprise, visits, kept, profile, at, hide)
        _say_taken_out(directory, taken, hide_hosts)
        for one in visits:
            if one.failure:
                typer.echo(f"keyturn: {one.failure}", err=True)
        if any(one.failure for one in visits):
            raise typer.Exit(2)

    run(once())


def _say_taken_out(directory: Path, taken: dict[str, Counter[str]], hide_hosts: bool) -> None:
    typer.echo(f"{len(taken)} pages in {directory}. Taken out of them:")
    for file, found in taken.items():
        said = ", ".join(f"{what} ({count})" for what, count in found.items()) or "nothing"
        typer.echo(f"  {file}: {said}")
    hosts = "" if hide_hosts else " the names and addresses of appliances (--hide-hosts puts made-up ones),"
    typer.echo(
        f"Still in them:{hosts} the names of users and packages, levels, and whatever else the pages say. "
        "Look through them before you give them to anybody."
    )


@console_app.command()
def replay(
    directory: Annotated[Path, typer.Argument(help="The directory of a capture.")],
    profile: Annotated[
        Path | None, typer.Option(help="The profile to read it with; the default one when not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read a capture as a check reads the consoles, with any profile, without a network. Exit codes as of check."""

    async def once() -> None:
        used = _profile(profile)
        index, visits = captures.load(directory, used)
        _tell(judged(index.enterprise, visits, index.appliances, used, index.at), as_json)

    run(once())


@console_app.command("schema")
def profile_schema() -> None:
    """Print the JSON schema of a profile, for an editor that checks and completes TOML."""
    typer.echo(json.dumps(schema(), indent=2))


def _ready(settings: Settings, enterprise: str) -> tuple[EnterpriseSettings, Profile]:
    known = house.enterprise(settings, enterprise)
    return known, _profile(known.profile)


def _profile(path: Path | None) -> Profile:
    try:
        return load_profile(path)
    except ProfileError as error:
        raise ConfigurationError(str(error)) from None


async def _nobody_at_work(settings: Settings, enterprise: str) -> None:
    """Raises `ConfigurationError` while the ledger has a run under way: a second session might end the run's own."""
    if not settings.ledger_file.exists():
        return
    async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
        state = await Folded(ledger, stream(enterprise), ENTERPRISE_FOLD).catch_up()
    if state.running:
        raise ConfigurationError(
            f"{enterprise}: the run {state.running.id} is under way, and a second session might end its own: nothing "
            "was sent. The bot is looking already: keyturn status, or the channel"
        )


async def _visits(settings: Settings, enterprise: str, profile: Profile, kept: captures.Kept) -> list[Visit]:
    """One console after the other, each signed out of before the next. A refused password is tried once in all."""
    known = settings.enterprises[enterprise]
    credentials = Credentials(known.user, settings.password(enterprise))
    return [
        await visit(a, credentials, profile, kept, driver=house.driver(enterprise, known, lambda *_: None))
        for a in house.appliances(enterprise, known)
    ]


def _tell(report: Report, as_json: bool) -> None:
    typer.echo(report.model_dump_json(indent=2) if as_json else table(report))
    if code := CODES[report.result]:
        raise typer.Exit(code)


def _refused(line: str) -> typer.Exit:
    typer.echo(f"keyturn: {line}", err=True)
    return typer.Exit(2)
