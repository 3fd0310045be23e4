"""The features that numpy must not use, by the names of several versions of numpy."""

import subprocess
import sys

import pytest

from skyscan.job.kernels import newer_features

#: What builds of numpy from PyPI choose from at run time.
NUMPY_1_23 = (
    *("SSSE3", "SSE41", "POPCNT", "SSE42", "AVX", "F16C", "FMA3", "AVX2"),
    *("AVX512F", "AVX512CD", "AVX512_KNL", "AVX512_KNM"),
    *("AVX512_SKX", "AVX512_CLX", "AVX512_CNL", "AVX512_ICL"),
)
NUMPY_2_4 = ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR")
#: What an Ice Lake server has.
ICE_LAKE = {
    **dict.fromkeys((*NUMPY_1_23, *NUMPY_2_4), True),
    **dict.fromkeys(("AVX512_KNL", "AVX512_KNM", "AVX512_SPR"), False),
}
HASWELL = {name: "512" not in name and name != "X86_V4" for name in ICE_LAKE}


@pytest.mark.parametrize(
    ("dispatched", "machine", "names"),
    [
        (NUMPY_1_23, ICE_LAKE, "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"),
        (NUMPY_2_4, ICE_LAKE, "X86_V4 AVX512_ICL"),
        (NUMPY_1_23, HASWELL, ""),
        (NUMPY_2_4, HASWELL, ""),
        ((), ICE_LAKE, ""),  # built without a choice, as distributions may
    ],
    ids=["1.23", "2.4", "1.23 without AVX512", "2.4 without AVX512", "nothing to choose"],
)
def test_what_is_newer_than_avx2_is_named_as_this_numpy_names_it(dispatched, machine, names):
    assert newer_features(dispatched, machine) == names.split()


def test_this_numpy_takes_the_names_without_a_warning_and_has_nothing_newer_left():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "skyscan.job.kernels"],
        capture_output=True,
        text=True,
        check=True,
    )
    left = (
        "import numpy, sys;"
        "m = sys.modules.get('numpy._core._multiarray_umath')"
        " or sys.modules['numpy.core._multiarray_umath'];"  # before numpy 2
        "from skyscan.job.kernels import newer_features;"
        "print(newer_features(m.__cpu_dispatch__, m.__cpu_features__))"
    )
    checked = subprocess.run(
        [sys.executable, "-W", "error", "-c", left],
        env={"NPY_DISABLE_CPU_FEATURES": done.stdout.strip(), "OPENBLAS_CORETYPE": "Haswell"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert checked.stdout == "[]\n"


def test_without_numpy_nothing_is_printed_for_the_job_reports_it(tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError\n")
    done = subprocess.run(
        [sys.executable, "-m", "skyscan.job.kernels"],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")
