"""HTCondor's configuration; its bindings end the process if it is invalid."""

import shutil
import sys

import pytest

from condor.configuration import check_configuration
from condor.find import search_path
from skyscan.errors import ExitCode, WrongUsage
from workflows.cli import main

WORDS = """import sys
sys.stderr.write("Configuration Error Line 2 while reading {config}\\nfoo( is not valid\\n")
sys.exit(1)"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A configuration that HTCondor cannot read, and a tool that says so as that of 23.9.6."""
    path = tmp_path / "condor_config"
    path.write_text("if foo(\n")
    if shutil.which("condor_config_val", path=search_path()) is None:
        tool = tmp_path / "condor_config_val"
        tool.write_text(f"#!{sys.executable}\n{WORDS.format(config=path)}\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("CONDOR_CONFIG", str(path))
    return path


def test_a_malformed_configuration_is_wrong_usage(config, capsys):
    with pytest.raises(WrongUsage, match="unset CONDOR_CONFIG") as caught:
        check_configuration()
    assert str(config) in str(caught.value)
    assert main(["recos"]) == ExitCode.WRONG_USAGE
    assert "Configuration Error" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["", "/dev/null", "ONLY_ENV", "/no/such/condor_config"])
def test_other_values_are_for_other_checks(monkeypatch, value):
    monkeypatch.setenv("CONDOR_CONFIG", value)
    check_configuration()
