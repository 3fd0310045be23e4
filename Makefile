# make demo    run a complete scan on this machine
# make test    run all tests with a real HTCondor, and part of them with a newer one (NEWER= does
#              not); HTCONDOR=forky runs all with the HTCondor of another Debian suite
# make soak    run small scans with random faults; SOAK="--scans 20 --seed 7" sets options
# make load    run one round of 5,000 jobs on 100 slots, with faults while it runs (hours);
#              LOAD="--jobs 1000 --slots 50" sets options
# make physics compare the open reconstructions with official scans and with truth (minutes), and
#              write the results into docs/physics.md; PHYSICS="--events bronze" sets options
# make coverage  simulate and scan events, and measure the levels of the regions (hours; it can be
#              stopped and continued); COVERAGE_EVENTS=500 sets the number of events of each sample
# make check   lint Python and shell, check spelling, types and import contracts, build the site
# make docs    build the documentation site in docs/_build
# make setup   create .venv, and download HTCondor if the machine has none; the others do this first
# make clean   remove what was built here, but not the pool and the cache in your home directory

.DEFAULT_GOAL := setup
# A folder is named docs.
.PHONY: setup demo check docs test test-newer soak load physics coverage clean htcondor

VENV := .venv
# The name contains the folder, because a virtual environment cannot be moved.
STAMP := $(VENV)/.installed-$(subst /,-,$(CURDIR))
# The first Python that is recent enough; `make PYTHON=...` chooses another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)

# Debian suite from which HTCondor is downloaded; empty for the default.
HTCONDOR ?= $(SKYSCAN_HTCONDOR_SUITE)
ifneq ($(HTCONDOR),)
export SKYSCAN_HTCONDOR_SUITE := $(HTCONDOR)
endif
# The tests marked `versions` also run on the HTCondor of this suite; empty for none.
NEWER ?= forky
# Seconds for its download, and for the tests on it.
NEWER_SETUP_LIMIT ?= 300
NEWER_LIMIT ?= 900

# Number of test modules that run at the same time; those that use a pool mostly wait.
WORKERS ?= 3
# These are not in pytest's configuration, because tests also run in images without pytest-cov.
# `make test COVERAGE=` does not measure coverage, and is faster.
COVERAGE ?= --cov --cov-report=xml

setup: $(STAMP) htcondor

$(STAMP): pyproject.toml .ci/make_venv.py
	@echo "Setting up $(VENV)"
	@$(PYTHON) .ci/make_venv.py $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev,plots]'
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

# Warnings, such as a broken link, are errors. Every page is built again, because Sphinx does not
# watch the code from which the reference pages are generated.
docs: $(STAMP)
	$(VENV)/bin/sphinx-build --quiet --fresh-env --write-all --fail-on-warning --keep-going \
		--conf-dir docs . docs/_build

PYTEST := $(VENV)/bin/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test: setup
	$(PYTEST) $(COVERAGE)
	@$(if $(COVERAGE),echo "Coverage of lines and branches: \
	$$($(VENV)/bin/coverage report --format=total --precision=1) % (.coverage, coverage.xml)")

	@$(if $(HTCONDOR),,$(if $(NEWER),$(MAKE) --no-print-directory test-newer))

# Without network, with an HTCondor that nobody has tried yet, or on a machine that is too busy, this
# is skipped: what a suite of Debian in the making has today must not fail the tests.
test-newer: export SKYSCAN_HTCONDOR_SUITE = $(NEWER)
test-newer: $(STAMP)
	@if [ -n "$(NEWER)" ] && timeout --kill-after=10 $(NEWER_SETUP_LIMIT) \
		$(VENV)/bin/python -m condor --tried; then \
		timeout --foreground --signal=INT --kill-after=60 $(NEWER_LIMIT) \
			$(PYTEST) -m versions tests/condor tests/workflows; \
		status=$$?; \
		case $$status in \
			124|137) echo "NOTICE: the tests on a newer HTCondor (suite: $(NEWER)) did not end" \
				"within $(NEWER_LIMIT) s; those above did.";; \
			*) exit $$status;; \
		esac; \
	else \
		echo "NOTICE: no test ran on a newer HTCondor (suite: $(NEWER))."; \
	fi

soak: setup
	$(VENV)/bin/python tests/workflows/soak.py $(SOAK)

load: setup
	$(VENV)/bin/python benchmarks/load.py $(LOAD)

physics: $(STAMP)
	$(VENV)/bin/python benchmarks/physics.py $(PHYSICS)

# How many events each sample of `make coverage` has; those in benchmarks/coverage count.
COVERAGE_EVENTS ?= 1000
CAMPAIGN := $(VENV)/bin/python -m skyscan.coverage
SAMPLES := benchmarks/coverage

coverage: $(STAMP)
	for sample in calibration validation; do for kind in muon shower; do \
		$(CAMPAIGN) run $(SAMPLES) --kind $$kind --sample $$sample \
		--number $(COVERAGE_EVENTS) || exit 1; done; done
	$(CAMPAIGN) merge $(SAMPLES) $(SAMPLES)
	$(CAMPAIGN) levels $(SAMPLES) --output skyscan/data/levels.json
	$(CAMPAIGN) check $(SAMPLES)

clean:
	rm -rf $(VENV) .runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf docs/_build .coverage .coverage.* coverage.xml
	find skyscan condor workflows tests -name __pycache__ -prune -exec rm -rf {} +
