"""The plan: what exactly would be done. An approval belongs to the digest of one plan (law 2)."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

from pydantic import Field

from bot.domain.approval import Rules
from bot.domain.values import Moment, Value
from bot.domain.windows import Window

SCHEMA = 1
"""Version of the plan's fields. Part of the digest: an approval does not survive a change of what a plan is."""

ATTESTATIONS = {
    "backup": "A backup was taken today on a database appliance",
    "service_desk": "The service desk has been told",
    "rotation": "Rotation of the console's password is frozen",
}
"""What the requester vouches for. VM snapshots are unsupported by the vendor and therefore never asked for."""


class Package(Value):
    """A package file (IPM) in the bot's package directory.

    `name` is what the console lists it as, `size` in bytes, `level` the hotfix release that it brings, as the
    console will show it, stated by the person who added it. `file` is the file's name in the directory.
    """

    name: str = Field(min_length=1, max_length=150)
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)
    level: str = Field(min_length=1, max_length=80)


class ConsoleAddress(Value):
    """Where an appliance's console is, and what its certificate must be.

    `trust` is `sha256:` and the certificate's fingerprint, or `ca:` and the SHA-256 of the CA file.
    """

    appliance: str
    address: str
    trust: str


class ApplianceLevel(Value):
    """An appliance and its hotfix release at the time of the request's preflight."""

    appliance: str
    level: str


class Plan(Value):
    """Everything that an approver approves.

    `start` is the earliest start. `needs_minutes` must be left of the window at the start of the run,
    `install_minutes` when the install is intended.
    """

    schema_version: int = SCHEMA
    request: str
    enterprise: str
    consoles: tuple[ConsoleAddress, ...]
    package: Package
    appliances: tuple[ApplianceLevel, ...]
    start: Moment
    window: Window
    needs_minutes: int
    install_minutes: int
    attestations: tuple[str, ...]
    change: str
    rules: Rules
    profile: str

    @property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of the plan's canonical JSON."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def from_level(self) -> str:
        """The one level that all appliances are at (law 6)."""
        return self.appliances[0].level

    @property
    def latest_start(self) -> Moment:
        """After this there is not enough left of the window."""
        return self.window.closes - timedelta(minutes=self.needs_minutes)


def drift(approved: Plan, now: Plan) -> list[str]:
    """What differs, a line for each field: `package.sha256: aaa… is now bbb…`. Empty when nothing does."""

    def flat(value: object, path: str) -> dict[str, object]:
        if isinstance(value, dict):
            return {k: v for key, item in value.items() for k, v in flat(item, f"{path}.{key}").items()}
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            return {k: v for i, item in enumerate(value) for k, v in flat(item, f"{path}.{i + 1}").items()}
        return {path.removeprefix("."): value}

    before, after = (flat(p.model_dump(mode="json"), "") for p in (approved, now))
    return [
        f"{field}: {_short(before.get(field))} is now {_short(after.get(field))}"
        for field in sorted(before.keys() | after.keys())
        if before.get(field) != after.get(field)
    ]


def _short(value: object) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:12]}…{text[-6:]}"
