"""Runtimes: the meaning of their text, and the settings for HTCondor and job.sh."""

import sys
from pathlib import Path

import pytest

from condor.runtimes import Kind, Runtime, parse_runtime
from condor.software import apptainer as software
from skyscan.errors import ExitCode, WrongUsage

DIGEST = f"@sha256:{'0a' * 32}"
ICECUBE = "/cvmfs/icecube.opensciencegrid.org"
SHORT = "py3-v4.4.1/icetray/v1.12.0"


@pytest.mark.parametrize(
    ("text", "kind", "where"),
    [
        ("host", Kind.HOST, ""),
        ("host:python3", Kind.HOST, "python3"),
        ("host:/opt/a b/python", Kind.HOST, "/opt/a b/python"),
        (f"cvmfs:{SHORT}", Kind.CVMFS, SHORT),
        (
            "cvmfs:/home/me/it's mine/env-shell.sh",
            Kind.CVMFS,
            "/home/me/it's mine/env-shell.sh",
        ),
        (f"container:{ICECUBE}/x:4.2.1", Kind.CONTAINER, f"{ICECUBE}/x:4.2.1"),
        ("container:/images/a.sif", Kind.CONTAINER, "/images/a.sif"),
        ("container:osdf:///ospool/a.sif", Kind.CONTAINER, "osdf:///ospool/a.sif"),
        ("container:docker://python:3.11", Kind.CONTAINER, "docker://python:3.11"),
        ("container:docker://h:5000/a/b:v1", Kind.CONTAINER, "docker://h:5000/a/b:v1"),
        (f"container:docker://a/b{DIGEST}", Kind.CONTAINER, f"docker://a/b{DIGEST}"),
    ],
)
def test_the_text_of_a_runtime_is_parsed(text, kind, where):
    assert parse_runtime(text) == Runtime(kind, where)
    assert str(parse_runtime(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "HOST", "conda", "host:", "cvmfs", "cvmfs:", "container", "container:", ":x"),
        *("host:./python", "host:bin/python", "cvmfs:icetray/v1.12.0", "cvmfs:../env-shell.sh"),
        *("container:image.sif", "container:icecube/skymap_scanner:4.2.1"),
        *("container:/a b", "container:/a,b", 'container:/a"b', "container:osdf://a.sif"),
        *("container:docker://", "container:docker://a/b:1:2", "container:docker://a b:1"),
        *("docker://a:1", "container:http://x/a.sif", "container:docker://a@sha256:12"),
    ],
)
def test_an_invalid_runtime_is_wrong_usage_and_the_error_lists_valid_ones(text):
    with pytest.raises(WrongUsage, match=r"container:docker://NAME:TAG") as caught:
        parse_runtime(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["container:/a$(HOME)", "host:$$(X)", "cvmfs:/a\nqueue 9", "host:py\x1b[0m"]
)
def test_text_that_a_submit_file_would_change_is_wrong_usage(text):
    with pytest.raises(WrongUsage, match="a submit file cannot hold"):
        parse_runtime(text)


@pytest.mark.parametrize(
    "image",
    [
        "docker://icecube/skymap_scanner",
        "docker://icecube/skymap_scanner:latest",
        "docker://h:5000/skymap_scanner",
        "docker://python",
        "/cvmfs/singularity.opensciencegrid.org/htc/debian:latest",
    ],
)
def test_an_image_that_may_change_is_unpinned(image):
    with pytest.raises(WrongUsage, match=r"unpinned.*@sha256:") as caught:
        parse_runtime(f"container:{image}")
    assert caught.value.exit_code == ExitCode.WRONG_USAGE


def commands(text, *, this_machine=False):
    return parse_runtime(text).commands(this_machine=this_machine)


