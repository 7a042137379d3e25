"""The composition root: the only place that wires everything."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from bot import verification
from bot.announce.announcer import Announcer
from bot.announce.book import Book
from bot.announce.outage import OutageNotice
from bot.clearance import Clearance
from bot.clock import Clock
from bot.config import ConfigurationError, EnterpriseSettings, Settings
from bot.console.browser.chromium import Chromium, NoBrowser, find
from bot.console.browser.reader import BrowserReader
from bot.console.http_driver import HttpConsole
from bot.console.http_reader import HttpReader
from bot.console.profile import Profile, ProfileError, load_profile
from bot.console.session import Appliance, Credentials, Driver
from bot.console.tls import Trust, TrustError
from bot.directory import SlackDirectory
from bot.domain.enterprise import enterprise_of
from bot.domain.handle import Handler
from bot.domain.sight import Observation
from bot.drain import draining
from bot.engine.embedded import Engine
from bot.upgrade.desk import Desk, LedgerDesk
from bot.upgrade.evidence import Evidence
from bot.upgrade.facts import Facts
from bot.upgrade.packages import PackageStore
from bot.upgrade.run import Services
from bot.upgrade.runner import Runner, has_work
from bot.watchdog import Watchdog
from handlers.connection import SlackConnection, SlackRefused, SlackUnreachable, connect, web_client
from storage.errors import LedgerUnavailable
from storage.heard import HeardLedger
from storage.ledger import Ledger
from storage.lock import ProcessLock
from storage.sqlite import SqliteLedger

log = logging.getLogger(__name__)

OpenLedger = Callable[[Path], contextlib.AbstractAsyncContextManager[Ledger]]

VERIFIED_FIRST = 20_000
"""Entries that are verified before anything else, within a second or so. A larger ledger is verified while runs are
watched already; nothing begins before that is done."""

COMPARED_WITHIN = 30.0
"""Real seconds for which announcing waits for the comparison with Slack: a restored ledger has nothing to say."""

SLACK_AGAIN = 5.0
"""Real seconds between two attempts to reach a Slack that did not answer at the start."""


def clock(settings: Settings) -> Clock:
    """The process's clock."""
    return Clock(settings.clock.rate, settings.clock.epoch)


def prepare(settings: Settings) -> None:
    """The state directory exists; a new one is its owner's alone. Raises `ConfigurationError`."""
    try:
        settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = f"{settings.state} cannot be made or is no directory: {error.strerror}"
        raise ConfigurationError(f"state: {reason}") from None


@contextlib.asynccontextmanager
async def package_store(settings: Settings) -> AsyncIterator[PackageStore]:
    """The package directory over the ledger; also beside a running bot."""
    async with SqliteLedger.open(settings.ledger_file) as ledger:
        yield PackageStore(settings.packages, ledger, clock(settings))


def profiles(settings: Settings) -> dict[str, Profile]:
    """Each enterprise's console profile. Raises `ConfigurationError`."""
    try:
        return {name: load_profile(e.profile) for name, e in settings.enterprises.items()}
    except ProfileError as error:
        raise ConfigurationError(str(error)) from None


def appliances(name: str, enterprise: EnterpriseSettings) -> list[Appliance]:
    """The consoles of one enterprise with their trust. Raises `ConfigurationError`."""

    def trust(fingerprint: str | None, ca_file: Path | None) -> Trust:
        if fingerprint:
            return Trust.pinned(fingerprint)
        assert ca_file is not None, "the settings ask for one of the two"
        return Trust.authority(ca_file)

    try:
        found = [Appliance(a.name, a.address, trust(a.fingerprint, a.ca_file)) for a in enterprise.appliances]
        for appliance in found:
            appliance.trust.context()  # a CA file that cannot be used is told now, not in the window
        return found
    except (TrustError, OSError) as error:
        raise ConfigurationError(f"enterprises.{name}.appliances: {error}") from None


