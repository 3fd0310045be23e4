"""The output of prep comes home in a tar file; other content leaves no trace."""

import tarfile
from io import BytesIO

import pytest
from plans_support import EVENT, options

from skyscan.errors import BadInput
from skyscan.events.source import Source
from skyscan.prep import prepare
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.engines.pegasus.startup import take_startup
from workflows.plan import plan
from workflows.planned import read_planned


@pytest.fixture
def scan(tmp_path):
    return plan(EVENT, tmp_path, options(engine="pegasus"))


def take(scan, tar) -> None:
    take_startup(scan, PegasusFolder(scan.path), read_planned(scan.scan_json), tar)


def test_the_output_of_prep_is_unpacked_and_kept(scan, tmp_path):
    planned = read_planned(scan.scan_json)
    made = tmp_path / "startup"
    prepare(planned.id, planned.reco, Source(EVENT, is_real_event=False), made)
    tar = tmp_path / "startup.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(made, "startup")
    take(scan, tar)
    files = {path.name: path.read_bytes() for path in made.iterdir()}
    assert {path.name: path.read_bytes() for path in scan.startup.iterdir()} == files
    assert PegasusFolder(scan.path).startup_tar.read_bytes() == tar.read_bytes()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("startup/../../../outside", tarfile.REGTYPE),
        ("/skyscan-outside", tarfile.REGTYPE),
        ("startup/link", tarfile.SYMTYPE),
        ("startup/link", tarfile.LNKTYPE),
        ("startup/pipe", tarfile.FIFOTYPE),
    ],
)
def test_a_tar_with_paths_outside_of_its_folder_is_refused(scan, tmp_path, name, kind):
    tar = tmp_path / "startup.tar"
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "../../../scan.json"
    with tarfile.open(tar, "w") as archive:
        archive.addfile(member, BytesIO())
    with pytest.raises(BadInput, match="unexpected member"):
        take(scan, tar)
    assert not scan.startup.exists()


def test_a_damaged_tar_is_refused(scan, tmp_path):
    tar = tmp_path / "startup.tar"
    tar.write_bytes(b"no tar at all")
    with pytest.raises(BadInput, match="cannot be unpacked"):
        take(scan, tar)


def test_a_tar_that_expands_or_has_no_end_of_members_is_refused(scan, tmp_path, monkeypatch):
    tar = tmp_path / "startup.tar"
    with tarfile.open(tar, "w:gz") as archive:
        member = tarfile.TarInfo("startup/zeros")
        member.size = 1_000_000
        archive.addfile(member, BytesIO(bytes(member.size)))
    with pytest.raises(BadInput, match="cannot be unpacked"):
        take(scan, tar)
    monkeypatch.setattr("workflows.engines.pegasus.startup.MAX_MEMBERS", 3)
    with tarfile.open(tar, "w") as archive:
        for number in range(4):
            archive.addfile(tarfile.TarInfo(f"startup/{number}"), BytesIO())
    with pytest.raises(BadInput, match="more than 3 members"):
        take(scan, tar)
    # GNU's old header of a sparse file: 8 GB in a block of 512 bytes
    head = bytearray(tarfile.TarInfo("startup/sparse").tobuf(tarfile.GNU_FORMAT))
    head[156:157] = b"S"
    head[483:495] = b"%011o\0" % (8 * 1024**3 - 1)
    head[148:156] = b"%06o\0 " % (sum(head[:148]) + 8 * 32 + sum(head[156:512]))
    tar.write_bytes(bytes(head) + bytes(1024))
    with pytest.raises(BadInput, match="unexpected member 'startup/sparse'"):
        take(scan, tar)
    assert not scan.startup.exists()
