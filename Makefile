# make demo    a whole scan on this machine, from nothing
# make test    every test, on a real HTCondor
# make soak    small scans, and at random whatever can go wrong; SOAK="--scans 20 --seed 7"
# make check   lint (Python and shell), spelling, types, import contracts, the site
# make docs    the documentation site, in docs/_build
# make setup   what the others begin with: .venv, and an HTCondor if there is none
# make clean   removes what was made here; the pool and the cache in your home stay

.DEFAULT_GOAL := setup
# docs is a folder, too.
.PHONY: setup demo check docs test soak clean htcondor

VENV := .venv
# The folder is part of the name: a virtual environment that was moved does not work.
STAMP := $(VENV)/.installed-$(subst /,-,$(CURDIR))
# The first one that is new enough; `make PYTHON=...` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)

# Modules of tests at a time: those on the pool mostly wait.
WORKERS ?= 3
# Options not of pytest's own configuration: the tests in an image have no pytest-cov.
# `make test COVERAGE=` measures nothing and is quicker.
COVERAGE ?= --cov --cov-report=xml

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
	$(VENV)/bin/codespell
	@$(MAKE) --no-print-directory docs

# A warning, such as a link that leads nowhere, is an error; nothing is kept of an earlier build,
# since what the pages have from the code is not among the files that Sphinx watches.
docs: $(STAMP)
	$(VENV)/bin/sphinx-build --quiet --fresh-env --write-all --fail-on-warning --keep-going \
		--conf-dir docs . docs/_build

test: setup
	$(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(COVERAGE)
	@$(if $(COVERAGE),echo "Coverage of lines and branches: \
	$$($(VENV)/bin/coverage report --format=total --precision=1) % (.coverage, coverage.xml)")

soak: setup
	$(VENV)/bin/python tests/workflows/soak.py $(SOAK)

clean:
	rm -rf $(VENV) .runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf docs/_build .coverage .coverage.* coverage.xml
	find skyscan condor workflows tests -name __pycache__ -prune -exec rm -rf {} +
