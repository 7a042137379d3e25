"""The export holds what is stored; the verifier in docs, which knows nothing of Keyturn, says what `verify` says."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from storage.ledger import Broken
from storage.sqlite import SqliteLedger
from tests.storage.tamper import KINDS, Rows, prepared, rewrite, trial, write
from tests.test_command_line import GOOD, keyturn

VERIFIER = Path(__file__).parents[2] / "docs" / "verify_ledger.py"


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keyturn.toml").write_text(GOOD)
    (tmp_path / "state").mkdir()
    path = tmp_path / "state" / "ledger.sqlite"
    asyncio.run(write(path, random.Random(5), 60))
    return path


def independent(export: str, *arguments: str) -> tuple[int, str]:
    """The verifier's exit code and its line, away from Keyturn's packages."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(VERIFIER), *arguments],
        input=export,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def exported() -> str:
    done = keyturn("ledger", "export")
    assert (done.code, done.err) == (0, "")
    return done.out


async def found(path: Path, head: str | None) -> int | None:
    """The first wrong entry by `verify`; None for a ledger that verifies."""
    async with SqliteLedger.open(path, audit=True) as opened:
        try:
            await opened.verify(head)
        except Broken as broken:
            return broken.position
    return None


def test_an_export_is_every_stored_string(ledger: Path) -> None:
    with sqlite3.connect(ledger) as database:
        stored = database.execute("SELECT * FROM events ORDER BY position").fetchall()
        names = [column[1] for column in database.execute("PRAGMA table_info(events)")]
    database.close()
    lines = exported().splitlines()
    assert [json.loads(line) for line in lines] == [dict(zip(names, row, strict=True)) for row in stored]


def test_an_export_to_a_file(ledger: Path) -> None:
    done = keyturn("ledger", "export", "export.jsonl")
    assert (done.code, done.out) == (0, "")
    assert Path("export.jsonl").read_text() == exported()
    assert done.err.startswith(f"{len(exported().splitlines())} entries exported to export.jsonl; head ")
    assert "is there already" in keyturn("ledger", "export", "export.jsonl").refusal()
    assert keyturn("ledger", "export", "export.jsonl", "--force").code == 0
    assert "the ledger itself" in keyturn("ledger", "export", str(ledger), "--force").refusal()


def test_the_independent_verifier_on_an_honest_export(ledger: Path) -> None:
    export = exported()
    verified = keyturn("ledger", "verify").out.splitlines()[0]
    head = verified.split()[-1]
    assert independent(export) == (0, verified)
    assert independent(export, "--head", head.upper()) == (0, verified)
    assert independent(export, "--head", json.loads(export.splitlines()[3])["hash"]) == (0, verified)
    count = len(export.splitlines())
    assert independent(export, "--head", "ab" * 32) == (
        1,
        f"does not verify: entry {count + 1}: the announced head is not among the {count} entries",
    )
    Path("export.jsonl").write_text(export)
    assert independent("", "export.jsonl") == (0, verified)
    assert independent("") == (0, f"0 entries verify; head {'0' * 64}")
    assert independent(export + "{}\n")[0] == 1
    moved = export.replace('"position": 1,', '"position": "1",', 1)
    assert moved != export
    assert independent(moved) == (1, "does not verify: entry 1: holds a value of a wrong kind")
    assert independent("nonsense\n") == (1, "does not verify: entry 1: its line is not an entry")


@pytest.mark.parametrize("kind", KINDS)
def test_the_independent_verifier_on_tampered_exports(ledger: Path, kind: str) -> None:
    chance = random.Random(kind)
    rows = prepared(ledger)
    for _ in range(2):
        after: Rows = rows
        while sorted(after) == rows:
            after = KINDS[kind](rows, chance)
        rewrite(ledger, rows, after)
        wrong = asyncio.run(found(ledger, rows[-1].hash))
        code, line = independent(exported(), "--head", rows[-1].hash)
        assert code == 1
        assert line.startswith(f"does not verify: entry {wrong}: ")
        rewrite(ledger, after, rows)


def test_bytes_that_are_no_text_come_through_an_export(ledger: Path) -> None:
    rows = prepared(ledger)
    with sqlite3.connect(ledger) as database:
        database.execute("UPDATE events SET data = CAST(X'FF' AS TEXT) WHERE position = 7")
    database.close()
    export = exported()
    assert json.loads(export.splitlines()[6])["data"] == "\udcff"
    assert independent(export, "--head", rows[-1].hash)[1].startswith("does not verify: entry 7: ")


def test_a_damaged_ledger_is_exported_up_to_the_damage(ledger: Path) -> None:
    whole = exported()
    content = bytearray(ledger.read_bytes())
    last = json.loads(whole.splitlines()[-1])["hash"].encode()
    page = content.index(last) // 4096 * 4096
    content[page : page + 100] = bytes(100)
    ledger.write_bytes(content)
    done = keyturn("ledger", "export")
    assert done.code == 2
    assert whole.startswith(done.out)
    reached = len(done.out.splitlines())
    assert 0 < reached < len(whole.splitlines())
    assert done.err.startswith(
        f"keyturn: entry {reached + 1} cannot be read, {reached} is the last one before"
    )
    assert "cannot be read" in keyturn("ledger", "export", "export.jsonl").refusal()
    assert not Path("export.jsonl").exists()


def test_the_verifier_is_short_and_needs_nothing() -> None:
    text = VERIFIER.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 50
    imported = {line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert imported <= sys.stdlib_module_names


async def test_tamperings_of_every_kind_are_found_and_honest_ledgers_are_not_accused() -> None:
    """The short form of `make tamper`."""
    report = await trial(count=160, honest=15, seed=2)
    assert report.good, report.table()
    assert {kind: len(results) for kind, results in report.results.items()} == dict.fromkeys(KINDS, 20)
    shown = sum(one.named is not None for results in report.results.values() for one in results)
    assert shown >= 120, "a cut tail and a chain computed anew are the only ones that only the head shows"
