"""How a pool is asked: without the caller's settings, whatever encoding others use."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from condor.contact import Pool
from condor.queue import dagmans, jobs

FOREIGN = {
    "_CONDOR_COLLECTOR_HOST": "cm.example.invalid",
    "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "KERBEROS",
    "_CONDOR_NETWORK_INTERFACE": "192.0.2.1",
    "_condor_schedd_host": "elsewhere",
    "_CONDOR_TOOL.COLLECTOR_HOST": "cm.example.invalid",
}
OF_DAGMAN = {
    "_CONDOR_DAGMAN_LOG_ON_NFS_IS_ERROR": "False",
    "_CONDOR_SUBMIT.DAGMAN_USE_STRICT": "0",
}


@pytest.fixture
def tools(tmp_path):
    """A folder of tools that a test writes."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def of_tools(tools: Path, *, own: bool = False) -> Pool:
    return Pool(tools / "condor_config", tools, tools, "23.9.6", is_users_own=own)


def tool(tools: Path, name: str, lines: str) -> None:
    path = tools / name
    path.write_text(f"#!{sys.executable}\n{lines}\n")
    path.chmod(0o755)


@pytest.fixture
def caller(monkeypatch):
    """Set variables for another pool; what a test changes is restored."""
    for name in ("CONDOR_CONFIG", "PATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    for name, value in {**FOREIGN, **OF_DAGMAN}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("caller")
def test_a_personal_pool_is_asked_without_the_callers_settings(tools):
    tool(tools, "show", "import os\nprint('\\n'.join(os.environ))")
    names = of_tools(tools).run("show").stdout.split()
    assert not set(names) & set(FOREIGN)
    assert set(OF_DAGMAN) <= set(names)
    assert set(FOREIGN) <= set(of_tools(tools, own=True).run("show").stdout.split())


@pytest.mark.usefixtures("caller")
def test_a_process_that_uses_the_pool_has_no_foreign_settings(tools):
    of_tools(tools).use()
    assert not set(os.environ) & set(FOREIGN)
    assert os.environ["CONDOR_CONFIG"] == str(tools / "condor_config")


@pytest.mark.usefixtures("caller")
def test_a_shell_that_evaluates_the_exports_has_none_either(tools):
    script = "\n".join(["set -e", *of_tools(tools).exports(), shlex.quote(sys.executable)])
    script += " -c "
    script += shlex.quote("import os; print(*os.environ)")
    names = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, text=True, check=True)
    # A shell cannot unset a name with a dot; skyscan itself can.
    assert set(names.stdout.split()) & set(FOREIGN) <= {"_CONDOR_TOOL.COLLECTOR_HOST"}


def test_what_others_wrote_in_any_encoding_is_read(tools):
    of_others = b"7 /home/caf\\xe9/x.dagman.log\\nno job\\n8 /here/scan.dag.dagman.log\\n"
    tool(
        tools,
        "condor_q",
        f"import sys\nsys.stdout.buffer.write({of_others!r})".replace("\\\\", "\\"),
    )
    assert [cluster for cluster, _ in dagmans(of_tools(tools))] == [7, 8]
    lines = b"9 undefined 5 1 /home/caf\\xe9\\nand more\\n10 8 5 2 /here/..\\n"
    tool(
        tools,
        "condor_q",
        f"import sys\nsys.stdout.buffer.write({lines!r})".replace("\\\\", "\\"),
    )
    found = jobs(of_tools(tools))
    assert [(job.cluster, job.dagman) for job in found] == [(9, None), (10, 8)]
