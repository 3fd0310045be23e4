"""``python -m condor``: find HTCondor on this machine, or set it up.

With ``--tried``, an HTCondor that is newer than those that scans were run with is an error.
"""

from __future__ import annotations

import sys

from condor.errors import CondorError
from condor.find import find_htcondor
from condor.pool import users_own_pool
from condor.software.install import install
from condor.versions import is_untried, tried_text
from skyscan.errors import ExitCode


def main(*, tried: bool = False) -> int:
    """Print which HTCondor is used; return an exit code."""
    try:
        own = None if tried else users_own_pool()
        if own:
            print(f"HTCondor {own.version}, your own pool")
            return 0
        if find_htcondor() is None:
            print("Setting up HTCondor (about 60 MB, once)", flush=True)
            install()
        found = find_htcondor()
    except CondorError as error:
        print(error, file=sys.stderr)
        return int(error.exit_code)
    if found and tried and is_untried(found.version):
        print(f"HTCondor {found.version_text} is newer than {tried_text()}", file=sys.stderr)
        return int(ExitCode.TRY_AGAIN)
    print(f"HTCondor {found.version_text} in {found.bin}" if found else "HTCondor is missing")
    return 0 if found else 1


if __name__ == "__main__":
    sys.exit(main(tried="--tried" in sys.argv[1:]))
