"""The port to an enterprise's Appliance Consoles: what a run may ask of them, and nothing else.

A driver implements `Console`. It works on the console of the enterprise's first appliance; the consoles of the
others it only reads. Every method signs in when it has to (but `install`, law 1), and follows only controls of
the allow-list (law 3).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from bot.domain.sight import InstallOutcome, IpmInformation, Observation


class ConsoleError(Exception):
    """Something at the console did not go as the procedure says. The message says what, where, and what to do."""


class Unreachable(ConsoleError):
    """No answer: refused, reset, timed out, name not found. Says nothing about the enterprise (law 5)."""


class CertificateMismatch(ConsoleError):
    """The console's certificate is not the pinned one, or not signed by the given CA."""


class SignInRefused(ConsoleError):
    """The console refused user and password. Tried once, never in a loop."""


class Unrecognized(ConsoleError):
    """A page that the profile does not understand, a control missing or found twice. Ask a human.

    `page` is the SHA-256 of the page kept as evidence, `near` what came nearest.
    """

    def __init__(self, message: str, *, page: str = "", near: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.page = page
        self.near = near


class Refused(ConsoleError):
    """The console showed an error message; `words` are its own."""

    def __init__(self, message: str, *, words: str) -> None:
        super().__init__(message)
        self.words = words


class PackageChanged(ConsoleError):
    """The bytes read from the package file are not those of the plan (law 6)."""


class Forbidden(ConsoleError):
    """A request that follows no control of the allow-list: raised before a byte is sent (law 3)."""


class Console(Protocol):
    """The consoles of one enterprise, in the vendor's procedure's order.

    Use as an async context manager: leaving signs out (never raising for a console that is gone).
    All methods but `look` and `install` raise `ConsoleError`s as named.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def look(self) -> Observation:
        """Read the Packages and Enterprise pages of the first console and System > Operations of each appliance.

        Read-only. Silence and unrecognized pages are part of the observation; raises only
        `SignInRefused`, `CertificateMismatch` and `Forbidden`.
        """
        ...

    async def upload(self, file: Path, sha256: str, progress: Callable[[int], None]) -> None:
        """Packages > Upload Imprivata Package > file > Upload; hashed while sent, in constant memory.

        `progress` is told the bytes sent so far. Raises `PackageChanged` when the bytes sent hash to another
        digest than `sha256` (64 hex digits), `Refused` when the console refuses the package.
        """
        ...

    async def open_distribution(self, package: str) -> None:
        """Select the IPM of exactly that name and press Distribute: only opens the dialog.

        Raises `Unrecognized`, nothing pressed, while the Packages page shows work going on (law 6).
        """
        ...

    async def send(self) -> None:
        """Press Send in the dialog just opened: the distribution to all appliances begins."""
        ...

    async def finish_distribution(self) -> None:
        """Press Done, which the console offers when the distribution is finished."""
        ...

    async def open_install(self, package: str) -> IpmInformation:
        """Select the IPM of exactly that name and press Install: only opens the IPM Information page, and reads it.

        Raises `Unrecognized`, nothing pressed, while the Packages page shows work going on (law 6).
        """
        ...

    async def install(self, gate: Callable[[], None]) -> InstallOutcome:
        """Press the last Install, on the IPM Information page that `open_install` left open. Once (law 1).

        On a fresh connection; `gate` is called after the connection stands and right before the first byte, and
        its exception means that nothing was sent. No redirect is followed, nothing is repeated. Never raises
        for the console: the outcome says what is known.
        """
        ...

    async def export_logs(self, into: Path) -> Path:
        """System > Logs > export, read-only; the file's path. Streamed to disk."""
        ...
