"""The house without Slack: ledger, handler, runner and engine in this process, the consoles simulated in another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from bot.clock import Clock
from bot.config import ApplianceSettings, EnterpriseSettings
from bot.console.http_driver import HttpConsole
from bot.console.port import Console
from bot.console.profile import Profile, load_profile
from bot.console.reading import Timeouts
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust
from bot.domain import commands as c
from bot.domain import events as e
from bot.domain.approval import Authority, DirectoryUnavailable, Person, Rules
from bot.domain.enterprise import Enterprise, Request
from bot.domain.events import Event, Phase, Step
from bot.domain.handle import Handler
from bot.domain.plan import ATTESTATIONS, Package
from bot.domain.progress import Budgets
from bot.domain.windows import Day, WeeklyWindow
from bot.engine.embedded import HEARTBEAT, Engine
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.package import make_package
from bot.upgrade.desk import LedgerDesk
from bot.upgrade.evidence import Evidence
from bot.upgrade.facts import Facts
from bot.upgrade.packages import PackageStore
from bot.upgrade.run import Services
from bot.upgrade.runner import Runner, has_work
from storage.sqlite import SqliteLedger

MAIN = "main"
ANA, BEN, CHLOE = "U0ANA", "U0BEN", "U0CHLOE"
PACKAGE = "applianceG4-24-1-HF4"
LEVEL = "24.1 HF4"

ALWAYS = tuple(
    WeeklyWindow(day=day, start=datetime.min.time(), end=datetime.min.time(), zone="UTC") for day in Day
)


class People:
    """A directory whose people and groups a test sets. `silent`: Slack cannot say."""

    def __init__(self) -> None:
        self.approvers = {ANA, BEN, CHLOE}
        self.requesters = {ANA, BEN}
        self.silent = False

    async def person(self, user: str) -> Person:
        return Person(id=user)

    async def authority(self, rules: Rules) -> Authority:
        if self.silent:
            raise DirectoryUnavailable("Slack cannot say who may approve")
        return Authority(approvers=frozenset(self.approvers), requesters=frozenset(self.requesters))


def enterprise_settings(connection: Connection, **changes: object) -> EnterpriseSettings:
    """Settings for a simulated enterprise: always open, two approvers who are not the requester."""
    settings = EnterpriseSettings(
        title="Simulated",
        channel="C0IDENTITY",
        oncall_group="S0ONCALL",
        appliances=tuple(
            ApplianceSettings(name=a.name, address=a.address, fingerprint=a.fingerprint)
            for a in connection.appliances
        ),
        windows=ALWAYS,
        rules=Rules(approver_groups=("S0APPROVE",), requester_groups=("S0REQUEST",)),
        budgets=Budgets(distribute=30, settle=15, expected=60, overdue=90),
        poll_seconds=10,
    )
    return settings.model_copy(update=changes)


Driver = Callable[[Connection, Profile, Callable[[bytes], str]], Console]
"""Makes a session on the consoles of a connection; the last argument keeps a page as evidence."""


def http_console(
    connection: Connection, profile: Profile, keep: Callable[[bytes], str], timeouts: Timeouts | None = None
) -> Console:
    """The http driver."""
    return HttpConsole(
        [Appliance(a.name, a.address, Trust.pinned(a.fingerprint)) for a in connection.appliances],
        credentials=Credentials(connection.user, SecretStr(connection.password)),
        profile=profile,
        keep=keep,
        timeouts=timeouts,
    )


@dataclass
class House:
    """What a test holds in its hands."""

    ledger: SqliteLedger
    handler: Handler
    desk: LedgerDesk
    people: People
    store: PackageStore
    package: Package
    sandbox: EnterpriseProcess
    clock: Clock
    directory: Path

    async def state(self) -> Enterprise:
        return await self.handler.state(MAIN)

    async def request(self, id_: str) -> Request:
        return (await self.state()).requests[id_]

    async def ask(self, by: str = ANA) -> str:
        """A request whose preflight is done."""
        id_, _ = await self.desk.ask(
            MAIN,
            by,
            package=self.package.name,
            start=None,
            reason="monthly hotfix",
            change="CHG-1",
            attestations=tuple(ATTESTATIONS),
        )
        await self.until(lambda r: r.plan is not None or not r.is_open, id_)
        return id_

    async def approved(self) -> str:
        """A request that two people have approved."""
        id_ = await self.ask()
        await self.desk.approve(id_, BEN)
        await self.desk.approve(id_, CHLOE)
        return id_

    async def until(self, holds: Callable[[Request], bool], id_: str, seconds: float = 20.0) -> Request:
        """The request as soon as `holds`; a failure after `seconds` says what it is instead."""
        try:
            async with asyncio.timeout(seconds):
                async for _ in self.ledger.subscribe():
                    request = (await self.state()).requests.get(id_)
                    if request and holds(request):
                        return request
        except TimeoutError:
            raise AssertionError(f"after {seconds} s: {await self.request(id_)}") from None
        raise AssertionError("the ledger was closed")

    async def ends(self, id_: str, *phases: Phase) -> Request:
        """The request at its end, with its logs when it ended badly."""
        request = await self.until(lambda r: r.ended is not None, id_)
        assert request.phase in phases, (request.phase, request.reason)
        if request.phase in (Phase.FAILED, Phase.UNKNOWN):
            await self.until(lambda r: r.run is not None and Step.COLLECT_LOGS in r.run.finished, id_)
        return request

    async def events(self, kind: type[Event] | None = None) -> list[Event]:
        entries = await self.ledger.read_all()
        return [x.event for x in entries if kind is None or isinstance(x.event, kind)]


async def _deliver_lockouts(ledger: SqliteLedger, handler: Handler) -> None:
    """Stands where the announcer would: each lockout notice is delivered at once."""
    async for entry in ledger.subscribe():
        if isinstance(entry.event, e.LockoutOpened):
            told = c.ReportLockoutAnnounced(request=entry.event.request, channel="C0IDENTITY", ts="1.0")
            await handler.handle(MAIN, told)


@contextlib.asynccontextmanager
async def open_house(
    directory: Path,
    sandbox: EnterpriseProcess,
    *,
    announces: bool = True,
    password: str | None = None,
    epoch: datetime | None = None,
    clock: Clock | None = None,
    heartbeat: float = HEARTBEAT,
    ledgers: type[SqliteLedger] = SqliteLedger,
    connection: Connection | None = None,
    driver: Driver = http_console,
    package_bytes: int = 200_000,
    **changes: object,
) -> AsyncIterator[House]:
    """The house over `sandbox`, at its rate. `announces` False: no lockout notice is ever delivered.

    `connection`: another way to the consoles than the straight one.
    """
    connection = connection or await sandbox.connection()
    settings = {MAIN: enterprise_settings(connection, **changes)}
    clock = clock or Clock(sandbox.settings.rate, epoch or datetime.now(UTC))
    profile = load_profile()
    evidence = Evidence(directory / "evidence")
    people = People()

    if password is not None:
        connection = connection.model_copy(update={"password": password})

    def open_console(name: str) -> Console:
        return driver(connection, profile, evidence.page)

    async with ledgers.open(directory / "ledger.sqlite", poll=0.02) as ledger:
        handler = Handler(ledger, clock)
        store = PackageStore(directory / "packages", ledger, clock)
        packages = await store.recorded()
        if not packages:
            make_package(directory / "download.ipm", PACKAGE, LEVEL, package_bytes)
            await store.add(directory / "download.ipm", LEVEL, PACKAGE, None, "tests")
            packages = await store.recorded()
        facts = Facts(settings, {MAIN: profile.digest}, store)
        runner = Runner(
            Services(
                settings,
                handler,
                people,
                facts,
                dict.fromkeys(settings, evidence),
                clock,
                lambda _: None,
                ledger,
            ),
            open_console,
        )
        engine = Engine(
            settings,
            ledger,
            handler,
            clock,
            preflight=runner.preflight,
            run=runner.run,
            has_work=has_work,
            heartbeat=heartbeat,
        )
        desk = LedgerDesk(settings, handler, people, facts, clock)
        tasks = [asyncio.create_task(engine.serve())]
        if announces:
            tasks.append(asyncio.create_task(_deliver_lockouts(ledger, handler)))
        try:
            yield House(ledger, handler, desk, people, store, packages[0].package, sandbox, clock, directory)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
