# Two commands for a newcomer: `make demo` and `make test`. Each sets up what it needs into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test contract crash tamper model growth bench-upload console-faults mutants check format lock clean

demo: .venv/ready
	$(BIN)/keyturn demo

# Most tests wait for processes half of their time: two workers for each of two cores.
test: .venv/ready
	$(BIN)/python -m pytest -n 4 --dist worksteal

# Both console drivers on every skin of the simulated console: docs/skins.md.
contract: .venv/ready
	$(BIN)/python -m pytest -n 2 -m "long or not long" tests/console/test_console_skins.py \
		tests/test_console_check_skins.py tests/console/test_console_browser.py

# Kills the bot at every point where state changes, and judges the whole history: docs/crash.md.
KILLS ?= 500
SEED ?= 1
crash: .venv/ready
	$(BIN)/python -m tests.crash --kills $(KILLS) --seed $(SEED) $(if $(REPORT),--report $(REPORT))

# Tampers with ledger files at random; every one has to be found: docs/ledger.md.
tamper: .venv/ready
	$(BIN)/python -m tests.storage.tamper --count 10000 --honest 1000 --seed $(SEED)

# Explores the protocol between run, ledger and console, and holds the model to the code: docs/protocol.md.
model: .venv/ready
	$(BIN)/python -m tests.model

# The figures of a large ledger, with real processes; a quarter of an hour on two idle cores.
EVENTS ?= 1000000
growth: .venv/ready
	$(BIN)/python -m tests.growth.bench $(EVENTS)

# The upload of a package beside curl's, over TLS, with processes of their own: docs/console.md.
SIZE ?= 8G
ROUNDS ?= 3
bench-upload: .venv/ready
	$(BIN)/python -m tests.bench.upload --size $(SIZE) --rounds $(ROUNDS)

# Carries out every fault of the console's catalogue: docs/console-faults.md.
console-faults: .venv/ready
	$(BIN)/python -m tests.catalogue $(FAULTS)

# Changes domain and storage in small ways, and counts what the tests notice: docs/mutants.md.
mutants: .venv/ready
	$(BIN)/python -m tests.mutants $(if $(SAMPLE),--sample $(SAMPLE) --seed $(SEED))

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
	$(BIN)/uv pip compile pyproject.toml --extra sandbox --extra browser --group dev --generate-hashes \
		--python-version 3.11 --universal --no-header --output-file requirements.lock

clean:
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
