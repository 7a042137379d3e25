"""Faults of the catalogue, carried out: the run ends as the laws say. The page says the same.

The suite carries out the first of each end at each step; `make console-faults` carries out all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.catalogue.carried import carry_out
from tests.catalogue.entries import CATALOGUE
from tests.catalogue.fault import End, Fault, Step
from tests.catalogue.page import PAGE, render
from tests.catalogue.relay import PLACES
from tests.catalogue.verdict import differences


def _marks(fault: Fault) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(reason=fault.pending, strict=True)] if fault.pending else []


def _short() -> Iterator[Fault]:
    seen: set[tuple[Step, End]] = set()
    for fault in CATALOGUE:
        if (fault.at, fault.end) not in seen:
            seen.add((fault.at, fault.end))
            yield fault


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault.name, marks=_marks(fault)) for fault in _short()]
)
async def test_it_ends_as_the_laws_say(fault: Fault) -> None:
    assert differences(fault, await carry_out(fault)) == []


def test_the_page_says_what_the_data_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "write it anew: python -m tests.catalogue --docs"


def test_the_catalogue_is_whole() -> None:
    names = Counter(fault.name for fault in CATALOGUE)
    assert names.most_common(1)[0][1] == 1
    assert len(names) >= 35
    assert {fault.at for fault in CATALOGUE} == set(Step) == set(PLACES)
    assert all(fault.does.endswith(".") and fault.why.endswith((".", "”")) for fault in CATALOGUE)
