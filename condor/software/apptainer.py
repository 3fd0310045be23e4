"""Apptainer, which runs jobs in an image: the machine's own, or Debian's, relocated.

It needs no root where users may create user namespaces.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from condor.errors import NoApptainer
from condor.software import relocate


def lay_out(root: Path, prefix: Path) -> None:
    """Create the folders that Apptainer needs beside its programs; set its tools' path."""
    for link, target in (
        ("usr/etc", "../etc"),
        ("usr/var", "../var"),
        ("usr/lib/etc", "../../etc"),
        ("usr/lib/var", "../../var"),
    ):
        (root / link).symlink_to(target)
    (root / "var/lib/apptainer/mnt/session").mkdir(parents=True, exist_ok=True)
    with (root / "etc/apptainer/apptainer.conf").open("a") as file:
        file.write(f"binary path = {prefix}/usr/bin:$PATH:/usr/sbin:/usr/bin:/sbin:/bin\n")


# Debian 12 and 13 do not have Apptainer.
APPTAINER = relocate.Software(
    name="apptainer",
    recipe=1,
    suite="sid",
    # squashfs-tools create and unpack .sif images. squashfuse would mount them instead, but if
    # it is there and /dev/fuse cannot be opened (as in many containers), no .sif runs at all.
    packages=("apptainer", "squashfs-tools"),
    # Private networks and the ids of other users are for root only.
    without=("ca-certificates", "containernetworking-plugins", "uidmap"),
    unwanted=("libc-gconv",),
    programs=("usr/bin", "usr/lib/x86_64-linux-gnu/apptainer/bin"),
    libraries=("usr/lib", "usr/lib/x86_64-linux-gnu"),
    trial=("usr/bin/apptainer", "--version"),
    answer="apptainer version",
    finish=lay_out,
)
NAMES = ("apptainer", "singularity")
ADVICE = "Install your system's apptainer package, or add the folder of apptainer to PATH."


def find_apptainer() -> Path | None:
    """Return the program on PATH, else the one in the cache; None if there is neither."""
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    if on_path:
        return Path(on_path)
    prefix = relocate.installed(APPTAINER)
    return prefix / "usr/bin/apptainer" if prefix else None


def have_apptainer(cache: Path | None = None) -> Path:
    """Return the program; set it up in the cache if the machine has none.

    Raises
    ------
    NoApptainer
        It cannot be set up here; the message says why and what to do instead.
    """
    found = find_apptainer()
    if found:
        return found
    try:
        return relocate.install(APPTAINER, cache) / "usr/bin/apptainer"
    except relocate.SetUpFailed as error:
        raise NoApptainer(f"Apptainer cannot be set up here: {error}\n{ADVICE}") from error


def namespace_trouble() -> str | None:
    """Return why this user cannot run an image without root; None if it works."""
    # Some systems let a user create a namespace but do nothing in it, so try a mount.
    mount = ["mount", "-t", "tmpfs", "none", "/tmp"]  # noqa: S108 - inside the namespace only
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", *mount],
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    except FileNotFoundError as error:
        return f"{error.filename} (util-linux) is missing"
    return f"no user namespaces: {done.stderr.strip()}" if done.returncode else None
