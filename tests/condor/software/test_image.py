import json
import subprocess
from pathlib import Path

import pytest
from image_support import cached_image

from condor.errors import NoImage
from condor.software import apt, image
from condor.software.apptainer import have_apptainer, namespace_trouble
from condor.software.image import make_image
from skyscan.errors import WrongUsage

REPOSITORY = Path(__file__).parents[3]
# Packages that the job-side tests need in addition.
FOR_TESTS = ("python3-pytest", "python3-hypothesis", "zstd")
VERSIONS = """
import json, sys, numpy, scipy.linalg, healpy
found = [module.__version__ for module in (numpy, scipy, healpy)]
solved = scipy.linalg.solve(numpy.eye(2) * 2, [2.0, 4.0]).tolist()
print(json.dumps([sys.version.split()[0], *found, solved]))
"""


@pytest.fixture(autouse=True)
def namespaces():
    if namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")


def run_in(sandbox: Path, *command: str, options: tuple[str, ...] = ()):
    """Run a command in an image, which does not see the folders of the machine."""
    inside = ("exec", "--userns", "--containall", *options, str(sandbox))
    return subprocess.run(
        [have_apptainer(), *inside, *command], capture_output=True, text=True, check=False
    )


@pytest.mark.pool
def test_the_image_has_python_numpy_scipy_and_healpy_of_debian_12():
    done = run_in(cached_image(), "python3", "-W", "error", "-c", VERSIONS)
    assert done.returncode == 0, done.stderr
    *versions, solved = json.loads(done.stdout)
    assert [version.rpartition(".")[0] for version in versions] == [
        "3.11",
        "1.24",
        "1.10",
        "1.16",
    ]
    assert solved == [1.0, 2.0]


@pytest.mark.pool
def test_the_image_has_neither_compiler_nor_test_tools_nor_htcondor():
    names = [
        line.split()[0]
        for line in (cached_image() / image.PACKAGE_LIST).read_text().splitlines()
    ]
    assert {"python3-numpy", "python3-scipy", "python3-healpy", "dash"} <= set(names)
    unwanted = {
        "condor",
        "python3-htcondor",
        "gcc-12",
        "g++-12",
        "python3-pytest",
        "python3-tk",
    }
    assert unwanted.isdisjoint(names)


@pytest.mark.pool
def test_every_module_is_compiled_because_jobs_cannot_keep_bytecode():
    packages = cached_image() / "usr/lib/python3/dist-packages"
    for package in ("numpy", "scipy", "healpy"):
        assert (packages / package / "__pycache__/__init__.cpython-311.pyc").is_file()


@pytest.mark.pool
def test_an_image_is_made_once(monkeypatch):
    first = cached_image()
    monkeypatch.setattr(apt, "download", None)
    assert cached_image() == first


@pytest.mark.pool
def test_a_failed_build_leaves_nothing_behind(tmp_path, monkeypatch):
    have_apptainer()
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://127.0.0.1:9/debian")
    with pytest.raises(NoImage, match=r"127\.0\.0\.1:9"):
        make_image(tmp_path / "image")
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_overwritten(tmp_path):
    (tmp_path / "image").mkdir()
    with pytest.raises(WrongUsage, match="already exists"):
        make_image(tmp_path / "image")


@pytest.mark.pool
@pytest.mark.long
def test_the_job_side_tests_pass_in_debian_12(tmp_path):
    # Python 3.11, numpy 1.24, scipy 1.10, healpy 1.16, pytest 7.2; no HTCondor, no network.
    shared = REPOSITORY.parent / "shared"
    binds = [f"{REPOSITORY}:/skyscan/main:ro"]
    binds += [f"{shared}:/skyscan/shared:ro"] if shared.is_dir() else []
    options = (
        *("--bind", ",".join(binds)),
        *("--pwd", "/skyscan/main"),
        *("--workdir", str(tmp_path)),  # a real /tmp, because the default is small
        *("--env", "HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis,PYTHONDONTWRITEBYTECODE=1"),
    )
    pytest_ = ("python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/skyscan")
    pytest_ += ("--hypothesis-profile", "few")  # this machine's Python runs the others
    for room in ("answer", "tables"):  # of the access point, with packages of its own
        pytest_ += ("--ignore", f"tests/skyscan/{room}")
    done = run_in(cached_image(FOR_TESTS), *pytest_, options=options)
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    assert " passed" in done.stdout
