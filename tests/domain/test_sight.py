"""Words of the console are flattened and cut; looks are compared without their pages' bytes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.events import Failed
from bot.domain.sight import WORDS_LIMIT, Observation
from tests.support import values as v


def words(text: str) -> str:
    return Failed(request="KT-1", words=text).words


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Upgrade failed", "Upgrade failed"),
        ("  two\n\tlines\r\n", "two lines"),
        ("bell\x07 and null\x00byte", "bell and null byte"),
        ("right\u202eleft", "right left"),
        ("zero\u200bwidth", "zero width"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
        ("", ""),
    ],
)
def test_words_are_one_line_of_printable_characters(text: str, kept: str) -> None:
    assert words(text) == kept


@given(st.text(alphabet=st.characters(), max_size=700))
def test_cutting_words_twice_is_cutting_them_once(text: str) -> None:
    cut = words(text)
    assert words(cut) == cut
    assert len(cut) <= WORDS_LIMIT
    assert cut.isprintable()


def test_looks_that_differ_in_their_bytes_alone_are_the_same() -> None:
    assert v.look(pages=("a",)).same_as(v.look(pages=("b",)))
    assert not v.look().same_as(None)


@pytest.mark.parametrize(
    "other",
    [v.look(locked=True), v.look(errors=("x",)), v.look(appliances=v.appliances(v.NEW)), v.silent()],
    ids=["locked", "error", "level", "silent"],
)
def test_looks_that_differ_in_anything_else_are_not(other: Observation) -> None:
    assert not v.look().same_as(other)


def test_a_package_is_found_by_its_exact_name() -> None:
    seen = v.distributed()
    assert seen.package(v.package().name) is not None
    for near in (v.package().name.upper(), v.package().name[:-1], ""):
        assert seen.package(near) is None


@pytest.mark.parametrize("changes", [{"answered": "perhaps"}, {"colour": "red"}, {"activity": "resting"}])
def test_a_look_with_something_else_in_it_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        v.look(**changes)
