"""Writing a certificate's fingerprint into the settings file: one line changes, all else stays as people wrote it."""

from __future__ import annotations

import re
import tomllib
from copy import deepcopy
from typing import Any

from bot.config import ConfigurationError

_LINE = re.compile(r"""^(\s*fingerprint\s*=\s*)(?:"[^"]*"|'[^']*')(.*)$""")


def pinned(text: str, enterprise: str, appliance: str, address: str, fingerprint: str) -> str:
    """The settings file `text` with the fingerprint of that appliance, whose console is at `address`.

    The file is read again as it would be written, and nothing but that one value may differ. Raises
    `ConfigurationError` where the file has no such appliance, another address, or no fingerprint of it on a line.
    """
    what = f"enterprises.{enterprise}.appliances: {appliance}"
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the settings are not TOML: {error}") from None
    index, found = _appliance(written, enterprise, appliance)
    if found is None:
        raise ConfigurationError(f"{what}: there is no such appliance in the settings")
    there = str(found.get("address", "")).removeprefix("https://").rstrip("/")
    if address not in (there, f"{there}:81"):
        raise ConfigurationError(f"{what}: its address in the settings is {there!r}, not {address!r}")
    wanted = deepcopy(written)
    wanted["enterprises"][enterprise]["appliances"][index]["fingerprint"] = fingerprint
    lines = text.splitlines(keepends=True)
    for at, line in enumerate(lines):
        match = _LINE.match(line.rstrip("\r\n"))
        if match is None:
            continue
        end = line[len(line.rstrip("\r\n")) :]
        changed = "".join([*lines[:at], f'{match[1]}"{fingerprint}"{match[2]}{end}', *lines[at + 1 :]])
        try:
            if tomllib.loads(changed) == wanted:
                return changed
        except tomllib.TOMLDecodeError:
            continue
    raise ConfigurationError(
        f'{what}: the settings have no line fingerprint = "…" of it that could be changed; paste the line yourself'
    )


def _appliance(written: dict[str, Any], enterprise: str, appliance: str) -> tuple[int, dict[str, Any] | None]:
    table: Any = written
    for key in ("enterprises", enterprise, "appliances"):
        table = table.get(key) if isinstance(table, dict) else None
    for index, found in enumerate(table if isinstance(table, list) else []):
        if isinstance(found, dict) and found.get("name") == appliance:
            return index, found
    return -1, None
