"""Plans for the profile of each site: HTCondor's condor_submit accepts the jobs."""

import json
import os
from dataclasses import replace

import pytest
from plans_support import EVENT, dry_run, options

from condor.sites import recorded_site, site_names
from skyscan.errors import WrongUsage
from skyscan.recos.dummy import VARIATIONS_VARIABLE
from workflows.engines.dagman.submission import submit_command
from workflows.estimates.question import of_options
from workflows.plan import plan
from workflows.planned import Planned, read_planned
from workflows.planning.values import jobs_of, site_of

GIVEN = {
    "ospool": ("attributes.ProjectName=UWMadison_Test",),
    "chtc": ("runtime=container:docker://debian:12",),
}
MEMORY = (
    "{} * min({{ 4,1 + 2 * 0 + NumJobCompletions + (NumHoldsByReason.StartdHeldJob ?: 0) + "
    "(NumHoldsByReason.JobOutOfResources ?: 0) }})"
)
#: Where each profile's values belong: attributes of its jobs, as condor_submit writes them.
IN_THE_JOB = {
    "personal": {"SkyscanOutputIsHere": "true", "JobMaxRetries": "1"},
    "icecube": {
        "OriginalTime": "7200",
        "WantContainer": "true",
        "RequestMemory": MEMORY.format(8000),
    },
    "ospool": {
        "ProjectName": '"UWMadison_Test"',
        "JobDurationCategory": '"Medium"',
        "WantContainer": "true",
    },
    "chtc": {"ContainerImage": '"docker://debian:12"', "RequestMemory": MEMORY.format(2000)},
}


@pytest.mark.pool
@pytest.mark.parametrize("site", site_names())
def test_condor_submit_accepts_the_jobs_of_every_profile_with_its_values(
    pool, run_folder, site
):
    folder = plan(
        EVENT,
        run_folder,
        options(site=site, site_changes=GIVEN.get(site, ()), jobs_per_round=2),
    )
    for name in ("prep.sub", "reco.sub"):
        job = dry_run(pool, folder, name)
        assert {key: job.get(key) for key in IN_THE_JOB[site]} == IN_THE_JOB[site]
    # Once: icecube's and ospool's own requirements have it already.
    assert job["Requirements"].count("has_avx2") == (site != "personal")
    assert dry_run(pool, folder, "merge.sub")["JobUniverse"] == "12"


@pytest.mark.parametrize("variations", [1, 7])
@pytest.mark.parametrize("site", ["icecube", "ospool", "chtc"])
def test_a_round_has_300_jobs_for_each_variation_so_that_all_jobs_are_as_long(
    monkeypatch, site, variations
):
    monkeypatch.setenv(VARIATIONS_VARIABLE, str(variations))
    given = options(site=site, site_changes=GIVEN.get(site, ()), jobs_per_round=None)
    assert jobs_of(site_of(given), given, variations) == 300 * variations
    assert of_options("event", given, 65.0).setting.jobs_per_round == 300 * variations
    for change in ({"jobs_per_round": 5}, {"batch_size": 2}):
        mine = replace(given, **change)
        assert jobs_of(site_of(mine), mine, variations) == mine.jobs_per_round


def test_a_planned_scan_has_the_jobs_of_all_variations_only_where_the_site_has_a_number(
    tmp_path, monkeypatch
):
    monkeypatch.setenv(VARIATIONS_VARIABLE, "7")
    jobs = {
        site: read_planned(
            plan(EVENT, tmp_path / site, options(site=site, jobs_per_round=None)).scan_json
        ).jobs_per_round
        for site in ("icecube", "personal")
    }
    assert jobs == {"icecube": 2100, "personal": os.cpu_count()}


