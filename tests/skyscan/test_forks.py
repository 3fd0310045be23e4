"""Forks that compute results: in order, and never fewer than this process would."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

# In a process of its own: the tests' has threads, in which nothing is forked.
RUN = """
import os, signal, sys, threading, time
from pathlib import Path
from skyscan.forks import can_fork, in_forks

os.sched_getaffinity = lambda _: range(3)
assert can_fork()
parent = os.getpid()
{body}
"""


def run(body: str, *arguments: object) -> str:
    command = [sys.executable, "-c", RUN.format(body=body), *map(str, arguments)]
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, capture_output=True, text=True, env=env, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_results_come_in_order_from_several_processes():
    out = run("""
def numbered(n):
    return b"%d %d;" % (n, os.getpid()) * n
results = [it.split(b";")[:-1] for it in in_forks(numbered, list(range(100)))]
assert [len(it) for it in results] == list(range(100))
pids = [int(it[0].split()[1]) for it in results[1:]]
assert all(int(it[0].split()[0]) == n for n, it in enumerate(results[1:], 1))
print(len(set(pids)), parent in pids)
""")
    assert out == "3 False\n"


@pytest.mark.parametrize(
    "end",
    ["os._exit(3)", "os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "sys.exit(1)"],
)
def test_what_forks_did_not_compute_is_computed(end):
    out = run(f"""
def squared(n):
    if os.getpid() != parent and n in (4, 50):
        {end}
    return str(n * n).encode()
print(b" ".join(in_forks(squared, list(range(60)))).decode())
""")
    assert out.split() == [str(n * n) for n in range(60)]


def test_an_exception_of_the_function_is_raised_here_and_the_forks_end():
    out = run("""
def fails(n):
    if n == 7:
        raise ValueError("seven")
    return b"x" * 1_000_000
try:
    list(in_forks(fails, list(range(30))))
except ValueError as error:
    print(error)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no children")
""")
    assert out.splitlines() == ["seven", "no children"]


def test_nothing_is_forked_beside_a_thread_or_without_processes():
    out = run("""
here = lambda n: str(os.getpid()).encode()
def refuse():
    raise BlockingIOError("too many processes")
fork, os.fork = os.fork, refuse
assert set(in_forks(here, [1, 2, 3])) == {str(parent).encode()}
assert len(os.listdir("/proc/self/fd")) < 20
os.fork = fork
stop = threading.Event()
threading.Thread(target=stop.wait).start()
assert set(in_forks(here, [1, 2, 3])) == {str(parent).encode()}
stop.set()
assert list(in_forks(here, [])) == []
""")
    assert not out


def test_forks_end_with_a_process_that_is_killed(tmp_path):
    pids = tmp_path / "pids"
    body = """
def slow(n):
    with open(sys.argv[1], "a") as file:
        print(os.getpid(), file=file)
    return b"x" * 1_000_000
results = in_forks(slow, list(range(30)))
next(results)
while len(set(Path(sys.argv[1]).read_text().split())) < 3:
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""
    with pytest.raises(AssertionError):
        run(body, pids)
    deadline = time.monotonic() + 30
    while alive := [it for it in set(pids.read_text().split()) if is_running(it)]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)


def is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("n_pixels", [10, 23])
def test_a_large_map_has_the_content_of_a_small_one(n_pixels, tmp_path):
    out = run(
        """
import numpy as np
from skyscan import skymap
from skyscan.forks import _Fork

rows = np.zeros(int(sys.argv[1]), skymap.SKYMAP_DTYPE)
rows["index"] = range(len(rows))
for name in skymap.SKYMAP_DTYPE.names[1:]:
    rows[name] = np.random.default_rng(1).normal(size=len(rows)) / 3
    rows[name][3] = np.nan
rows["E_in"][5] = np.nan
pixels = {8: rows[:7], 1024: rows[7:]}
it = skymap.SkyMap(1, 2, 59000.0, "track", True, True, pixels)
skymap._ROWS_AT_ONCE = 4
written = []
for most, folder in ((200_000, "small"), (len(rows), "large")):
    skymap._MANY_ROWS = most
    started = []
    skymap.in_forks = lambda *given: started.append(1) or in_forks(*given)
    npz, as_json = skymap.write_skymap(it, Path(sys.argv[2], folder))
    assert bool(started) == (folder == "large")
    written.append((as_json.read_bytes(), npz.read_bytes(), skymap.read_skymap(npz)))
(small, small_npz, _), (large, large_npz, back) = written
assert small == large and small_npz != large_npz
for nside, level in pixels.items():
    assert back.pixels[nside].tobytes() == level.tobytes(), nside
""",
        n_pixels,
        tmp_path,
    )
    assert not out
