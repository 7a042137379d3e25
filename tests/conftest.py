"""For all tests."""

from __future__ import annotations

# Its pytest plugin would import it while pytest sums up, where a finalizer that runs during the compilation of a
# rewritten module breaks CPython 3.11 ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The one that waits for half a minute first, so that the others run beside it."""
    items.sort(key=lambda item: item.path.name != "test_suspended.py")
