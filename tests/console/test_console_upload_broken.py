"""Uploads that end before all of the package is sent: refused early, or broken off in the middle."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.console.port import Refused, Unreachable
from tests.console.console_server import MiniConsole, Server, driver, page
from tests.console.console_server import body as page_body

MIB = 1 << 20
SIZE = 64 * MIB
WORDS = "The signature of this package is not valid."
REFUSAL = page(
    page_body("Upload Imprivata Package", f"<p role=alert>{WORDS}</p>"), status="422 Unprocessable Content"
)
TOO_LARGE = page(
    "<html><head><title>413 Request Entity Too Large</title></head><body><center><h1>413 Request Entity Too Large"
    "</h1></center><hr><center>nginx</center></body></html>",
    status="413 Request Entity Too Large",
)


@pytest.fixture
def package(tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / "new-one.ipm"
    file.write_bytes(bytes(SIZE))
    return file, hashlib.sha256(bytes(SIZE)).hexdigest()


@pytest.mark.parametrize("after", [0, MIB, SIZE // 2])
@pytest.mark.parametrize(
    ("answer", "words"),
    [(TOO_LARGE, "413 Request Entity Too Large"), (REFUSAL, WORDS)],
    ids=["413", "signature"],
)
async def test_an_early_refusal_is_told_in_its_words(
    mini: MiniConsole, server: Server, package: tuple[Path, str], after: int, answer: bytes, words: str
) -> None:
    mini.instead["POST /u"] = [answer]
    server.patience["POST /u"] = after
    told: list[int] = []
    async with driver(server) as console:
        with pytest.raises(Refused, match=words) as refused:
            await console.upload(*package, told.append)
    assert refused.value.words == words
    assert max(told, default=0) < SIZE, "the rest was not sent"
    assert [asked.complete for asked in server.asked if asked.line == "POST /u"] == [False]


async def test_a_connection_that_breaks_half_way_is_silence_and_nothing_is_sent_again_unasked(
    mini: MiniConsole, server: Server, package: tuple[Path, str]
) -> None:
    mini.instead["POST /u"] = [None]
    server.patience["POST /u"] = SIZE // 2
    async with driver(server) as console:
        with pytest.raises(Unreachable):
            await console.upload(*package, lambda _: None)
        assert (await console.look()).package("new-one") is None, "a look tells that it is absent"
        server.patience.clear()
        await console.upload(*package, lambda _: None)
        assert (await console.look()).package("new-one") is not None
    assert [asked.complete for asked in server.asked if asked.line == "POST /u"] == [False, True]


async def test_a_package_whose_answer_was_lost_is_seen_by_a_look(
    mini: MiniConsole, server: Server, package: tuple[Path, str]
) -> None:
    mini.instead["POST /u"] = [None]
    async with driver(server) as console:
        with pytest.raises(Unreachable):
            await console.upload(*package, lambda _: None)
        mini.packages["new-one"] = "Uploaded"
        assert (await console.look()).package("new-one") is not None
