# hanscope: everything a fresh machine with Python 3.11+ needs. `make demo PYTHON=python3.13` takes another Python.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
NOX     = $(BIN)/python -m nox -f packaging/noxfile.py
SECONDS ?= 300
TARGETS ?=
.PHONY: install venv demo test matrix bench mutations fuzz fleet-check live-check docs release-check

install: venv $(VENV)/.installed

# A venv that another Python made is made anew, and not used as if it were of this one.
venv:
	@python=$$(sh packaging/python.sh $(PYTHON)) && wanted=$$($$python packaging/version.py) || exit 1; \
	 have=$$($(BIN)/python packaging/version.py 2>/dev/null || true); \
	 if [ -d $(VENV) ] && [ "$$have" != "$$wanted" ]; then \
	   echo "note: $(VENV) is of Python $${have:-that is gone}, $(PYTHON) is $$wanted: it is made anew" >&2; \
	   rm -rf $(VENV); \
	 fi; \
	 [ -x $(BIN)/python ] || $$python -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[demo]' --group dev
	$(BIN)/python -m compileall -q dissectors captures analysis tests hanscope.py
	@if command -v tshark >/dev/null; then :; \
	 elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	   apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends tshark >/dev/null; \
	 else echo "note: tshark is missing (crosscheck and its tests need it): install it with your package manager" >&2; fi
	@touch $@

demo: install
	$(BIN)/hanscope demo

# All of it on one Python; the demo, the samples and the columns on every other Python of the machine.
test: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto
	$(BIN)/python -m pytest --nbmake -n auto notebooks
	$(NOX) -s quick

# All of it on every Python of the machine, with the newest dependencies, and with the lowest on the oldest.
matrix: install
	$(NOX) -s whole

# sdist and wheel: complete, installed in a clean environment of each Python, used from a folder of their own
release-check: install
	$(BIN)/python packaging/release_check.py

bench: install
	$(BIN)/python -m tests.benchmarks
	$(BIN)/python -m tests.benchmarks.writers
	$(BIN)/python -m tests.benchmarks.curves

# the documentation as a site, in build/site; a warning is an error
docs: install
	@$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python packaging/site/pages.py build/site-pages
	$(BIN)/python -m mkdocs build --quiet --strict -f packaging/site/mkdocs.yml

# 500 simulated homes by one process and by one and two workers: equal tables, time, memory (HOMES=500)
HOMES ?= 500
fleet-check: install
	$(BIN)/python -m tests.benchmarks.fleet $(HOMES)

# the simulated home at ten times its pace for an hour of its time, with ten faults: how late frames and findings are told,
# which findings differ from those of check, memory; five million frames replayed: whether memory grows; a recording that is
# killed twenty times: whether its file lacks a frame that was shown (SECONDS=3600 SPEED=10 FRAMES=5000000 KILLS=20)
SECONDS ?= 3600
SPEED ?= 10
FRAMES ?= 5000000
KILLS ?= 20
live-check: install
	$(BIN)/python -m tests.benchmarks.live --seconds $(SECONDS) --speed $(SPEED)
	$(BIN)/python -m tests.benchmarks.live --replay $(FRAMES)
	$(BIN)/python -m tests.benchmarks.live --killed $(KILLS)

# 61,300 mutated GBCS messages of each kind: built again octet by octet, or said where not
mutations: install
	HANSCOPE_MUTATIONS=61300 $(BIN)/python -m pytest -n auto tests/dissectors/gbcs/test_mutations.py

# every target of tests/fuzz (or TARGETS="gbcs dlms") for SECONDS each; coverage-guided where atheris can be had
fuzz: install
	@$(BIN)/python -m pip install --quiet --group fuzz || echo "note: no atheris for this Python: hypothesis it is" >&2
	$(BIN)/python -m tests.fuzz $(TARGETS) --seconds $(SECONDS)
