#!/bin/sh
# Runs one step of a scan on whatever machine a job lands: the scan's own code, sent along
# as skyscan.zip, in the Python of the scan's runtime. condor/runtimes.py sets one of
#   SKYSCAN_PYTHON     the interpreter (else python3)
#   SKYSCAN_ENV_SHELL  an icetray env-shell to load first: its path, or PY3V/METAPROJECT/VERSION
#                      of IceCube's CVMFS, or "image": the one of this container, if it has one
# and SKYSCAN_CODE_SHA256, the digest of skyscan.zip, and SKYSCAN_UMASK of who planned the scan:
# files keep their modes on their way home.

here=$PWD
umask "${SKYSCAN_UMASK:-0022}"
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
export PATH

not_here() {
    machine=$(PATH=/usr/bin:/bin uname -n)
    echo "skyscan: error: $1 on $machine; another machine may do (exit 75)" >&2
    exit 75
}

# Takes over the environment that an env-shell makes. Python is not started inside of one: it
# stays as a shell between HTCondor and Python, and SIGTERM would end at it.
load() {
    [ -x "$1" ] || not_here "there is no env-shell $1"
    # What it prints itself goes to stderr; 3 is for the answer.
    loaded=$("$1" /bin/sh -c 'export -p >&3' 3>&1 >&2) && [ -n "$loaded" ] ||
        not_here "the env-shell $1 fails"
    eval "$loaded"
}

# PY3V/METAPROJECT/VERSION, found as IceCube's own icetray-env does (WIPACrepo/cvmfs, py3-v4).
load_of_icecube() {
    base=/cvmfs/icecube.opensciencegrid.org/${1%%/*}
    [ -x "$base/setup.sh" ] || not_here "there is no $base/setup.sh"
    # It prints what the shell that SHELL names would set; SROOT is the build for this system.
    variables=$(SHELL=/bin/sh "$base/setup.sh") || not_here "$base/setup.sh fails"
    eval "$variables"
    metaproject=$SROOT/metaprojects/${1#*/}
    if [ -x "$metaproject/bin/icetray-shell" ]; then
        load "$metaproject/bin/icetray-shell"
    else
        load "$metaproject/env-shell.sh"
    fi
}

# HTCondor runs no entry point of an image. These are the ones of IceCube's, newest first
# (WIPACrepo/docker-icecube-icetray).
load_of_image() {
    for shell in /opt/icetray/bin/icetray-shell /usr/local/icetray/env-shell.sh; do
        if [ -x "$shell" ]; then
            load "$shell"
            return
        fi
    done
}

# An output that is missing at the end would be a held job, not a failed one; and what goes
# home replaces what is there, so it begins as a copy of that.
mkdir -p startup
option=''
for word in "$@"; do
    case $option in
    --earlier) earlier=$word ;;
    --result) result=$word ;;
    esac
    option=$word
done
if [ -e "${earlier:-}" ] && [ -n "${result:-}" ] && [ ! -e "$result" ]; then
    cp "$earlier" "$result.part" && mv "$result.part" "$result"
fi

case ${SKYSCAN_ENV_SHELL:-} in
'') ;;
image) load_of_image ;;
/*) load "$SKYSCAN_ENV_SHELL" ;;
*) load_of_icecube "$SKYSCAN_ENV_SHELL" ;;
esac

python=${SKYSCAN_PYTHON:-python3}
command -v "$python" >/dev/null || not_here "there is no $python"

# Python would pass over a torn zip, for another skyscan that it has, and run a damaged one.
sum='import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())'
[ -z "${SKYSCAN_CODE_SHA256:-}" ] ||
    [ "$("$python" -S -c "$sum" skyscan.zip)" = "$SKYSCAN_CODE_SHA256" ] ||
    not_here "skyscan.zip is damaged or missing"

PYTHONPATH="$here/skyscan.zip${PYTHONPATH:+:$PYTHONPATH}"
PYTHONDONTWRITEBYTECODE=1
# One job is one core; results must not depend on how many the machine has.
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS
exec "$python" -m skyscan "$@"