def test_an_interpreter_or_env_shell_needs_no_container():
    for text in ("host", "host:python3", "cvmfs:/home/me/env-shell.sh"):
        for this_machine in (True, False):
            assert commands(text, this_machine=this_machine) == {"universe": "vanilla"}


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        (f"cvmfs:{SHORT}", "icecube_opensciencegrid_org"),
        (f"cvmfs:{ICECUBE}/users/me/env-shell.sh", "icecube_opensciencegrid_org"),
        (f"container:{ICECUBE}/containers/x:1", "icecube_opensciencegrid_org"),
        ("container:/cvmfs/unpacked-x.cern.ch/a:1", "unpacked_x_cern_ch"),
        ("host:/cvmfs/sft.cern.ch/bin/python3", "sft_cern_ch"),
    ],
)
def test_a_runtime_on_cvmfs_requires_machines_with_cvmfs_except_on_this_one(text, attribute):
    expected = f"TARGET.HAS_CVMFS_{attribute} =?= True"
    assert commands(text)["requirements"] == expected
    assert "requirements" not in commands(text, this_machine=True)


@pytest.mark.parametrize(
    "image", ["/images/a.sif", "osdf:///ospool/a.sif", "docker://python:3"]
)
def test_an_image_is_transferred_only_to_another_machine(image):
    expected = {"universe": "container", "container_image": image}
    assert commands(f"container:{image}") == expected
    on_this = {"transfer_container": "false"} if image.startswith("/") else {}
    assert commands(f"container:{image}", this_machine=True) == expected | on_this


def test_job_sh_gets_the_interpreter_or_the_environment_to_load():
    assert parse_runtime("host").environment() == {"SKYSCAN_PYTHON": sys.executable}
    assert parse_runtime("host:python3").environment() == {"SKYSCAN_PYTHON": "python3"}
    assert parse_runtime(f"cvmfs:{SHORT}").environment() == {"SKYSCAN_ENV_SHELL": SHORT}
    container = parse_runtime("container:docker://python:3")
    assert container.environment() == {"SKYSCAN_ENV_SHELL": "image"}


def test_only_the_same_interpreter_is_this_python():
    assert parse_runtime("host").is_this_python
    assert not parse_runtime(f"host:{sys.executable}").is_this_python
    assert not parse_runtime("cvmfs:/env-shell.sh").is_this_python


@pytest.fixture
def apptainer(monkeypatch):
    monkeypatch.setattr(software, "find_apptainer", lambda: Path("/usr/bin/apptainer"))


@pytest.mark.usefixtures("apptainer")
def test_a_runtime_that_is_missing_on_this_machine_is_reported(tmp_path):
    there = tmp_path / "there"
    there.write_text("")
    absent = tmp_path / "absent"
    for text in (f"cvmfs:{there}", f"container:{there}", f"host:{sys.executable}", "host"):
        assert parse_runtime(text).missing(this_machine=True) == ""
    for text in (f"cvmfs:{absent}", f"container:{absent}", f"host:{absent}"):
        assert parse_runtime(text).missing(this_machine=True) == str(absent)
    assert parse_runtime("host:no-python").missing(this_machine=True) == "no-python"


@pytest.mark.usefixtures("apptainer")
def test_a_runtime_may_be_missing_here_if_jobs_run_elsewhere_and_no_image_is_transferred(
    tmp_path,
):
    absent = tmp_path / "absent.sif"
    for text in (
        f"cvmfs:{absent}",
        f"host:{absent}",
        "container:/cvmfs/no.such.repository/x:1",
    ):
        assert parse_runtime(text).missing(this_machine=False) == ""
    assert parse_runtime(f"container:{absent}").missing(this_machine=False) == str(absent)
    for image in ("docker://python:3", "osdf:///a.sif"):
        for this_machine in (True, False):
            assert parse_runtime(f"container:{image}").missing(this_machine=this_machine) == ""


def test_an_image_on_this_machine_needs_apptainer(monkeypatch):
    monkeypatch.setattr(software, "find_apptainer", lambda: None)
    image = parse_runtime("container:docker://python:3")
    assert image.missing(this_machine=True) == "apptainer"
    assert image.missing(this_machine=False) == ""
