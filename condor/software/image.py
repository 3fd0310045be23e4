"""Build the smallest image for jobs: Debian 12 with Python, numpy, scipy and healpy.

It needs neither root nor a registry: Debian's packages are unpacked into a folder, the
necessary steps of their maintainer scripts are repeated, and Apptainer turns the folder into a
sandbox (an image that is a folder) or a ``.sif`` file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from condor.errors import NoImage
from condor.software import apt
from condor.software.apptainer import have_apptainer, namespace_trouble
from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

SUITE = "bookworm"
PYTHON = ("python3", "python3-numpy", "python3-scipy", "python3-healpy")
# Packages for the shell script that starts Python.
SHELL = (
    *("base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "sed"),
    *("gzip", "tar"),  # in Pegasus' jobs
)
# Unused dependencies: a compiler (for scipy's pythran), windows and web pages (for matplotlib),
# test tools (for astropy), and package management.
UNUSED = (
    "debconf",
    "dpkg",
    "libjs-jquery",
    "libjs-jquery-ui",
    "python3-fonttools",
    "python3-pil.imagetk",
    "python3-pytest",
    "python3-pytest-astropy",
    "python3-pythran",
)
MERGED = ("bin", "lib", "lib64", "sbin")  # links to the same names in usr, as in Debian 12
LIBRARIES = "usr/lib/x86_64-linux-gnu"
# Links and copies that maintainer scripts would make (such as update-alternatives).
LINKS = {
    f"{LIBRARIES}/libblas.so.3": "blas/libblas.so.3",
    f"{LIBRARIES}/liblapack.so.3": "lapack/liblapack.so.3",
    "usr/bin/awk": "mawk",
}
COPIES = {
    "etc/passwd": "usr/share/base-passwd/passwd.master",
    "etc/group": "usr/share/base-passwd/group.master",
}
PACKAGE_LIST = "etc/skyscan-packages"
# Mount points: not every system can create them in a read-only image.
MOUNT_POINTS = ("etc/hosts", "etc/localtime", "etc/resolv.conf")
FOLDERS = ("media", "mnt", "opt", "srv")
DOCUMENTATION = ("doc", "info", "locale", "man")


def make_image(image: Path, extra: Sequence[str] = ()) -> Path:
    """Build an image; remove it if it cannot be finished.

    Parameters
    ----------
    image : Path
        The new sandbox folder, or a new file if the name ends in ``.sif``.
    extra : sequence of str
        Names of further Debian packages.

    Returns
    -------
    Path
        `image`.

    Raises
    ------
    WrongUsage
        The path exists.
    NoImage, NoApptainer
        It cannot be built here; the message says why.
    """
    image = image.resolve()
    if image.exists():
        raise WrongUsage(f"{image} already exists: remove it, or choose another path.")
    apptainer = have_apptainer()
    trouble = namespace_trouble()
    if trouble:
        raise NoImage(f"This user cannot build or run an image here: {trouble}.")
    image.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=image.parent, prefix=f".{image.name}-") as folder:
        work = Path(folder)
        _unpack(work / "root", work / "packages", (*PYTHON, *SHELL, *extra))
        _build(apptainer, work / "sandbox", work / "root")
        _compile(apptainer, work / "sandbox")
        made = work / "sandbox"
        if image.suffix == ".sif":
            made = _build(apptainer, work / "image.sif", work / "sandbox")
        made.rename(image)
    return image


def _unpack(root: Path, packages: Path, names: Sequence[str]) -> None:
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    packages.mkdir()
    try:
        without = [name for name in UNUSED if name not in names]
        debs = apt.download(names, packages, suite=SUITE, without=without)
        for deb in debs:
            apt.unpack(deb, root)
    except apt.AptFailed as error:
        raise NoImage(f"The image cannot be built here: {error}") from error
    for link, target in LINKS.items():
        (root / link).symlink_to(target)
    for copy, original in COPIES.items():
        shutil.copyfile(root / original, root / copy)
    for name in MOUNT_POINTS:
        (root / name).touch()
    for name in FOLDERS:
        (root / name).mkdir(exist_ok=True)
    for name in DOCUMENTATION:
        shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
    versions = (f"{apt.package_name(deb)} {apt.package_version(deb)}\n" for deb in debs)
    (root / PACKAGE_LIST).write_text("".join(versions))


def _build(apptainer: Path, image: Path, source: Path) -> Path:
    kind = [] if image.suffix == ".sif" else ["--sandbox"]
    _run([apptainer, "build", *kind, image, source], image.parent)
    return image


def _compile(apptainer: Path, sandbox: Path) -> None:
    """Compile all of Python's modules, since a read-only image cannot store them later."""
    inside = ("exec", "--userns", "--contain", "--writable", sandbox)
    compiling = ("python3", "-m", "compileall", "-q", "-j", "0", "/usr/lib/python3")
    _run([apptainer, *inside, *compiling, "/usr/lib/python3.11"], sandbox.parent)


def _run(command: Sequence[Path | str], work: Path) -> None:
    own = {name: str(work) for name in ("APPTAINER_CACHEDIR", "APPTAINER_CONFIGDIR")}
    done = subprocess.run(
        command,
        env={**os.environ, **own, "APPTAINER_TMPDIR": str(work)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise NoImage(f"{' '.join(map(str, command))}\nfailed; no image was built:\n{last}")
