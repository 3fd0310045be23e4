"""The settings of the personal pool: for one user on one machine, with short intervals."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from condor.software.apptainer import find_apptainer
from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from condor.find import HTCondor
    from condor.personal.account import Account

#: Commands: number of cores of the personal pool, read when it starts. Default: the cores that
#: the process may use.
CPUS_VARIABLE = "SKYSCAN_POOL_CPUS"
OURS = "SKYSCAN_POOL"  # a setting that only our pools have
LEVELS = (
    "READ",
    "WRITE",
    "DAEMON",
    "ADMINISTRATOR",
    "CONFIG",
    "NEGOTIATOR",
    "ADVERTISE_MASTER",
    "ADVERTISE_SCHEDD",
    "ADVERTISE_STARTD",
)


def pool_settings(htcondor: HTCondor, folder: Path, account: Account) -> dict[str, str]:
    """Return the whole configuration of a pool, as names and values.

    Parameters
    ----------
    htcondor : HTCondor
        The HTCondor whose daemons run.
    folder : Path
        The pool's folder.
    account : Account
        The account that they run under.
    """
    return {
        OURS: "True",
        **htcondor.folders(),
        **_only_this_machine(),
        **_only_this_user(folder, account),
        **_machine(),
        **_containers(),
        **_quick(),
        **_dagman(),
    }


def _only_this_machine() -> dict[str, str]:
    return {
        # No other file may change these settings.
        "LOCAL_CONFIG_DIR": "",
        "LOCAL_CONFIG_FILE": "",
        "BIND_ALL_INTERFACES": "False",
        **_loopback(),
        "NETWORK_HOSTNAME": "localhost",
        # Its sockets are files, whose paths may have at most 107 characters.
        "USE_SHARED_PORT": "False",
        "UID_DOMAIN": "localhost",
        "TRUST_DOMAIN": "localhost",
        # Transfer the files of jobs, as in a pool of many machines.
        "FILESYSTEM_DOMAIN": "localhost",
        "STARTD.FILESYSTEM_DOMAIN": "slot.localhost",
        "STARTER.FILESYSTEM_DOMAIN": "slot.localhost",
    }


def _loopback() -> dict[str, str]:
    """Return the settings of this machine's own address: IPv4, unless there is none."""
    try:
        with socket.socket(socket.AF_INET) as trial:
            trial.bind(("127.0.0.1", 0))
    except OSError:
        address, has_ipv4 = "::1", False
    else:
        address, has_ipv4 = "127.0.0.1", True
    return {
        "CONDOR_HOST": address if has_ipv4 else f"[{address}]",
        "NETWORK_INTERFACE": address,
        "ENABLE_IPV4": str(has_ipv4),
        "ENABLE_IPV6": str(not has_ipv4),
    }


def _only_this_user(folder: Path, account: Account) -> dict[str, str]:
    tokens = str(folder / "tokens.d")
    values = {
        "SEC_DEFAULT_AUTHENTICATION": "REQUIRED",
        "SEC_DEFAULT_AUTHENTICATION_METHODS": "IDTOKENS",
        "SEC_DEFAULT_ENCRYPTION": "REQUIRED",
        "SEC_DEFAULT_INTEGRITY": "REQUIRED",
        "SEC_TOKEN_DIRECTORY": tokens,
        "SEC_TOKEN_SYSTEM_DIRECTORY": tokens,  # where root's tools look
        "SEC_TOKEN_POOL_SIGNING_KEY_FILE": str(folder / "passwords.d" / "POOL"),
        "QUEUE_SUPER_USERS": f"condor, {account.name}",
    }
    for level in (*LEVELS, "CLIENT"):
        values[f"SEC_{level}_AUTHENTICATION"] = "REQUIRED"
        values[f"SEC_{level}_AUTHENTICATION_METHODS"] = "IDTOKENS"
    # Daemons sign tokens of their own with the pool's key, as condor@localhost.
    for level in LEVELS:
        values[f"ALLOW_{level}"] = f"{account.identity}, condor@localhost"
    return values


