"""The features of HTCondor's versions that scans use."""

import pytest

from condor.sites.keys import check_key
from condor.versions import OLDEST, SINCE, is_too_old, is_untried, parse_version, version_text


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "$CondorVersion: 23.9.6 2024-08-06 BuildID: 746171 $\n$CondorPlatform: x $",
            (23, 9, 6),
        ),
        ("25.14.1", (25, 14, 1)),
        ("CondorVersion: 10.0.9", (10, 0, 9)),
        ("no version", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_what_tools_print(text, version):
    assert parse_version(text) == version


def test_scans_run_on_the_versions_from_23_0_to_25_14():
    for version in (OLDEST, (23, 0, 0), (23, 10, 25), (24, 0, 5), (25, 14, 1)):
        assert not is_too_old(version)
        assert not is_untried(version)
    assert is_too_old((10, 9, 0))
    for version in ((25, 15, 0), (26, 0, 0)):
        assert is_untried(version)
    assert version_text((23, 9, 6)) == "23.9.6"


def test_the_features_of_newer_versions_are_keys_of_sites():
    for key, since in SINCE.items():
        check_key("ours", *key.split("."))  # raises if a site cannot set it
        assert since > OLDEST
