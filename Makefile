# make help lists the targets. Everything happens in .venv; nothing is installed outside this folder.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
UV     := uv==0.13.9
.DEFAULT_GOAL := help
.PHONY: help setup demo ui test lint bench lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

setup: $(STAMP) ## make .venv with everything, at the locked versions

$(STAMP): requirements/all.txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(UV)"
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/all.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

demo: setup ## scores of the digits data set, through Airflow, with 500 trials
	$(BIN)/python -m mempipe.orchestration.embedded demo

ui: setup ## leave the Airflow UI open, with the DAGs ready to trigger
	$(BIN)/python -m mempipe.orchestration.embedded ui

test: setup ## the tests; those that need a server or a browser skip without one
	$(BIN)/python -m pytest -m "not demo"

lint: setup ## ruff, mypy, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## training and scoring beside plain baselines, as ratios of one run
	$(BIN)/python -m benchmarks

lock: setup ## resolve requirements/*.txt again from pyproject.toml
	$(BIN)/python requirements/lock.py

clean: ## remove the environment and the demo's results
	rm -rf $(VENV) .airflow mempipe-store
