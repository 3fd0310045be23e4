"""The account that the personal pool's daemons run under.

HTCondor runs no jobs as root and needs a user name. Root (in containers and CI) and users
without a passwd entry therefore run the daemons in a user namespace: inside, they have an
unprivileged account; outside, they remain the same user, so files keep their owner.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass

from condor.errors import NoUserNamespace


@dataclass(frozen=True)
class Account:
    """The user name of daemons and jobs, and the command prefix that runs as that user."""

    name: str
    prefix: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """The name in HTCondor's tokens."""
        return f"{self.name}@localhost"


def pool_account() -> Account:
    """Return the account for daemons that this user starts.

    Raises
    ------
    NoUserNamespace
        A user namespace is needed but not available.
    """
    user = os.geteuid()
    if user != 0 and _has_name(user):
        return Account(pwd.getpwuid(user).pw_name)
    account = _unprivileged()
    ids = (f"--map-user={account.pw_uid}", f"--map-group={account.pw_gid}")
    prefix = ("unshare", "--user", *ids)
    _try_out(prefix)
    return Account(account.pw_name, prefix)


def _has_name(user: int) -> bool:
    try:
        pwd.getpwuid(user)
    except KeyError:
        return False
    return True


def _unprivileged() -> pwd.struct_passwd:
    """Return a system account; not ``nobody``, who owns everything that is not mapped."""
    try:
        return pwd.getpwnam("daemon")
    except KeyError:
        others = [
            entry for entry in pwd.getpwall() if entry.pw_uid and entry.pw_name != "nobody"
        ]
    if not others:
        raise NoUserNamespace("Root's pool needs an unprivileged account in /etc/passwd.")
    return min(others, key=lambda entry: entry.pw_uid)


def _try_out(prefix: tuple[str, ...]) -> None:
    if shutil.which(prefix[0]) is None:
        raise NoUserNamespace(f"The program unshare (util-linux) is missing. {_ADVICE}")
    done = subprocess.run(
        [*prefix, "true"],
        capture_output=True,
        encoding="utf-8",
        errors="backslashreplace",
        check=False,
    )
    if done.returncode:
        raise NoUserNamespace(
            f"Root cannot make a user namespace: {done.stderr.strip()}. {_ADVICE}"
        )


_ADVICE = (
    "HTCondor runs no jobs as root: run as a normal user, "
    "or allow user namespaces (container runtimes have an option for it)."
)