def test_jobs_on_many_machines_use_the_same_kernels_unless_the_site_says_no(tmp_path):
    def planned(name: str, *changes: str, site: str = "chtc") -> tuple[Planned, str]:
        given = (*GIVEN.get(site, ()), *changes)
        folder = plan(EVENT, tmp_path / name, options(site=site, site_changes=given))
        return read_planned(folder.scan_json), (folder.workflow / "reco.sub").read_text()

    scan, jobs = planned("many")
    assert scan.environment["SKYSCAN_KERNELS"] == "avx2"
    assert "SKYSCAN_KERNELS=avx2" in jobs
    assert "\nrequirements = (TARGET.has_avx2 =?= True) && " in jobs
    for other in (
        planned("off", "avx2_kernels=false"),
        planned("here", site="personal"),
    ):
        assert "SKYSCAN_KERNELS" not in other[0].environment
        assert "KERNELS" not in other[1]
        assert "avx2" not in other[1]
    assert planned("off again", "avx2_kernels=false")[0].id != scan.id
    scan, jobs = planned("on", "avx2_kernels=true", site="personal")
    assert scan.environment["SKYSCAN_KERNELS"] == "avx2"
    assert "TARGET.has_avx2 =?= True" in jobs


def test_a_scan_that_was_planned_before_the_key_existed_keeps_its_jobs(tmp_path):
    site = "chtc"
    folder = plan(EVENT, tmp_path, options(site=site, site_changes=GIVEN[site]))
    values = dict(read_planned(folder.scan_json).site_values)
    del values["avx2_kernels"]
    assert not recorded_site(site, values).avx2_kernels


@pytest.mark.pool
def test_values_of_the_command_line_reach_the_job_unchanged(pool, run_folder):
    changes = (
        'attributes.Purpose=it\'s "x"; \\queue 5',
        "submit.accounting_group=group_icecube",
        "submit.priority=7",
        "submit.request_gpus=1",
    )
    folder = plan(EVENT, run_folder, options(site_changes=changes))
    job = dry_run(pool, folder, "reco.sub")
    assert job["Purpose"] == '"it\'s \\"x\\"; \\\\queue 5"'
    assert job["JobPrio"] == "7"
    assert job["RequestGPUs"] == "1"
    assert "group_icecube" in job["AccountingGroup"]


def test_the_scan_keeps_the_values_of_its_site_without_the_profile(tmp_path):
    file = tmp_path / "ours.toml"
    file.write_text('summary = "ours"\nmax_idle = 33\n[dagman]\nDAGMAN_VERBOSITY = 4')
    folder = plan(
        EVENT, tmp_path, options(site=str(file), site_changes=("dagman.DAGMAN_VERBOSITY=5",))
    )
    file.unlink()
    scan = read_planned(folder.scan_json)
    assert scan.site == "ours"
    assert recorded_site(scan.site, scan.site_values).dagman["DAGMAN_VERBOSITY"] == "5"
    assert json.loads(folder.scan_json.read_text())["site_values"]["max_idle"] == 33
    command = submit_command(folder)
    assert command[command.index("-maxidle") + 1] == "33"
    assert (
        "DAGMAN_VERBOSITY = 5" in (folder.workflow / "dagman.config").read_text().splitlines()
    )


def test_another_value_of_the_site_is_refused_and_named(tmp_path):
    plan(EVENT, tmp_path, options(site_changes=("submit.priority=1",)))
    plan(EVENT, tmp_path, options(site_changes=("submit.priority=1",)))
    with pytest.raises(WrongUsage, match=r"site_values\.submit\.priority '1' -> '2'"):
        plan(EVENT, tmp_path, options(site_changes=("submit.priority=2",)))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"site": "ospool"}, r"attributes\.ProjectName"),
        ({"site": "chtc"}, "--runtime"),
        ({"site_changes": ("runtime=container:docker://debian",)}, "unpinned"),
        ({"site_changes": ("nothing=1",)}, "unknown key"),
    ],
)
def test_missing_and_invalid_values_are_refused_before_planning(tmp_path, change, why):
    with pytest.raises(WrongUsage, match=why):
        plan(EVENT, tmp_path / "scans", options(**change))
    assert not (tmp_path / "scans").exists()
