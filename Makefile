# make demo    a whole scan on this machine, from nothing
# make test    every test, on a real HTCondor
# make soak    small scans, and at random whatever can go wrong; SOAK="--scans 20 --seed 7"
# make check   lint (Python and shell), types, import contracts
# make setup   what the others begin with: .venv, and an HTCondor if there is none
# make clean   removes what was made here; the pool and the cache in your home stay

.DEFAULT_GOAL := setup
.PHONY: setup demo check test soak clean htcondor

VENV := .venv
# The folder is part of the name: a virtual environment that was moved does not work.
STAMP := $(VENV)/.installed-$(subst /,-,$(CURDIR))
# The first one that is new enough; `make PYTHON=...` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)

# Modules of tests at a time: those on the pool mostly wait.
WORKERS ?= 3

setup: $(STAMP) htcondor

$(STAMP): pyproject.toml .ci/make_venv.py
	@echo "Setting up $(VENV)"
	@$(PYTHON) .ci/make_venv.py $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

htcondor: $(STAMP)
	@$(VENV)/bin/python -m condor

demo: setup
	$(VENV)/bin/skyscan demo

check: $(STAMP)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/shellcheck condor/job.sh condor/dagman.sh workflows/engines/pegasus/carry.sh .ci/run

test: setup
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

soak: setup
	$(VENV)/bin/python tests/workflows/soak.py $(SOAK)

clean:
	rm -rf $(VENV) .runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find skyscan condor workflows tests -name __pycache__ -prune -exec rm -rf {} +
