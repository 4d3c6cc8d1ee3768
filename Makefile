# One target a task; `make help` lists them. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tiny models on few cores: two OpenMP threads spin against each other (ten times slower).
export OMP_NUM_THREADS ?= 1

.PHONY: help install demo serve test test-slow check bench miniature experiments clean
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

install: $(STAMP) ## Create .venv and install everything, pinned by constraints.txt

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[worker,dev]'
	touch $@

demo: install ## Run the main job end to end and print the table (about five minutes)
	$(BIN)/tunegate demo

serve: install ## Run the gateway on 127.0.0.1:8000
	$(BIN)/tunegate serve

test: install ## Run the default tests (at most ten minutes on two cores)
	$(BIN)/python -m pytest

test-slow: install ## Run the slow tests as well
	$(BIN)/python -m pytest -m 'not gpu and not network'

check: install ## Lint, format check, types, and the order of packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: install ## Measure, print a table, write bench/results.json
	$(BIN)/python -m bench

miniature: install ## Grow the embedded base model again from its seed (about 20 minutes)
	$(BIN)/python -m trainers.miniature --out trainers/miniature/weights --seed 0

experiments: install ## Run the paper on the miniature; a stopped run goes on, results are in build/paper
	$(BIN)/tunegate reproduce all --out build/paper

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
