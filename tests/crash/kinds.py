"""The kinds of stories: how the simulated enterprise behaves, and what people do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bot.sandbox.demo import Options
from bot.sandbox.enterprise.settings import Settings
from tests.crash.people import People, second_thoughts, upgrade

RATE = 600.0
"""A minute is a tenth of a second."""
OPTIONS = Options(package_bytes=200_000, poll_seconds=60)
BASE = Settings(rate=RATE, appliances=2, distribution_seconds=120, install_seconds=600)


@dataclass(frozen=True)
class Kind:
    """`errs`: the console shows an error."""

    act: Callable[[People], Coroutine[Any, Any, None]]
    simulated: Settings
    errs: bool = False


KINDS = {
    "success": Kind(upgrade, BASE),
    "install-error": Kind(upgrade, BASE.model_copy(update={"faults": ("install-error",)}), errs=True),
    "blackout": Kind(upgrade, BASE.model_copy(update={"faults": ("blackout",)})),
    "second-thoughts": Kind(second_thoughts, BASE.model_copy(update={"distribution_seconds": 600.0})),
}
