"""Jobs of the container universe, on a real pool with a real Apptainer."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from image_support import cached_image

from condor.contact import Pool
from condor.software.apptainer import have_apptainer, namespace_trouble
from condor.submit import submit_lines

pytestmark = pytest.mark.pool

VERSIONS = """#!/bin/sh
python3 -c 'import healpy, numpy, sys; print(sys.version.split()[0], numpy.__version__)'
pwd
exit 7
"""
# It records its start, continues from existing work, and saves its work on SIGTERM.
LONG = """#!/usr/bin/python3
import signal, sys, time
from pathlib import Path

def save(number, frame):
    with Path("work").open("a") as work:
        work.write(f"signal {number}\\n")
    sys.exit(85)

signal.signal(signal.SIGTERM, save)
seen = Path("work").read_text() if Path("work").exists() else ""
Path("work").write_text(seen + "started\\n")
print("ready", flush=True)
time.sleep(0 if seen else 300)
"""
SHELL = (
    "bin/sh",
    "lib64/ld-linux-x86-64.so.2",
    "lib/x86_64-linux-gnu/libc.so.6",
    "etc/passwd",
    "etc/group",
)
JOB = {
    "universe": "container",
    "should_transfer_files": "YES",
    "when_to_transfer_output": "ON_EXIT_OR_EVICT",
    "request_cpus": "1",
    "request_memory": "256MB",
    "request_disk": "300MB",
    "output": "output",
    "error": "error",
    "log": "log",
}


@pytest.fixture(autouse=True)
def namespaces():
    if namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")


def submit(pool: Pool, folder: Path, image: Path, program: str, **changes: str) -> str:
    """Submit a job that runs a program in an image; return its cluster id."""
    (folder / "job").write_text(program)
    (folder / "job").chmod(0o755)
    where = {
        "container_image": str(image),
        # Without this, an absolute path is a path in the image (seen with 23.9.6).
        "transfer_executable": "true",
        "executable": str(folder / "job"),
        "initialdir": str(folder),
    }
    commands = {**JOB, **where, **changes}
    (folder / "job.sub").write_text("\n".join(submit_lines(commands)) + "\n")
    done = pool.run("condor_submit", "-terse", str(folder / "job.sub"))
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[0]


def wait(pool: Pool, folder: Path, seconds: int = 180) -> str:
    """Wait until a job has ended; return its log."""
    done = pool.run(
        "condor_wait", "-wait", str(seconds), str(folder / "log"), timeout=seconds + 30
    )
    log = (folder / "log").read_text()
    assert done.returncode == 0, log
    return log


def wait_for(path: Path, text: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and text in path.read_text()):
        assert time.monotonic() < deadline, f"no {text!r} in {path}"
        time.sleep(0.1)


@pytest.mark.versions
def test_a_job_runs_in_debian_12_and_its_exit_code_is_passed_on(pool, run_folder):
    submit(pool, run_folder, cached_image(), VERSIONS, transfer_container="false")
    assert "(return value 7)" in wait(pool, run_folder)
    assert (run_folder / "error").read_text() == ""
    python, numpy, folder = (run_folder / "output").read_text().split()
    assert python.startswith("3.11.")
    assert numpy.startswith("1.24.")
    # Its own name may be below /var/tmp, which is another folder in an image.
    assert folder in ("/srv", "/srv/scratch")  # up to 24, and 25.14


@pytest.mark.versions
def test_a_vacated_job_saves_its_work_and_continues_from_it(pool, run_folder):
    job = submit(
        pool,
        run_folder,
        cached_image(),
        LONG,
        transfer_container="false",
        transfer_output_files="work",
        transfer_checkpoint_files="work",
        checkpoint_exit_code="85",
        stream_output="true",
    )
    wait_for(run_folder / "output", "ready")
    pool.run("condor_vacate_job", job)
    log = wait(pool, run_folder)
    assert "Job was evicted" in log
    assert "(return value 0)" in log
    work = (run_folder / "work").read_text().splitlines()
    assert work == ["started", "signal 15", "started"]


def test_an_image_file_is_transferred_to_the_job_and_runs(pool, run_folder):
    # A small image that is built quickly: only a shell.
    for name in SHELL:
        (run_folder / "image" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(cached_image() / name, run_folder / "image" / name)
    command = [have_apptainer(), "build", "image.sif", "image"]
    subprocess.run(command, cwd=run_folder, capture_output=True, check=True)
    submit(pool, run_folder, run_folder / "image.sif", "#!/bin/sh\necho here *\n")
    assert "(return value 0)" in wait(pool, run_folder)
    assert (run_folder / "output").read_text().startswith("here _condor_stderr")
