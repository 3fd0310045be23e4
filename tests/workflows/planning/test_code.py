"""The zip of a scan's code, in interpreters that have no other code of skyscan."""

import os
import subprocess
import sys
import sysconfig
import zipfile

import pytest
from plans_support import EVENT, install_plugin, options

from skyscan.errors import ExitCode
from skyscan.recos import available_recos, reco_class
from skyscan.skymap import read_skymap
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning import code as zips
from workflows.planning.code import code_zip


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """Install a package with reconstructions for this test."""
    place = tmp_path / "site"
    install_plugin(place)
    monkeypatch.syspath_prepend(str(place))
    yield place
    for name in [n for n in sys.modules if n.startswith("visiting_reco")]:
        del sys.modules[name]


def bare_python(code, *arguments: str):
    """Run a Python that has the zip and numpy's folder on its path, and no .pth files."""
    path = f"{code}:{sysconfig.get_path('platlib')}"
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env={"PYTHONPATH": path, "PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=code.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_equal_code_gives_equal_bytes():
    first = code_zip()
    zips._zip_of.cache_clear()
    assert code_zip() == first


def test_the_zip_contains_the_three_packages_and_nothing_else(tmp_path):
    (tmp_path / "code.zip").write_bytes(code_zip())
    with zipfile.ZipFile(tmp_path / "code.zip") as code:
        names = code.namelist()
        dates = {entry.date_time for entry in code.infolist()}
    assert names == sorted(names)
    assert {name.split("/")[0] for name in names} == {"skyscan", "condor", "workflows"}
    assert {"skyscan/__main__.py", "condor/job.sh", "skyscan/data/icecube86.txt"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]
    assert dates == {(1980, 1, 1, 0, 0, 0)}


def test_jobs_run_the_code_of_the_zip_only(tmp_path):
    code = tmp_path / "skyscan.zip"
    code.write_bytes(code_zip())
    modules = "skyscan.job.reco_job, skyscan.merge, workflows.cli, condor.logs.dagman"
    script = f"import {modules}, sys; print(*(m.__file__ for n, m in sys.modules.items()"
    script += " if n.partition('.')[0] in ('skyscan', 'condor', 'workflows')), sep='\\n')"
    done = bare_python(code, "-c", script)
    assert done.returncode == 0, done.stderr
    files = done.stdout.split()
    assert len(files) > 20
    assert [file for file in files if not file.startswith(f"{code}/")] == []


def test_a_plug_in_is_copied_with_its_modules_and_found_in_jobs(tmp_path, plugin):
    code = tmp_path / "skyscan.zip"
    code.write_bytes(code_zip())
    assert code_zip() == code.read_bytes()
    script = (
        "from skyscan.recos import available_recos, reco_class as found\n"
        "print(found('visiting-reco').__module__, found('other-visiting').summary)\n"
        "print(*available_recos())\n"
        "import visiting_reco_parts.numbers as n; print(n.__file__)\n"
    )
    done = bare_python(code, "-c", script)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "visiting_reco a reconstruction on a visit"
    assert {"Visiting-Reco", "other-visiting", "dummy", "track"} <= set(lines[1].split())
    assert lines[2] == f"{code}/visiting_reco_parts/numbers.py"
    assert str(plugin) not in done.stdout


def test_a_plug_in_is_listed_in_one_line_and_found_by_any_spelling(plugin, capsys):
    assert plugin
    assert main(["recos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(available_recos())
    assert "Visiting-Reco        a reconstruction on a visit" in lines
    for name in ("dummy", "crash_dummy", "track"):
        assert [line.split()[0] for line in lines].count(name) == 1
    names = ("visiting-reco", "visiting_reco", "VISITING_RECO")
    assert len({reco_class(name) for name in names}) == 1


def test_a_broken_plug_in_does_not_hide_the_others(plugin, capsys):
    (plugin / "visiting_reco.py").write_text("raise RuntimeError('no GPU')")
    assert main(["recos"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("track ") for line in lines)
    (line,) = (line for line in lines if line.startswith("Visiting-Reco "))
    assert "no GPU" in line


def test_a_plug_in_that_offers_no_reconstruction_is_wrong_usage(plugin, tmp_path, capsys):
    (plugin / "visiting_reco.py").write_text("Visiting = 3")
    arguments = ["--output-dir", str(tmp_path / "scans"), "--reco-algo", "visiting-reco"]
    code = main(["plan", str(EVENT), "--simulated-event", *arguments])
    assert code == ExitCode.WRONG_USAGE
    assert "does not offer a Reco class" in capsys.readouterr().err


def run(folder, *command: str):
    """Run a script of a scan folder like DAGMan, from the folder of its DAGs."""
    return subprocess.run(
        command,
        env={"PATH": os.environ["PATH"], "SKYSCAN_PYTHON": sys.executable},
        cwd=folder.workflow,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_steps_of_a_planned_scan_need_only_its_folder(tmp_path, plugin):
    folder = plan(EVENT, tmp_path / "it's a scan", options(reco="visiting-reco"))
    scan = read_planned(folder.scan_json)
    for path in sorted(plugin.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()  # removed, as on another machine

    event = f"../event/{scan.event_file}"
    job = ("./job.sh", "prep", "--event", event, "--reco", scan.reco)
    done = run(folder, *job, "--scan-id", scan.id, "--startup", "../startup")
    assert done.returncode == 0, done.stderr
    assert run(folder, "./skyscan.sh", "workflows", "open-scan", "..").returncode == 80
    for number in range(scan.max_rounds):
        opened = run(folder, "./open-round.sh", str(number))
        if opened.returncode == ExitCode.NOTHING_TO_DO:
            break
        assert opened.returncode == 0, opened.stderr
        here = f"../rounds/{number:03d}"
        job = ("./job.sh", "reco", "--startup", "../startup", "--max-pixel-time", "60")
        files = (
            "--batch",
            f"{here}/batches/00000.npz",
            "--result",
            f"{here}/results/00000/00000.rec",
        )
        done = run(folder, *job, *files)
        assert done.returncode == 0, done.stderr
        assert (folder.workflow / f"round_{number:03d}.dag").exists()
    assert number >= 2
    done = run(folder, "./skyscan.sh", "skyscan", "merge", "..")
    assert done.returncode == 0, done.stderr
    skymap = read_skymap(folder.workflow / done.stdout.strip().splitlines()[-1])
    assert skymap.complete
    assert len(skymap.pixels[1]) == 12
    assert run(folder, "./open-round.sh", str(number + 1)).returncode == 80
