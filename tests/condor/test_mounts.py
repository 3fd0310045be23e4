"""The file system of a path, according to Linux's list of mounts."""

from pathlib import Path

import pytest

from condor.mounts import file_system

MOUNTINFO = r"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 8:3 / /home/me/local rw master:2 - xfs /dev/sdb1 rw
32 22 0:41 / /a\040b rw - lustre mds@tcp:/a rw
33 22 0:42 / /over rw - nfs server:/over rw
34 22 0:43 / /over rw - tmpfs tmpfs rw
a line that is torn
35 22 0:44 / /torn
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/scans/new", "ext4"),
        ("/homes/me", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/scans/not/there/yet", "nfs4"),
        ("/home/me/local/scans", "xfs"),
        ("/a b/scans", "lustre"),
        ("/over/scans", "tmpfs"),
        ("/torn", "ext4"),
    ],
)
def test_a_path_is_on_the_deepest_mount_above_it(path, kind):
    assert file_system(Path(path), MOUNTINFO) == kind


def test_symbolic_links_are_resolved(tmp_path):
    (tmp_path / "link").symlink_to("/home/me")
    assert file_system(tmp_path / "link", MOUNTINFO) == "nfs4"


def test_without_mounts_the_file_system_is_unknown():
    assert file_system(Path("/home"), "") == ""


def test_the_file_system_of_proc_is_proc():
    assert file_system(Path("/proc/self")) == "proc"
