"""What is kept outside the ledger: the consoles' pages by hash, and exported logs."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

log = logging.getLogger(__name__)


class Evidence:
    """Files below `directory`, readable by the bot's user alone."""

    def __init__(self, directory: Path) -> None:
        self._pages = directory / "pages"
        self._logs = directory / "logs"

    def page(self, content: bytes) -> str:
        """Keep a page; its SHA-256. A disk that is full never stops a run: the page is then lost, and logged so."""
        digest = hashlib.sha256(content).hexdigest()
        file = self._pages / f"{digest}.html"
        try:
            if not file.exists():
                self._pages.mkdir(parents=True, exist_ok=True, mode=0o700)
                file.write_bytes(content)
        except OSError as error:
            log.error("page %s could not be kept: %s", digest, error)
        return digest

    def logs(self, request: str) -> Path:
        """The directory for a request's exported logs. Raises `OSError`."""
        directory = self._logs / request
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        return directory
