import platform
from pathlib import Path

import pytest

from condor.software import apt

PRINTED = """\
'http://mirror.example/debian/dists/bookworm/InRelease' a 0
'http://mirror.example/debian/dists/bookworm-updates/InRelease' b 0
'http://mirror.example/debian-security/dists/bookworm-security/InRelease' c 0
'http://mirror.example/debian/dists/bookworm/main/binary-amd64/Packages.xz' d 0
'http://tools.example/apt/dists/stable/InRelease' e 0
"""

APT_GET = """#!/bin/sh
case "$*" in
*--print-uris*) cat {folder}/text ;;
*) cat {folder}/errors >&2 ;;
esac
"""


@pytest.fixture
def apt_get(tmp_path, monkeypatch):
    """Put an apt-get first on PATH that lists these sources and then fails with this text."""

    def make(text: str, errors: str = "") -> None:
        (tmp_path / "text").write_text(text)
        (tmp_path / "errors").write_text(errors)
        (tmp_path / "apt-get").write_text(APT_GET.format(folder=tmp_path))
        (tmp_path / "apt-get").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    monkeypatch.delenv(apt.MIRROR_VARIABLE, raising=False)
    return make


def test_mirrors_are_those_of_the_machine_except_security(apt_get, tmp_path):
    apt_get(PRINTED)
    expected = ["http://mirror.example/debian", "http://tools.example/apt"]
    assert apt.mirrors(tmp_path) == expected


def test_a_mirror_can_be_chosen(apt_get, tmp_path, monkeypatch):
    apt_get(PRINTED)
    monkeypatch.setenv(apt.MIRROR_VARIABLE, "http://mine.example/debian")
    assert apt.mirrors(tmp_path) == ["http://mine.example/debian"]


def test_every_mirror_that_failed_is_named(apt_get, tmp_path, monkeypatch):
    # apt-get exits with 0 even if an update reached no mirror.
    apt_get(PRINTED, errors="W: Failed to fetch trixie/InRelease\n")
    monkeypatch.setattr(apt, "KEYRINGS", (tmp_path / "apt-get",))
    with pytest.raises(apt.AptFailed) as error:
        apt.download(["condor"], tmp_path)
    assert "http://mirror.example/debian: W: Failed to fetch" in str(error.value)
    assert "http://tools.example/apt: W: Failed to fetch" in str(error.value)


def test_signatures_are_never_optional(tmp_path):
    config = apt._write_configuration(
        tmp_path, "http://m.example/debian trixie main", Path("/k")
    )
    text = config.read_text()
    assert 'AllowUnauthenticated "false"' in text
    assert 'AllowInsecureRepositories "false"' in text
    assert (tmp_path / "sources.list").read_text().startswith("deb [signed-by=/k] http://m")


@pytest.mark.pool
def test_a_package_list_that_debian_did_not_sign_is_refused(tmp_path, monkeypatch):
    # An empty keyring stands for a wrong one.
    (tmp_path / "empty.gpg").touch()
    monkeypatch.setattr(apt, "KEYRINGS", (tmp_path / "empty.gpg",))
    with pytest.raises(apt.AptFailed, match=r"GPG error|not signed|NO_PUBKEY|verif"):
        apt.download(["condor-upgrade-checks"], tmp_path)


def test_an_unsupported_machine_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(apt.AptFailed, match="Linux aarch64"):
        apt.download(["condor"], tmp_path)


def test_an_error_says_that_apt_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(apt.AptFailed, match="no apt-get and no dpkg"):
        apt.download(["condor"], tmp_path)
