"""Hypothesis strategies for values whose fields are held to more than their type."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, TypeVar, get_type_hints

from hypothesis import strategies as st
from pydantic import BaseModel

from bot.domain.approval import Rules
from bot.domain.events import Draft
from bot.domain.plan import Package, Plan
from bot.domain.windows import Window

M = TypeVar("M", bound=BaseModel)

moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda d: d.replace(tzinfo=UTC))
ids = st.text(min_size=1, max_size=8)
groups = st.lists(ids, max_size=2).map(tuple)


def whole(model: type[M], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[M]:
    """Instances of `model` with every field drawn, those with a default too."""
    hints = get_type_hints(model)
    drawn = {name: fields.get(name, st.from_type(hints[name])) for name in model.model_fields}
    return st.builds(model, **drawn)


windows = whole(Window, opens=moments, closes=moments)
packages = whole(
    Package,
    name=ids,
    sha256=st.from_regex(r"\A[0-9a-f]{64}\Z"),
    size=st.integers(1, 2**40),
    level=ids,
)
rules = whole(
    Rules,
    quorum=st.integers(2, 5),
    approver_groups=groups,
    approver_ids=st.lists(ids, min_size=1, max_size=2).map(tuple),
    requester_groups=groups,
    requester_ids=st.lists(ids, min_size=1, max_size=2).map(tuple),
)
plans = whole(Plan, package=packages, start=moments, window=windows, rules=rules)
drafts = whole(Draft, package=packages, start=moments, window=windows)
