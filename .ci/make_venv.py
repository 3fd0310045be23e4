"""Make a virtual environment with pip, even if python3-venv and pip are not installed.

Debian ships Python without ensurepip. pip then comes from Debian's wheel, which is installed
or is downloaded from Debian's archive without root. The Makefile runs
``python3 .ci/make_venv.py FOLDER``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

OLDEST = (3, 11)
WHEELS = Path("/usr/share/python-wheels")
REPOSITORY = Path(__file__).resolve().parents[1]


def make_venv(folder: Path) -> None:
    """Make the environment, unless it exists and works."""
    if not _has_pip(folder):
        venv.EnvBuilder(clear=True, symlinks=True).create(folder)
    if not _has_pip(folder):
        _run(folder, "-m", "ensurepip", "--default-pip")
    if not _has_pip(folder):
        with tempfile.TemporaryDirectory(prefix="skyscan-pip-") as work:
            wheel = _installed_wheel() or _downloaded_wheel(Path(work))
            _run(folder, f"{wheel}/pip", "install", "--quiet", "--no-index", f"{wheel}")
    if not _has_pip(folder):
        sys.exit("No pip: install python3-venv (Debian) or your system's equivalent.")


def _has_pip(folder: Path) -> bool:
    # An environment that was moved still runs, but reports its old folder.
    code = "import pip, sys; print(sys.prefix)"
    return _run(folder, "-c", code) == str(folder.resolve())


def _run(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [folder / "bin/python", *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return "" if done.returncode else done.stdout.strip()


def _installed_wheel() -> Path | None:
    return next(iter(sorted(WHEELS.glob("pip-*.whl"), reverse=True)), None)


def _downloaded_wheel(work: Path) -> Path | None:
    sys.path.insert(0, str(REPOSITORY))
    from condor.software import apt

    try:
        for deb in apt.download(["python3-pip-whl"], work):
            if apt.package_name(deb) == "python3-pip-whl":
                apt.unpack(deb, work / "root")
    except apt.AptFailed as error:
        print(f"Cannot download pip from Debian's archive: {error}", file=sys.stderr)
    return next((work / "root").rglob("pip-*.whl"), None)


if __name__ == "__main__":
    if sys.version_info < OLDEST:
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Python {version} is too old; choose 3.11 or newer: make PYTHON=python3.x")
    make_venv(Path(sys.argv[1]))
