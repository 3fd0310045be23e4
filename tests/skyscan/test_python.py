"""A step in a Python that lacks something names it, and ends with the code that fits."""

import subprocess
import sys

import pytest

from skyscan.errors import BadInput, TryAgain
from skyscan.python import check_python, import_failure

HIDE = """
import sys
from importlib.machinery import PathFinder

class Others:
    @staticmethod
    def find_spec(name, path=None, target=None):
        hidden = name.partition(".")[0] in HIDDEN
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path = [*sys.meta_path[:2], Others]  # after what is built in or frozen
sys.argv[1:] = ["next-round", "nowhere", "0"]
from skyscan.__main__ import exit_with, main
exit_with(main())
"""


@pytest.mark.parametrize(
    ("hidden", "names"),
    [
        ({"numpy"}, "numpy"),
        ({"healpy"}, "healpy"),
        ({"healpy", "scipy"}, "scipy, healpy"),
    ],
    ids=lambda it: None if isinstance(it, str) else ",".join(sorted(it)),
)
def test_modules_that_are_missing_are_named_all_at_once(hidden, names):
    done = subprocess.run(
        [sys.executable, "-c", f"HIDDEN = {hidden}\n{HIDE}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 65, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"skyscan: error: The Python of the job ({sys.executable}, ")
    assert f" has no {names}. " in line
    assert line.endswith("or choose another --runtime. (exit 65)")


def test_a_module_of_ours_that_is_missing_is_a_bug():
    error = ModuleNotFoundError("No module named 'skyscan.none'", name="skyscan.none")
    assert import_failure(error) is None


def test_a_module_of_another_version_is_named_and_one_that_does_not_load_may_elsewhere():
    text = "cannot import name 'ndtri' from 'scipy.special' (/usr/lib/scipy/special.py)"
    found = import_failure(ImportError(text, name="scipy.special"))
    assert isinstance(found, BadInput)
    assert "another version of scipy" in str(found)
    text = "libgfortran.so.5: cannot open shared object file"
    found = import_failure(ImportError(text, name="scipy.linalg"))
    assert isinstance(found, TryAgain)
    assert text in str(found)


def test_an_old_python_and_an_old_numpy_are_named(monkeypatch):
    check_python()
    monkeypatch.setattr("numpy.__version__", "1.22.4")
    with pytest.raises(BadInput, match=r"has numpy 1\.22\.4, which is too old"):
        check_python()
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(BadInput, match=r"3\.9\.18\) is too old.*Python 3\.10"):
        check_python()
