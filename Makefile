# Targets explain themselves: the text after ## is what `make` prints.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint format corpus fidelity collector collector-full soak bench bench-dashboard faults docs clean

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(READY) ## Make the virtual environment with everything the other targets need

demo: $(READY) ## Run the whole circle against a local server, keep the dashboard up (DEMO_EXIT=1 exits)
	$(BIN)/agentsight-otel demo $(if $(DEMO_EXIT),--exit)

test: $(READY) ## Run all tests; parts whose programs are missing skip with one line
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(READY) ## Check style, types and the import rules
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix-only --quiet . ; $(BIN)/ruff format .

corpus: $(READY) ## Record the span corpus again from the current packages (long)
	$(BIN)/python -m tests.corpus.record

fidelity: $(READY) ## Print how exactly each recorded framework becomes conversations
	$(BIN)/python -m tests.corpus.fidelity

collector: ## Build the small test Collector from Go modules into a cache outside the tree
	bash collector-config/build.sh small

collector-full: ## Build the Collector with Kafka and load balancing too
	bash collector-config/build.sh full

soak: $(READY) ## Run the long tests
	AGENTSIGHT_SOAK=1 $(BIN)/python -m pytest -m soak

bench: $(READY) ## Run the benchmarks that need no large database
	$(BIN)/python -m benchmarks

bench-dashboard: $(READY) ## Measure the dashboard over a million messages beside Phoenix
	$(BIN)/python -m benchmarks dashboard

faults: $(READY) ## Measure what arrives when things go wrong, for us and eight other SDKs (half an hour)
	$(BIN)/python -m benchmarks.faults

docs: $(READY) ## Build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build site
