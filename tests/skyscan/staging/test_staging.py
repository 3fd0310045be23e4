"""Data files by name, from folders and a real HTTP server, in concurrent or dying processes."""

import errno
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from staging_support import BUSY, CONTENT, NAME, PATIENCE, SHA256, Answer, DataServer

from skyscan import staging
from skyscan.errors import BadInput, TryAgain
from skyscan.locks import locked
from skyscan.staging import cache, transfer

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def server(folder, monkeypatch):  # noqa: ARG001  (its variables come first)
    """Return the server that replaces the real one."""
    server = DataServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    monkeypatch.setenv("SKYSCAN_DATA_URL", server.url)
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Return the cache folder of GCDs; variables of the user have no effect."""
    monkeypatch.setenv("SKYSCAN_DATA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("SKYSCAN_DATA_DIRS", raising=False)
    return tmp_path / "cache" / "baseline_gcds"


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """Return the pauses between tries, seconds, without waiting."""
    pauses = []
    monkeypatch.setattr(transfer, "sleep", pauses.append)
    return pauses


STORE = staging.Store("GCDs of the test", "baseline_gcds", (), staging.BASELINE_GCDS.url)


def leftovers(folder):
    ours = (".lock", ".sha256")
    return sorted(path.name for path in folder.glob(".*") if not path.name.endswith(ours))


def put(folder, content=b"local"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_bytes(content)
    return folder / NAME


def start(code="staging.stage(store, name)", **environment: str):
    """Start a process that stages a file and prints its SHA-256."""
    lines = (
        "import hashlib, resource",
        "from skyscan import staging",
        f"name = {NAME!r}",
        "store = staging.Store('GCDs', 'baseline_gcds', (), staging.BASELINE_GCDS.url)",
        f"path = {code}",
        "print(hashlib.sha256(path.read_bytes()).hexdigest())",
    )
    return subprocess.Popen(
        [sys.executable, "-c", "\n".join(lines)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_default_folders_and_addresses_are_those_of_upstream(monkeypatch):
    monkeypatch.delenv("SKYSCAN_DATA_URL")
    for store, folders, url in (
        (
            staging.SPLINES,
            ["/opt/i3-data/photon-tables/splines", "data/photon-tables/splines"],
            "spline-tables",
        ),
        (
            staging.BASELINE_GCDS,
            ["/opt/i3-data/baseline_gcds", "users/RealTime/GCD/PoleBaseGCDs"],
            "baseline_gcds",
        ),
    ):
        cvmfs = Path("/cvmfs/icecube.opensciencegrid.org")
        assert store.local == (Path(folders[0]), cvmfs / folders[1])
        assert store.address("a b#.fits") == (
            f"http://prod-exe.icecube.wisc.edu/{url}/a%20b%23.fits"
        )


def test_folders_are_searched_in_order_and_the_cache_last(
    tmp_path, monkeypatch, server, folder
):
    store = staging.Store("x", "baseline_gcds", (tmp_path / "own",), STORE.url)
    monkeypatch.setenv("SKYSCAN_DATA_DIRS", f"{tmp_path / 'first'}::{tmp_path / 'second'}")
    monkeypatch.chdir(put(tmp_path / "here").parent)  # an empty entry does not mean this
    assert staging.find(store, NAME) is None
    cached = staging.stage(store, NAME)
    assert cached == folder / NAME
    assert staging.find(store, NAME) == cached
    for name in ("own", "second", "first"):
        there = put(tmp_path / name)
        assert staging.find(store, NAME) == staging.stage(store, NAME) == there
    there = put(tmp_path / "gcd-dir")
    extra = (tmp_path / "nowhere", tmp_path / "gcd-dir")
    assert staging.find(store, NAME, extra) == staging.stage(store, NAME, extra) == there
    assert len(server.requests) == 1


def test_a_download_has_a_checksum_file_that_sha256sum_reads(server, folder):
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT
    assert leftovers(folder) == []
    done = subprocess.run(
        ["sha256sum", "-c", f".{NAME}.sha256"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"{NAME}: OK\n")
    assert staging.stage(STORE, NAME) == folder / NAME
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/etc/passwd", ".lock", "a\n", "a" * 200]
)
def test_a_name_with_a_folder_is_bad_input(server, name):
    for call in (staging.find, staging.stage, staging.is_offered):
        with pytest.raises(BadInput, match="plain name"):
            call(STORE, name)
    assert server.requests == []


@pytest.mark.parametrize("status", [404, 410])
def test_a_file_that_is_found_nowhere_is_bad_input_and_all_places_are_listed(
    server, tmp_path, folder, pauses, status
):
    server.answers = [Answer(status)]
    with pytest.raises(BadInput) as caught:
        staging.stage(STORE, NAME, [tmp_path / "gcd-dir"])
    url = f"{server.url}/baseline_gcds/{NAME} (HTTP {status}"
    for part in (f"{NAME} ({STORE.name})", "gcd-dir", url, "SKYSCAN_DATA_DIRS"):
        assert part in str(caught.value)
    assert (pauses, leftovers(folder)) == ([], [])


def test_a_file_that_may_be_in_an_unreadable_folder_is_a_temporary_error(
    server, tmp_path, monkeypatch, capfd
):
    server.answers = [Answer(404)]
    stat = Path.stat

    def stale(path: Path, **options: bool) -> os.stat_result:
        if path.parent == tmp_path / "cvmfs":
            raise OSError(errno.ESTALE, "Stale file handle")
        return stat(path, **options)

    monkeypatch.setattr(Path, "stat", stale)
    with pytest.raises(TryAgain, match=r"cvmfs/base\.i3\.gz: Stale file handle"):
        staging.stage(STORE, NAME, [tmp_path / "cvmfs"])
    assert staging.stage(STORE, NAME, [tmp_path / "cvmfs"]).read_bytes() == CONTENT
    assert "Stale file handle" in capfd.readouterr().err


def test_a_busy_server_is_tried_again_after_growing_pauses(server, pauses):
    server.answers = [Answer(BUSY), Answer(500), Answer(429)]
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT
    assert pauses == [2, 4, 8]


def test_a_server_that_stays_busy_is_a_temporary_error(server, folder, pauses):
    server.answers = [Answer(BUSY)] * 99
    with pytest.raises(TryAgain, match="HTTP 503"):
        staging.stage(STORE, NAME)
    assert len(server.requests) == transfer.TRIES == len(pauses) + 1
    assert sum(pauses) < 60
    assert not (folder / NAME).exists()


def test_a_server_that_refuses_access_is_not_tried_again(server):
    server.answers = [Answer(403)]
    with pytest.raises(TryAgain, match="HTTP 403"):
        staging.stage(STORE, NAME)
    assert len(server.requests) == 1


def test_an_address_without_a_server_is_a_temporary_error(monkeypatch):
    monkeypatch.setenv("SKYSCAN_DATA_URL", "http://127.0.0.1:1")
    with pytest.raises(TryAgain, match="refused"):
        staging.stage(STORE, NAME)
    assert staging.is_offered(STORE, NAME) is None


@pytest.mark.parametrize("url", ["prod-exe", "ftp://a", "file:///etc", "http://", "http://a:b"])
def test_a_mirror_without_an_http_address_is_bad_input(monkeypatch, url):
    monkeypatch.setenv("SKYSCAN_DATA_URL", url)
    for call in (staging.stage, staging.is_offered):
        with pytest.raises(BadInput, match="SKYSCAN_DATA_URL"):
            call(STORE, NAME)


def test_an_interrupted_transfer_starts_again(server):
    server.answers = [Answer(cut=400_000), Answer(cut=700_000, content=CONTENT[::-1])]
    assert staging.stage(STORE, NAME, sha256=SHA256.upper()).read_bytes() == CONTENT
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        Answer(cut=len(CONTENT) - 1),
        Answer(Content_Length=""),
        Answer(content=b""),
        Answer(Content_Type="text/html; charset=utf-8"),
        Answer(
            Content_Length="", Transfer_Encoding="chunked", content=b"5\r\nabcde\r\n0\r\n\r\n"
        ),
    ],
    ids=["cut", "length unknown", "empty", "web page", "chunks of any number"],
)
def test_an_incomplete_or_different_file_is_not_accepted(server, folder, answer):
    server.files.clear()
    server.answers = [answer] * 99
    with pytest.raises(TryAgain):
        staging.stage(STORE, NAME)
    assert [path.name for path in folder.iterdir()] == [f".{NAME}.lock"]
    assert staging.find(STORE, NAME) is None


@pytest.mark.parametrize("status", [200, 301, 302, 303, 307, 308, 404, 500])
def test_a_body_without_length_or_end_is_not_read(server, folder, status):
    server.files.clear()
    headers = {"Content_Length": "", "Location": f"{server.url}/nowhere"}
    server.answers = [Answer(status, endless=True, **headers) for _ in range(99)]
    with pytest.raises((TryAgain, BadInput)):
        staging.stage(STORE, NAME)
    assert [path.name for path in folder.iterdir()] == [f".{NAME}.lock"]


def test_a_redirect_leads_to_the_file(server):
    server.answers = [
        Answer(302, endless=True, Content_Length="", Location=f"{server.url}/there"),
        Answer(),
    ]
    assert staging.stage(STORE, NAME, sha256=SHA256).read_bytes() == CONTENT
    assert server.requests[1] == "/there"


@pytest.mark.parametrize(
    "there",
    [
        *("http://[::1/x", f"http://{'a' * 300}/x", "http://a..b/x", "http://\xe9\xff/x"),
        *("http://127.0.0.1:port/x", "file:///etc/passwd", "ftp://127.0.0.1:1/x", "data:,x"),
        "",
    ],
)
def test_a_redirect_to_what_is_no_address_of_a_server_is_a_temporary_error(server, there):
    moved = Answer(302, endless=True, Content_Length="0", Location=there)
    server.answers = [moved for _ in range(99)]
    with pytest.raises(TryAgain, match="cannot be downloaded"):
        staging.stage(STORE, NAME)
    server.files[f"/baseline_gcds/{NAME}"] = moved
    assert staging.is_offered(STORE, NAME) is None


def test_an_answer_of_another_protocol_is_no_file(monkeypatch, tmp_path):
    (tmp_path / "file").write_bytes(CONTENT)
    monkeypatch.setattr(transfer, "_open", lambda *_, **__: (tmp_path / "file").open("rb"))
    with pytest.raises(TryAgain, match="not HTTP"):
        staging.stage(STORE, NAME)


def test_an_answer_whose_head_has_no_end_is_given_up(monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", 0.2)
    monkeypatch.setattr(transfer, "QUESTION_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listening.accept()
                    with client, suppress(OSError):
                        client.recv(65536)
                        while True:  # each within the time-out
                            client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        monkeypatch.setenv("SKYSCAN_DATA_URL", f"http://127.0.0.1:{listening.getsockname()[1]}")
        with pytest.raises(TryAgain, match="cannot be downloaded"):
            staging.stage(STORE, NAME)
        assert staging.is_offered(STORE, NAME) is None
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_what_a_server_says_cannot_control_the_terminal(server):
    server.answers = [
        Answer(302, endless=True, Location="http://a/\x1b[31m") for _ in range(99)
    ]
    with pytest.raises(TryAgain) as failed:
        staging.stage(STORE, NAME)
    assert str(failed.value).isprintable()


def test_a_file_that_claims_to_be_larger_than_any_is_not_begun(server, folder):
    server.answers = [Answer(Content_Length=str(10**12)) for _ in range(9)]
    with pytest.raises(TryAgain, match="more than any data file"):
        staging.stage(STORE, NAME)
    assert [path.name for path in folder.iterdir()] == [f".{NAME}.lock"]
    assert len(server.requests) == 1


def test_a_server_that_stalls_is_tried_again(server, monkeypatch):
    monkeypatch.setattr(transfer, "TIMEOUT", 0.2)
    hold = threading.Event()
    server.answers = [Answer(cut=300_000, hold=hold), Answer(cut=0, hold=hold)]
    began = time.monotonic()
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT
    assert time.monotonic() - began < PATIENCE
    hold.set()
    assert len(server.requests) == 3


def test_a_server_that_is_too_slow_is_given_up_at_the_deadline(server, monkeypatch, folder):
    monkeypatch.setattr(staging, "TOTAL_TIMEOUT", 0.3)
    server.answers = [Answer(trickle=0.05)]  # 500 seconds
    began = time.monotonic()
    with pytest.raises(TryAgain, match="too slow"):
        staging.stage(STORE, NAME)
    assert time.monotonic() - began < PATIENCE
    assert leftovers(folder) == []


def test_unexpected_content_is_bad_input_and_is_not_kept(folder, tmp_path):
    with pytest.raises(BadInput, match=SHA256):
        staging.stage(STORE, NAME, sha256="0" * 64)
    assert staging.find(STORE, NAME) is None
    local = put(tmp_path / "gcd-dir")
    with pytest.raises(BadInput, match=re.escape(str(local))):
        staging.stage(STORE, NAME, [local.parent], sha256=SHA256)
    assert staging.stage(STORE, NAME, sha256=SHA256) == folder / NAME


def test_an_intact_cached_file_with_another_digest_is_downloaded_again(server):
    server.answers = [Answer(content=b"last year's")]
    assert staging.stage(STORE, NAME).read_bytes() == b"last year's"
    assert staging.stage(STORE, NAME, sha256=SHA256).read_bytes() == CONTENT


def flip(path):
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)


def truncate(path):
    os.truncate(path, 1000)


def lose_checksum(path):
    path.with_name(f".{path.name}.sha256").unlink()


def tear_checksum(path):
    os.truncate(path.with_name(f".{path.name}.sha256"), 60)


@pytest.mark.parametrize("damage", [flip, truncate, Path.unlink, lose_checksum, tear_checksum])
def test_a_damaged_file_in_the_cache_is_downloaded_again(server, damage):
    path = staging.stage(STORE, NAME)
    damage(path)
    assert staging.find(STORE, NAME) is None
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_truncated_file_is_detected_even_with_an_unchanged_time():
    path = staging.stage(STORE, NAME)
    before = path.stat()
    truncate(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT


def test_a_copied_cache_is_valid(server, folder, tmp_path, monkeypatch):
    staging.stage(STORE, NAME)
    shutil.copytree(folder, tmp_path / "other" / "baseline_gcds", copy_function=shutil.copyfile)
    monkeypatch.setenv("SKYSCAN_DATA_CACHE", str(tmp_path / "other"))
    read = []
    monkeypatch.setattr(cache, "sha256_of", lambda path: read.append(path) or SHA256)
    copied = tmp_path / "other" / "baseline_gcds" / NAME
    for _ in range(3):
        assert staging.find(STORE, NAME) == staging.stage(STORE, NAME) == copied
    assert read == [copied]  # its time is recorded then
    assert len(server.requests) == 1


def test_a_file_may_have_the_name_of_a_checksum(server):
    other = f"{NAME}.sha256"
    server.files[f"/baseline_gcds/{other}"] = Answer(content=b"other")
    for _ in range(2):
        assert staging.stage(STORE, NAME).read_bytes() == CONTENT
        assert staging.stage(STORE, other).read_bytes() == b"other"
    assert len(server.requests) == 2


def test_concurrent_processes_download_a_file_once(server):
    hold = threading.Event()
    server.answers = [Answer(cut=500_000, hold=hold)]
    processes = [start() for _ in range(16)]
    wait_until(lambda: server.requests)
    time.sleep(1)  # the others start to wait
    assert all(process.poll() is None for process in processes)
    assert len(server.requests) == 1
    hold.set()
    outputs = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [out for out, _ in outputs] == [f"{SHA256}\n"] * 16
    assert len(server.requests) == 2  # the interrupted one starts again


def test_a_file_that_another_process_downloaded_first_is_not_downloaded_again(
    server, monkeypatch
):
    @contextmanager
    def late(*options: Path) -> Iterator[None]:
        monkeypatch.setattr(staging, "locked", locked)
        staging.stage(STORE, NAME)  # the other
        with locked(*options):
            yield

    monkeypatch.setattr(staging, "locked", late)
    assert staging.stage(STORE, NAME).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_process_that_waits_for_another_prints_it(folder, server):
    folder.mkdir(parents=True)
    with locked(cache.lock_path(folder / NAME)):
        process = start()
        assert f"Waiting for {folder / NAME}: another job" in process.stderr.readline()
        assert server.requests == []
    assert process.communicate(timeout=PATIENCE)[0] == f"{SHA256}\n"


def test_when_a_downloading_process_is_killed_another_takes_over(server, folder):
    hold = threading.Event()
    server.answers = [Answer(cut=500_000, hold=hold)]
    first = start()
    wait_until(lambda: leftovers(folder) and server.requests)
    second = start()
    time.sleep(1)
    assert second.poll() is None
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.communicate(timeout=PATIENCE)[0] == f"{SHA256}\n"
    hold.set()
    assert leftovers(folder) == []  # the part of the first one is removed from the disk


def test_a_growing_download_of_another_machine_is_not_removed(folder):
    alive, dead = folder / f".{NAME}.elsewhere.part", folder / f".{NAME}.nowhere.part"
    folder.mkdir(parents=True)
    for path in (alive, dead):
        path.write_bytes(b"half")
    os.utime(dead, (time.time() - cache.DEAD_AFTER - 1,) * 2)
    staging.stage(STORE, NAME)
    assert leftovers(folder) == [alive.name]


def test_a_full_disk_is_reported_with_folder_and_variable(folder):
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999))"
    process = start(f"{limit} or staging.stage(store, name)")
    error = process.communicate(timeout=PATIENCE)[1]
    assert "TryAgain" in error.splitlines()[-1]
    assert str(folder) in error
    assert "SKYSCAN_DATA_CACHE" in error
    assert leftovers(folder) == []


def test_a_file_that_is_larger_than_the_disk_is_not_started(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(
        TryAgain, match=rf"{NAME} needs {len(CONTENT)} bytes, but only 0 are free"
    ):
        staging.stage(STORE, NAME)


def test_a_cache_that_cannot_be_created_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SKYSCAN_DATA_CACHE", str(tmp_path / "file" / "cache"))
    assert staging.find(STORE, NAME) is None
    with pytest.raises(TryAgain, match="SKYSCAN_DATA_CACHE"):
        staging.stage(STORE, NAME)


def test_a_cache_of_another_user_is_neither_read_nor_written(monkeypatch):
    staging.stage(STORE, NAME)
    us = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: us + 1)
    assert staging.find(STORE, NAME) is None
    with pytest.raises(TryAgain, match=f"uid {us}.*SKYSCAN_DATA_CACHE"):
        staging.stage(STORE, NAME)


def test_the_cache_is_in_the_home_folder_if_there_is_one(tmp_path, monkeypatch):
    monkeypatch.delenv("SKYSCAN_DATA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    where = Path("skyscan", "data", "baseline_gcds", NAME)
    assert staging.stage(STORE, NAME) == tmp_path / ".cache" / where
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert staging.stage(STORE, NAME) == tmp_path / "xdg" / where


def test_without_a_home_the_cache_is_a_private_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("SKYSCAN_DATA_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "home is a file").touch()
    (tmp_path / "read-only").mkdir()
    access = os.access
    monkeypatch.setattr(
        os, "access", lambda it, how: it.name != "read-only" and access(it, how)
    )
    for home in ("nonexistent", "home is a file", "read-only"):
        monkeypatch.setenv("HOME", str(tmp_path / home))
        path = staging.stage(STORE, NAME)
        assert path == tmp_path / f"skyscan-data-{os.geteuid()}" / "baseline_gcds" / NAME
        assert path.parents[1].stat().st_mode & 0o777 == 0o700
    assert not (tmp_path / "nonexistent").exists()


def test_the_server_is_asked_for_a_file_without_a_download(server):
    server.files["/baseline_gcds/ill"] = Answer(500)
    assert staging.is_offered(STORE, NAME) is True
    assert staging.is_offered(STORE, "other") is False
    assert staging.is_offered(STORE, "ill") is None
    assert server.requests == []


def test_a_server_that_does_not_answer_gives_no_result(monkeypatch):
    monkeypatch.setattr(transfer, "QUESTION_TIMEOUT", 0.2)
    with DataServer() as deaf:  # it listens, but does not serve
        monkeypatch.setenv("SKYSCAN_DATA_URL", deaf.url)
        assert staging.is_offered(STORE, NAME) is None
