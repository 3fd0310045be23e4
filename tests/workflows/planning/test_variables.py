"""Which variables go to the jobs: those that are declared or named, and no secrets."""

from __future__ import annotations

import shlex

import pytest
from plans_support import EVENT, options

from skyscan.errors import BadInput, WrongUsage
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.variables import OF_STEPS, check_recorded, declared_by, job_environment

#: What the tests of this machine may have, and nothing that tokens look like.
HARMLESS = (
    *("0.5", "1e-3", "/scratch/user42/RunFolder", "a:b", "http://mirror.example/data", ""),
    *(
        "/data/sim/pass2:/data/sim/pass2b",
        "run00123456.evt000000000012.neutrino",
        "pass2=",
        "0" * 40,
    ),
)
#: As they are made, but of nobody.
SECRETS = (
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl",
    "-----BEGIN RSA PRIVATE KEY----- x",
    "https://me:word@mirror.example/data",
    "https://" + "word@mirror.example",
    "ghp_" + "0123456789abcdefABCDEF0123456789abcd",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "Bearer abcdefgh12345",
    "Basic YTpi",
    "https://mirror.example/data?token=word",
    "https://mirror.example/data?X-Amz-Signature=0a1b2c",
    "Server=db.example;Password=word",
    '{"client_secret": "word"}',
    "hf_" + "abcdefghijklmnopqrstuvwxyz",
)
RANDOM = "q7Zk2Xw9Lm4Tt8Bv1Nc6Rr3Yy5Hh"
HEXADECIMAL = "9f86d081884c7d659a2feaa0c55ad015"


def test_variables_that_nobody_declares_stay_here():
    environment = {"SKYSCAN_DATA_DIRS": "/a", "SKYSCAN_PASSPHRASE": "x", "SKYSCAN_A": "1"}
    chosen = job_environment({**environment, "HOME": "/root", "PATH": "/bin"}, OF_STEPS)
    assert chosen == {"SKYSCAN_DATA_DIRS": "/a"}


def test_a_reconstruction_declares_what_it_reads(monkeypatch, tmp_path):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.5")
    monkeypatch.setenv("SKYSCAN_MINI_TEST", "1")
    environment = read_planned(plan(EVENT, tmp_path, options()).scan_json).environment
    assert environment["SKYSCAN_DUMMY_COST"] == "0.5"
    assert "SKYSCAN_MINI_TEST" not in environment
    assert "SKYSCAN_MINI_TEST" in declared_by("millipede-original")


def test_a_variable_of_any_name_goes_when_it_is_named():
    assert job_environment({"MY_SWITCH": "on"}, (), ["MY_SWITCH"]) == {"MY_SWITCH": "on"}


@pytest.mark.parametrize(
    "name",
    [
        *("SKYSCAN_PASSPHRASE", "SKYSCAN_PASS", "DB_PWD", "SKYSCAN_CRED", "X_TOKEN", "SECRET"),
        *("db_password", "BROKER_AUTH", "S3_ACCESS_KEY", "ApiKey", "PRIVATE", "SESSION_COOKIE"),
        *("GITHUB_PAT", "DB_PW", "SSHKEY", "JWT", "MY_OTP", "BEARER", "SESSIONID", "NETRC"),
        *("SKYSCAN_POOL_DIR", "SKYSCAN_PYTHON", "_CONDOR_UID_DOMAIN"),
        *("NOT_SET", "A=1", "A B", "", "1A", "A\nB", "\udc80"),
    ],
)
def test_names_of_secrets_and_of_the_machine_are_refused(name):
    environment = {it: "hush-hush-1234" for it in (name,) if it != "NOT_SET"}
    with pytest.raises(WrongUsage, match="--env") as refused:
        job_environment(environment, (), [name])
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("value", SECRETS)
def test_what_looks_like_a_secret_is_refused_whatever_its_name(value):
    for declared, named in ((("SKYSCAN_X",), ()), ((), ("SKYSCAN_X",))):
        with pytest.raises(WrongUsage, match="SKYSCAN_X looks like a secret") as refused:
            job_environment({"SKYSCAN_X": value}, declared, named)
        assert value not in str(refused.value)


@pytest.mark.parametrize("word", [RANDOM, HEXADECIMAL])
def test_random_words_are_refused_only_where_paths_are_not_expected(word):
    assert job_environment({"SKYSCAN_DATA_CACHE": f"/scratch/{word}"}, OF_STEPS)
    with pytest.raises(WrongUsage, match="X looks like a secret"):
        job_environment({"X": f"key={word}"}, (), ["X"])


