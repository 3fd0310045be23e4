"""Apptainer, which runs jobs inside an image: the machine's own, or Debian's relocated.

It needs no root where users may make user namespaces.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from condor.errors import NoApptainer
from condor.software import relocate


def lay_out(root: Path, prefix: Path) -> None:
    """Lay out what Apptainer looks for beside its programs, and say where its tools are."""
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


# Debian 12 and 13 have none.
APPTAINER = relocate.Software(
    name="apptainer",
    recipe=1,
    suite="sid",
    # squashfs-tools make and unpack .sif images. squashfuse would mount them instead, but
    # where it is and /dev/fuse cannot be opened (many containers) no .sif runs at all.
    packages=("apptainer", "squashfs-tools"),
    # Networks of its own and ids of other users are for root.
    without=("ca-certificates", "containernetworking-plugins", "uidmap"),
    unwanted=("libc-gconv",),
    programs=("usr/bin", "usr/lib/x86_64-linux-gnu/apptainer/bin"),
    libraries=("usr/lib", "usr/lib/x86_64-linux-gnu"),
    trial=("usr/bin/apptainer", "--version"),
    answer="apptainer version",
    finish=lay_out,
)
NAMES = ("apptainer", "singularity")
MEND = "Install your system's apptainer package, or put an apptainer's bin folder on PATH."


def find_apptainer() -> Path | None:
    """Return the program: that of PATH, or the one set up in the cache; None without any."""
    on_path = next(filter(None, map(shutil.which, NAMES)), None)
    if on_path:
        return Path(on_path)
    prefix = relocate.installed(APPTAINER)
    return prefix / "usr/bin/apptainer" if prefix else None


def have_apptainer(cache: Path | None = None) -> Path:
    """Return the program, set up in the cache if the machine has none.

    Raises
    ------
    NoApptainer
        It cannot be set up here; the text says why and what to do instead.
    """
    found = find_apptainer()
    if found:
        return found
    try:
        return relocate.install(APPTAINER, cache) / "usr/bin/apptainer"
    except relocate.SetUpFailed as error:
        raise NoApptainer(f"Apptainer cannot be set up here: {error}\n{MEND}") from error


def namespace_trouble() -> str | None:
    """Return why this user cannot run an image without root here, None if that works."""
    # Some systems let a user make a namespace, but do nothing in it: mounting is the proof.
    mount = ["mount", "-t", "tmpfs", "none", "/tmp"]  # noqa: S108 - inside the namespace only
    try:
        done = subprocess.run(
            ["unshare", "--user", "--map-root-user", "--mount", *mount],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        return f"{error.filename} (util-linux) is missing"
    return f"no user namespaces: {done.stderr.strip()}" if done.returncode else None
