"""What every part of the server works with."""

from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from bot.sandbox.holds import Holds
from bot.sandbox.workspace.faults import Faults
from bot.sandbox.workspace.socket_mode import Links
from bot.sandbox.workspace.state import Message, Workspace


@dataclass
class Parts:
    """The workspace, its connections to the app, its faults, its own address ("http://127.0.0.1:PORT"), and a
    directory for uploaded files."""

    workspace: Workspace
    links: Links
    holds: Holds
    faults: Faults
    uploads: Path
    address: str = ""
    upload_names: dict[str, tuple[str, int]] = field(default_factory=dict)

    def response_url(self, user: str, channel: str, message: Message | None = None) -> str:
        """A response_url for an interaction of that person in that channel (on that message)."""
        return f"{self.address}/response/{self.workspace.new_response_url(user, channel, message)}"


PARTS = web.AppKey("parts", Parts)