@pytest.mark.parametrize(
    "mirror", ["mirror.example", "ftp://mirror.example", "http://a/?x=1", "http://"]
)
def test_a_mirror_that_no_job_could_use_is_refused_at_planning(mirror):
    with pytest.raises(BadInput, match="SKYSCAN_DATA_URL must be an address") as refused:
        job_environment({"SKYSCAN_DATA_URL": mirror}, OF_STEPS)
    assert "x=1" not in str(refused.value)


@pytest.mark.parametrize("value", HARMLESS)
def test_usual_values_go(value):
    assert job_environment({"X": value}, (), ["X"]) == {"X": value}


@pytest.mark.parametrize("value", ["a\nqueue 9", "a\rb", "tab\t", "\x1b[0m", "$$(X)", "\udc80"])
def test_variables_that_a_submit_file_cannot_represent_are_wrong_usage(value):
    with pytest.raises(WrongUsage, match="SKYSCAN_X"):
        job_environment({"SKYSCAN_X": value}, ("SKYSCAN_X",))


@pytest.mark.parametrize("value", SECRETS)
@pytest.mark.parametrize("option", ["--set", "--notify"])
def test_no_secret_in_an_option_is_recorded(tmp_path, capsys, option, value):
    given = {"--set": f'attributes.Note="{value}"', "--notify": f"true {shlex.quote(value)}"}
    words = ["plan", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]
    assert main([*words, "--output-dir", str(tmp_path / "a"), option, given[option]]) == 64
    shown = capsys.readouterr()
    assert "looks " in shown.err
    assert value not in shown.err + shown.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("words", [f"post https://hooks.example/{RANDOM}", "tell --token x"])
def test_a_notification_with_a_secret_belongs_into_a_script(tmp_path, words):
    with pytest.raises(
        WrongUsage, match="put the command into a script that only you can read"
    ):
        plan(EVENT, tmp_path, options(notify=tuple(words.split())))


@pytest.mark.parametrize("where", [{"runtime": "container:osdf:///a/x.sif?token=word"}, "mine"])
def test_a_secret_in_a_runtime_or_a_profile_is_refused(tmp_path, where):
    if where == "mine":
        profile = tmp_path / "mine.toml"
        profile.write_text('[attributes]\nNote = "password=word"\n')
        where = {"site": str(profile)}
    with pytest.raises(WrongUsage, match=r"A value of the site .* looks like a secret"):
        plan(EVENT, tmp_path / "scans", options(**where))
    with pytest.raises(WrongUsage, match=r"A value of the site .* looks like a secret"):
        plan_campaign([EVENT], tmp_path / "many", options(**where))


def test_conditions_on_machines_are_no_secrets(tmp_path):
    changes = ("submit.requirements=HAS_AUTH==true || Has_Token=?=true", "attributes.Auth=1")
    assert plan(EVENT, tmp_path, options(site_changes=changes, notify=("/bin/true", "shift")))


def test_a_scan_says_which_of_its_users_variables_stay_here(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SKYSCAN_DUMY_COST", "1")
    monkeypatch.setenv("SKYSCAN_PASSPHRASE", "hush-hush-1234")
    words = ["plan", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]
    assert main([*words, "--output-dir", str(tmp_path)]) == 0
    notes = capsys.readouterr().err
    assert "jobs do not get SKYSCAN_DUMY_COST: " in notes
    assert "PASSPHRASE" not in notes


def test_a_folder_that_was_planned_with_other_variables_can_be_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_ANYTHING", "1")
    folder = plan(EVENT, tmp_path, options(variables=("SKYSCAN_ANYTHING",)))
    monkeypatch.delenv("SKYSCAN_ANYTHING")
    assert read_planned(folder.scan_json).environment == {"SKYSCAN_ANYTHING": "1"}


def test_the_digest_of_an_image_is_no_secret():
    digest = f"sha256:{'0123456789abcdef' * 4}"
    for image in (f"docker://debian@{digest}", f"container:docker://icecube/skymap@{digest}"):
        check_recorded({"runtime": image}, ())
    with pytest.raises(WrongUsage, match="looks like a secret"):
        check_recorded({"runtime": "docker://me:word@debian"}, ())
