"""Tests of the domain; an assertion in the laws says what it compared."""

import pytest

pytest.register_assert_rewrite("tests.domain.laws")
