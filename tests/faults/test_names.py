"""A console whose name does not resolve, or that is gone: silence with its reason, and never a failure (law 5)."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.console.http_driver import HttpConsole
from bot.console.profile import load_profile
from bot.console.session import Appliance, Credentials
from bot.console.tls import Trust
from bot.domain import events as e
from bot.domain.events import Event, Phase, Step
from bot.domain.progress import Budgets
from bot.domain.sight import Activity
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.report import Connection
from bot.sandbox.enterprise.settings import Settings
from tests.support.house import House, open_house

NAME = "console-1.hospital.test"
AWHILE = timedelta(minutes=5)
"""Of the house's clock: thirty looks, and far less than the settle budget: the faults take real time to be put on."""
BUDGETS = Budgets(distribute=120, settle=60, expected=120, overdue=180)
SIMULATED = Settings(rate=600, appliances=2, distribution_seconds=600, install_seconds=1200)


class Names(asyncio.SelectorEventLoop):
    """An event loop for which `NAME` is this machine's, as long as it is `known`."""

    known = True

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        if host in (NAME, NAME.encode()):
            if not self.known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            host = "127.0.0.1"
        return await super().getaddrinfo(host, port, **options)


class Named(EnterpriseProcess):
    """An enterprise whose first console is known by its name."""

    async def connection(self) -> Connection:
        found = await super().connection()
        first = found.appliances[0]
        named = first.model_copy(update={"address": first.address.replace("127.0.0.1", NAME)})
        return found.model_copy(update={"appliances": [named, *found.appliances[1:]]})


async def entered(house: House, kind: type[Event], holds: str = "") -> Event:
    """The first event of that kind that is, in words, `holds`."""
    async with asyncio.timeout(20):
        async for entry in house.ledger.subscribe():
            if isinstance(entry.event, kind) and holds in str(entry.event):
                return entry.event
    raise AssertionError("the ledger was closed")


async def test_a_name_that_nobody_knows_is_silence() -> None:
    async with HttpConsole(
        [Appliance("appliance-1", "https://console-1.invalid:81", Trust.pinned("ab" * 32))],
        credentials=Credentials("Administrator", SecretStr("-")),
        profile=load_profile(),
        keep=lambda page: "",
    ) as console:
        seen = await console.look()
    assert not seen.answered
    assert seen.reason.startswith("appliance-1: the console gave no answer (ConnectError: [Errno -")


def test_a_name_that_is_lost_in_the_watch_is_silence_until_it_is_known_again(tmp_path: Path) -> None:
    async def run() -> None:
        names = asyncio.get_running_loop()
        assert isinstance(names, Names)
        async with Named(SIMULATED) as sandbox, open_house(tmp_path, sandbox) as house:
            id_ = await house.approved()
            await entered(house, e.Observed, repr(Activity.INSTALLING))
            await sandbox.fault("unreachable")  # the connections that stand are cut
            await entered(house, e.Observed, "answered=False")
            names.known = False
            await sandbox.clear("unreachable")
            await entered(house, e.Observed, "Name or service not known")
            assert (await house.request(id_)).phase is Phase.INSTALLING
            names.known = True
            await house.ends(id_, Phase.SUCCEEDED)
            assert not await house.events(e.Quarantined)

    with asyncio.Runner(loop_factory=Names) as runner:
        runner.run(run())


async def test_a_console_that_is_gone_for_a_while_in_every_phase(tmp_path: Path) -> None:
    async with (
        EnterpriseProcess(SIMULATED) as sandbox,
        open_house(tmp_path, sandbox, budgets=BUDGETS) as house,
    ):
        id_ = await house.ask()
        running = asyncio.create_task(approved(house, id_))
        for moment in (
            entered(house, e.QuorumReached),
            entered(house, e.StepIntended, repr(Step.UPLOAD)),
            entered(house, e.Observed, repr(Activity.DISTRIBUTING)),
            entered(house, e.StepFinished, repr(Step.DISTRIBUTE)),
            entered(house, e.InstallPressed),
            entered(house, e.Observed, repr(Activity.INSTALLING)),
        ):
            await moment
            await sandbox.fault("unreachable")
            await house.clock.sleep(AWHILE)
            await sandbox.clear("unreachable")
        await running
        await house.ends(id_, Phase.SUCCEEDED)
        state = await sandbox.state()
        assert (state.install_clicks, state.sends, state.dones) == (1, 1, 1)
        assert not await house.events(e.Quarantined)


async def approved(house: House, id_: str) -> None:
    await house.desk.approve(id_, "U0BEN")
    await house.desk.approve(id_, "U0CHLOE")
