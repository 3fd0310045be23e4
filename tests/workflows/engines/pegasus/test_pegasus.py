"""Scans by a real Pegasus on a real pool: planned, run, disturbed and run again.

All scans of this module run at the same time. Without pegasus-plan on PATH the tests are
skipped; tests/workflows/engines/pegasus/test_run.py checks what can be checked without it.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from image_support import cached_image
from scans import (
    PATIENCE,
    RunningScan,
    environment,
    make_scan,
    simulated_event,
    wait_until,
)

from condor.logs.dagman import dagman_state, log_events
from condor.software.apptainer import namespace_trouble
from workflows.cli import main
from workflows.engines import ENGINES
from workflows.engines.pegasus.submission import PLAN, has_pegasus
from workflows.options import Options
from workflows.plan import plan
from workflows.removal import abort
from workflows.reports.writing import last_report
from workflows.submission import paste_line
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = [
    pytest.mark.pool,
    pytest.mark.pegasus,
    pytest.mark.skipif(
        not has_pegasus(), reason=f"needs {PLAN} (Pegasus 5.1 or newer) on PATH"
    ),
]

#: A workflow in a workflow in a workflow; each is planned when it starts.
PATIENT = 4 * PATIENCE
TINY = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
SLOW = {"SKYSCAN_DUMMY_COST": "1"}
ABOUT = {"event": "run00000001.evt000000000001.neutrino", "reco": "dummy", "nsides": "1:0 2:2"}


class Ended(NamedTuple):
    """A scan that has ended, and its report."""

    scan: RunningScan
    report: Report


def undisturbed(scan: RunningScan) -> Ended:
    return finish(scan.submit())


def killed(scan: RunningScan) -> Ended:
    """Kill both processes of a job at its only try, and then run what is missing."""
    wait_for_fits(scan.submit())
    for step in ("reco", "worker"):
        for pid in scan.processes(step)[:1]:
            os.kill(pid, signal.SIGKILL)
    ended = finish(scan)
    assert ended.report.outcome == "failed", all_that_is_known(scan)
    assert "reco_0000" in ended.report.text, all_that_is_known(scan)
    assert "pegasus-analyzer" in ended.report.text
    assert "Failure" in shown_by_pegasus_status(scan)
    return finish(scan.submit())


def aborted(scan: RunningScan) -> Ended:
    """Remove the scan from the queue during its first round, and then continue it."""
    wait_for_fits(scan.submit())
    shown = shown_by_pegasus_status(scan)
    assert "round_000.dag" in shown, shown
    assert "Running:2" in shown, shown
    assert abort(scan.folder, scan.pool) is not None, all_that_is_known(scan)
    assert not scan.processes("reco"), all_that_is_known(scan)
    return finish(scan.submit())


SCANS = {
    "undisturbed": (undisturbed, TINY, SLOW),
    "killed": (killed, {**TINY, "max_retries": 0, "notify": ("/bin/echo", "told")}, SLOW),
    "aborted": (aborted, TINY, SLOW),
    "interval": (undisturbed, {**TINY, "checkpoint_interval": 3.0}, SLOW),
    "image": (undisturbed, TINY, {}),
    "track": (undisturbed, {**TINY, "reco": "track"}, {}),
}


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once, and those of DAGMan; return how one of them ended."""

    def begin(name: str, engine: str) -> Future[Ended]:
        run, options, variables = SCANS[name]
        folder = Path(tempfile.mkdtemp(dir=session_folder, prefix=name))
        make = in_an_image if name == "image" else make_scan
        with environment(**variables, SKYSCAN_NAME_OF_TEST=f'it\'s "{name}"; $HOME'):
            scan = make(pool, folder, engine=engine, **options)
        return threads.submit(run if engine == "pegasus" else undisturbed, scan)

    with ThreadPoolExecutor(len(SCANS) + 2) as threads:
        names = [name for name in SCANS if name != "image" or not namespace_trouble()]
        futures = {name: begin(name, "pegasus") for name in names}
        futures |= {f"{name} by DAGMan": begin(name, "dagman") for name in ("killed", "track")}
        yield lambda name: futures[name].result()


