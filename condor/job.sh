#!/bin/sh
# Runs one step of a scan on whatever machine a job lands: the scan's own code, sent along
# as skyscan.zip, in the machine's (or image's) Python.
PYTHONPATH="$PWD/skyscan.zip${PYTHONPATH:+:$PYTHONPATH}"
PYTHONDONTWRITEBYTECODE=1
# One job is one core; results must not depend on how many the machine has.
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS
# An output that is missing at the end would be a held job, not a failed one.
mkdir -p startup
exec "${SKYSCAN_PYTHON:-python3}" -m skyscan "$@"
