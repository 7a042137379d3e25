"""Evidence: whole or not there, on a disk that is full too; the ledger's head at the end of each run."""

from __future__ import annotations

import asyncio
import hashlib
import json
import resource
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.clock import Clock
from bot.console.download import save
from bot.domain import events as e
from bot.domain.events import Phase
from bot.domain.plan import Package
from bot.sandbox.enterprise.client import EnterpriseProcess
from bot.sandbox.enterprise.settings import Settings
from bot.upgrade.evidence import Evidence
from bot.upgrade.packages import PackageStore
from storage.sqlite import SqliteLedger
from tests.faults.machine import limited
from tests.support.house import open_house

PAGE = b"<html>" + b"x" * 100_000


def files(directory: Path) -> list[str]:
    return [str(path.relative_to(directory)) for path in sorted(directory.rglob("*")) if path.is_file()]


def test_a_full_disk_leaves_no_half_page(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    evidence, digest = Evidence(tmp_path), hashlib.sha256(PAGE).hexdigest()
    with limited(resource.RLIMIT_FSIZE, 50_000):
        for _ in range(3):
            assert evidence.page(PAGE) == digest, "the run goes on"
    assert files(tmp_path) == []
    assert len([r for r in caplog.records if "could not be kept" in r.message]) == 1
    evidence.page(PAGE)
    assert files(tmp_path) == [f"pages/{digest}.html"]
    assert (tmp_path / "pages" / f"{digest}.html").read_bytes() == PAGE


def test_a_page_that_is_there_already_says_nothing_about_the_disk(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A console that shows one old page and one new one at each look would fill the log."""
    evidence = Evidence(tmp_path)
    evidence.page(b"old")
    with limited(resource.RLIMIT_FSIZE, 50_000):
        for _ in range(3):
            evidence.page(b"old")
            evidence.page(PAGE)
    assert evidence.lost == 3
    assert evidence.reason == "File too large"
    assert len([r for r in caplog.records if r.name == "bot.upgrade.evidence"]) == 1


def test_a_head_is_replaced_as_a_whole(tmp_path: Path) -> None:
    evidence = Evidence(tmp_path)
    for position in (7, 9):
        evidence.head("U-1", position, "ab" * 32, datetime(2026, 11, 22, tzinfo=UTC))
    assert json.loads((tmp_path / "heads" / "U-1.json").read_bytes()) == {
        "request": "U-1",
        "position": 9,
        "head": "ab" * 32,
        "at": "2026-11-22T00:00:00+00:00",
    }
    assert files(tmp_path) == ["heads/U-1.json"]


async def test_a_full_disk_leaves_no_half_log(tmp_path: Path) -> None:
    answer = httpx.Response(
        200, headers={"content-disposition": "attachment; filename=logs.zip"}, stream=Zip()
    )
    with limited(resource.RLIMIT_FSIZE, 50_000), pytest.raises(OSError, match="too large"):
        await save(answer, tmp_path, 5.0)
    assert files(tmp_path) == []


async def test_what_a_killed_process_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "logs.zip.part").write_bytes(b"half")
    answer = httpx.Response(
        200, headers={"content-disposition": "attachment; filename=logs.zip"}, stream=Zip()
    )
    assert (await save(answer, tmp_path, 5.0)).read_bytes() == PAGE
    assert files(tmp_path) == ["logs.zip"]


class Zip(httpx.AsyncByteStream):
    """A file in pieces."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(PAGE), 3_000):
            yield PAGE[start : start + 3_000]


async def test_the_head_at_the_end_of_a_run(tmp_path: Path) -> None:
    settings = Settings(rate=600, appliances=2, distribution_seconds=120, install_seconds=600)
    async with EnterpriseProcess(settings) as sandbox, open_house(tmp_path, sandbox) as house:
        id_ = await house.approved()
        await house.ends(id_, Phase.SUCCEEDED)
        [end] = [x.position for x in await house.ledger.read_all() if isinstance(x.event, e.Succeeded)]
        kept = tmp_path / "evidence" / "heads" / f"{id_}.json"
        async with asyncio.timeout(10):
            while not kept.exists():  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.01)
        head = json.loads(kept.read_bytes())
        assert head["request"] == id_
        assert head["position"] >= end
        assert await house.ledger.holds(head["position"], head["head"])


async def test_logs_that_the_disk_does_not_take_are_told(tmp_path: Path) -> None:
    """The file that stands in the way of the directory for the logs stands for any disk that refuses it."""
    settings = Settings(
        rate=600, appliances=2, distribution_seconds=120, install_seconds=600, faults=("install-error",)
    )
    async with EnterpriseProcess(settings) as sandbox, open_house(tmp_path, sandbox) as house:
        id_ = await house.ask()
        (tmp_path / "evidence" / "logs").write_text("in the way")
        for person in ("U0BEN", "U0CHLOE"):
            await house.desk.approve(id_, person)
        await house.ends(id_, Phase.FAILED)
        [refused] = await house.events(e.LogsRefused)
        assert isinstance(refused, e.LogsRefused)
        assert "the bot's host could not keep the file" in refused.reason


async def test_a_package_is_not_gone_because_no_descriptor_is_left(tmp_path: Path) -> None:
    """A plan whose package is gone is void (law 2); a machine that cannot open it says nothing about it."""
    package = Package(name="p", file="p.ipm", sha256="ab" * 32, size=4, level="1")
    async with SqliteLedger.open(tmp_path / "ledger.sqlite") as ledger:
        store = PackageStore(tmp_path, ledger, Clock())
        assert await store.fingerprint(package) is None
        (tmp_path / "p.ipm").write_bytes(b"here")
        with limited(resource.RLIMIT_NOFILE, 3), pytest.raises(OSError, match="Too many open files"):
            await store.fingerprint(package)
