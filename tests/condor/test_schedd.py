"""The answer of the schedd to the question whether it accepts jobs."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tokens_support import jwt, write_token

from condor.contact import Pool
from condor.errors import PoolDoesNotAnswer
from condor.pool import start
from condor.schedd import TIMEOUT, Schedd, ask_schedd, expired_tokens, tokens_for
from condor.versions import parse_version

FAKE = Pool(None, Path("/nowhere"), Path("/nowhere"), "23.9.6", is_users_own=True)
ANSWER = """Destination:                 local schedd
Remote Version:              $CondorVersion: 24.0.5 2025-02-25 BuildID: 1 $
Local  Version:              $CondorVersion: 23.9.6 2024-08-06 BuildID: 1 $
Authenticated using:         SCITOKENS
Remote Mapping:              somebody@here
Authorized:                  {}
"""


@pytest.fixture
def tools_print(monkeypatch):
    """Let HTCondor's tools print a text, or fail."""

    def set_output(text: str = "", code: int = 0, error: Exception | None = None) -> None:
        def run(
            _pool: Pool, *command: str, timeout: float = 0.0
        ) -> subprocess.CompletedProcess[str]:
            assert timeout == TIMEOUT
            if error is not None:
                raise error
            return subprocess.CompletedProcess(command, code, text, "")

        monkeypatch.setattr(Pool, "run", run)

    return set_output


@pytest.mark.pool
def test_a_pool_accepts_jobs_of_its_user_and_reports_its_version(pool):
    found = ask_schedd(pool)
    assert found is not None
    assert found.may_submit
    assert found.method == "IDTOKENS"
    assert found.version == parse_version(pool.version)
    assert tokens_for(pool, found.method) == []  # personal, so that it is not checked


@pytest.mark.pool
def test_a_schedd_behind_a_closed_port_does_not_answer(pool, tmp_path, monkeypatch):
    address = tmp_path / "address"
    known = pool.run("condor_config_val", "SCHEDD_ADDRESS_FILE").stdout.strip()
    _, *rest = Path(known).read_text().splitlines()
    address.write_text("\n".join(["<127.0.0.1:1>", *rest, ""]))
    config = tmp_path / "condor_config"
    lines = [f"SCHEDD_ADDRESS_FILE = {address}", f"SEC_TOKEN_DIRECTORY = {tmp_path / 'tokens'}"]
    text = pool.config.read_text().replace("SKYSCAN_POOL = True\n", "")
    config.write_text("\n".join([text, *lines, ""]))
    monkeypatch.setenv("CONDOR_CONFIG", str(config))
    monkeypatch.setenv("PATH", pool.environment()["PATH"])
    monkeypatch.delenv("SKYSCAN_POOL_DIR")
    assert ask_schedd(replace(pool, config=config)) is None
    with pytest.raises(PoolDoesNotAnswer, match="Start that pool"):
        start()
    old = write_token(tmp_path / "tokens/old", jwt(exp=1))
    with pytest.raises(PoolDoesNotAnswer, match=rf"has expired \({old}\): get a new one"):
        start()


@pytest.mark.parametrize(("word", "may_submit"), [("TRUE", True), ("FALSE", False)])
def test_the_answer_has_version_method_and_user(tools_print, word, may_submit):
    tools_print(ANSWER.format(word), code=not may_submit)
    assert ask_schedd(FAKE) == Schedd((24, 0, 5), "SCITOKENS", "somebody@here", may_submit)


def test_without_an_answer_there_is_no_schedd(tools_print):
    tools_print("ERROR: couldn't locate local schedd!\n", code=1)
    assert ask_schedd(FAKE) is None
    for error in (FileNotFoundError(), subprocess.TimeoutExpired("condor_ping", TIMEOUT)):
        tools_print(error=error)
        assert ask_schedd(FAKE) is None


def test_only_the_token_methods_have_tokens(tools_print, tmp_path, monkeypatch):
    write_token(tmp_path / "tokens/mine", jwt(exp=time.time() + 1000))
    tools_print(f"{tmp_path / 'tokens'}\n")
    monkeypatch.setenv("BEARER_TOKEN", jwt(exp=5))
    assert [it.place for it in tokens_for(FAKE, "IDTOKENS")] == [str(tmp_path / "tokens/mine")]
    assert [it.expires for it in tokens_for(FAKE, "SCITOKENS")] == [5]
    assert tokens_for(FAKE, "FS") == []
    assert [it.expires for it in expired_tokens(FAKE)] == [5]
