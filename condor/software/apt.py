"""Download Debian packages without root, by a private apt that leaves the machine's alone.

The machine's apt configuration still decides how to reach a mirror (proxy, certificates,
credentials); sources, package lists, cache and the list of installed packages are private. apt
verifies the signatures with Debian's own archive keys.

Only the standard library is used: set-up runs this before anything is installed.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Commands: Debian mirror from which HTCondor, Apptainer and images are set up. Default: the
#: machine's own sources.
MIRROR_VARIABLE = "SKYSCAN_DEBIAN_MIRROR"
SUITE = "trixie"
KEYRINGS = (
    Path("/usr/share/keyrings/debian-archive-keyring.gpg"),
    Path("/usr/share/keyrings/debian-archive-keyring.pgp"),  # its name from Debian 13 on
    Path("/etc/apt/keyrings/debian-archive-keyring.gpg"),
)
TOOLS = ("apt-get", "dpkg-deb", "tar")


_INSTALLED = """\
Package: {name}
Status: install ok installed
Architecture: all
Multi-Arch: foreign
Version: 999
Maintainer: nobody
Description: not wanted

"""


class AptFailed(Exception):
    """The packages cannot be downloaded or unpacked; the message says why."""


def download(
    packages: Sequence[str], folder: Path, *, suite: str = SUITE, without: Sequence[str] = ()
) -> list[Path]:
    """Download packages and their dependencies and verify the signatures.

    Parameters
    ----------
    packages : sequence of str
        Names of Debian packages.
    folder : Path
        A new or empty folder, for apt's private state and the packages.
    suite : str
        Debian release.
    without : sequence of str
        Dependencies to leave out, together with the packages that only they need.

    Returns
    -------
    list of Path
        The ``.deb`` files of the packages and all their dependencies.
    """
    _require_apt()
    keyring = archive_keyring()
    # Try all mirrors: an in-house mirror may hold one release only.
    troubles = []
    for number, mirror in enumerate(mirrors(folder)):
        private = folder / f"apt{number}"
        config = _write_configuration(private, f"{mirror} {suite} main", keyring, without)
        try:
            _apt_get(config, "update")
            _apt_get(config, "--yes", "--download-only", "install", *packages)
        except AptFailed as error:
            troubles.append(f"{mirror}: {error}")
            continue
        return sorted((private / "cache/archives").glob("*.deb"))
    raise AptFailed("\n".join(troubles) or "the sources of apt name no Debian mirror")


def unpack(deb: Path, prefix: Path) -> None:
    """Unpack the files of a package into a folder without running its scripts.

    The files belong to the current user. An existing link to a folder stays a link
    (``dpkg -x`` of Debian 12 would replace it by a folder).
    """
    prefix.mkdir(parents=True, exist_ok=True)
    tar = ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(prefix)]
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as archive:
        done = subprocess.run(
            tar,
            stdin=archive.stdout,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    if done.returncode or archive.returncode:
        raise AptFailed(f"{deb.name} cannot be unpacked: {done.stderr.strip()}")


def package_name(deb: Path) -> str:
    """Return the name of the package from the name of its ``.deb`` file."""
    return deb.name.partition("_")[0]


def package_version(deb: Path) -> str:
    """Return the Debian version from the name of a ``.deb`` file."""
    return deb.name.split("_")[1].replace("%3a", ":")


def mirrors(folder: Path) -> list[str]:
    """Return the Debian mirror that the user chose, else those of the machine's sources."""
    chosen = os.environ.get(MIRROR_VARIABLE)
    if chosen:
        return [chosen]
    # `indextargets` is empty on a machine that never ran `apt-get update`, but this is not.
    state = folder / "sources"
    (state / "lists/partial").mkdir(parents=True, exist_ok=True)
    listed = _run(["apt-get", "update", "--print-uris", "-o", f"Dir::State={state}"])
    found = re.findall(r"^'([^']+)/dists/([^/']+)/InRelease'", listed, flags=re.MULTILINE)
    # A security mirror holds security updates only.
    return list(dict.fromkeys(uri for uri, suite in found if not suite.endswith("-security")))


def archive_keyring() -> Path:
    """Return Debian's archive keyring on this machine."""
    for keyring in KEYRINGS:
        if keyring.is_file():
            return keyring
    raise AptFailed(
        f"Debian's archive keyring {KEYRINGS[0]} is missing; "
        "install the package debian-archive-keyring"
    )


def _require_apt() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise AptFailed(f"this is {platform.system()} {platform.machine()}, not Linux x86_64")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise AptFailed(f"this machine has no {' and no '.join(missing)}")


def _write_configuration(
    private: Path, source: str, keyring: Path, without: Sequence[str] = ()
) -> Path:
    for name in ("state/lists/partial", "cache/archives/partial"):
        (private / name).mkdir(parents=True, exist_ok=True)
    # Nothing counts as installed, so all dependencies are fetched, down to the C library. Only
    # the packages to leave out count as installed and so are not fetched.
    (private / "status").write_text("".join(_INSTALLED.format(name=name) for name in without))
    (private / "sources.list").write_text(f"deb [signed-by={keyring}] {source}\n")
    config = private / "apt.conf"
    config.write_text("\n".join(_configuration(private)) + "\n")
    return config


def _configuration(private: Path) -> list[str]:
    values = {
        "Dir::Etc::sourcelist": private / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::State": private / "state",
        "Dir::State::status": private / "status",
        "Dir::Cache": private / "cache",
        "Dir::Log": private / "log",
        "APT::Architecture": "amd64",
        "APT::Install-Recommends": "false",
        "APT::Install-Suggests": "false",
        "APT::Get::AllowUnauthenticated": "false",
        "Acquire::AllowInsecureRepositories": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        # As root, apt would download as the user _apt, who cannot enter a home folder.
        "APT::Sandbox::User": "root",
    }
    # The machine's hooks belong to its own package system and need its rights.
    hooks = ("APT::Update::Pre-Invoke", "APT::Update::Post-Invoke")
    cleared = (*hooks, "APT::Update::Post-Invoke-Success", "DPkg::Pre-Install-Pkgs")
    return [
        *(f"#clear {name};" for name in (*cleared, "APT::Architectures")),
        'APT::Architectures { "amd64"; };',
        *(f'{name} "{value}";' for name, value in values.items()),
    ]


def _apt_get(config: Path, *arguments: str) -> str:
    return _run(["apt-get", "-q", "-c", str(config), *arguments])


def _run(command: list[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    # apt also exits with 0 after an update that could not reach a mirror.
    troubles = [line for line in done.stderr.splitlines() if line.startswith(("E:", "W:"))]
    failed = done.returncode or any("Failed to fetch" in line for line in troubles)
    if failed:
        raise AptFailed(" ".join(troubles) or f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
