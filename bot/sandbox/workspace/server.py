"""Puts the local workspace together and runs it until it is told to end."""

import asyncio
import json
import signal
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.holds import Holds
from bot.sandbox.workspace import chat, control, files, people, web_api
from bot.sandbox.workspace.faults import Faults
from bot.sandbox.workspace.parts import PARTS, Parts
from bot.sandbox.workspace.seed import Seed
from bot.sandbox.workspace.socket_mode import Links
from bot.sandbox.workspace.state import Workspace

STATIC = Path(__file__).parent / "static"
_BODY_BYTES = 4 << 20
_POLICY = "default-src 'self'; img-src * data:; style-src 'self' 'unsafe-inline'"


@web.middleware
async def _own_pages_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses what other sites' pages send through the reader's browser."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="The local workspace answers its own page only.")
    return await handler(request)


async def _page(_: web.Request) -> web.FileResponse:
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    return web.FileResponse(STATIC / "index.html", headers=headers)


async def _link(request: web.Request) -> web.StreamResponse:
    return await request.app[PARTS].links.serve(request)


def build(parts: Parts) -> web.Application:
    """The web application around these parts."""
    app = web.Application(client_max_size=_BODY_BYTES, middlewares=[_own_pages_only])
    app[PARTS] = parts
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/archives/{channel}/{ts}", _page),
            web.static("/static", STATIC),
            web.get("/link", _link),
            web.get("/api/{method}", web_api.call),
            web.post("/api/{method}", web_api.call),
            web.post("/response/{key}", chat.respond),
            web.post("/upload/{file_id}", files.upload),
            web.get("/files/{file_id}", files.download),
            web.get("/people", people.everybody),
            web.get("/people/screen", people.screen),
            web.get("/people/events", people.events),
            web.post("/people/{action}", people.act),
            web.get("/control/calls", control.calls),
            web.get("/control/points", control.points),
            web.get("/control/held", control.held),
            web.get("/control/messages", control.messages),
            web.get("/control/changed", control.changed),
            web.post("/control/{name}", control.control),
        ]
    )
    return app


async def run_workspace(seed: Seed, port: int = 0, ready_file: Path | None = None) -> None:
    """Serves on 127.0.0.1 until SIGTERM or SIGINT. Prints one JSON line when it is ready, with the address, and
    writes the same to `ready_file`. Port 0 takes a free one. Raises OSError when the port is taken."""
    ended = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    with tempfile.TemporaryDirectory(prefix="workspace-") as uploads:
        state = Workspace(seed)
        holds = Holds()
        links = Links(seed.app_id, state.changed, holds)
        parts = Parts(state, links, holds, Faults(), Path(uploads))
        runner = web.AppRunner(build(parts), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            parts.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
            line = json.dumps(
                {
                    "address": parts.address,
                    "api": f"{parts.address}/api/",
                    "bot_token": seed.bot_token,
                    "app_token": seed.app_token,
                    "channel": seed.channel_id,
                    "command": seed.command,
                }
            )
            if ready_file is not None:
                partial = ready_file.with_name(f"{ready_file.name}.partial")
                partial.write_text(f"{line}\n")
                partial.replace(ready_file)
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            await ended.wait()
        finally:
            await parts.links.stop()
            await runner.cleanup()