def cores() -> int:
    """Return the number of cores of a personal pool that starts now.

    Raises
    ------
    WrongUsage
        ``CPUS_VARIABLE`` is not a number of cores.
    """
    text = os.environ.get(CPUS_VARIABLE, "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) == 0:
        raise WrongUsage(
            f"{CPUS_VARIABLE}={text!r} must be a number of cores, from 1 to 99999."
        )
    return int(text)


def _machine() -> dict[str, str]:
    return {
        "NUM_CPUS": str(cores()),
        **_memory(),
        **_limits(),
        # One partitionable slot, since a retry may request more memory.
        "NUM_SLOTS": "1",
        "NUM_SLOTS_TYPE_1": "1",
        "SLOT_TYPE_1": "100%",
        "SLOT_TYPE_1_PARTITIONABLE": "True",
        # Jobs run whether or not the user is at the keyboard.
        "START": "True",
        "SUSPEND": "False",
        "CONTINUE": "True",
        "PREEMPT": "$(MEMORY_EXCEEDED) || $(DISK_EXCEEDED)",
        "KILL": "False",
        "WANT_SUSPEND": "False",
        "WANT_VACATE": "True",
        "PREEMPTION_REQUIREMENTS": "False",
        "RANK": "0",
        "BASE_CGROUP": "",
    }


def _limits() -> dict[str, str]:
    """Return settings that hold jobs which exceed their requests, as pools with cgroups do.

    HTCondor has similar templates, such as ``use POLICY:HOLD_IF_MEMORY_EXCEEDED``.
    """
    return {
        "MEMORY_EXCEEDED": "(MemoryUsage =!= UNDEFINED && MemoryUsage > Memory)",
        "DISK_EXCEEDED": "(DiskUsage =!= UNDEFINED && DiskUsage > Disk)",
        "WANT_HOLD": "$(MEMORY_EXCEEDED) || $(DISK_EXCEEDED)",
        "WANT_HOLD_SUBCODE": "ifThenElse($(MEMORY_EXCEEDED), 102, 104)",
        "WANT_HOLD_REASON": (
            'ifThenElse($(MEMORY_EXCEEDED), "memory usage exceeded request_memory", '
            '"disk usage exceeded request_disk")'
        ),
    }


def _containers() -> dict[str, str]:
    apptainer = find_apptainer()
    if apptainer is None:
        return {"SINGULARITY": "/bin/false"}
    return {
        "SINGULARITY": str(apptainer),
        # As on the OSPool. The job's folder may be below /var/tmp, which is another folder
        # inside a container, so it needs another path there.
        "SINGULARITY_TARGET_DIR": "/srv",
        # The startd tests this with an image that Debian's package does not contain.
        "HasSIF": "True",
        "STARTD_ATTRS": "$(STARTD_ATTRS) HasSIF",
    }


def _memory() -> dict[str, str]:
    """Return the memory limit of this process's container as a setting, if it has one."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return {}
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if not limit.isdigit() or int(limit) >= total:
        return {}
    return {"MEMORY": str(int(limit) // 2**20)}


def _quick() -> dict[str, str]:
    return {
        "NEGOTIATOR_INTERVAL": "1",
        "NEGOTIATOR_MIN_INTERVAL": "1",
        "NEGOTIATOR_CYCLE_DELAY": "1",
        "NEGOTIATOR_UPDATE_INTERVAL": "30",
        "SCHEDD_INTERVAL": "2",
        # A DAGMan starts at the next such cycle; SCHEDD_INTERVAL_TIMESLICE limits which part of
        # the schedd's time they take.
        "SCHEDD_MIN_INTERVAL": "0",
        "JOB_START_DELAY": "0",
        "JOB_START_COUNT": "50",
        "PERIODIC_EXPR_INTERVAL": "5",
        "MAX_PERIODIC_EXPR_INTERVAL": "30",
        "UPDATE_INTERVAL": "5",
        "POLLING_INTERVAL": "2",
        "STARTER_INITIAL_UPDATE_INTERVAL": "5",
        "STARTER_UPDATE_INTERVAL": "30",
        "SHADOW_QUEUE_UPDATE_INTERVAL": "60",
        # Processor benchmarks and the disk-load throttle are for shared machines.
        "RUNBENCHMARKS": "False",
        "BENCHMARKS_JOBLIST": "",
        "FILE_TRANSFER_DISK_LOAD_THROTTLE": "",
        # Each starter queries each plugin's capabilities, and most plugins start Python.
        "FILETRANSFER_PLUGINS": "$(LIBEXEC)/curl_plugin",
        "MAX_CONCURRENT_DOWNLOADS": "20",
        "MAX_CONCURRENT_UPLOADS": "20",
        # By default, a user gets at most a fifth of that as new matches in a cycle (25).
        "MAX_CONCURRENT_UPLOADS_PER_USER": "0",
        # A DAGMan that a stop of the pool ended starts again at once (25.10: after 300 s).
        "SCHEDULER_UNIVERSE_COOL_DOWN_DURATION": "0",
        # Before it starts a job, the starter asks the shadow for guidance, and waits for 5 s if
        # the shadow has not noticed yet that all files are there: with 25.14.1, every second
        # job of a scan. With this switch, which no manual names, the starter does not ask.
        "GUIDANCE_MUMS_THE_WORD": "True",
        "START_LOCAL_UNIVERSE": "TotalLocalJobsRunning < 100",
        "START_SCHEDULER_UNIVERSE": "TotalSchedulerJobsRunning < 1000",
        # Restart a killed daemon within seconds.
        "MASTER_BACKOFF_CONSTANT": "1",
        "MASTER_BACKOFF_CEILING": "10",
        # When a schedd dies, its jobs continue while their starters live, and run again if a
        # starter does not answer for this long (default 40 minutes, for wide-area pools).
        "JOB_DEFAULT_LEASE_DURATION": "30",
        "ALIVE_INTERVAL": "10",
        # The time that a job has to save its checkpoint when it or the pool is stopped.
        "MachineMaxVacateTime": "20",
        "SHUTDOWN_GRACEFUL_TIMEOUT": "40",
    }


def _dagman() -> dict[str, str]:
    return {
        "DAGMAN_USER_LOG_SCAN_INTERVAL": "1",
        "DAGMAN_MAX_SUBMITS_PER_INTERVAL": "200",
        "DAGMAN_HOLD_CLAIM_TIME": "20",
    }
