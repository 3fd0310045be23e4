"""What computes the likelihoods is chosen once, when a scan is planned."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
from plans_support import EVENT, options

from skyscan.compiled import compiler
from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from skyscan.storage import sha256_of
from workflows.checks.digests import damaged_files
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.kernel import check_kernel, kernel_for
from workflows.reports.writing import write_report
from workflows.steps import prep_step

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, compiler.COMPILERS)), reason="there is no C compiler"
)


@pytest.fixture
def no_compiler(monkeypatch):
    compiler.compiled_kernel.cache_clear()
    monkeypatch.setattr(compiler, "COMPILERS", ("no-such-compiler",))
    yield
    compiler.compiled_kernel.cache_clear()


def planned(place, **changes: object):
    return plan(EVENT, place, options(**{"reco": "track", **changes}))


@needs_compiler
def test_the_kernel_is_a_file_of_the_scan_that_prep_passes_on_to_the_jobs(tmp_path):
    folder = planned(tmp_path)
    scan = read_planned(folder.scan_json)
    assert (scan.kernel, scan.kernel_sha256) == ("compiled", sha256_of(folder.kernel))
    assert "event/kernel.so" in prep_step(scan).inputs
    source = Source(EVENT, is_real_event=False, kernel=folder.kernel)
    startup = prepare(scan.id, "track", source, folder.startup)
    assert startup.files["kernel.so"] == scan.kernel_sha256
    assert "kernel    compiled" in write_report(folder, 0).text
    folder.kernel.write_bytes(b"damaged")
    assert damaged_files(folder, scan) == ["event/kernel.so"]


@needs_compiler
def test_prep_refuses_another_kernel_than_the_planned_one(tmp_path):
    folder = planned(tmp_path)
    arguments = prep_step(read_planned(folder.scan_json)).arguments
    shutil.copy(folder.kernel, tmp_path / "whole.so")
    os.truncate(folder.kernel, 4096)
    command = [sys.executable, "-m", "skyscan", *arguments]
    run = {"cwd": folder.event, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, **run)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "kernel.so is not the compiled kernel that was planned" in done.stderr
    shutil.copy(tmp_path / "whole.so", folder.kernel)
    assert subprocess.run(command, check=False, **run).returncode == 0


@needs_compiler
def test_numpy_can_be_chosen_and_is_another_scan(tmp_path):
    compiled = read_planned(planned(tmp_path / "1").scan_json)
    folder = planned(tmp_path / "2", kernel="numpy")
    scan = read_planned(folder.scan_json)
    assert (scan.kernel, scan.kernel_sha256) == ("numpy", None)
    assert not folder.kernel.exists()
    assert scan.id != compiled.id
    assert "--kernel" not in prep_step(scan).arguments
    assert "kernel    numpy" in write_report(folder, 0).text
    with pytest.raises(WrongUsage, match="other options"):
        planned(tmp_path / "2", kernel="compiled")


@needs_compiler
@pytest.mark.usefixtures("no_compiler")
def test_a_scan_that_is_planned_again_keeps_its_kernel(tmp_path, monkeypatch):
    with monkeypatch.context() as there:
        there.setattr(compiler, "COMPILERS", ("cc", "gcc", "clang"))
        folder = planned(tmp_path)
    compiler.compiled_kernel.cache_clear()
    before = folder.scan_json.read_bytes()
    folder.code.unlink()
    assert planned(tmp_path).scan_json.read_bytes() == before
    scan = read_planned(folder.scan_json)
    source = Source(EVENT, is_real_event=False, kernel=folder.kernel)
    prepare(scan.id, "track", source, folder.startup)
    folder.kernel.write_bytes(b"damaged")
    assert planned(tmp_path).scan_json.read_bytes() == before
    assert damaged_files(folder, scan) == []


@pytest.mark.usefixtures("no_compiler")
def test_without_a_compiler_numpy_fits_and_a_note_says_so(tmp_path, capsys):
    folder = planned(tmp_path)
    assert "no C compiler" in capsys.readouterr().err
    assert read_planned(folder.scan_json).kernel == "numpy"
    wanted = options(reco="track", kernel="compiled")
    for refuse in (
        lambda: planned(tmp_path / "2", kernel="compiled"),
        lambda: check_kernel(wanted),
    ):
        with pytest.raises(BadInput, match=r"no C compiler.*Leave the option out"):
            refuse()


@pytest.mark.parametrize("kernel", ["auto", "numpy"])
def test_a_scan_that_was_planned_before_there_was_a_kernel_has_none(tmp_path, kernel):
    folder = planned(tmp_path, kernel="numpy")
    scan = read_planned(folder.scan_json)
    replace(scan, kernel=None).write(folder.scan_json)
    chosen = kernel_for(options(reco="track", kernel=kernel), folder)
    assert (chosen.name, chosen.content) == (None, None)


def test_a_reconstruction_without_a_kernel_refuses_one(tmp_path):
    assert read_planned(planned(tmp_path / "1", reco="dummy").scan_json).kernel is None
    with pytest.raises(WrongUsage, match="dummy has no compiled kernel"):
        planned(tmp_path / "2", reco="dummy", kernel="compiled")


@needs_compiler
def test_a_job_that_cannot_load_the_kernel_is_tried_elsewhere_and_says_what_to_do(tmp_path):
    folder = planned(tmp_path, progression=((1, 0),), batch_size=12)
    scan = read_planned(folder.scan_json)
    foreign = tmp_path / "foreign.so"
    foreign.write_bytes(b"\x7fELF of another machine")
    prepare(
        scan.id, "track", Source(EVENT, is_real_event=False, kernel=foreign), folder.startup
    )
    open_round(folder, scan, 0)
    command = [sys.executable, "-m", "skyscan", "reco", "--startup", folder.startup]
    batch, result = folder.round(0).batch(0), folder.round(0).result(0)
    command += ["--batch", batch, "--result", result, "--max-pixel-time", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.TRY_AGAIN
    assert "--kernel numpy" in done.stderr


def test_the_option_takes_three_values(tmp_path, capsys):
    arguments = ["plan", str(EVENT), "--simulated-event", "--output-dir", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--kernel", "fortran"])
    assert ended.value.code == ExitCode.WRONG_USAGE
    assert "compiled" in capsys.readouterr().err


@needs_compiler
def test_a_damaged_kernel_without_a_compiler_is_not_replaced_by_numpy(tmp_path, monkeypatch):
    folder = planned(tmp_path)
    folder.kernel.write_bytes(b"damaged")
    compiler.compiled_kernel.cache_clear()
    with monkeypatch.context() as without:
        without.setattr(compiler, "COMPILERS", ("no-such-compiler",))
        with pytest.raises(BadInput, match=r"kernel\.so is damaged or missing.*no C compiler"):
            planned(tmp_path)
    planned(tmp_path)
    assert not damaged_files(folder, read_planned(folder.scan_json))
