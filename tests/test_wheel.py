"""The wheel: `pip install` works beside other packages."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from skyscan.errors import ExitCode

REPOSITORY = Path(__file__).parents[1]
PROGRAM = "import sys; from skyscan.program import main; sys.exit(main())"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install the wheel, without its dependencies, into a separate folder."""
    built = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    options = ("--no-deps", "--no-build-isolation", "--no-index")
    subprocess.run([*pip, "wheel", *options, "-w", built, REPOSITORY], check=True)
    (wheel,) = built.glob("skyscan-*.whl")
    place = tmp_path_factory.mktemp("site")
    subprocess.run([*pip, "install", *options[::2], "--target", place, wheel], check=True)
    return place


def skyscan(*words: str, path: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the installed program, with some folders first on the path of packages."""
    return python("-c", PROGRAM, *words, path=path, cwd=cwd)


def python(*words: str, path: list[Path], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with some folders first on the path of packages."""
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_has_all_data_files(site):
    for package in ("skyscan", "condor", "workflows"):
        for path in (REPOSITORY / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert (site / path.relative_to(REPOSITORY)).is_file(), path
    assert (site / "bin/skyscan").is_file()


@pytest.mark.pool
def test_the_demo_runs_from_the_wheel_outside_of_the_checkout(site, pool, run_folder):  # noqa: ARG001
    done = skyscan("demo", path=[site], cwd=run_folder)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
    assert "truth" in done.stdout
    (code,) = run_folder.glob("scans/*/workflow/skyscan.zip")
    with zipfile.ZipFile(code) as packed:
        assert packed.read("skyscan/program.py") == (site / "skyscan/program.py").read_bytes()


@pytest.mark.parametrize("name", ["condor", "workflows"])
@pytest.mark.parametrize("kind", ["package", "module"])
def test_another_package_of_the_same_name_that_is_found_first_is_refused(
    site, tmp_path, name, kind
):
    other = tmp_path / name / "__init__.py" if kind == "package" else tmp_path / f"{name}.py"
    other.parent.mkdir(exist_ok=True)
    other.write_text("raise SystemExit('the other one was imported')")
    done = skyscan("recos", path=[tmp_path, site], cwd=tmp_path)
    assert done.returncode == ExitCode.WRONG_USAGE
    assert str(tmp_path / name) in done.stderr
    assert str(site / name) in done.stderr
    assert skyscan("recos", path=[site, tmp_path], cwd=site).returncode == ExitCode.DONE


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("-m", "workflows", "recos"), ExitCode.WRONG_USAGE),
        (("-c", "from workflows import scan"), 1),
    ],
)
def test_another_condor_is_refused_when_workflows_is_run_or_imported(
    site, tmp_path, words, code
):
    (tmp_path / "condor").mkdir()
    (tmp_path / "condor/__init__.py").touch()
    done = python(*words, path=[tmp_path, site], cwd=tmp_path)
    assert done.returncode == code
    assert f"'condor' is {tmp_path / 'condor'}, not {site / 'condor'}" in done.stderr
    assert python(*words, path=[site, tmp_path], cwd=site).returncode == ExitCode.DONE
