"""The simulated package: signed, refused when modified, constant memory whatever its size."""

import hashlib
import tracemalloc
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.sandbox.cli import app, parse_size
from bot.sandbox.package import PackageError, Verifier, make_package, verify_package

MIB = 1 << 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "imprivata-24-1-hf4.ipm"
    make_package(path, "imprivata-24-1-hf4", "24.1 HF4", 50_000)
    return path


def test_has_exactly_the_size_asked_for_and_says_what_it_is(file: Path) -> None:
    header = verify_package(file)
    assert file.stat().st_size == header.size == 50_000
    assert (header.name, header.kind, header.level) == ("imprivata-24-1-hf4", "Appliance", "24.1 HF4")


@pytest.mark.parametrize("position", [20, 25_000, -70, -1])
def test_one_changed_bit_is_refused(file: Path, position: int) -> None:
    content = bytearray(file.read_bytes())
    content[position] ^= 1
    file.write_bytes(content)
    with pytest.raises(PackageError, match="signature is not valid"):
        verify_package(file)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 10_000])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.ipm"
    path.write_bytes(content)
    with pytest.raises(PackageError):
        verify_package(path)


def test_a_cut_file_is_refused(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(PackageError):
        verify_package(file)


@pytest.mark.parametrize("piece", [1, 63, 64, 65, 4096])
def test_pieces_of_any_size_give_the_same(tmp_path: Path, piece: int) -> None:
    path = tmp_path / "small.ipm"
    make_package(path, "small", "1", 5_000)
    content = path.read_bytes()
    verifier = Verifier()
    for start in range(0, len(content), piece):
        verifier.feed(content[start : start + piece])
    assert verifier.finish().name == "small"
    assert verifier.sha256 == hashlib.sha256(content).hexdigest()


def test_memory_does_not_grow_with_the_package(tmp_path: Path) -> None:
    path = tmp_path / "large.ipm"
    tracemalloc.start()
    try:
        make_package(path, "large", "1", 48 * MIB)
        verify_package(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB


def test_too_small_a_size_says_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        make_package(tmp_path / "tiny.ipm", "tiny", "1", 10)


def test_the_command_names_the_package_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "hotfix-4.ipm"
    result = CliRunner().invoke(app, ["package", str(path), "--level", "24.1 HF4", "--size", "64KiB"])
    assert result.exit_code == 0, result.output
    assert verify_package(path).name == "hotfix-4"
    assert path.stat().st_size == 65_536


def test_the_command_refuses_what_is_no_size(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["package", str(tmp_path / "a.ipm"), "--level", "1", "--size", "big"])
    assert result.exit_code == 2
    assert "'big' is not a size" in result.output
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("written", "count"), [("4096", 4096), ("200MB", 200_000_000), ("1 GiB", 1 << 30), ("2kb", 2000)]
)
def test_sizes(written: str, count: int) -> None:
    assert parse_size(written) == count
