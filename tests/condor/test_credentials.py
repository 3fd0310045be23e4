"""Where tokens are found, and when they expire."""

import os

import pytest
from tokens_support import jwt, write_token

from condor.credentials import bearer_token, idtokens, token_folder
from condor.jwt import claims, expiry


def test_the_expiry_of_a_token_is_read():
    assert expiry(jwt(exp=1800000000, sub="somebody")) == 1800000000.0
    assert expiry(jwt(exp=1.5e9)) == 1.5e9
    assert claims(jwt(sub="ä?>~")) == {"sub": "ä?>~"}  # both special characters of its base64


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c", "..", "not a token", jwt(sub="x"), jwt(exp="soon"), jwt(exp=True)],
)
def test_text_without_an_expiry_has_none(text):
    assert expiry(text) is None


def test_numbers_outside_of_the_range_of_times_are_no_expiry():
    assert expiry(jwt(exp=10**400)) is None
    assert expiry(jwt(exp=float("nan"))) is None


def test_the_bearer_token_is_the_first_in_the_wlcg_discovery_order(tmp_path):
    user = os.geteuid()
    write_token(tmp_path / f"bt_u{user}", jwt(exp=4))
    assert bearer_token({}, user, tmp_path).expires == 4
    write_token(tmp_path / f"run/bt_u{user}", jwt(exp=3))
    variables = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}
    assert bearer_token(variables, user, tmp_path).expires == 3
    named = write_token(tmp_path / "named", jwt(exp=2))
    variables["BEARER_TOKEN_FILE"] = str(named)
    found = bearer_token(variables, user, tmp_path)
    assert (found.expires, found.place) == (2, str(named))
    variables["BEARER_TOKEN"] = jwt(exp=1)
    found = bearer_token(variables, user, tmp_path)
    assert (found.expires, found.is_open) == (1, False)
    assert bearer_token({}, user, tmp_path / "none") is None


def test_the_description_of_a_token_does_not_contain_it(tmp_path):
    token = jwt(exp=1)
    write_token(tmp_path / "mine", token)
    assert token not in repr(idtokens(tmp_path))
    assert token not in repr(bearer_token({"BEARER_TOKEN": token}, 0, tmp_path))


def test_a_folder_may_have_files_with_several_tokens_or_none(tmp_path):
    write_token(tmp_path / "two", jwt(exp=1), jwt(iss="pool"))
    write_token(tmp_path / "open", jwt(exp=3), mode=0o644)
    (tmp_path / "notes").write_text("not a token\n")
    (tmp_path / "odd").write_bytes(b"\xff\xfe")
    (tmp_path / "folder").mkdir()
    found = {(it.place.rpartition("/")[2], it.expires, it.is_open) for it in idtokens(tmp_path)}
    assert found == {("two", 1.0, False), ("two", None, False), ("open", 3.0, True)}
    assert idtokens(tmp_path / "none") == []


def test_the_folder_of_tokens_is_the_configured_one_or_the_default_of_the_user(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert token_folder(str(tmp_path / "mine")) == tmp_path / "mine"
    assert token_folder("") == tmp_path / ".condor/tokens.d"
    assert token_folder("~/tokens") == tmp_path / "tokens"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert str(token_folder("")) == "/etc/condor/tokens.d"
