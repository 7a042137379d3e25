"""Settings: one TOML file, secrets from the environment or from files. Bad settings give one clear line each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from bot.domain.approval import Rules
from bot.domain.progress import Budgets
from bot.domain.windows import WeeklyWindow

_WORDS = {
    "missing": "this is missing",
    "extra_forbidden": "there is no such setting",
    "dict_type": "a table is expected",
    "model_type": "a table is expected",
}
"""Plain words for pydantic's commonest faults."""

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ConfigurationError(Exception):
    """The settings cannot be used. The message says what, where, and what is expected; a line for each fault."""


def _https(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(f"{address!r} is no console address; write https://HOST:81")
    return f"https://{parts.hostname}:{parts.port or 81}"


def _fingerprint(text: str) -> str:
    plain = text.replace(":", "").lower()
    if not re.fullmatch(r"[0-9a-f]{64}", plain):
        raise ValueError("a certificate fingerprint is SHA-256: 64 hex digits, with or without colons")
    return plain


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ApplianceSettings(_Section):
    """One appliance: its name as the console lists it, its console, and how its certificate is trusted."""

    name: str
    address: Annotated[str, AfterValidator(_https)]
    fingerprint: Annotated[str, AfterValidator(_fingerprint)] | None = None
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _one_trust(self) -> Self:
        if (self.fingerprint is None) == (self.ca_file is None):
            raise ValueError("name either fingerprint (the pinned certificate) or ca_file; never neither")
        return self


class EnterpriseSettings(_Section):
    """One enterprise. `password` comes from the environment or from `password_file`, never from the TOML file.

    `driver`: how its consoles are read; "browser" is for those that need JavaScript.
    """

    title: str
    channel: str
    oncall_group: str | None = None
    oncall_ids: tuple[str, ...] = ()
    support: str = "Imprivata Technical Support"
    user: str = "Super Administrator"
    password: SecretStr | None = None
    password_file: Path | None = None
    profile: Path | None = None
    driver: Literal["http", "browser"] = "http"
    needs_minutes: int = Field(default=150, gt=0)
    install_minutes: int = Field(default=90, gt=0)
    appliances: tuple[ApplianceSettings, ...] = Field(min_length=1)
    windows: tuple[WeeklyWindow, ...] = Field(min_length=1)
    rules: Rules
    budgets: Budgets = Budgets()
    poll_seconds: int = Field(default=30, ge=10)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        names = [a.name for a in self.appliances]
        if len(set(names)) != len(names):
            raise ValueError("two appliances have the same name")
        if self.needs_minutes < self.install_minutes:
            raise ValueError(
                "needs_minutes includes the installation: it cannot be less than install_minutes"
            )
        if not self.oncall_group and not self.oncall_ids:
            raise ValueError("nobody would be paged: name oncall_group or oncall_ids")
        return self

    @property
    def needs(self) -> timedelta:
        """What must be left of a window at the start of a run."""
        return timedelta(minutes=self.needs_minutes)


class SlackSettings(_Section):
    """`base_url` is for a stand-in on this machine; leave it out for Slack itself."""

    bot_token: SecretStr | None = None
    bot_token_file: Path | None = None
    app_token: SecretStr | None = None
    app_token_file: Path | None = None
    base_url: str = "https://slack.com/api/"


class ClockSettings(_Section):
    """For demonstrations against a stand-in only: the rate of the clock and the moment it is counted from."""

    rate: float = Field(default=1.0, ge=1.0)
    epoch: datetime | None = None


class Settings(BaseSettings):
    """All settings. `state` is the directory of the ledger, the packages and the evidence."""

    model_config = SettingsConfigDict(
        env_prefix="KEYTURN_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    state: Path
    slack: SlackSettings = SlackSettings()
    clock: ClockSettings = ClockSettings()
    enterprises: dict[str, EnterpriseSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        for name in self.enterprises:
            if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
                raise ValueError(f"enterprise {name!r}: names are lower-case letters, digits and hyphens")
        addresses = [a.address for e in self.enterprises.values() for a in e.appliances]
        if twice := sorted({a for a in addresses if addresses.count(a) > 1}):
            raise ValueError(
                f"{twice[0]} is named twice: each console belongs to one appliance of one enterprise"
            )
        if self.clock.rate != 1.0 and urlsplit(self.slack.base_url).hostname not in LOOPBACK:
            raise ValueError("clock.rate other than 1 is for a stand-in for Slack on this machine only")
        return self

    @property
    def ledger_file(self) -> Path:
        return self.state / "ledger.sqlite"

    @property
    def packages(self) -> Path:
        return self.state / "packages"

    @property
    def evidence(self) -> Path:
        return self.state / "evidence"

    @property
    def bot_token(self) -> str:
        """Raises `ConfigurationError` when neither the environment nor a file gives it."""
        return _secret("slack.bot_token", self.slack.bot_token, self.slack.bot_token_file)

    @property
    def app_token(self) -> str:
        """Raises `ConfigurationError` when neither the environment nor a file gives it."""
        return _secret("slack.app_token", self.slack.app_token, self.slack.app_token_file)

    def password(self, enterprise: str) -> SecretStr:
        """The console's password. Raises `ConfigurationError` when neither the environment nor a file gives it."""
        settings = self.enterprises[enterprise]
        return SecretStr(
            _secret(f"enterprises.{enterprise}.password", settings.password, settings.password_file)
        )


def load_settings(path: Path) -> Settings:
    """The settings of the TOML file at `path`, with secrets from `KEYTURN_…` variables on top.

    Raises `ConfigurationError`.
    """
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}; name the settings file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not TOML: {error}") from None
    _refuse_secrets(path, written)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return env_settings, TomlConfigSettingsSource(settings_cls, path)

    try:
        return FromFile()
    except ValidationError as error:
        raise ConfigurationError("\n".join(_faults(path, written, error))) from None
    except SettingsError as error:
        raise ConfigurationError(f"{error}; write each setting as a variable of its own") from None


def _faults(path: Path, written: dict[str, Any], error: ValidationError) -> Iterable[str]:
    """A line for each fault, in the words of the file."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    above = {f["loc"][:length] for f in found for length in range(len(f["loc"]))}
    lines: dict[str, None] = {}
    for fault in found:
        place, kind = fault["loc"], fault["type"]
        if kind == "too_short" and place in above:
            continue  # pydantic has left out the items whose own faults are told already
        name = ".".join(map(str, place)) or "settings"
        words = _WORDS.get(kind) or fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if (
            place[0:1] == ("enterprises",)
            and len(place) > 1
            and place[1] not in _table(written.get("enterprises"))
        ):
            name = f"enterprises.{place[1]}"
            words = f"is not in this file, but a variable {_variable(name)}__… names it"
        lines[f"{path}: {name}: {words}"] = None
    return lines


def _refuse_secrets(path: Path, written: dict[str, Any]) -> None:
    found = [f"slack.{key}" for key in ("bot_token", "app_token") if key in _table(written.get("slack"))]
    enterprises = _table(written.get("enterprises"))
    found += [f"enterprises.{name}.password" for name, e in enterprises.items() if "password" in _table(e)]
    if found:
        raise ConfigurationError(
            f"{path}: {', '.join(found)}: secrets do not belong in this file; use {_variable(found[0])} "
            f"or {found[0].rpartition('.')[2]}_file"
        )


def _table(value: object) -> dict[str, Any]:
    """A table of the file; empty for anything else, which is told later."""
    return value if isinstance(value, dict) else {}


def _secret(name: str, given: SecretStr | None, file: Path | None) -> str:
    if given is not None:
        return given.get_secret_value()
    if file is None:
        raise ConfigurationError(f"{name} is missing: set {_variable(name)}, or name a file in {name}_file")
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text in UTF-8"
        raise ConfigurationError(f"{name}_file: {file} cannot be read: {reason}") from None
    if not text:
        raise ConfigurationError(f"{name}_file: {file} is empty")
    return text


def _variable(name: str) -> str:
    return "KEYTURN_" + name.upper().replace(".", "__")
