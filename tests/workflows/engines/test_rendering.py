"""The steps written for DAGMan: lines of DAGs, submit files and scripts."""

import os
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from plans_support import EVENT, options

from condor.sites import read_site
from skyscan.errors import ExitCode
from skyscan.rounds.states import BatchState
from skyscan.storage import sha256_of
from workflows.engines.dagman.dags import (
    more_rounds_lines,
    round_dag_lines,
    scan_dag_lines,
    write_round_dag,
    write_scan_dag,
)
from workflows.engines.dagman.engine import Dagman
from workflows.engines.dagman.scripts import (
    ROUND_FAILED,
    deadline_lines,
    merge_here_lines,
    open_gate_lines,
    open_round_lines,
)
from workflows.engines.job import job_description, local_description
from workflows.engines.scripts import access_point_lines, current_umask
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.steps import merge_step, prep_step, reco_step


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("plan")
    return plan(EVENT, place, options(max_rounds=3, max_retries=2))


@pytest.fixture(scope="module")
def scan(folder):
    return read_planned(folder.scan_json)


def changed(scan, **changes: object):
    return scan.__class__(**{**vars(scan), **changes})


def test_the_outer_dag_is_prep_the_possible_rounds_merge_and_the_report(scan):
    lines = list(scan_dag_lines(scan))
    subdags = [line.split() for line in lines if line.startswith("SUBDAG EXTERNAL")]
    assert [words[2:4] for words in subdags] == [
        [f"round_{n:03d}", f"round_{n:03d}.dag"] for n in range(3)
    ]
    chain = ["prep", "round_000", "round_001", "round_002", "merge"]
    edges = [line.split() for line in lines if line.startswith("PARENT")]
    assert [(w[1], w[3]) for w in edges] == list(pairwise(chain))
    for n in range(3):
        assert f"PRE_SKIP round_{n:03d} 80" in lines
        assert any(
            line.startswith(f"SCRIPT PRE round_{n:03d} ./open-round.sh {n}") for line in lines
        )
    assert {"SCRIPT PRE merge ./merge-here.sh", "PRE_SKIP merge 80"} <= set(lines)
    assert "FINAL report merge.sub NOOP" in lines
    assert "SCRIPT PRE report ./skyscan.sh workflows report .. $DAG_STATUS" in lines
    assert "PRE_SKIP report 80" in lines


def test_rounds_that_most_scans_do_not_have_are_skipped_as_one_node(scan):
    many = changed(scan, max_rounds=8)  # of two levels
    lines = list(scan_dag_lines(many))
    edges = [line.split() for line in lines if line.startswith("PARENT")]
    chain = ["prep", "round_000", "round_001", "round_002", "more_rounds", "merge"]
    assert [(w[1], w[3]) for w in edges] == list(pairwise(chain))
    assert "SUBDAG EXTERNAL more_rounds more_rounds.dag" in lines
    assert "SCRIPT PRE more_rounds ./open-round.sh 3 $RETRY more_rounds.dag" in lines
    assert "PRE_SKIP more_rounds 80" in lines
    assert "RETRY more_rounds 2 UNLESS-EXIT 1" in lines
    more = list(more_rounds_lines(many))
    edges = [line.split() for line in more if line.startswith("PARENT")]
    later = [f"round_{n:03d}" for n in range(3, 8)]
    assert [(w[1], w[3]) for w in edges] == list(pairwise(later))
    for n in range(3, 8):
        assert f"SUBDAG EXTERNAL round_{n:03d} round_{n:03d}.dag" in more
        assert f"SCRIPT PRE round_{n:03d} ./open-round.sh {n} $RETRY" in more
        assert f"PRE_SKIP round_{n:03d} 80" in more


@pytest.mark.parametrize(("n_rounds", "skips"), [(2, 2), (3, 1), (4, 4), (7, 1), (8, 0)])
def test_the_remaining_time_counts_one_skip_for_all_later_rounds(folder, scan, n_rounds, skips):
    many = changed(scan, max_rounds=8)
    write_scan_dag(folder, many, this_machine=True)
    assert Dagman().n_skips(folder, many, n_rounds) == skips
    (folder.workflow / "more_rounds.dag").unlink()  # as planned by earlier versions
    assert Dagman().n_skips(folder, many, n_rounds) == 8 - n_rounds


def test_bad_input_is_never_retried_and_a_failed_round_is_not_either(scan):
    lines = [*scan_dag_lines(scan), *round_dag_lines(scan, 0, [BatchState(0, 4, 4, 0)], 0)]
    retries = [line for line in lines if line.startswith("RETRY")]
    scripts = [f"RETRY round_{n:03d} 2 UNLESS-EXIT 1" for n in range(scan.max_rounds)]
    jobs = ["RETRY prep 1 UNLESS-EXIT 65", "RETRY reco_00000 1 UNLESS-EXIT 65"]
    assert sorted(retries) == sorted([*jobs, *scripts])
    never = changed(scan, max_retries=0)
    lines = [*scan_dag_lines(never), *round_dag_lines(never, 0, [BatchState(0, 4, 4, 0)], 0)]
    assert [line for line in lines if line.startswith("RETRY")] == scripts


