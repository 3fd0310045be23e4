"""Values of a site that HTCondor would refuse or misread are refused when it is planned."""

from __future__ import annotations

import pytest

from condor.sites import read_site, site_names
from condor.sites.keys import OWN_ATTRIBUTES
from condor.sites.values import check_with_condor_submit
from skyscan.errors import WrongUsage


@pytest.mark.parametrize(
    "change",
    [
        "submit.requirements=)) || ((true",
        "submit.requirements=true) || (true",
        "submit.requirements=TARGET.x =?= ",
        "submit.requirements=",
        "submit.requirements=$(anything)",
        "submit.requirements=$$(OpSys) == 1",
        "submit.requirements=$ENV(HOME)",
        "submit.rank=((",
        "submit.priority=abc",
        "submit.priority=nan",
        "submit.priority=1.5",
        "submit.priority=99999999999",
        "submit.priority=" + "9" * 5000,
        "attributes.Owner=root",
        "attributes.oWNER=root",
        "attributes.User=root@here",
        "attributes.Requirements=true",
        "attributes.JobPrio=7",
        "attributes.PeriodicRemove=true",
        "attributes.ClusterId=1",
        "urgent_halvings=1000000000",
        "jobs_per_round=" + "9" * 18,
        "max_idle=" + "9" * 5000,
        "request_memory=-1",
        "dagman.DAGMAN_VERBOSITY=x",
        "dagman.DAGMAN_VERBOSITY=8",
        "dagman.DAGMAN_MAX_SUBMIT_ATTEMPTS=0",
        "dagman.DAGMAN_SUBMIT_DELAY=nan",
        "dagman.DAGMAN_USE_DIRECT_SUBMIT=7",
        "staging=osdf:///a\nqueue",
    ],
)
def test_a_value_of_the_command_line_is_refused(change):
    with pytest.raises(WrongUsage):
        read_site("personal", [change])


@pytest.mark.parametrize(
    "change",
    [
        'submit.requirements=regexp("^node[0-9]+$", TARGET.Machine) && TARGET.Memory > 2000',
        "submit.rank=TARGET.Mips",
        "submit.priority=-10",
        "attributes.ProjectName=MyProject",
        "attributes.Big=9223372036854775807",
        "submit.want_ospool=true",
        "dagman.DAGMAN_USE_DIRECT_SUBMIT=false",
        "dagman.DAGMAN_MAX_SUBMIT_ATTEMPTS=16",
    ],
)
def test_usual_values_are_accepted(change):
    read_site("personal", [change])


@pytest.mark.parametrize(
    "text",
    [
        "required = 5",
        "required = [1]",
        "required.runtime = 5",
        "[" * 100_000,
        "a=" + "{a=" * 5000,
        "max_idle" + ".a" * 20_000 + "=1",
        "max_idle = " + "9" * 5000,
        "max_idle = 10000000000000000000000",
        "max_idle = nan",
        "summary = 5",
        "summary = 'a\\nb'".replace("\\n", "\x7f"),
        "submit.priority = nan",
        "submit.priority = 1979-05-27T07:32:00Z",
        "attributes.A = inf",
        "attributes.A = -nan",
        "attributes.A = 9223372036854775808",
        "attributes = [1]",
        "dagman = 'x'",
        "runtime = []",
        'staging = "osdf:///\\u0000"',
        "a" * 70_000,
        "\0",
    ],
    ids=lambda text: text[:30].encode("unicode_escape").decode(),
)
def test_a_profile_of_a_user_is_refused_in_one_sentence(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(WrongUsage) as refused:
        read_site(str(tmp_path / "mine.toml"))
    assert len(str(refused.value)) < 1000


def test_a_profile_that_is_no_text_or_no_file_is_refused(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    for path in ("mine.toml", ".", "a\0b.toml", "a" * 300 + ".toml"):
        with pytest.raises(WrongUsage, match="cannot be read"):
            read_site(f"{tmp_path}/{path}")


def test_no_site_of_the_package_sets_an_attribute_that_is_refused():
    given = {"ospool": ["attributes.ProjectName=P"], "chtc": ["runtime=container:/x.sif"]}
    for name in site_names():
        site = read_site(name, given.get(name, []))
        attributes = {key.removeprefix("+").lower() for key in site.submit if key[0] == "+"}
        assert not attributes & OWN_ATTRIBUTES


@pytest.mark.parametrize(
    ("commands", "text"),
    [
        ({"nice_user": "maybe"}, "nice_user=maybe is invalid"),
        ({"hold_kill_sig": "zz"}, "invalid signal zz"),
        ({"accounting_group": "x y z"}, "Invalid accounting_group"),
        ({"+Purpose": "a b"}, "Parse error"),
    ],
)
def test_what_condor_submit_refuses_is_refused_when_planning(commands, text):
    with pytest.raises(WrongUsage, match=f"Site mine: condor_submit refuses.*{text}"):
        check_with_condor_submit("mine", commands)


def test_commands_that_depend_on_files_are_left_to_submission():
    check_with_condor_submit("mine", {"use_oauth_services": "((", "x509userproxy": "/none"})


def test_without_condor_submit_nothing_more_is_known(monkeypatch):
    monkeypatch.setattr("condor.sites.values.search_path", lambda: "/nowhere")
    monkeypatch.setattr("condor.sites.values.installed", lambda: None)
    check_with_condor_submit("mine", {"nice_user": "perhaps"})
