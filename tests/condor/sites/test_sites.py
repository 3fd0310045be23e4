import re
import time
from importlib import resources
from itertools import pairwise

import pytest

from condor.runtimes import parse_runtime
from condor.sites import read_site, recorded_site, site_names
from skyscan.errors import WrongUsage

#: Values of shipped profiles that the user must set.
GIVEN = {
    "ospool": ("attributes.ProjectName=UWMadison_Test",),
    "chtc": ("runtime=container:docker://debian:12",),
}

OWN = """
summary = "ours"
runtime = "host:python3"
jobs_per_round = 7
max_idle = 50
request_memory = 1500

[attributes]
Wanted = 'a "quoted" \\ name'
Urgency = 3

[submit]
requirements = "TARGET.HasOurs"
want_ospool = true
use_oauth_services = "ours"
ours_oauth_permissions_data = "read:/"

[dagman]
DAGMAN_MAX_JOB_HOLDS = 2
"""


HURRY = ("priority", "keep_claim_idle")


@pytest.fixture
def own(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text(OWN)
    return file


@pytest.mark.parametrize("name", site_names())
def test_every_shipped_profile_is_complete(name):
    site = read_site(name, GIVEN.get(name, ()))
    assert site.name == name
    assert site.summary
    assert str(parse_runtime(site.runtime)) == site.runtime
    assert all(isinstance(value, str) for value in (site.submit | site.dagman).values())
    assert recorded_site(name, site.values()) == site


@pytest.mark.parametrize("name", site_names())
def test_every_value_of_a_shipped_profile_has_a_comment(name):
    text = resources.files("condor").joinpath("sites", f"{name}.toml").read_text("utf-8")
    lines = text.splitlines()
    for before, line in pairwise(lines):
        if re.match(r'[\w"]', line):
            assert before.startswith("#"), line


def test_the_docs_name_all_profiles():
    assert site_names() == ["chtc", "icecube", "ospool", "personal"]


@pytest.mark.parametrize(
    "name", ["nowhere", "../personal", "personal.toml", "no/file.toml", ""]
)
def test_an_unknown_name_is_refused_and_the_known_ones_are_listed(name):
    with pytest.raises(WrongUsage, match=r"Known sites: .*personal"):
        read_site(name)


@pytest.mark.parametrize(
    ("name", "key"), [("ospool", "attributes.ProjectName"), ("chtc", "runtime")]
)
def test_a_profile_names_the_values_that_the_user_must_set(name, key):
    with pytest.raises(WrongUsage, match=rf"{name} needs {key}: .*--set {key}=VALUE"):
        read_site(name)
    with pytest.raises(WrongUsage, match=key):
        read_site(name, [f"{key}="])


def test_a_missing_runtime_may_be_set_by_its_option():
    site = read_site("chtc", runtime="container:/staging/me/x.sif")
    assert site.runtime == "container:/staging/me/x.sif"


def test_a_file_of_the_user_is_a_site(own):
    site = read_site(str(own))
    assert (site.name, site.jobs_per_round, site.request_memory) == ("ours", 7, 1500)
    assert site.submit == {
        "requirements": "TARGET.HasOurs",
        "want_ospool": "true",
        "use_oauth_services": "ours",
        "ours_oauth_permissions_data": "read:/",
        "+Wanted": '"a \\"quoted\\" \\\\ name"',
        "+Urgency": "3",
    }
    assert site.dagman == {"DAGMAN_MAX_JOB_HOLDS": "2", "DAGMAN_MAX_JOBS_IDLE": "50"}


def test_changed_values_keep_their_type(own):
    site = read_site(
        str(own),
        [
            "jobs_per_round=9",
            "this_machine=true",
            "attributes.Urgency=4",
            "attributes.Wanted=5",
            "attributes.New=true",
            "submit.requirements=TARGET.A == 1",
            "submit.priority=10",
            "submit.docker_pull_policy=always",
            "dagman.DAGMAN_MAX_JOB_HOLDS=1",
            "max_idle=20",
        ],
    )
    assert (site.jobs_per_round, site.this_machine, site.max_idle) == (9, True, 20)
    assert site.submit["requirements"] == "TARGET.A == 1"
    assert site.submit["+Urgency"] == "4"
    assert site.submit["+Wanted"] == '"5"'  # the type was text
    assert site.submit["+New"] == "true"
    assert site.submit["priority"] == "10"
    assert site.submit["docker_pull_policy"] == "always"
    assert site.dagman == {"DAGMAN_MAX_JOB_HOLDS": "1", "DAGMAN_MAX_JOBS_IDLE": "20"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("jobs_per_round", "not of the form KEY=VALUE"),
        (
            "jobs=3",
            r"--set jobs: unknown key\. Did you mean jobs_per_round\? .*submit\.requirements",
        ),
        ("name=x", "unknown key"),
        ("summary.x=1", "unknown key"),
        ("jobs_per_round=many", "not a whole number"),
        ("jobs_per_round=-1", "less than 0"),
        ("this_machine=perhaps", "neither true nor false"),
        ("submit.want_ospool=1", "neither true nor false"),
        ("submit.executable=/bin/rm", r"submit\.executable: a scan sets executable itself"),
        ("submit.PeriodicRemove=false", r"not the name of a submit command"),
        ("submit.periodicremove=false", r"a scan sets"),
        ("submit.Requirements=true", r"not the name of a submit command"),
        ("submit.MY.X=1", r"not the name of a submit command"),
        ("submit.getenv=true", r"a scan sets"),
        ("submit.retry=9", r"a scan sets"),
        ("submit.include : /etc/passwd #=1", r"not the name of a submit command"),
        ("submit.include=/etc/passwd", r"a scan sets"),
        ("submit.queue=2", r"a scan sets"),
        ("submit.=2", r"not the name of a submit command"),
        ("submit.+X=1", r"job attributes belong in the table attributes, as X"),
        ("attributes.+X=1", r"without \+"),
        (
            "attributes.X = 1\nqueue=1",
            "cannot be written to a submit file|not the name of an attribute",
        ),
        ("dagman.DAGMAN_MAX_JOB_IDLE=1", "unknown key dagman"),
        ("submit.requirements=true\nexecutable = /bin/rm", "line break"),
        ("submit.requirements=true\\", "backslash"),
        ("attributes.Wanted=$(HOME)", r"has a \$"),
        ("dagman.DAGMAN_VERBOSITY=1\nX = 2", "not a whole number|line break"),
    ],
)
def test_invalid_changes_are_refused(own, change, why):
    with pytest.raises(WrongUsage, match=why):
        read_site(str(own), [change])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("submits = 1", "mine: unknown key submits.*Known keys: .*submit"),
        ('jobs_per_round = "3"', "jobs_per_round = '3' is not a whole number"),
        ("this_machine = 1", "is not true or false"),
        ("submit = 3", r"submit is not a table"),
        ("[submit]\nrequest_memory = 3", r"submit\.request_memory: a scan sets"),
        ("[submit]\nrequirements = [1]", "neither text nor a number"),
        ("[dagman]\nDAGMAN_CONDOR_SUBMIT_EXE = '/x'", "unknown key dagman"),
        ('[attributes]\nX = "a\\nqueue"', "line break"),
        ("not toml", "mine: "),
    ],
)
def test_an_invalid_profile_is_refused_and_the_key_is_named(tmp_path, text, why):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(WrongUsage, match=why):
        read_site(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", site_names())
def test_an_urgent_scan_has_priority_claims_and_a_quick_dagman_on_every_site(name):
    site = read_site(name, GIVEN.get(name, ()), urgent=True)
    assert [site.submit[key] for key in HURRY] == ["1000", "60"]
    assert site.dagman["DAGMAN_USER_LOG_SCAN_INTERVAL"] == "1"
    plain = read_site(name, GIVEN.get(name, ()))
    assert not set(HURRY) & set(plain.submit)


def test_site_and_command_line_define_urgent(own):
    own.write_text(OWN.replace("[attributes]", "urgent_priority = 5\n[attributes]"))
    site = read_site(str(own), ("submit.keep_claim_idle=7", "urgent_halvings=4"), urgent=True)
    assert [site.submit[key] for key in HURRY] == ["5", "7"]
    assert site.urgent_halvings == 4
    assert site.submit["want_ospool"] == "true"
    changed = ("dagman.DAGMAN_USER_LOG_SCAN_INTERVAL=3", "urgent_priority=6")
    site = read_site(str(own), changed, urgent=True)
    assert site.dagman["DAGMAN_USER_LOG_SCAN_INTERVAL"] == "3"
    assert site.submit["priority"] == "6"


@pytest.mark.parametrize("text", ["KEY = 1", "[KEY]", "x = {KEY = 1}", '"#" = 1\nKEY = 1'])
def test_a_key_of_very_many_parts_is_refused_at_once(tmp_path, text):
    path = tmp_path / "deep.toml"
    path.write_text(text.replace("KEY", ".".join("a" * 30_000)))
    begin = time.process_time()
    with pytest.raises(WrongUsage, match="too deeply nested"):
        read_site(str(path))
    assert time.process_time() - begin < 1


def test_a_profile_may_have_long_comments_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "own.toml"
    path.write_bytes(b"\xef\xbb\xbf" + OWN.encode() + b"# " + b"." * 200 + b"\n")
    assert read_site(str(path)).jobs_per_round == 7