def test_a_round_has_a_node_for_each_batch_and_complete_ones_are_done(scan):
    batches = [BatchState(0, 4, 0, 0), BatchState(1, 4, 3, 1), BatchState(2, 4, 4, 2)]
    lines = list(round_dag_lines(scan, 7, batches, 0))
    jobs = [line.split() for line in lines if line.startswith("JOB")]
    assert [words[1] for words in jobs] == ["reco_00000", "reco_00001", "reco_00002"]
    assert {words[2] for words in jobs} == {"reco.sub"}
    assert ["DONE" in words for words in jobs] == [True, False, False]
    for number in range(3):
        (line,) = (x for x in lines if x.startswith(f"VARS reco_{number:05d}"))
        assert 'round="007"' in line
        assert f'batch="{number:05d}"' in line
        assert f'batches="{number:05d}"' in line
        assert 'retry="$(RETRY)"' in line
    assert not [line for line in lines if line.startswith(("PARENT", "SCRIPT"))]


def test_node_names_stay_the_same_when_a_round_is_written_again(scan):
    first = [BatchState(n, 4, 4, n) for n in range(12)]
    again = [BatchState(n, 4, n % 2, n) for n in range(12)]
    names = [
        [x.split()[1] for x in round_dag_lines(scan, 0, batches, 0) if x.startswith("JOB")]
        for batches in (first, again)
    ]
    assert names[0] == names[1]


def test_an_earlier_rescue_file_is_removed_when_a_round_is_written_again(folder, scan):
    rescue = folder.workflow / "round_000.dag.rescue001"
    other = folder.workflow / "round_001.dag.rescue001"
    for path in (rescue, other):
        path.write_text("DONE reco_00000")
    write_round_dag(folder, scan, 0, [BatchState(0, 4, 4, 0)], 0)
    assert not rescue.exists()
    assert other.exists()


def test_a_deadline_prevents_jobs_from_starting_and_staying(scan):
    late = changed(scan, deadline=60.0)
    lines = list(round_dag_lines(late, 0, [BatchState(0, 4, 4, 0)], 1234))
    assert "SCRIPT PRE reco_00000 ./before-deadline.sh 1234" in lines
    assert any('deadline="1234"' in line for line in lines)
    description = job_description(reco_step(late), late, read_site("personal"))
    assert "$(deadline)" in description["periodic_remove"]
    without = job_description(reco_step(scan), scan, read_site("personal"))
    assert "deadline" not in "".join(without.values())


def test_a_reco_job_returns_its_results_whenever_it_ends(scan):
    description = job_description(reco_step(scan), scan, read_site("personal"))
    assert description["when_to_transfer_output"] == "ON_EXIT_OR_EVICT"
    assert description["checkpoint_exit_code"] == "85"
    assert "rounds/$(round)/results/$(batch)/" in description["transfer_input_files"]
    remaps = description["transfer_output_remaps"]
    assert remaps == '"$(batch).new.rec=rounds/$(round)/results/$(batch)/$(batch).rec"'
    assert description["+RequestMemory"].startswith(f"{scan.request_memory} * ")
    prep = job_description(prep_step(scan), scan, read_site("personal"))
    assert "checkpoint_exit_code" not in prep
    assert prep["transfer_output_files"] == "startup"


def test_the_values_of_a_site_come_last_in_submit_files(scan):
    site = read_site("personal")
    mine = site.__class__(**{**vars(site), "submit": {"request_cpus": "2", "+Project": "x"}})
    description = job_description(reco_step(scan), scan, mine)
    assert (description["request_cpus"], description["+Project"]) == ("2", "x")


def test_the_runtime_determines_the_python_of_prep_and_reco_jobs(scan):
    theirs = changed(
        scan, runtime="host:/opt/a b/py", environment={"SKYSCAN_PYTHON": "python2"}
    )
    for step in (prep_step(theirs), reco_step(theirs)):
        description = job_description(step, theirs, read_site("personal"))
        variables = f"SKYSCAN_CODE_SHA256={scan.code_sha256} SKYSCAN_PYTHON='/opt/a b/py'"
        mask = f" SKYSCAN_UMASK={current_umask():04o}"
        assert description["environment"] == f'"{variables}{mask}"'
        assert description["universe"] == "vanilla"
        assert "requirements" not in description
    local = local_description(merge_step())
    assert local["universe"] == "local"
    assert "environment" not in local