def driver(name: str, enterprise: EnterpriseSettings, picture: Callable[[str, bytes], None]) -> Driver:
    """What reads the consoles of an enterprise for one session. Raises `ConfigurationError` without a browser."""
    if enterprise.driver == "http":
        return HttpReader
    try:
        return partial(BrowserReader, Chromium(find(), picture))
    except NoBrowser as error:
        raise ConfigurationError(f"enterprises.{name}.driver: {error}") from None


def consoles(
    settings: Settings, profile: dict[str, Profile], evidence: Mapping[str, Evidence]
) -> Callable[[str], HttpConsole]:
    """What opens a session on the consoles of an enterprise, each with its evidence.

    Raises `ConfigurationError` for what is missing.
    """
    trusted = {name: appliances(name, e) for name, e in settings.enterprises.items()}
    # One for all sessions of this process: what was refused once is not tried in the next one either.
    credentials = {n: Credentials(e.user, settings.password(n)) for n, e in settings.enterprises.items()}
    for name, known in settings.enterprises.items():
        driver(
            name, known, evidence[name].picture
        )  # a browser that is missing is told now, not in the window

    def open_console(name: str) -> HttpConsole:
        return HttpConsole(
            trusted[name],
            credentials=credentials[name],
            profile=profile[name],
            keep=evidence[name].page,
            driver=driver(name, settings.enterprises[name], evidence[name].picture),
        )

    return open_console


def _evidence(settings: Settings) -> dict[str, Evidence]:
    """In one directory; each enterprise knows what could not be kept of its own."""
    return {name: Evidence(settings.evidence) for name in settings.enterprises}


def enterprise(settings: Settings, name: str) -> EnterpriseSettings:
    """The enterprise of that name. Raises `ConfigurationError`."""
    if name not in settings.enterprises:
        known = ", ".join(settings.enterprises)
        raise ConfigurationError(f"{name} is not among the configured enterprises: {known}")
    return settings.enterprises[name]


async def look(settings: Settings, name: str) -> Observation:
    """One read-only look at an enterprise's consoles. Raises `ConfigurationError` and `ConsoleError`."""
    enterprise(settings, name)
    open_console = consoles(settings, profiles(settings), _evidence(settings))
    prepare(settings)
    async with open_console(name) as console:
        return await console.look()


async def serve(settings: Settings, open_ledger: OpenLedger = SqliteLedger.open) -> None:
    """Run the bot until SIGTERM or SIGINT. Raises one-line errors for what keeps it from starting."""
    with Watchdog(), draining():
        await _serve(settings, open_ledger)


