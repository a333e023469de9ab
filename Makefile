# Everything a newcomer types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help demo test check dev sdks bench lock clean

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

$(STAMP): requirements.lock pyproject.toml
	@echo "Installing the locked dependencies into $(VENV) (first time only) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "journeys needs Python 3.11 or newer: make PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: $(STAMP)  ## the cart journey over a small shop's days, on the embedded stack
	@$(BIN)/journeys demo

dev: $(STAMP)  ## the embedded stack in the foreground (Ctrl-C stops it)
	@$(BIN)/journeys dev

# Temporal's sandbox imports the engine for each run, and many tests start processes: compiled files are read, not made again.
test: $(STAMP)  ## the test suite, on a real Temporal server and a real Postgres (all of it with CI=true, as .ci/run does)
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist worksteal

sdks:  ## the ingestion SDKs of npm that some tests send with (Node.js; those tests are skipped without)
	@cd tests/api/sdk && npm ci --omit=optional --ignore-scripts --no-audit --no-fund

check: $(STAMP)  ## ruff, mypy strict, import law
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest tests/test_laws.py

bench: $(STAMP)  ## the benchmark table, with the budgets beside it
	@$(BIN)/python -m benchmarks

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml (needs uv)
	uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --extra embedded --extra dev pyproject.toml --output-file requirements.lock

clean:  ## forget the virtual environment and the embedded stack's data
	rm -rf $(VENV) .journeys
