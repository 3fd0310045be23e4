"""The versions of HTCondor that scans run on, and the features that only some of them have.

Everything that a scan itself uses is older than `OLDEST`: PRE_SKIP, FINAL nodes,
checkpoint_exit_code with transfer_checkpoint_files, max_retries, NumHolds, the container
universe. Some keys of site profiles are newer, and older versions ignore them silently. The
versions are those of HTCondor's manual ("Version History").
"""

from __future__ import annotations

import re

Version = tuple[int, ...]

OLDEST: Version = (23, 0)
#: The versions that scans were run with; `make test` uses both.
TRIED: tuple[Version, ...] = ((23, 9, 6), (25, 14, 1))
#: Keys of a site's tables, and the version since which they have an effect.
SINCE: dict[str, Version] = {
    "submit.gpus_minimum_capability": (23, 5, 2),
    "submit.gpus_minimum_memory": (23, 5, 2),
    "submit.gpus_minimum_runtime": (23, 5, 2),
    "dagman.DAGMAN_CHECK_QUEUE_INTERVAL": (23, 7, 2),
}
#: The version since which ``condor_rm -transfer`` brings home what a job has written.
REMOVAL_WITH_TRANSFER: Version = (25, 8)
#: The version since which HTCondor ignores token files that others may read.
PRIVATE_TOKENS: Version = (23, 8, 1)


def parse_version(text: str) -> Version | None:
    """Return the version in a text such as ``23.9.6`` or the output of HTCondor's tools."""
    found = re.search(r"(?:CondorVersion: |^)(\d+)\.(\d+)\.(\d+)", text)
    return tuple(map(int, found.groups())) if found else None


def version_text(version: Version) -> str:
    """Return the version as text, such as ``23.9.6``."""
    return ".".join(map(str, version))


def is_too_old(version: Version) -> bool:
    """Return whether a version is too old for scans."""
    return version < OLDEST


def is_untried(version: Version) -> bool:
    """Return whether a version is of a newer series than those that scans were run with."""
    return version[:2] > max(TRIED)[:2]


def tried_text() -> str:
    """Return the versions that scans were run with as text, such as ``23.9.6 and 25.14.1``."""
    return " and ".join(map(version_text, TRIED))
