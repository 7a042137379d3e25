"""What a simulated enterprise is started with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

from bot.sandbox.enterprise import skins

SUPER_ADMINISTRATOR = "Super Administrator"
ADMINISTRATOR = "Administrator"

PASSWORD_VARIABLE = "KEYTURN_SANDBOX_PASSWORD"  # noqa: S105 - the variable's name
ADMINISTRATOR_PASSWORD_VARIABLE = "KEYTURN_SANDBOX_ADMINISTRATOR_PASSWORD"  # noqa: S105


class Settings(BaseModel):
    """One simulated enterprise. Times are in simulated seconds or minutes; `rate` says how fast those go by.

    `port`: consoles at port, port + 1, …; stand-ins of port 443 at port + 10, port + 11, …; 0 for any free ones.
    `blackout`: for which part of an installation the consoles but the first one do not answer, from 45 % on.
    `faults`: names of `faults.CATALOGUE`, with their argument as `name=argument`.
    `state`: a JSON file that lets the enterprise survive its own restart, ports and certificates included.
    `skin`: what the consoles look like, one of `skins.names()`.
    `package_name`: which package the fault already-listed means when it is given no argument.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    appliances: Annotated[int, Field(ge=2, le=6)] = 3
    port: Annotated[int, Field(ge=0, le=65000)] = 0
    control_port: Annotated[int, Field(ge=0, le=65535)] = 0
    rate: Annotated[float, Field(gt=0)] = 1.0
    level: str = "24.1 HF3"
    password: str = "sandbox-super"  # noqa: S105 - known to everybody: it opens nothing but the simulation
    administrator_password: str = "sandbox-admin"  # noqa: S105
    distribution_seconds: Annotated[float, Field(gt=0)] = 300.0
    install_seconds: Annotated[float, Field(gt=0)] = 3600.0
    idle_minutes: Annotated[float, Field(gt=0)] = 30.0
    blackout: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    faults: tuple[str, ...] = ()
    state: Path | None = None
    ready_file: Path | None = None
    package_name: str | None = None
    skin: str = "classic"

    @field_validator("skin")
    @classmethod
    def _is_there(cls, skin: str) -> str:
        if skin not in skins.names():
            raise ValueError(f"no such skin; there are: {', '.join(skins.names())}")
        return skin

    @property
    def passwords(self) -> dict[str, str]:
        """The console's users, each with a password of its own."""
        return {SUPER_ADMINISTRATOR: self.password, ADMINISTRATOR: self.administrator_password}

    def arguments(self) -> list[str]:
        """These settings as command-line options of `keyturn sandbox enterprise`, but for the passwords."""
        options: list[str] = []
        for name, value in self.model_dump(exclude={"password", "administrator_password", "faults"}).items():
            if value is not None:
                options += [f"--{name.replace('_', '-')}", str(value)]
        for fault in self.faults:
            options += ["--fault", fault]
        return options

    def environment(self) -> dict[str, str]:
        """The passwords, as the environment variables that the command reads."""
        return {
            PASSWORD_VARIABLE: self.password,
            ADMINISTRATOR_PASSWORD_VARIABLE: self.administrator_password,
        }
