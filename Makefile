# hanscope: everything a fresh machine with Python 3.11+ needs, in four targets.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
.PHONY: install demo test bench mutations

install: $(VENV)/.installed
$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e . --group dev
	$(BIN)/python -m compileall -q dissectors captures analysis
	@if command -v tshark >/dev/null; then :; \
	 elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	   apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tshark >/dev/null; \
	 else echo "note: tshark is missing (crosscheck and its tests need it): install it with your package manager" >&2; fi
	@touch $@

demo: install
	$(BIN)/hanscope demo

test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest --nbmake -n auto notebooks

bench: install
	$(BIN)/python -m tests.benchmarks

# 61,300 mutated GBCS messages of each kind: built again octet by octet, or said where not
mutations: install
	HANSCOPE_MUTATIONS=61300 $(BIN)/python -m pytest -n auto tests/dissectors/gbcs/test_mutations.py