def shown_by_pegasus_status(scan: RunningScan) -> str:
    """Run the line that `skyscan status` prints, as a user does who pastes it into a shell."""
    line = paste_line(ENGINES["pegasus"].progress_command(scan.folder), scan.pool)
    mine = ("HOME", "PATH", "JAVA_HOME", "PEGASUS_PYTHON")
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd="/",
        env={name: os.environ[name] for name in mine if name in os.environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"$ {line}\n{done.stdout}{done.stderr}"
    return done.stdout


def in_an_image(pool: Pool, folder: Path, **options: object) -> RunningScan:
    """Plan a scan whose jobs run in an image, where no log of fits can be written."""
    asked = Options(is_real_event=False, runtime=f"container:{cached_image()}", **options)
    return RunningScan(plan(simulated_event(), folder, asked), pool, folder / "tally")


def wait_for_fits(scan: RunningScan) -> None:
    def begun() -> bool:
        return scan.fits().total() >= 4 or is_over(scan.folder)

    wait_until(begun, "4 fits to begin", PATIENT)
    assert not is_over(scan.folder), all_that_is_known(scan)


def finish(scan: RunningScan) -> Ended:
    wait_until(lambda: is_over(scan.folder), "the scan to end", PATIENT)
    report = last_report(scan.folder)
    assert report is not None, all_that_is_known(scan)
    return Ended(scan, report)


def all_that_is_known(scan: RunningScan) -> str:
    """Return all data that help to find a failure from the text of this test alone."""
    runs = [dag.parent for dag in ENGINES["pegasus"].dags(scan.folder)]
    parts = [f"{dag}: {dagman_state(dag)}" for dag in ENGINES["pegasus"].dags(scan.folder)]
    parts += [tail(path) for path in sorted(scan.folder.logs.glob("*"))]
    for run in runs[-1:]:
        parts.append(asked(scan, "pegasus-analyzer", "-r", str(run)))
        parts += [tail(path) for path in sorted(run.rglob("*.dagman.out"))]
        parts += [tail(path) for path in sorted(run.rglob("*.pre.log*"))]
        parts += [tail(path) for path in sorted(run.rglob("*.err*")) if path.stat().st_size]
    parts.append(asked(scan, "condor_q", "-allusers", "-nobatch"))
    parts.append(asked(scan, "condor_q", "-allusers", "-hold"))
    return "\n\n".join(parts)


def asked(scan: RunningScan, *command: str) -> str:
    try:
        done = scan.pool.run(*command, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"$ {' '.join(command)}\n{error}"
    return f"$ {' '.join(command)}\n{done.stdout}{done.stderr}"


def tail(path: Path, lines: int = 25) -> str:
    return "\n".join([f"--- {path}", *path.read_text(errors="replace").splitlines()[-lines:]])


def assert_complete(it: Ended) -> None:
    assert it.report.outcome == "complete", f"{it.report.text}\n{all_that_is_known(it.scan)}"


def events(scan: RunningScan, run: int, name: str) -> list[str]:
    """Return the events of one of the scan's workflows in one of its runs, in order."""
    folder = ENGINES["pegasus"].dags(scan.folder)[run].parent
    return [
        event.type.name
        for log in sorted(folder.rglob(f"{name}.dag.nodes.log"))
        if not log.parent.is_symlink()
        for event in log_events(log)
    ]


@pytest.mark.parametrize("name", SCANS)
def test_the_map_has_the_bytes_of_that_of_dagman(ended, name):
    if name == "image" and namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")
    it = ended(name)
    assert_complete(it)
    same = ended("track by DAGMan" if name == "track" else "killed by DAGMan")
    assert it.scan.npz() == same.scan.npz()
    if name != "image":  # jobs in the image cannot write the log of fits
        assert set(it.scan.fits()) == set(same.scan.fits())


def test_the_users_program_runs_at_each_end_of_a_scan(ended):
    scan = ended("killed").scan
    log = scan.folder.logs / "notify.log"

    def outcomes() -> list[str]:
        lines = log.read_text().splitlines() if log.exists() else []
        return [line.split()[1] for line in lines if line.startswith("told ")]

    # Pegasus' monitor runs it soon after the end.
    wait_until(lambda: len(outcomes()) > 1, "two notifications", PATIENCE)
    assert outcomes() == ["failed", "complete"]


def test_an_undisturbed_scan_fits_each_pixel_once(ended):
    for name in ("undisturbed", "interval", "track"):
        assert_complete(ended(name))
        assert set(ended(name).scan.fits().values()) == {1}, name


def test_a_killed_job_is_reported_and_only_its_missing_fits_are_repeated(ended):
    it = ended("killed")
    assert_complete(it)
    assert len(ENGINES["pegasus"].dags(it.scan.folder)) == 2
    assert "JOB_TERMINATED" in events(it.scan, 0, "round_000")
    again = [n for n in it.scan.fits().values() if n > 1]
    # the chunk that the killed worker was fitting
    assert again in ([], [2], [2, 2]), it.scan.fits()


def test_an_aborted_scan_continues(ended):
    it = ended("aborted")
    assert_complete(it)
    first, _ = ENGINES["pegasus"].dags(it.scan.folder)
    assert dagman_state(first).state == "removed"


def test_a_job_returns_its_results_each_interval(ended):
    it = ended("interval")
    assert_complete(it)
    assert "JOB_EVICTED" in events(it.scan, 0, "round_000")  # terminated and requeued


def metadata(run: Path, table: str) -> set[tuple[str, str]]:
    """Return (key, value) of workflows, tasks or files (rc) in a run's database.

    pegasus-metadata of Pegasus 5.1.2 ends with a NameError.
    """
    (database,) = run.glob("*.stampede.db")
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return set(connection.execute(f"SELECT key, value FROM {table}_meta"))  # noqa: S608


def test_the_tools_of_pegasus_analyse_the_run(ended):
    it = ended("undisturbed")
    assert_complete(it)
    run = str(ENGINES["pegasus"].dag(it.scan.folder).parent)
    for table in ("workflow", "task", "rc"):
        found = metadata(ENGINES["pegasus"].dag(it.scan.folder).parent, table)
        assert {*ABOUT.items(), ("round", "1")} <= found, found
    statistics = asked(it.scan, "pegasus-statistics", "-s", "summary", run)
    assert "Tasks" in statistics, statistics
    analyzer = asked(it.scan, "pegasus-analyzer", "-r", run)
    assert "Total jobs" in analyzer, analyzer


def test_no_level_keeps_a_worker_package_that_no_job_read(ended):
    it = ended("undisturbed")
    assert_complete(it)
    assert not list(it.scan.folder.path.rglob("pegasus-worker-*"))


def test_status_and_result_read_the_run(ended, capsys):
    it = ended("undisturbed")
    assert_complete(it)
    assert main(["status", str(it.scan.folder.path)]) == 0
    output = capsys.readouterr().out
    assert "round 0: nside 1: 12 of 12 pixels done" in output
    line = paste_line(ENGINES["pegasus"].progress_command(it.scan.folder), it.scan.pool)
    assert f"  more      {line}\n" in output
    shown = shown_by_pegasus_status(it.scan)
    # The scan, its rounds, and the merge in place of another round.
    rounds = [f"round_{n:03d}.dag" for n in range(len(it.scan.folder.chosen_rounds()) + 1)]
    for name in (ENGINES["pegasus"].dag(it.scan.folder).name, *rounds):
        assert name in shown, shown
    assert f"(Success:{len(rounds) + 1})" in shown, shown
    assert main(["result", str(it.scan.folder.path)]) == 0
    assert ": complete" in capsys.readouterr().out


IN_THE_JOB = {
    "icecube": (
        "universe = container",
        "+OriginalTime = 7200",
        "+RequestMemory = 8000 * ",
    ),
    "ospool": (
        "universe = container",
        '+ProjectName = "Mine"',
        '+JobDurationCategory = "Medium"',
    ),
    "chtc": ("container_image = docker://debian:12", "want_campus_pools = true"),
}


@pytest.mark.parametrize("site", IN_THE_JOB)
def test_pegasus_plan_accepts_every_site_and_passes_its_values_on(pool, run_folder, site):
    staging = run_folder / "data" / "me"
    staging.mkdir(parents=True)
    given = {
        "chtc": {"runtime": "container:docker://debian:12"},
        "ospool": {
            "site_changes": ("attributes.ProjectName=Mine", f"staging=osdf://{staging}")
        },
    }
    scan = make_scan(pool, run_folder, engine="pegasus", site=site, **given.get(site, {}))
    done = pool.run(str(scan.folder.path / "plan.sh"), timeout=PATIENT)
    assert done.returncode == 0, done.stdout + done.stderr
    (prep,) = scan.folder.path.rglob("prep_scan.sub")
    commands = prep.read_text()
    for line in IN_THE_JOB[site]:
        assert f"\n{line}" in commands, commands
    if site == "ospool":
        (code,) = staging.iterdir()
        assert f"osdf://{code}" in commands
        assert f"/{code.name}" in (prep.parent / "prep_scan.sh").read_text()
    else:
        assert "skyscan.zip," in commands
