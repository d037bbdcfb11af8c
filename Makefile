# Every target does its own set-up: a virtual environment in .venv, installed with the constraints.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
READY := $(VENV)/.ready-$(EXTRAS)
DOCS_READY := $(VENV)/.ready-docs

# The libraries that the theory is compared with need an older numpy, so they live in an environment of their own.
ORACLES ?= .venv-oracles
ORACLES_READY := $(ORACLES)/.ready

PIP_INSTALL := pip install --quiet --disable-pip-version-check

.PHONY: demo test test-oracles test-slow docs docs-test bench bench-check bench-baseline lint format install clean

install: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(PIP_INSTALL) -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

$(DOCS_READY): $(READY)
	$(BIN)/$(PIP_INSTALL) -c constraints.txt -e ".[docs]"
	touch $@

$(ORACLES_READY): pyproject.toml constraints-oracles.txt
	$(PYTHON) -m venv $(ORACLES)
	$(ORACLES)/bin/$(PIP_INSTALL) -c constraints-oracles.txt -e ".[oracles]"
	touch $@

demo: $(READY)
	$(BIN)/steer demo

# Tests of a file share what they solve, so a file stays in one process; two processes on two cores have one each.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile
	$(MAKE) test-oracles

test-oracles: $(ORACLES_READY)
	$(ORACLES)/bin/pytest tests/oracles

test-slow: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 -m slow

# Runs every notebook: twenty minutes, or three with STEER_QUICK=1. STEER_NOTEBOOKS=off builds the pages alone.
docs: $(DOCS_READY)
	$(BIN)/python -m sphinx -W --keep-going -q -j 2 docs docs/_build/html

# Opens the site that `make docs` has built in a headless Chromium, which the machine must have.
docs-test: $(DOCS_READY)
	$(BIN)/pytest tests/site

# PEER=/path/to/python, one that has escnn, measures it too; BENCH="--only C8_regular --rounds 1" goes to bench.py.
bench: $(READY)
	$(BIN)/python benchmarks/bench.py $(if $(PEER),--peer $(PEER)) $(BENCH)
	$(BIN)/python benchmarks/scaling.py

# Ratios beside benchmarks/baseline.json: fails when one is worse by a fifth.
bench-check: $(READY)
	$(BIN)/python benchmarks/check.py

bench-baseline: $(READY)
	$(BIN)/python benchmarks/check.py --write

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(ORACLES) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis steer-demo
