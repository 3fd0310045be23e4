"""The folder of a personal pool, which holds nothing else: parts of it are deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.errors import PoolFolderIsTaken
from condor.personal.settings import OURS

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = "condor_config"
LOCK = "lock.start"
LAUNCH_LOG = "launch.log"
#: All that a pool, of any version that was tried, has in its folder.
NAMES = frozenset(
    {
        *(CONFIG, LOCK, LAUNCH_LOG, "execute", "lock", "log", "run", "spool"),
        *("passwords.d", "system_tokens.d", "tokens.d", "known_hosts"),
        *("hostcert.pem", "hostkey.pem", "trust_domain_ca.pem", "trust_domain_ca_privkey.pem"),
    }
)


def is_configured(config: Path) -> bool:
    """Return whether a configuration file is that of a personal pool."""
    try:
        return f"\n{OURS} = True\n" in config.read_text(errors="replace")
    except OSError:
        return False


def others_in(folder: Path) -> list[str]:
    """Return the names of the files and folders that are not a pool's."""
    return sorted(it.name for it in folder.iterdir() if it.name not in NAMES)


def check_place(folder: Path) -> None:
    """Check that a folder is that of a pool, or empty.

    A pool makes it private, and deletes ``run``, ``lock`` and ``execute`` in it at each start.

    Raises
    ------
    PoolFolderIsTaken
        It has other files, and no pool was started in it.
    """
    others = others_in(folder)
    if others and not is_configured(folder / CONFIG):
        raise PoolFolderIsTaken(
            f"{folder} has other files ({', '.join(map(ascii, others[:3]))}), and the folder "
            f"of a personal pool must be its own; choose a new one, such as {folder / 'pool'}."
        )
