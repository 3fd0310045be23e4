import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from condor.errors import PoolDoesNotAnswer
from condor.personal.account import pool_account
from condor.personal.daemons import DAEMONS
from condor.personal.processes import Process, pool_processes
from condor.pool import Pool, pool_folder, start, status, stop, users_own_pool

pytestmark = pytest.mark.pool


def folder_of(pool: Pool) -> Path:
    assert pool.config is not None
    return pool.config.parent


def daemons_of(pool: Pool) -> list[Process]:
    """Return the daemons, without jobs and DAGMans of other tests."""
    return [it for it in pool_processes(folder_of(pool)) if it.name in DAEMONS]


def listening_sockets(pids: set[int]) -> dict[str, str]:
    """Return the addresses and protocols on which processes listen, from /proc."""
    inodes = set()
    for pid in pids:
        for file in Path(f"/proc/{pid}/fd").iterdir():
            found = re.match(r"socket:\[(\d+)\]", str(file.readlink()))
            inodes |= {found[1]} if found else set()
    sockets = {}
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{protocol}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[9] in inodes and (fields[3] == "0A" or protocol.startswith("udp")):
                sockets[fields[1]] = protocol
    return sockets


def test_a_running_pool_is_not_started_again(pool):
    before = daemons_of(pool)
    assert start() == pool
    assert daemons_of(pool) == before


def test_the_status_shows_version_and_folder(pool):
    found = status()
    assert found.is_running
    assert found.pool == pool
    assert pool.version in found.text
    assert str(folder_of(pool)) in found.text


def test_nobody_else_can_enter_the_folder_or_read_the_key(pool):
    folder = folder_of(pool)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for secret in ("passwords.d/POOL", "tokens.d/skyscan"):
        assert stat.S_IMODE((folder / secret).stat().st_mode) == 0o600
        assert stat.S_IMODE((folder / secret).parent.stat().st_mode) == 0o700


def test_keys_that_others_may_read_become_private_again(pool):
    before = daemons_of(pool)
    secrets = [folder_of(pool) / name for name in ("passwords.d/POOL", "tokens.d/skyscan")]
    for secret in secrets:
        secret.chmod(0o644)
        secret.parent.chmod(0o755)
    assert not pool.answers()  # HTCondor uses none of them
    assert start() == pool
    assert daemons_of(pool) == before
    assert [stat.S_IMODE(it.stat().st_mode) for it in secrets] == [0o600] * 2
    assert [stat.S_IMODE(it.parent.stat().st_mode) for it in secrets] == [0o700] * 2


def test_daemons_listen_on_loopback_only(pool):
    pids = {process.pid for process in daemons_of(pool)}
    sockets = listening_sockets(pids)
    assert sockets
    loopback = socket.inet_aton("127.0.0.1")[::-1].hex().upper()
    strangers = {address for address in sockets if address.split(":")[0] != loopback}
    assert not strangers


def other_config(pool: Pool, folder: Path, tokens: dict[str, str], methods: str) -> Pool:
    """Return the configuration of the pool for a user with other tokens."""
    (folder / "tokens").mkdir(mode=0o700)
    for name, token in tokens.items():
        file = folder / "tokens" / name
        file.touch(mode=0o600)
        file.write_text(token + "\n")
    text = (folder_of(pool) / "condor_config").read_text()
    config = folder / "condor_config"
    lines = [
        f"SEC_TOKEN_DIRECTORY = {folder}/tokens",
        f"SEC_TOKEN_SYSTEM_DIRECTORY = {folder}/tokens",
        f"SEC_PASSWORD_DIRECTORY = {folder}/none",
        f"SEC_TOKEN_POOL_SIGNING_KEY_FILE = {folder}/none/POOL",
        # Otherwise root's tools fail before they contact the pool.
        "CONDOR_IDS = 1.1",
        f"SEC_DEFAULT_AUTHENTICATION_METHODS = {methods}",
        f"SEC_CLIENT_AUTHENTICATION_METHODS = {methods}",
    ]
    config.write_text(text + "\n".join(lines) + "\n")
    return Pool(config, pool.bin, pool.sbin, pool.version, is_users_own=True)


def token_by(key_owner: Pool) -> str:
    """Return a token for the pool's user, signed with the key of a configuration."""
    identity = pool_account().identity
    made = key_owner.run("condor_token_create", "-identity", identity, "-key", "POOL")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def test_the_token_of_the_pool_is_accepted_from_another_folder(pool, tmp_path):
    # The control for the tests below: they fail because of the token, not the folder.
    assert other_config(pool, tmp_path, {"mine": token_by(pool)}, "IDTOKENS").answers()