async def _serve(settings: Settings, open_ledger: OpenLedger) -> None:
    time = clock(settings)
    evidence = _evidence(settings)
    profile = profiles(settings)
    open_console = consoles(settings, profile, evidence)
    tokens = settings.bot_token, settings.app_token
    async with contextlib.AsyncExitStack() as stack:
        prepare(settings)
        stack.enter_context(ProcessLock(settings.state / "bot.lock"))
        written = await stack.enter_async_context(open_ledger(settings.ledger_file))
        session = await stack.enter_async_context(aiohttp.ClientSession())
        slack = web_client(session, tokens[0], settings.slack.base_url)
        channels = sorted({e.channel for e in settings.enterprises.values()})
        outage = OutageNotice(slack, channels, time, written.try_write)
        ledger = HeardLedger(written, outage.met)
        snapshots = await verification.snapshots(ledger)
        small = (await ledger.head()).position <= VERIFIED_FIRST
        if small:
            await verification.verify(ledger, snapshots)
        handler = Handler(ledger, time)
        book = Book(ledger, time)
        with _loading():
            states = {name: await handler.state(name) for name in await _enterprises(ledger)}
            await book.open()
        for name, state in sorted(states.items()):
            if name not in settings.enterprises and (state.running or state.lockout or state.quarantine):
                raise ConfigurationError(
                    f"enterprises.{name} is not configured, but the ledger has a run, a lockout or a quarantine of "
                    "it; configure it under that name until it is released"
                )
        held = any(state.is_held for state in states.values())
        store = PackageStore(settings.packages, ledger, time)
        facts = Facts(settings.enterprises, {name: p.digest for name, p in profile.items()}, store)
        dial = functools.partial(connect, session, *tokens, settings.slack.base_url)
        connection = await _first_connection(dial, held)
        directory = SlackDirectory(slack)
        clearance = Clearance(
            ledger,
            handler,
            slack,
            {n: e.channel for n, e in settings.enterprises.items()},
            states,
            book.places,
        )
        services = Services(
            settings.enterprises, handler, directory, facts, evidence, time, clearance.missing, ledger
        )
        runner = Runner(services, open_console)
        desk = LedgerDesk(settings.enterprises, handler, directory, facts, time)
        engine = Engine(
            settings.enterprises,
            ledger,
            handler,
            time,
            preflight=runner.preflight,
            run=runner.run,
            has_work=has_work,
        )

        async def clear() -> None:
            async with asyncio.TaskGroup() as both:
                both.create_task(clearance.compare())
                if not small:
                    await verification.verify_beside(
                        ledger, settings.ledger_file, snapshots, clearance.unverified
                    )
                log.info("the ledger verifies, and each snapshot is what its entries come to")
                clearance.unverified(None)
            await asyncio.Event().wait()

        async def announce() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(COMPARED_WITHIN):
                    await clearance.tried.wait()
            await Announcer(ledger, handler, slack, directory, settings.enterprises, time).run()

        try:
            await _together(
                [
                    clear(),
                    engine.serve(),
                    _kept_up(outage.run),
                    _kept_up(announce),
                    _listen(connection, dial, desk),
                ]
            )
        finally:
            await engine.hand_over()


@contextlib.contextmanager
def _loading() -> Iterator[None]:
    """What is loaded stays for good: Python's collector neither interrupts the loading nor walks over all of it again
    and again, which would hold up everything for some 0.3 s each time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


async def _enterprises(ledger: Ledger) -> list[str]:
    """The enterprises of the ledger, whether they are configured or not."""
    return [name for s in await ledger.streams() if (name := enterprise_of(s)) is not None]


async def _kept_up(work: Callable[[], Awaitable[None]]) -> None:
    """Begin again what breaks: announcements that fail never end the watch of a run (law 8)."""
    while True:
        try:
            await work()
        except* LedgerUnavailable as errors:
            log.warning("announcing waits for the ledger: %s", errors.exceptions[0])
        except* Exception:
            log.exception("announcing broke; it begins again from the ledger in %.0f s", SLACK_AGAIN)
        await asyncio.sleep(SLACK_AGAIN)


async def _first_connection(
    dial: Callable[[], Awaitable[SlackConnection]], held: bool
) -> SlackConnection | None:
    """A refused token ends the start, unless an enterprise is `held`: Slack never keeps a run from being watched."""
    try:
        return await dial()
    except SlackRefused as error:
        if not held:
            raise
        log.error("%s; runs go on meanwhile", error)
        return None
    except SlackUnreachable as error:
        log.warning("%s; runs go on meanwhile", error)
        return None


async def _listen(
    connection: SlackConnection | None, dial: Callable[[], Awaitable[SlackConnection]], desk: Desk
) -> None:
    """Take commands and clicks until cancelled; where Slack does not answer, try again until it does."""
    while connection is None:
        await asyncio.sleep(SLACK_AGAIN)
        try:
            connection = await dial()
        except (SlackUnreachable, SlackRefused) as error:
            log.warning("%s; trying again in %.0f s", error, SLACK_AGAIN)
    try:
        await connection.listen(desk)
        log.info("keyturn is listening to /upgrade for: %s", ", ".join(desk.enterprises))
        await asyncio.Event().wait()
    finally:
        await connection.close()


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Work until cancelled, or until a part of it breaks; then cancel the rest and wait for it."""
    tasks = [asyncio.create_task(w) for w in work]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            while isinstance(result, BaseExceptionGroup):
                result = result.exceptions[0]
            if isinstance(result, Exception):
                raise result
