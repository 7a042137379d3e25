"""The command line of the ledger: `keyturn ledger`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from bot import app as house
from bot.command_line import CONFIG, Config, run, settings_of
from bot.domain.commands import BeginEpoch
from bot.domain.enterprise import enterprise_of
from bot.domain.handle import Handler
from bot.domain.ledger import Entry
from storage.backup import backup, restore
from storage.chain import GENESIS
from storage.errors import explained
from storage.files import partial, put, refuse_taken
from storage.ledger import Broken, Head
from storage.lock import ProcessLock
from storage.sqlite import PAGE, SqliteLedger

ledger_app = typer.Typer(
    help="The ledger: every fact, in order. All but restore work beside a running bot.", no_args_is_help=True
)

Force = Annotated[bool, typer.Option("--force", help="Replace FILE when it is there already.")]


@ledger_app.command()
def verify(
    config: Config = CONFIG,
    head: Annotated[
        str | None, typer.Option(help="A head announced in Slack: the ledger must hold it.")
    ] = None,
) -> None:
    """Recompute the chain of hashes. Exit 1 and the first entry that does not fit when it was tampered with.

    A cut tail, or a chain that was computed anew, shows only against a head that was announced: give --head.
    """
    settings = settings_of(config)

    async def check() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            try:
                found = await ledger.verify(head)
            except Broken as error:
                typer.echo(f"keyturn: the ledger does not verify: {error}", err=True)
                raise typer.Exit(1) from None
            typer.echo(f"{found.position} entries verify; head {found.hash}")
            if head is None:
                typer.echo("compare with the newest head announced in Slack, or give that as --head")

    run(check())


@ledger_app.command()
def show(
    config: Config = CONFIG,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Every entry, in order, as Keyturn understands it. For the stored strings themselves: export."""
    settings = settings_of(config)

    async def every() -> None:
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            after = 0
            while page := await ledger.read_all(after, PAGE):
                for entry in page:
                    typer.echo(_as_json(entry) if as_json else _as_line(entry))
                after = page[-1].position

    run(every())


def _as_json(entry: Entry) -> str:
    whole = {
        "position": entry.position,
        "stream": entry.stream,
        "version": entry.version,
        "at": entry.at.isoformat(),
        "type": type(entry.event).__name__,
        "data": entry.event.model_dump(mode="json"),
        "hash": entry.hash,
    }
    return json.dumps(whole, ensure_ascii=False)


def _as_line(entry: Entry) -> str:
    fields = ", ".join(f"{k}={_short(v)}" for k, v in entry.event.model_dump(mode="json").items())
    moment = f"{entry.at:%Y-%m-%d %H:%M:%S}"
    return f"{entry.position:>6} {moment} {entry.stream} {type(entry.event).__name__}: {fields}"


def _short(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."


@ledger_app.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output when not given.")] = None,
    force: Force = False,
    config: Config = CONFIG,
) -> None:
    """Every entry as one line of JSON that holds exactly what is stored, for docs/verify_ledger.py and for keeping.

    Does not verify. From a damaged ledger come the entries before the first that cannot be read, and exit code 2.
    """
    settings = settings_of(config)

    async def write(out: TextIO) -> Head:
        end = Head(0, GENESIS)
        async with SqliteLedger.open(settings.ledger_file, audit=True) as ledger:
            async for row in ledger.rows():
                # ASCII only: bytes that are no text keep their escapes (PEP 383), whatever reads this.
                print(json.dumps(row._asdict()), file=out)
                end = Head(row.position, row.hash)
        return end

    async def to_file(path: Path) -> None:
        with explained(path), partial(path) as made:
            refuse_taken(path, settings.ledger_file, replace=force)
            with made.open("w", encoding="ascii") as out:
                end = await write(out)
            put(made, path, replace=force)
        typer.echo(f"{end.position} entries exported to {path}; head {end.hash}", err=True)

    async def to_stdout() -> None:
        await write(sys.stdout)

    run(to_file(file) if file else to_stdout())


@ledger_app.command("backup")
def back_up(
    file: Annotated[Path, typer.Argument(help="Where to.")], force: Force = False, config: Config = CONFIG
) -> None:
    """A verified copy of the ledger in one file, also while the bot runs. Copying the file itself is not enough."""
    settings = settings_of(config)

    async def copy() -> None:
        head = await backup(settings.ledger_file, file, replace=force)
        typer.echo(f"{head.position} entries backed up to {file} and verified; head {head.hash}")

    run(copy())


@ledger_app.command("restore")
def put_back(file: Annotated[Path, typer.Argument(help="The backup.")], config: Config = CONFIG) -> None:
    """Put a backup in place of the ledger, with the bot stopped, and begin a new epoch.

    The backup is verified first; the ledger that is there is kept. Every open request is void and every enterprise
    held, until two people have compared its consoles with the last head announced in Slack.
    """
    settings = settings_of(config)
    held: list[str] = []

    async def begin(ledger: SqliteLedger) -> None:
        handler = Handler(ledger, house.clock(settings))
        known = {name for s in await ledger.streams() if (name := enterprise_of(s)) is not None}
        held.extend(sorted(known | settings.enterprises.keys()))
        count = (await ledger.head()).position
        for name in held:
            await handler.handle(
                name, BeginEpoch(reason=f"the ledger was restored from a backup of {count} entries")
            )

    async def replace() -> None:
        house.prepare(settings)
        with ProcessLock(settings.state / "bot.lock"):
            done = await restore(file, settings.ledger_file, begin)
        typer.echo(f"{done.backup.position} entries of {file} verified and restored; head {done.backup.hash}")
        if done.aside:
            typer.echo(f"the ledger that was there is now {done.aside}")
        typer.echo(f"a new epoch has begun; held until two people have compared: {', '.join(held)}")

    run(replace())
