"""What all servers of one simulated enterprise share: the enterprise, its clock, its records, its state file."""

from __future__ import annotations

import os
import time
from collections import deque
from datetime import UTC, datetime

from pydantic import BaseModel, ValidationError

from bot.sandbox.enterprise import faults
from bot.sandbox.enterprise.model import Appliance, Enterprise, State, begin, switch_on_all
from bot.sandbox.enterprise.report import DangerReport, RequestReport, UploadReport
from bot.sandbox.enterprise.settings import Settings
from bot.sandbox.enterprise.tls import Identity, make_identity
from bot.sandbox.holds import Holds

REQUESTS_KEPT = 100_000


class SandboxError(Exception):
    """The simulated enterprise cannot be started. The message says why, and what to change."""


class Clock:
    """Simulated seconds since the enterprise was first started: `rate` of them to a real one."""

    def __init__(self, rate: float, origin: float = 0.0) -> None:
        self.rate = rate
        self._origin = origin
        self._started = time.monotonic()

    def now(self) -> float:
        """The simulated moment."""
        return self._origin + (time.monotonic() - self._started) * self.rate


class Saved(BaseModel):
    """The state file. `simulated` was the moment at the real time `wall` (Unix seconds)."""

    simulated: float
    wall: float
    rate: float
    state: State
    identities: list[Identity]
    ports: list[tuple[int, int]]
    uploads: list[UploadReport]
    dangerous: list[DangerReport]

    def now(self) -> float:
        """The simulated moment by now: an enterprise does not stand still while its simulation is down."""
        return self.simulated + max(0.0, time.time() - self.wall) * self.rate


class World:
    """One enterprise. `ports` are the pairs of console and port-443 stand-in, 0 until they are bound.

    Raises `SandboxError` when the state file cannot be used or a fault is unknown.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.holds = Holds()
        self.requests: deque[RequestReport] = deque(maxlen=REQUESTS_KEPT)
        self.uploads: list[UploadReport] = []
        self.dangerous: list[DangerReport] = []
        saved = _load(settings)
        if saved:
            self.clock = Clock(settings.rate, saved.now())
            self.enterprise = Enterprise(settings, saved.state)
            self.identities, self.ports = saved.identities, saved.ports
            self.uploads, self.dangerous = saved.uploads, saved.dangerous
        else:
            self.clock = Clock(settings.rate)
            self.enterprise = Enterprise(settings, begin(settings))
            self.identities = [make_identity(appliance.name) for appliance in self.appliances]
            base = settings.port
            self.ports = [(base + n, base + 10 + n) if base else (0, 0) for n in range(len(self.appliances))]
        try:
            switch_on_all(self.enterprise, settings.faults, self.clock.now())
        except faults.UnknownFault as error:
            raise SandboxError(str(error)) from None

    @property
    def state(self) -> State:
        """The enterprise's state."""
        return self.enterprise.state

    @property
    def appliances(self) -> list[Appliance]:
        """All appliances, in order."""
        return self.state.appliances

    @property
    def faults(self) -> dict[str, faults.Fault]:
        """The faults that are on."""
        return self.state.faults

    def look(self) -> float:
        """The simulated moment, with all conclusions drawn until then."""
        now = self.clock.now()
        self.enterprise.advance(now)
        return now

    def address(self, index: int) -> str:
        """The console of the appliance at that index."""
        return f"https://127.0.0.1:{self.ports[index][0]}"

    def service(self, index: int) -> str:
        """The stand-in for port 443 of the appliance at that index, as host:port."""
        return f"127.0.0.1:{self.ports[index][1]}"

    def record(self, report: RequestReport) -> None:
        """Log one request."""
        self.requests.append(report)

    def save(self) -> None:
        """Write the state file, if there is one, all or nothing."""
        file = self.settings.state
        if file is None:
            return
        saved = Saved(
            simulated=self.clock.now(),
            wall=time.time(),
            rate=self.clock.rate,
            state=self.state,
            identities=self.identities,
            ports=self.ports,
            uploads=self.uploads,
            dangerous=self.dangerous,
        )
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(saved.model_dump_json())
        draft.replace(file)


def real_time() -> str:
    """Now, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _load(settings: Settings) -> Saved | None:
    file = settings.state
    if file is None or not file.exists():
        return None
    try:
        saved = Saved.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise SandboxError(
            f"the state file {file} cannot be read ({reason}); remove it to begin anew"
        ) from None
    if len(saved.state.appliances) != settings.appliances:
        raise SandboxError(
            f"the state file {file} holds {len(saved.state.appliances)} appliances, {settings.appliances} are"
            " asked for; ask for as many, or remove the file to begin anew"
        )
    return saved
