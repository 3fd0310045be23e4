#!/bin/sh
# Run one step of a scan on an execute machine: the scan's own code, transferred as skyscan.zip,
# in the Python of the scan's runtime. condor/runtimes.py sets one of
#   SKYSCAN_PYTHON     the interpreter (else python3)
#   SKYSCAN_ENV_SHELL  an icetray env-shell to load first: its path, or PY3V/METAPROJECT/VERSION
#                      of IceCube's CVMFS, or "image": the one of this container, if it has one
# and SKYSCAN_KERNELS=avx2 for the same kernels on all machines, SKYSCAN_CODE_SHA256, the digest of skyscan.zip, and SKYSCAN_UMASK, the umask of the user who
# planned the scan: files keep their modes when they are transferred back.

here=$PWD
umask "${SKYSCAN_UMASK:-0022}"
PATH=${PATH:-/usr/local/bin:/usr/bin:/bin}
export PATH

not_here() {
    machine=$(PATH=/usr/bin:/bin uname -n)
    echo "skyscan: error: $1 on $machine; another machine may do (exit 75)" >&2
    exit 75
}

# Take over the environment that an env-shell sets. Python is not started inside the env-shell,
# which would stay as a shell between HTCondor and Python and would not pass SIGTERM on.
load() {
    [ -x "$1" ] || not_here "there is no env-shell $1"
    # Its own output goes to stderr; descriptor 3 carries the variables.
    loaded=$("$1" /bin/sh -c 'export -p >&3' 3>&1 >&2) && [ -n "$loaded" ] ||
        not_here "the env-shell $1 fails"
    eval "$loaded"
}

# Load PY3V/METAPROJECT/VERSION as IceCube's own icetray-env does (WIPACrepo/cvmfs, py3-v4).
load_of_icecube() {
    base=/cvmfs/icecube.opensciencegrid.org/${1%%/*}
    [ -x "$base/setup.sh" ] || not_here "there is no $base/setup.sh"
    # It prints commands for the shell that SHELL names; SROOT is the build for this system.
    variables=$(SHELL=/bin/sh "$base/setup.sh") || not_here "$base/setup.sh fails"
    eval "$variables"
    metaproject=$SROOT/metaprojects/${1#*/}
    if [ -x "$metaproject/bin/icetray-shell" ]; then
        load "$metaproject/bin/icetray-shell"
    else
        load "$metaproject/env-shell.sh"
    fi
}

# HTCondor does not run the entry point of an image. These are the entry points of IceCube's
# images, newest first (WIPACrepo/docker-icecube-icetray).
load_of_image() {
    for shell in /opt/icetray/bin/icetray-shell /usr/local/icetray/env-shell.sh; do
        if [ -x "$shell" ]; then
            load "$shell"
            return
        fi
    done
}

# A job whose output is missing at its end is held rather than failed. The result replaces the one
# on the access point, so it begins as a copy of that one.
mkdir -p startup
option=''
for word in "$@"; do
    case $option in
    --earlier) earlier=$word ;;
    --result) result=$word ;;
    --earlier-frames) earlier_frames=$word ;;
    --frames) frames=$word ;;
    esac
    option=$word
done
if [ -e "${earlier:-}" ] && [ -n "${result:-}" ] && [ ! -e "$result" ]; then
    cp "$earlier" "$result.part" && mv "$result.part" "$result"
fi

if [ -n "${frames:-}" ] && [ ! -e "$frames" ]; then
    if [ -e "$earlier_frames" ]; then
        cp "$earlier_frames" "$frames.part" && mv "$frames.part" "$frames"
    else
        : >"$frames"
    fi
fi

case ${SKYSCAN_ENV_SHELL:-} in
'') ;;
image) load_of_image ;;
/*) load "$SKYSCAN_ENV_SHELL" ;;
*) load_of_icecube "$SKYSCAN_ENV_SHELL" ;;
esac

python=${SKYSCAN_PYTHON:-python3}
command -v "$python" >/dev/null || not_here "there is no $python"
# The code itself reports what else is missing, but old versions of Python cannot read it. Python
# would skip a truncated zip and use another installed skyscan, and would run a damaged one.
check='import hashlib, sys
if sys.version_info < (3, 10): sys.exit(3)
if sys.argv[1]:
    try: content = open("skyscan.zip", "rb").read()
    except IOError: sys.exit(4)
    if hashlib.sha256(content).hexdigest() != sys.argv[1]: sys.exit(4)'
"$python" -S -c "$check" "${SKYSCAN_CODE_SHA256:-}"
code=$?
case $code in
0) ;;
4) not_here "skyscan.zip is damaged or missing" ;;
1[3-9]?) not_here "$python was killed by signal $((code - 128))" ;;
12[67]) not_here "$python cannot be executed" ;;
3)
    found=$("$python" --version 2>&1)
    echo "skyscan: error: $python is $found on $(uname -n), but jobs need Python 3.10 or newer:" \
        "choose another --runtime (exit 65)" >&2
    exit 65
    ;;
*) not_here "$python does not start" ;;
esac

PYTHONPATH="$here/skyscan.zip${PYTHONPATH:+:$PYTHONPATH}"
PYTHONDONTWRITEBYTECODE=1
# A job has one core; results must not depend on the number of cores of the machine.
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
export PYTHONPATH PYTHONDONTWRITEBYTECODE OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS

# numpy and OpenBLAS choose kernels by the processor, and kernels differ in the last digits. An image
# may have set these variables too, perhaps with names that its numpy does not know.
if [ "${SKYSCAN_KERNELS:-}" = avx2 ]; then
    grep -qw avx2 /proc/cpuinfo || not_here "the processor has no AVX2"
    unset NPY_DISABLE_CPU_FEATURES NPY_ENABLE_CPU_FEATURES
    NPY_DISABLE_CPU_FEATURES=$("$python" -m skyscan.job.kernels)
    OPENBLAS_CORETYPE=Haswell
    export OPENBLAS_CORETYPE NPY_DISABLE_CPU_FEATURES
fi
exec "$python" -m skyscan "$@"
