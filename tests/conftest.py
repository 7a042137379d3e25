"""For all tests."""

# Its pytest plugin would import it while pytest sums up, where a finalizer that runs during the compilation of a
# rewritten module breaks CPython 3.11 ("AST constructor recursion depth mismatch").
import hypothesis  # noqa: F401
