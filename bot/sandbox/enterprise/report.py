"""What the control port says: shared by it and its client."""

from __future__ import annotations

from pydantic import BaseModel


class ApplianceReport(BaseModel):
    """One appliance. `address` is its console's, `service` its stand-in for port 443 as host:port."""

    name: str
    kind: str
    level: str
    address: str
    service: str
    fingerprint: str
    server: str
    reachable: bool


class PackageReport(BaseModel):
    """One line of the package list; `status` as the console shows it, `size` in bytes."""

    name: str
    kind: str
    level: str
    size: int
    status: str


class RowReport(BaseModel):
    """One appliance's progress, as the console words it."""

    appliance: str
    words: str


class WorkReport(BaseModel):
    """What goes on. `elapsed` and `duration` in simulated seconds; `finished`: "Done" is offered."""

    kind: str
    package: str
    foreign: bool
    elapsed: float
    duration: float
    rows: list[RowReport]
    finished: bool


class UploadReport(BaseModel):
    """One upload that came to its end; `reason` is the console's message when it was refused."""

    name: str
    sha256: str
    size: int
    accepted: bool
    reason: str = ""


class DangerReport(BaseModel):
    """One use of a control that the procedure never touches. `time` in simulated seconds."""

    label: str
    appliance: str
    time: float


class RequestReport(BaseModel):
    """One request to a console.

    `time` in simulated seconds, `at` in real time (ISO 8601, UTC). `action` is the page's name, or the control's
    label; `changes` says whether the enterprise was changed by it. `status` is 0 when the connection was cut.
    """

    time: float
    at: str
    appliance: str
    method: str
    path: str
    action: str
    status: int
    changes: bool
    user: str | None = None


class EnterpriseReport(BaseModel):
    """`GET /state`. `now` in simulated seconds since the first start; `faults` are those that are on."""

    now: float
    rate: float
    appliances: list[ApplianceReport]
    packages: list[PackageReport]
    work: WorkReport | None
    locked: bool
    faults: dict[str, str]
    install_clicks: int
    installs_started: int
    installs_finished: int
    sends: int
    dones: int
    sign_ins: int
    refused_sign_ins: int
    admin_console_requests: int
    admin_console_handshakes: int
    uploads: list[UploadReport]
    dangerous: list[DangerReport]
    sessions: int

    def package(self, name: str) -> PackageReport | None:
        """The listed package of that name."""
        return next((package for package in self.packages if package.name == name), None)


class ApplianceConnection(BaseModel):
    """How to reach one appliance. `fingerprint`: SHA-256 of the DER certificate, hex; `certificate`: PEM."""

    name: str
    kind: str
    level: str
    address: str
    service: str
    fingerprint: str
    certificate: str


class Connection(BaseModel):
    """`GET /connection`: all that a bot's configuration needs."""

    appliances: list[ApplianceConnection]
    user: str
    password: str
    level: str
