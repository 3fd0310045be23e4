"""Which versions of HTCondor a scan runs on, and what only some of them know.

All that a scan itself uses is older than `OLDEST`: PRE_SKIP, FINAL nodes, checkpoint_exit_code
with transfer_checkpoint_files, max_retries, NumHolds, the container universe. What a site's
profile may add is not, and older versions pass over it without a word. Versions are those of
HTCondor's manual ("Version History").
"""

from __future__ import annotations

import re

Version = tuple[int, ...]

OLDEST: Version = (23, 0)
#: Newer series may have dropped what we use; nobody has tried.
NEWEST_SERIES = 25
#: Keys of a site's tables, and since when they do anything.
SINCE: dict[str, Version] = {
    "submit.gpus_minimum_capability": (23, 5, 2),
    "submit.gpus_minimum_memory": (23, 5, 2),
    "submit.gpus_minimum_runtime": (23, 5, 2),
    "dagman.DAGMAN_CHECK_QUEUE_INTERVAL": (23, 7, 2),
}
#: Token files that others may read are passed over from here on.
PRIVATE_TOKENS: Version = (23, 8, 1)


def parse_version(text: str) -> Version | None:
    """Read ``23.9.6``, alone or in what HTCondor's tools print; None if there is none."""
    found = re.search(r"(?:CondorVersion: |^)(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None


def version_text(version: Version) -> str:
    """Return the version as people write it."""
    return ".".join(map(str, version))


def is_too_old(version: Version) -> bool:
    """Tell whether scans cannot run on it."""
    return version < OLDEST


def is_untried(version: Version) -> bool:
    """Tell whether it is newer than what scans were tried with."""
    return version[0] > NEWEST_SERIES
