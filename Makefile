# LotaBots. `make run` shows it, `make test` checks it; both start from a bare clone.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TESTS  ?= tests
NAME   ?=

.DEFAULT_GOAL := help
.PHONY: help run setup test test-long check format lint types imports lock docs bench load clean

help: ## what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: $(VENV)/.run ## the demo on an embedded PostgreSQL, then keeps serving (ARGS=--once to stop after it)
	@$(BIN)/lotabots demo $(ARGS)

setup: $(VENV)/.dev ## .venv with everything that development needs; redone only when a lock changes

test: check ## all that CI checks: format, lint, types, imports, tests
	$(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not long" $(TESTS)

test-long: $(VENV)/.dev ## long fuzzing and full-size runs
	LOTABOTS_HYPOTHESIS=long $(BIN)/python -m pytest -n 2 --dist worksteal -q $(TESTS)

check: $(VENV)/.dev format lint types imports

format: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet .

lint: $(VENV)/.dev
	$(BIN)/ruff check --quiet .

types: $(VENV)/.dev
	$(BIN)/mypy --no-error-summary

imports: $(VENV)/.dev ## the import contracts
	$(BIN)/lint-imports --no-cache

lock: $(VENV)/.dev ## resolve the four locks again
	scripts/lock.sh $(BIN)/uv

docs: $(VENV)/.dev ## write the generated parts of ARCHITECTURE.md, docs/errors.md and docs/running.md
	$(BIN)/python scripts/write_docs.py

bench: $(VENV)/.dev ## run one benchmark: make bench NAME=gpu (no NAME: list them)
	@$(BIN)/python benchmarks/run.py $(NAME)

load: $(VENV)/.dev ## rising load on a real server, past its knee and back: make load NAME=gateway (no NAME: list them)
	@$(BIN)/python benchmarks/load.py $(NAME)

clean: ## remove what make made
	rm -rf $(VENV) .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis

# The stamps hold the digest of the lock they were made from, so set-up is redone when a lock changes and only then.
$(VENV)/bin/python:
	@$(PYTHON) scripts/check_python.py
	@echo "Setting up $(VENV) (once; about half a minute) ..." >&2
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements-server.lock pyproject.toml | $(VENV)/bin/python
	@scripts/install.sh $(BIN)/python requirements-server.lock $@

$(VENV)/.dev: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	@scripts/install.sh $(BIN)/python requirements-dev.lock $@
	@touch $(VENV)/.run
