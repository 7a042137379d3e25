"""What is kept outside the ledger: the consoles' pages by hash, exported logs, and the ledger's heads.

Each file is whole under its name or not there at all: written beside it, flushed, and renamed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from datetime import datetime
from pathlib import Path

from storage.files import flush

log = logging.getLogger(__name__)


class Evidence:
    """Files below `directory`, readable by the bot's user alone. A disk that is full never stops a run."""

    def __init__(self, directory: Path) -> None:
        self._pages = directory / "pages"
        self._logs = directory / "logs"
        self._heads = directory / "heads"
        self.lost = 0
        """How many pieces this process could not keep."""
        self.reason = ""
        """Why the last of those could not be kept."""
        self._failing = False

    def page(self, content: bytes) -> str:
        """Keep a page; its SHA-256. Where the disk does not take it the page is lost: counted, and logged."""
        digest = hashlib.sha256(content).hexdigest()
        self._keep(self._pages / f"{digest}.html", content)
        return digest

    def picture(self, page: str, png: bytes) -> None:
        """Keep what a page looked like in a browser, beside the page of that SHA-256."""
        self._keep(self._pages / f"{page}.png", png)

    def head(self, request: str, position: int, head: str, at: datetime) -> None:
        """Keep the ledger's head as it was after a request's run had ended, for `keyturn ledger verify --head`."""
        words = {"request": request, "position": position, "head": head, "at": at.isoformat()}
        self._keep(self._heads / f"{request}.json", json.dumps(words, indent=2).encode() + b"\n", anew=True)

    def logs(self, request: str) -> Path:
        """The directory for a request's exported logs. Raises `OSError`."""
        directory = self._logs / request
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return directory

    def _keep(self, file: Path, content: bytes, *, anew: bool = False) -> None:
        try:
            if file.exists() and not anew:
                return  # says nothing about the disk now
            _write(file, content)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if not self._failing or self.reason != reason:
                log.error("evidence is lost: %s could not be kept (%s)", file.name, reason)
            self.lost, self.reason, self._failing = self.lost + 1, reason, True
        else:
            if self._failing:
                log.info("evidence is kept again, with %s", file.name)
            self._failing = False


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".part", delete=False) as stream:
        part = Path(stream.name)
        try:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
            part.rename(file)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    flush(file.parent)