def test_requirements_of_runtime_and_site_both_apply(scan):
    theirs = changed(scan, runtime="container:/cvmfs/icecube.opensciencegrid.org/x:1")
    site = read_site("icecube")
    description = job_description(reco_step(theirs), theirs, site)
    assert description["universe"] == "container"
    assert description["container_image"] == "/cvmfs/icecube.opensciencegrid.org/x:1"
    assert description["requirements"].startswith(
        "(TARGET.HAS_CVMFS_icecube_opensciencegrid_org =?= True) && "
        f"({site.submit['requirements']}) && ("
    )
    here = job_description(reco_step(theirs), theirs, read_site("personal"))
    assert "requirements" not in here


def test_prep_gets_what_event_files_do_not_contain(scan):
    assert prep_step(changed(scan, is_real_event=False)).arguments[-1] == "--simulated-event"
    real = changed(scan, is_real_event=True, gcd_dir="/a gcd/dir")
    assert "--simulated-event" not in prep_step(real).arguments
    assert prep_step(real).arguments[-2:] == ("--gcd-dir", "/a gcd/dir")
    description = job_description(prep_step(real), real, read_site("personal"))
    assert description["arguments"].endswith("--gcd-dir '/a gcd/dir'\"")


def test_gates_wait_for_each_other_and_rounds_for_their_gates(scan):
    ahead = changed(scan, predictive_scanning_threshold=0.5)
    lines = list(scan_dag_lines(ahead, this_machine=False))
    gates = [f"gate_{n:03d}" for n in range(3)]
    rounds = [f"round_{n:03d}" for n in range(3)]
    edges = {
        (parent, child)
        for line in lines
        if line.startswith("PARENT")
        for parent in line.partition(" CHILD ")[0].split()[1:]
        for child in line.partition(" CHILD ")[2].split()
    }
    chain = set(pairwise(["prep", *gates]))
    assert edges == chain | set(zip(gates, rounds, strict=True)) | {
        (r, "merge") for r in rounds
    }
    for n, gate in enumerate(gates):
        assert any(line.startswith(f"JOB {gate} ") and line.endswith(" NOOP") for line in lines)
        look = f"SCRIPT DEFER 99 30 PRE {gate} ./open-gate.sh {n} $FAILED_COUNT"
        assert look in lines
        assert f"PRE_SKIP {gate} 80" in lines
    assert not [line for line in scan_dag_lines(scan) if "gate" in line]


