"""Remove the personal pool, and the programs that were set up for it."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from condor.errors import PoolIsInUse
from condor.personal.daemons import stop_personal
from condor.personal.place import CONFIG, LAUNCH_LOG, LOCK, is_configured, others_in
from condor.personal.processes import processes_from
from condor.software.relocate import cache_folder
from skyscan.locks import locked

if TYPE_CHECKING:
    from pathlib import Path

#: In the cache: programs by version, those that are being set up, and their locks; for a suite
#: that was chosen, in a folder of its own. Data of jobs are there, too (`skyscan.staging`).
_PROGRAMS = re.compile(r"\.?(?:htcondor|apptainer|image)(?:-.+|\.lock|\.new)")
_SUITE = re.compile(r"[a-z][a-z-]*", re.ASCII)
#: Records of the schedd's log of its queue: an ad was made (101) or destroyed (102). Those of
#: jobs have keys such as 12.0; users, clusters and the queue itself have ads too.
_RECORD = re.compile(r"^(101|102) 0*([1-9]\d*\.\d+)(?= |$)", re.MULTILINE)
_NEW = "101"


class Removable(NamedTuple):
    """What a removal removes: the folder of the pool, and folders and files of the cache."""

    pool: Path | None
    cache: list[Path]

    @property
    def paths(self) -> list[Path]:
        """Return all of them."""
        return [*([self.pool] if self.pool else []), *self.cache]


def removable(folder: Path) -> Removable:
    """Return what there is to remove of the pool in a folder.

    Raises
    ------
    PoolIsInUse
        The folder is not that of a personal pool, or holds other files.
    """
    programs = sorted(it for it in cache_folder().glob("*") if _is_programs(it))
    if not folder.exists():
        return Removable(None, programs)
    others = others_in(folder)
    if {it.name for it in folder.iterdir()} <= {LOCK, LAUNCH_LOG}:
        return Removable(folder, programs)
    if not is_configured(folder / CONFIG):
        raise PoolIsInUse(
            f"{folder} does not look like a personal pool: its {CONFIG} is missing or another "
            f"one. Nothing was removed; look at the folder and remove it yourself."
        )
    if others:
        raise PoolIsInUse(
            f"{folder} is the folder of a personal pool, but it has other files, too: "
            f"{', '.join(map(ascii, others[:5]))}. Nothing was removed; move them elsewhere."
        )
    return Removable(folder, programs)


def _is_programs(path: Path) -> bool:
    """Return whether something in the cache was set up for the pool or its jobs.

    The cache may be a folder in which the user has other things, such as this program's code.
    """
    if _PROGRAMS.fullmatch(path.name):
        return True
    if not (_SUITE.fullmatch(path.name) and path.is_dir()):
        return False
    inside = [it.name for it in path.iterdir()]
    return bool(inside) and all(map(_PROGRAMS.fullmatch, inside))


def remove_personal(folder: Path, patience: float) -> Removable:
    """Stop the pool of a folder; remove it and the programs in the cache.

    Parameters
    ----------
    folder : Path
        The folder of the pool.
    patience : float
        Seconds that its daemons have to end by themselves.

    Raises
    ------
    PoolIsInUse
        There are jobs in its queue, or another pool runs from the same programs.
    """
    found = removable(folder)
    _refuse_jobs(folder)
    others = processes_from(cache_folder(), except_of=folder)
    if others:
        which = ", ".join(f"{it.name} ({it.pid})" for it in others[:5])
        raise PoolIsInUse(
            f"Other processes run programs in {cache_folder()}: {which}. Stop them first; "
            f"another personal pool stops with `skyscan pool stop` and its SKYSCAN_POOL_DIR "
            f"or SKYSCAN_HTCONDOR_SUITE."
        )
    if found.pool is not None:
        stop_personal(folder, patience)
        with locked(folder / LOCK):
            _refuse_jobs(folder)  # that were submitted meanwhile
            shutil.rmtree(folder.resolve())
            folder.unlink(missing_ok=True)  # a link to it
    for path in found.cache:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return found


def queued_jobs(folder: Path) -> int:
    """Count the jobs in the queue of a pool, running or not, from the schedd's own log."""
    log = folder / "spool" / "job_queue.log"
    jobs: set[str] = set()
    if log.is_file():
        for kind, job in _RECORD.findall(log.read_text(errors="replace")):
            (jobs.add if kind == _NEW else jobs.discard)(job)
    return len(jobs)


def _refuse_jobs(folder: Path) -> None:
    number = queued_jobs(folder)
    if number:
        raise PoolIsInUse(
            f"The queue of the pool in {folder} has {number} job{'s' * (number > 1)}: wait "
            f"until it is empty, or remove scans with `skyscan abort`, other jobs with "
            f"`condor_rm`. Nothing was removed."
        )
