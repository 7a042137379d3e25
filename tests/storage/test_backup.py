"""Backup beside those who append, and restore: always either the old ledger, or the restored one that is held."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.clock import Clock
from bot.domain.commands import BeginEpoch
from bot.domain.enterprise import Enterprise, replay, stream
from bot.domain.events import LockoutOpened, Phase
from bot.domain.handle import ENTERPRISE_FOLD, Handler
from bot.domain.ledger import Snapshot
from storage.backup import backup, restore
from storage.errors import REMEDY, LedgerMissing, LedgerUnavailable
from storage.files import FileTaken, sides
from storage.ledger import Broken, Head
from storage.lock import ProcessLock
from storage.sqlite import SqliteLedger
from tests.storage.ledger_child import BATCH, Child
from tests.storage.tamper import prepared, rewrite, write
from tests.support import story as s
from tests.test_command_line import GOOD, keyturn

AT = datetime(2025, 11, 22, 13, tzinfo=UTC)
LEDGER = "state/ledger.sqlite"


async def verified(path: Path, head: str | None = None) -> Head:
    async with SqliteLedger.open(path, audit=True) as ledger:
        return await ledger.verify(head)


async def nothing(ledger: SqliteLedger) -> None:
    """No epoch: for what a restore does to the files."""


# --- backup


async def test_backups_while_another_process_appends_hard(tmp_path: Path, child: Child) -> None:
    path = tmp_path / "ledger.sqlite"
    appending = child("batches", path)
    assert appending.stdout is not None
    appending.stdout.readline()
    heads = []
    for number in range(6):
        async with SqliteLedger.open(path, audit=True) as ledger:
            before = await ledger.head()
        copy = tmp_path / f"backup-{number}.sqlite"
        head = await backup(path, copy)
        assert sides(copy) == []
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert await verified(copy, before.hash) == head
        assert head.position % BATCH == 0, "appends are in a backup whole"
        heads.append(head)
    said = int(appending.stdout.readline())
    assert appending.poll() is None
    appending.kill()
    assert heads[0].position < heads[-1].position
    assert said > 0
    for head in heads:
        assert (await verified(path, head.hash)).position >= head.position
    assert not list(tmp_path.glob("*.partial"))


async def test_what_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    path, copy = tmp_path / "ledger.sqlite", tmp_path / "backup.sqlite"
    head = await write(path, random.Random(1), 10)
    log = copy.with_name("backup.sqlite-wal")
    log.write_bytes(b"a log of what was there")
    for content in (None, b"precious"):
        if content:
            copy.write_bytes(content)
        with pytest.raises(FileTaken, match=r"backup\.sqlite is there already.*--force"):
            await backup(path, copy)
    assert copy.read_bytes() == b"precious"
    assert log.read_bytes() == b"a log of what was there"
    assert await backup(path, copy, replace=True) == head
    assert await verified(copy) == head
    for own in (path, tmp_path / "link"):
        if own != path:
            own.symlink_to(path)
        with pytest.raises(FileTaken, match="is the ledger itself"):
            await backup(path, own, replace=True)
    assert await verified(path) == head


async def test_a_ledger_that_does_not_verify_gives_no_backup(tmp_path: Path) -> None:
    path, copy = tmp_path / "ledger.sqlite", tmp_path / "backup.sqlite"
    await write(path, random.Random(1), 10)
    rows = prepared(path)
    rewrite(path, rows, [*rows[:4], rows[4]._replace(data="{}"), *rows[5:]])
    with pytest.raises(Broken, match="entry 5 "):
        await backup(path, copy)
    with pytest.raises(LedgerMissing):
        await backup(tmp_path / "none.sqlite", copy)
    with pytest.raises(LedgerUnavailable, match="nowhere of the ledger does not exist"):
        await backup(path, tmp_path / "nowhere" / "backup.sqlite")
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.sqlite"]


# --- restore


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Good settings, and a ledger with a lockout of the enterprise `old`, which is not configured."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keyturn.toml").write_text(GOOD)
    (tmp_path / "state").mkdir(mode=0o700)
    asyncio.run(lockout(tmp_path / LEDGER))
    return tmp_path


async def lockout(path: Path) -> None:
    async with SqliteLedger.open(path) as ledger:
        await ledger.append(stream("old"), 0, [LockoutOpened(request="R1")], AT)
    await write(path, random.Random(3), 5)


async def grow(path: Path, count: int) -> Head:
    async with SqliteLedger.open(path) as ledger:
        for number in range(count):
            await ledger.append("more", number, [LockoutOpened(request=f"R{number}")], AT)
        return await ledger.head()


async def state(path: Path, enterprise: str) -> Enterprise:
    async with SqliteLedger.open(path, audit=True) as ledger:
        entries = await ledger.read(stream(enterprise))
        return replay((entry.at, entry.event) for entry in entries)


def test_a_restored_ledger_begins_a_new_epoch_everywhere(here: Path) -> None:
    done = keyturn("ledger", "backup", "backup.sqlite")
    head = asyncio.run(verified(here / LEDGER))
    assert done.out == f"{head.position} entries backed up to backup.sqlite and verified; head {head.hash}\n"
    content = Path("backup.sqlite").read_bytes()
    newer = asyncio.run(grow(here / LEDGER, 3))

    done = keyturn("ledger", "restore", "backup.sqlite")
    assert done.code == 0, done
    first, second, third = done.out.splitlines()
    assert first == f"{head.position} entries of backup.sqlite verified and restored; head {head.hash}"
    aside = Path(second.removeprefix("the ledger that was there is now "))
    assert third.endswith("held until two people have compared: main, old")
    assert asyncio.run(verified(aside, newer.hash)) == newer
    assert asyncio.run(verified(here / LEDGER, head.hash)).position > head.position
    assert stat.S_IMODE(Path(LEDGER).stat().st_mode) == 0o600
    assert Path("backup.sqlite").read_bytes() == content
    for name in ("main", "old"):
        hold = asyncio.run(state(here / LEDGER, name)).hold
        assert hold is not None
        assert "restored from a backup" in hold.reason
    assert "was announced, but is not in this ledger" in keyturn(
        "ledger", "verify", "--head", newer.hash
    ).refusal(1)
    assert {file.name for file in Path("state").iterdir()} == {"bot.lock", "ledger.sqlite", aside.name}


def test_a_restore_beside_a_bot_is_refused(here: Path) -> None:
    keyturn("ledger", "backup", "backup.sqlite")
    before = asyncio.run(grow(here / LEDGER, 1))
    with ProcessLock(here / "state" / "bot.lock"):
        line = keyturn("ledger", "restore", "backup.sqlite").refusal()
        assert "Keyturn already runs on this ledger" in line
        assert keyturn("ledger", "backup", "second.sqlite").code == 0, "all else works beside it"
    assert asyncio.run(verified(here / LEDGER)) == before


async def test_a_snapshot_in_the_backup_hides_no_open_request(tmp_path: Path) -> None:
    """Whoever can write to the backup could put one there that knows of no request: the chain says nothing of it."""
    path, copy = tmp_path / "ledger.sqlite", tmp_path / "backup.sqlite"
    story = s.approved()
    async with SqliteLedger.open(path) as ledger:
        name = stream("main")
        for at, event in story.recorded:
            [last] = await ledger.append(name, len(await ledger.read(name)), [event], at)
        forged = Snapshot(last.version, last.hash, ENTERPRISE_FOLD.write(Enterprise()))
        await ledger.keep_snapshot(name, ENTERPRISE_FOLD.kind, forged)
    await backup(path, copy)

    async def begin(ledger: SqliteLedger) -> None:
        await Handler(ledger, Clock()).handle("main", BeginEpoch(reason="restored"))

    await restore(copy, path, begin)
    async with SqliteLedger.open(path) as ledger:
        state = replay((x.at, x.event) for x in await ledger.read(name))
    assert [r.phase for r in state.requests.values()] == [Phase.VOID]


async def test_a_ledger_that_another_process_has_open_is_not_replaced(here: Path) -> None:
    await backup(here / LEDGER, here / "backup.sqlite")
    before = await grow(here / LEDGER, 1)
    async with SqliteLedger.open(here / LEDGER):
        with pytest.raises(LedgerUnavailable, match="held by another process"):
            await restore(here / "backup.sqlite", here / LEDGER, nothing)
    assert await verified(here / LEDGER) == before


def test_a_bad_backup_changes_nothing(here: Path) -> None:
    keyturn("ledger", "backup", "backup.sqlite")
    rows = prepared(Path("backup.sqlite"))
    rewrite(Path("backup.sqlite"), rows, [*rows[:1], rows[1]._replace(at="x"), *rows[2:]])
    Path("garbage").write_bytes(b"garbage" * 1000)
    Path("empty").touch()
    before = asyncio.run(grow(here / LEDGER, 1))
    for name, line in (
        ("backup.sqlite", "the backup backup.sqlite is not restored: entry 2 "),
        ("garbage", "the backup garbage is not restored: garbage is not a SQLite database"),
        ("empty", "the backup empty is not restored: empty is empty"),
        ("none", "there is no backup at none: correct the path"),
        (LEDGER, f"{LEDGER} is the ledger itself: name a backup"),
    ):
        said = keyturn("ledger", "restore", name).refusal()
        assert said.startswith(f"keyturn: {line}")
        assert REMEDY not in said
        assert ".partial" not in said
    assert asyncio.run(verified(here / LEDGER)) == before
    assert {file.name for file in Path("state").iterdir()} == {"bot.lock", "ledger.sqlite"}


async def test_a_copy_of_the_files_with_their_log_is_restored_whole(here: Path) -> None:
    """As a host that went down leaves them: the newest entries stand in the log alone."""
    async with SqliteLedger.open(here / LEDGER) as ledger:
        newest = (await ledger.append("more", 0, [LockoutOpened(request="R9")], AT))[0]
        for end in ("", "-wal"):
            shutil.copyfile(f"{LEDGER}{end}", f"copy{end}")
    async with SqliteLedger.open(here / LEDGER) as ledger:
        await ledger.append("more", 1, [LockoutOpened(request="R10")], AT)
    done = await restore(here / "copy", here / LEDGER, nothing)
    assert done.backup == Head(newest.position, newest.hash)
    assert await verified(here / LEDGER) == done.head
    assert Path("copy-wal").stat().st_size > 0


@pytest.mark.parametrize("damage", ["first page", "emptied", "gone"])
async def test_a_damaged_ledger_is_kept_aside_with_its_log(here: Path, damage: str) -> None:
    await backup(here / LEDGER, here / "backup.sqlite")
    path = here / LEDGER
    damaged(path, damage)
    before = {file.name: file.read_bytes() for file in (path, *sides(path)) if file.exists()}
    done = await restore(here / "backup.sqlite", path, nothing)
    assert sides(path) == [], "the old log is not the new ledger's"
    assert await verified(path) == done.head
    assert done.aside is not None
    kept = {name.replace("ledger.sqlite", done.aside.name): content for name, content in before.items()}
    assert {name: (here / "state" / name).read_bytes() for name in kept} == kept


def damaged(path: Path, damage: str) -> None:
    """A ledger with a log beside it that belongs to it, and a database that cannot be opened."""
    path.with_name("ledger.sqlite-wal").write_bytes(b"what the log held" * 100)
    match damage:
        case "first page":
            path.write_bytes(b"\x00" * 4096 + path.read_bytes()[4096:])
        case "emptied":
            path.write_bytes(b"")
        case "gone":
            path.unlink()


# --- killed


@pytest.mark.parametrize("seed", [None, 1], ids=["everywhere", "at random moments"])
@pytest.mark.parametrize("old", ["in use", "first page", "none"])
async def test_killed_in_a_restore(here: Path, old: str, seed: int | None) -> None:
    backed_up = await backup(here / LEDGER, here / "backup.sqlite")
    before = here / "trials" / "before"
    before.mkdir(parents=True)
    newest = await left_behind(here, old)
    for name in ("keyturn.toml", "backup.sqlite"):
        shutil.copy(name, before / name)
    shutil.copytree(here / "state", before / "state")
    said = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("restore_child.py")), str(before.parent)),
        *([] if seed is None else [str(seed), "12"]),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    out, _ = await said.communicate()
    assert said.returncode == 0
    trials = [line.split() for line in out.decode().splitlines()]
    assert len(trials) > 10
    came_to = []
    for name, killed in trials:
        came_to.append(await outcome(before.parent / name / LEDGER, backed_up, newest))
        assert killed == "1" or came_to[-1] == "restored"
    assert set(came_to) == {"restored", "as before"}


async def left_behind(here: Path, old: str) -> Head | None:
    """The state directory as a restore finds it; the newest head of the ledger there, None when it is unreadable."""
    path = here / LEDGER
    if old == "in use":  # killed: the newest entries stand in the log alone
        async with SqliteLedger.open(path) as ledger:
            [newest] = await ledger.append("more", 0, [LockoutOpened(request="R9")], AT)
            for end in ("", "-wal"):
                shutil.copyfile(f"{path}{end}", here / f"killed{end}")
        for end in ("", "-wal"):
            shutil.move(here / f"killed{end}", f"{path}{end}")
        return Head(newest.position, newest.hash)
    damaged(path, old if old == "first page" else "gone")
    if old == "none":
        path.with_name("ledger.sqlite-wal").unlink()
    return None


async def outcome(path: Path, backed_up: Head, newest: Head | None) -> str:
    """Whether the ledger is as before, or the restored one with its epoch; anything else fails."""
    try:
        async with SqliteLedger.open(path, audit=True) as ledger:
            head = await ledger.verify()
    except LedgerUnavailable:
        assert newest is None
        return "as before"
    if head == newest:
        return "as before"
    assert await verified(path, backed_up.hash) == head
    assert head.position > backed_up.position
    for name in ("main", "old"):
        assert (await state(path, name)).hold is not None
    return "restored"
