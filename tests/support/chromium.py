"""A real Chromium for tests: found on PATH, installed when this may be done, skipped in plain words when it cannot be
had; under CI (CI=true) that is a failure instead."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

from bot.console.browser.chromium import NAMES


def path() -> str:
    """The path of a Chromium, installed with apt-get when it is missing and this process may do so."""
    if found := _found():
        return found
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        _cannot("it is not installed, and only root on a Debian system could install it here.")
    with (Path(tempfile.gettempdir()) / "keyturn-tests-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes, apt-get in one
        if found := _found():
            return found
        for command in ([apt, "update"], [apt, "install", "--yes", "--no-install-recommends", "chromium"]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                _cannot(f"`{' '.join(command)}` failed: {done.stderr.strip()[-300:]}")
    if found := _found():
        return found
    _cannot("apt-get installed it, but it is not on PATH.")


def _found() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def _cannot(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"Chromium is needed under CI: {why}")
    pytest.skip(f"Chromium is needed for this test: {why}")
