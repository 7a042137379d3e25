"""The command behind `make bench-upload` stays alive; throughput and holds are judged on an idle machine only."""

from __future__ import annotations

import shutil

import pytest

from tests.bench.upload import GROWTH, MIB, bench, table


@pytest.mark.skipif(shutil.which("curl") is None, reason="measures beside curl")
async def test_an_upload_beside_curls_takes_the_same_memory_for_any_size() -> None:
    async with bench() as made:
        small, large = await made.measure(MIB, 1), await made.measure(64 * MIB, 1)
    assert large.memory - small.memory < GROWTH
    assert large.driver[0].told == 64
    assert len(large.ciphers) == 1, "both sides speak the same TLS"
    assert "driver / curl alone" in table(small, large)
