# Needs make and Python 3.11 or newer (with venv); everything else goes into .venv.
#   make run      set up, run the starter rules over the sample events, show the alerts
#   make test     set up, run the tests       (ARGS="-k name" narrows them)
#   make check    what CI runs: format, lint, types, tests, docs
#   make bench-official   attacks found, our queries beside the official backend's
#   make bench-speed      time to search for 2,400 rules, beside the official queries
#   make bench-engine     events a CPU second, time and memory, beside the peers that are there
#   make bench-compile    time and memory of compiling all rules, beside sigma-cli
#   make bench-runner     how soon the service tells, what one holds, what an index's size adds
#   make bench-thehive    alerts a second into the double of TheHive, none lost, none twice
#   make PYTHON=/path/to/python3.12 …   chooses the interpreter

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := .sigma2hive/demo
CODE := src tests tools $(wildcard bench)
ARGS ?=

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test check lint types docs docs-write format lock venv clean bench-official bench-speed bench-engine bench-compile bench-runner bench-thehive

help:
	@sed -n 's/^#   //p' Makefile

# The demo keeps its inbox apart and starts with an empty one, so that it shows the same each time.
run: export SIGMA2HIVE_STATE = $(DEMO)
run: $(READY)
	@rm -rf $(DEMO)
	$(BIN)/sigma2hive run --once --events examples
	@echo
	$(BIN)/sigma2hive inbox list
	@echo
	$(BIN)/sigma2hive inbox show "$$($(BIN)/sigma2hive inbox list --title 'Failed logons' | awk 'NR == 1 { print $$1 }')"

test: $(READY)
	$(BIN)/python $(if $(ARGS),-m pytest $(ARGS),tools/all_tests.py)

check: lint types test docs

lint: $(READY)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python tools/make_docs.py --check

docs-write: $(READY)
	$(BIN)/python tools/make_docs.py --write

format: $(READY)
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix $(CODE)

venv: $(READY)

# The first Python that is new enough and can make environments. 3.13 to 3.11 are tested; a newer
# python3 is taken where none of them is there.
$(READY): pyproject.toml constraints.txt tools/build_native.py $(wildcard src/sigma2hive/native/*.c)
	@set -e; chosen=; \
	for python in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then chosen=$$python; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo 'sigma2hive needs Python 3.11 or newer with the venv module, and found none.' >&2; \
	  echo 'Install it (Debian, Ubuntu: python3-venv), or name it: make PYTHON=/path/to/python3' >&2; \
	  exit 1; \
	fi; \
	if ! $(BIN)/python -m pip --version >/dev/null 2>&1; then \
	  echo "Making $(VENV) with $$("$$chosen" --version)"; "$$chosen" -m venv --clear $(VENV); \
	fi; \
	echo 'Installing sigma2hive and its tools (once, about a minute)'; \
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'; \
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable . --group dev; \
	$(BIN)/python -m compileall -q src; \
	touch $(READY)

# New versions of everything: resolved in an empty environment with the oldest Python supported.
lock: $(READY)
	$(BIN)/python tools/make_constraints.py

# Measurements, in bench/README.md: minutes each, with the reference data and Java 21.
bench-official: $(READY)
	$(BIN)/python -m bench.official_lucene

bench-speed: $(READY)
	$(BIN)/python -m bench.speed

# Needs events: bench/README.md. ARGS="--table small --rounds 1" narrows it.
bench-engine: $(READY)
	$(BIN)/python -m bench.engine $(ARGS)

bench-compile: $(READY)
	$(BIN)/python -m bench.compile $(ARGS)

bench-runner: $(READY)
	$(BIN)/python -m bench.runner $(ARGS)

bench-thehive: $(READY)
	$(BIN)/python -m bench.thehive_delivery

clean:
	rm -rf $(VENV) .sigma2hive .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
	find $(CODE) -type d -name __pycache__ -prune -exec rm -rf {} +
