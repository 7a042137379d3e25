"""Runs a simulated enterprise: consoles, stand-ins for port 443, and the control port, until told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack

from aiohttp import web

from bot.sandbox.enterprise import control
from bot.sandbox.enterprise.console import Console
from bot.sandbox.enterprise.listener import AdminConsole, Listener
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.enterprise.world import SandboxError, World

SHUTDOWN_SECONDS = 0.2


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    When ready, prints one line of JSON to stdout, `{"control": "http://127.0.0.1:PORT"}`, and writes it to the
    ready file. Raises `SandboxError` when it cannot start.
    """
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    world = World(settings)
    async with AsyncExitStack() as stack:
        consoles = []
        for index in range(len(world.appliances)):
            consoles.append(await _start_appliance(world, index, stack))
        runner = web.AppRunner(control.app(world, consoles), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, "127.0.0.1", settings.control_port).start()
        except OSError as error:
            raise _taken(settings.control_port, error) from None
        world.save()
        port = runner.addresses[0][1]
        ready = json.dumps({"control": f"http://127.0.0.1:{port}"})
        if settings.ready_file:
            settings.ready_file.write_text(ready + "\n")
        print(ready, flush=True)
        await stop.wait()
        world.save()


async def _start_appliance(world: World, index: int, stack: AsyncExitStack) -> Console:
    appliance = world.appliances[index]
    context = world.identities[index].context()
    console = Console(world, index)
    runner = web.AppRunner(console.app(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    server = runner.server
    if server is None:
        raise RuntimeError("aiohttp gave no server after setup")

    def connected() -> None:
        world.state.counters.admin_console_handshakes += 1

    def requested(line: str) -> None:
        world.state.counters.admin_console_requests += 1
        print(f"{appliance.name}: a request to the Admin Console: {line[:200]}", file=sys.stderr, flush=True)
        world.save()

    def service_down() -> bool:
        world.look()
        return not world.enterprise.server_up(appliance)

    ports = world.ports[index]
    listeners = []
    for port, protocol, dark in (
        (ports[0], server, console.dark),
        (ports[1], lambda: AdminConsole(connected, requested), service_down),
    ):
        try:
            listener = Listener(port, context, protocol, dark)
        except OSError as error:
            raise _taken(port, error) from None
        stack.push_async_callback(listener.stop)
        listener.start()
        listeners.append(listener)
    world.ports[index] = (listeners[0].port, listeners[1].port)
    return console


def _taken(port: int, error: OSError) -> SandboxError:
    return SandboxError(f"port {port} of 127.0.0.1 cannot be used ({error.strerror}); choose another one")
