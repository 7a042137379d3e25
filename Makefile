# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check format lock clean

demo: .venv/ready
	$(BIN)/keyturn demo

test: .venv/ready
	$(BIN)/python -m pytest -n 2

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Every package by version and hash; the project itself last, without resolving anything again.
.venv/ready: requirements.lock pyproject.toml
	sh .ci/venv $(PYTHON)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# uv writes hashes and no addresses.
lock: .venv/ready
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra sandbox --group dev --generate-hashes \
		--python-version 3.11 --universal --no-header --output-file requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
