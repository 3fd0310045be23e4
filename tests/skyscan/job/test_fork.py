"""A worker that is a fork of its supervisor."""

import os
import signal
import subprocess
import sys
import threading

from skyscan.errors import ExitCode
from skyscan.forks import can_fork

#: A supervisor with one thread, whose arguments are those of a job.
SUPERVISOR = """
import os, sys
from skyscan.forks import can_fork
from skyscan.job.fork import Fork

def answer():
    assert sys.stdin.read() == "request"
    sys.stdout.write(open("/proc/self/cmdline").read())
    return 7

assert can_fork()
child = Fork(answer, "reco", "worker", "startup")
child.stdin.write(b"request")
child.stdin.close()
print(child.stdout.read().decode().rstrip("\\0").split("\\0")[3:])
print(open("/proc/self/cmdline").read().rstrip("\\0").split("\\0")[3:])
print(child.wait(), child.wait(1))
"""


def run(script, arguments=()):
    done = subprocess.run(
        [sys.executable, "-c", script, "skyscan", "reco", *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_fork_answers_under_its_own_name_and_leaves_that_of_its_parent():
    asked, own, codes = run(SUPERVISOR, ["--startup", "startup", "--batch", "00000.npz"])
    assert asked == "['skyscan', 'worker', 'startup']"
    assert own == "['skyscan', 'reco', '--startup', 'startup', '--batch', '00000.npz']"
    assert codes == "7 7"


def test_a_name_that_does_not_fit_leaves_the_old_one():
    asked, own, _ = run(SUPERVISOR)
    assert asked == own == "['skyscan', 'reco']"


HANDLED = """
import os, signal, sys, time
from skyscan.job.fork import Fork
signal.signal(signal.SIGTERM, lambda *_: print("the handler of the parent", flush=True))
def stay():
    os.write(1, b"ready\\n")  # at once, also where Python does not buffer
    time.sleep(600)
child = Fork(stay, "reco", "worker")
child.stdout.read(6)
os.kill(child.pid, signal.SIGTERM)
print(child.wait(), child.stdout.read())
def fail():
    raise OSError("broken")
print(Fork(fail, "reco", "worker").wait())
print(Fork(lambda: sys.exit(65), "reco", "worker").wait())
"""


def test_a_fork_has_neither_the_handlers_of_its_parent_nor_its_future():
    assert run(HANDLED) == [f"{-signal.SIGTERM} b''", "1", "65"]


def test_a_process_with_several_threads_is_not_forked():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert not can_fork()
    finally:
        end.set()
        thread.join()


WAITING = """
import signal, subprocess
from skyscan.job.fork import Fork
child = Fork(lambda: signal.pause() or 0, "reco", "worker")
try:
    child.wait(0.01)
except subprocess.TimeoutExpired:
    print("it runs")
child.kill()
print(child.wait())
child.kill()  # its number may be another process's by now
"""


def test_the_wait_for_a_fork_can_end_before_it():
    assert run(WAITING) == ["it runs", str(-signal.SIGKILL)]


IGNORING = """
import os, signal
from skyscan.job.fork import Fork
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print(Fork(lambda: 65, "reco", "worker").wait())
"""


def test_a_fork_has_an_exit_code_where_the_ends_of_children_are_ignored():
    assert run(IGNORING) == ["65"]


REAPED = """
import os
from skyscan.job.fork import Fork
child = Fork(lambda: 7, "reco", "worker")
os.waitpid(child.pid, 0)  # the handler of a signal ended this call before the code was kept
child.kill()
print(child.wait(), child.wait(1))
"""


def test_a_fork_whose_end_was_seen_but_not_kept_can_be_ended():
    # Not 0: a lost exit code is no success.
    assert run(REAPED) == [f"{ExitCode.TRY_AGAIN:d} {ExitCode.TRY_AGAIN:d}"]


WITHOUT_STREAMS = """
import os, sys
os.close(0)
sys.stdin = None
own, sys.stdout = sys.stdout, None
from skyscan.job.fork import Fork

def answer():
    os.write(1, os.read(0, 7))
    return 7

child = Fork(answer, "reco", "worker")
child.stdin.write(b"request")
child.stdin.close()
print(child.stdout.read(), child.wait(), file=own)
"""


def test_a_fork_of_a_process_without_stdin_gets_its_requests():
    assert run(WITHOUT_STREAMS) == ["b'request' 7"]