@pytest.mark.parametrize("tool", ["condor_q", "condor_status"])
def test_without_a_token_the_pool_answers_nothing(pool, tmp_path, tool):
    other = other_config(pool, tmp_path, {}, "IDTOKENS, FS, CLAIMTOBE, ANONYMOUS")
    done = other.run(tool)
    assert done.returncode
    assert "Failed to authenticate" in done.stderr
    assert not done.stdout.strip()


def test_a_token_with_another_key_is_refused(pool, tmp_path):
    other = other_config(pool, tmp_path, {}, "IDTOKENS")
    (tmp_path / "none").mkdir(mode=0o700)
    (tmp_path / "none/POOL").touch(mode=0o600)
    (tmp_path / "none/POOL").write_text("another key, of another pool")
    (tmp_path / "tokens/forged").touch(mode=0o600)
    (tmp_path / "tokens/forged").write_text(token_by(other) + "\n")
    done = other.run("condor_q", "-totals")
    assert done.returncode
    assert "Failed to authenticate using IDTOKENS" in done.stderr


def test_a_stranger_cannot_submit(pool, tmp_path):
    other = other_config(pool, tmp_path, {}, "IDTOKENS, FS, CLAIMTOBE, ANONYMOUS")
    (tmp_path / "job.sub").write_text("executable = /bin/true\nqueue\n")
    done = other.run("condor_submit", str(tmp_path / "job.sub"))
    assert done.returncode
    assert "authenticat" in done.stderr.lower()


def test_the_bindings_reach_the_pool_with_its_environment(pool):
    code = "import htcondor2 as h; print(h.Schedd().query(), len(h.Collector().query()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **pool.environment()},
        capture_output=True,
        text=True,
        check=True,
    )
    jobs, ads = done.stdout.rsplit(maxsplit=1)
    assert jobs.startswith("[")
    assert int(ads) >= 5


def test_the_export_lines_make_a_shell_reach_the_pool(pool):
    script = "\n".join([*pool.exports(), "condor_q -totals"])
    clean = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
    subprocess.run(["bash", "-ec", script], env=clean, check=True, capture_output=True)


def test_a_pool_of_the_user_is_used_unchanged(pool, tmp_path, monkeypatch):
    # For a user with CONDOR_CONFIG, this pool plays the existing one.
    token = (folder_of(pool) / "tokens.d/skyscan").read_text().strip()
    theirs = other_config(pool, tmp_path, {"mine": token}, "IDTOKENS")
    assert theirs.config is not None
    text = theirs.config.read_text().replace("SKYSCAN_POOL = True\n", "")
    theirs.config.write_text(text)
    monkeypatch.setenv("CONDOR_CONFIG", str(theirs.config))
    monkeypatch.setenv("PATH", f"{pool.bin}:{pool.sbin}:{os.environ['PATH']}")
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "never"))

    found = start()

    assert found.is_users_own
    assert found.config == theirs.config
    assert status().is_running
    assert not stop()
    assert found.answers()
    assert not (tmp_path / "never").exists()


def test_a_pool_of_the_user_that_is_down_is_named_and_no_other_is_started(
    pool, tmp_path, monkeypatch
):
    config = tmp_path / "condor_config"
    config.write_text("CONDOR_HOST = 127.0.0.1\nSCHEDD_HOST = 127.0.0.1\n")
    monkeypatch.setenv("CONDOR_CONFIG", str(config))
    monkeypatch.setenv("PATH", f"{pool.bin}:{pool.sbin}:{os.environ['PATH']}")
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "never"))
    with pytest.raises(PoolDoesNotAnswer, match="unset CONDOR_CONFIG"):
        start()
    assert not (tmp_path / "never").exists()


def test_variables_set_by_the_bindings_are_not_a_pool_of_the_user(monkeypatch):
    monkeypatch.setenv("CONDOR_CONFIG", "/dev/null")
    assert users_own_pool() is None


def test_the_environment_of_a_personal_pool_selects_it(pool, monkeypatch):
    monkeypatch.delenv("SKYSCAN_POOL_DIR")
    for name, value in pool.environment().items():
        monkeypatch.setenv(name, value)
    assert users_own_pool() is None
    assert pool_folder() == folder_of(pool)