@pytest.mark.parametrize(
    ("number", "earlier", "failed", "code"),
    [
        ("0", [], "0", 42),
        ("1", [], "0", 80),
        ("1", ["000"], "0", 42),
        ("1", ["000"], "1", 75),
        ("2", ["000"], "1", 80),
    ],
)
def test_a_gate_looks_unless_an_earlier_one_stayed_shut_or_a_node_failed(
    tmp_path, number, earlier, failed, code
):
    gate = script(tmp_path, "open-gate.sh", open_gate_lines("."))
    script(tmp_path, "skyscan.sh", ["#!/bin/sh", 'echo "$@"', "exit 42"])
    for name in earlier:
        (tmp_path / "rounds" / name).mkdir(parents=True)
        (tmp_path / "rounds" / name / "round.json").write_text("")
    done = subprocess.run(
        [gate, number, failed], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout == (f"workflows open-gate . {number}\n" if code == 42 else "")


@pytest.mark.parametrize(
    ("python", "code"), [("exit 0", 80), ("exit 75", 0), ("kill -9 $$", 0)]
)
def test_merge_needs_a_job_only_where_it_fails_or_is_killed_here(tmp_path, python, code):
    here = script(tmp_path, "merge-here.sh", merge_here_lines("."))
    script(tmp_path, "skyscan.sh", ["#!/bin/sh", 'echo "$@"', python])
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "merge.err").write_text("of an earlier submission")
    done = subprocess.run([here], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout == "skyscan merge .\n"
    assert not list((tmp_path / "logs").iterdir())


def test_shellcheck_finds_nothing_in_the_scripts_of_a_scan(folder, tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shellcheck = shutil.which("shellcheck", path=path)
    assert shellcheck, "pip install -e .[dev] brings it"
    ahead = plan(EVENT, tmp_path, options(predictive_scanning_threshold=0.5))
    scripts = [*sorted(folder.workflow.glob("*.sh")), ahead.workflow / "open-gate.sh"]
    assert len(scripts) == 8
    done = subprocess.run([shellcheck, *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_paths_in_the_folder_are_relative_so_that_it_can_be_moved(folder):
    written = [*folder.path.rglob("*.sub"), *folder.path.rglob("*.dag")]
    assert {"scan.dag", "prep.sub", "reco.sub", "merge.sub"} <= {path.name for path in written}
    for path in written:
        assert str(folder.path) not in path.read_text()


def script(tmp_path, name, lines):
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    path.chmod(0o755)
    return path


def test_the_access_point_script_finds_its_python_and_its_folder(tmp_path):
    python = tmp_path / "a 'quoted' $(python)"
    python.symlink_to(sys.executable)
    here = tmp_path / "the folder"
    here.mkdir()
    with zipfile.ZipFile(here / "skyscan.zip", "w") as code:
        code.writestr("probe.py", "import sys; print(sys.argv[1:])")
    lines = access_point_lines(str(python), sha256_of(here / "skyscan.zip"))
    command = [script(here, "skyscan.sh", lines), "probe", "a b", "$x"]

    bare, place = {"PATH": os.defpath}, "/"

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=place, env=bare, capture_output=True, text=True, check=False
        )

    assert run().stdout == "['a b', '$x']\n"
    # Whatever DAGMan or a user has in the environment:
    broken = tmp_path / "broken"
    (broken / "the folder").mkdir(parents=True)
    (broken / "hashlib.py").write_text("raise RuntimeError")
    bare |= {"PYTHONPATH": str(broken), "CDPATH": str(broken)}
    for name in ("PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONIOENCODING", "PYTHONINSPECT"):
        bare[name] = "elsewhere"
    bare |= {name: str(broken) for name in ("ENV", "BASH_ENV", "PYTHONSTARTUP", "IFS", "TZ")}
    bare |= {"POSIXLY_CORRECT": "1", "LC_ALL": "none"}
    command[0], place = "the folder/skyscan.sh", str(tmp_path)
    assert run().stdout == "['a b', '$x']\n"
    with (here / "skyscan.zip").open("ab") as code_file:
        code_file.write(b"x")  # the zip stays valid
    assert (run().returncode, run().stdout) == (ExitCode.BAD_INPUT, "")


@pytest.mark.parametrize(
    ("number", "earlier", "code"),
    [
        ("0", [], 42),
        ("1", [], 80),
        ("1", ["000"], 42),
        ("10", ["008"], 80),
        ("10", ["009"], 42),
    ],
)
def test_a_round_is_opened_only_after_one_that_chose_pixels(tmp_path, number, earlier, code):
    opener = script(tmp_path, "open-round.sh", open_round_lines("."))
    script(tmp_path, "skyscan.sh", ["#!/bin/sh", 'echo "$@"', "exit 42"])
    for name in earlier:
        (tmp_path / "rounds" / name).mkdir(parents=True)
        (tmp_path / "rounds" / name / "round.json").write_text("")
    done = subprocess.run(
        [opener, number], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert done.stdout == (f"workflows next-round . {number}\n" if code == 42 else "")


def test_a_script_that_was_killed_runs_again_and_a_round_that_ran_does_not(tmp_path):
    opener = script(tmp_path, "open-round.sh", open_round_lines("."))
    script(tmp_path, "skyscan.sh", ["#!/bin/sh", "exit 42"])
    log = tmp_path / "round_000.dag.dagman.log"

    def opened(retry: int, *dag: str) -> int:
        command = [opener, "0", str(retry), *dag]
        return subprocess.run(command, cwd=tmp_path, check=False).returncode

    log.write_text("of an earlier submission")
    os.utime(log, (1, 1))
    assert opened(0) == 42
    assert opened(1) == 42
    log.write_text("000 submitted")
    os.utime(log, (2**32, 2**32))
    assert opened(2) == ROUND_FAILED
    assert opened(2, "more_rounds.dag") == 42  # it has not run
    (tmp_path / "more_rounds.dag.dagman.log").write_text("000 submitted")
    os.utime(tmp_path / "more_rounds.dag.dagman.log", (2**32, 2**32))
    assert (opened(0, "more_rounds.dag"), opened(1, "more_rounds.dag")) == (42, ROUND_FAILED)
    os.utime(log, (1, 1))
    (tmp_path / "round_000.dag.tried").unlink()  # no room for it
    assert opened(1) == 42


@pytest.mark.parametrize(
    ("seconds", "expected"), [("1", ExitCode.BAD_INPUT), ("99999999999", ExitCode.DONE)]
)
def test_no_job_is_submitted_after_the_deadline(tmp_path, seconds, expected):
    path = script(tmp_path, "before-deadline.sh", deadline_lines())
    assert subprocess.run([path, seconds], check=False).returncode == expected


def test_scripts_and_lines_end_in_a_line_break(folder):
    suffixes = {".sub", ".dag", ".sh", ".config"}
    written = [path for path in folder.path.rglob("*.*") if path.suffix in suffixes]
    assert {path.suffix for path in written} == suffixes
    for path in written:
        assert path.read_text().endswith("\n")
