"""The same steps written for both engines, compared by their files alone."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import classad2
import pytest
from pegasus_support import do_batch, read
from plans_support import EVENT, options

from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.engines.dagman.dags import write_round_dag
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.engines.pegasus.rounds import merge_graph, round_graph
from workflows.plan import plan
from workflows.planned import read_planned

GIVEN = {
    "personal": {},
    "icecube": {},
    "ospool": {"site_changes": ("attributes.ProjectName=Mine", "submit.priority=3")},
    "chtc": {"runtime": "container:docker://debian:12"},
}
#: Commands that differ between the engines; the rest of a submit file is the same.
OWN = {
    *("executable", "initialdir", "arguments", "environment", "output", "error"),
    "+SkyscanOutputIsHere",
    *("should_transfer_files", "transfer_input_files", "transfer_output_files"),
    *("transfer_output_remaps", "when_to_transfer_output", "log"),
    # Pegasus: on_exit_remove, because it takes a job that exits early as failed.
    *("checkpoint_exit_code", "transfer_checkpoint_files", "on_exit_remove"),
    # Pegasus: DAGMan makes all tries
    *("max_retries", "retry_until"),
}


@dataclass
class Job:
    """A job of an engine: files by their place in the scan folder."""

    retries: int
    inputs: set[str]
    outputs: set[str]
    requests: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    step: list[str] = field(default_factory=list)


@pytest.fixture(scope="module", params=GIVEN)
def engines(request, tmp_path_factory):
    """Return the jobs of round 0 of the same scan by each engine: {engine: {name: Job}}."""
    rendered = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYSCAN_WORDS", 'it\'s "two" words; $HOME')
        for engine, jobs_of in (("dagman", dagman_jobs), ("pegasus", pegasus_jobs)):
            small = options(
                engine=engine,
                site=request.param,
                jobs_per_round=5,
                max_retries=2,
                variables=("SKYSCAN_WORDS",),
                **GIVEN[request.param],
            )
            folder = plan(EVENT, tmp_path_factory.mktemp(engine), small)
            scan = read_planned(folder.scan_json)
            prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
            rendered[engine] = jobs_of(folder, scan, open_round(folder, scan, 0))
    return rendered


def dagman_jobs(folder, scan, batches) -> dict[str, Job]:
    write_round_dag(folder, scan, 0, batches, 0)
    jobs = {}
    for dag in ("scan.dag", "round_000.dag"):
        lines = [line.split() for line in (folder.workflow / dag).read_text().splitlines()]
        nodes = (words[1] for words in lines if words[0] == "JOB")
        for node in (it for it in nodes if not it.startswith("reco_0") or it.count("_") == 1):
            name = node.partition("_")[0]
            values = macros(folder.workflow / dag, node)
            commands = submit_commands(folder.workflow / f"{name}.sub", values)
            retries = [words[2] for words in lines if words[:2] == ["RETRY", node]]
            jobs[node] = Job(tries(int(retries[0]) if retries else 0, commands), set(), set())
            if commands["universe"] == "local":
                continue
            read_too = commands["transfer_input_files"].split(", ")
            # a folder of results is compared by its one file
            jobs[node].inputs = {
                re.sub(r"(results/(\d+)/)$", r"\1\2.rec", path) for path in read_too
            }
            remaps = commands.get("transfer_output_remaps", "").strip('"')
            homes = dict(it.split("=") for it in remaps.split(";") if it)
            made = commands["transfer_output_files"].split(", ")
            jobs[node].outputs = {homes.get(it, it) for it in made}
            jobs[node].requests = {k: v for k, v in commands.items() if k not in OWN}
            jobs[node].environment = as_condor_reads(commands["environment"])
            jobs[node].step = commands["arguments"].strip('"').split()
    return jobs


def macros(dag: Path, node: str) -> dict[str, str]:
    """Return the macros of a node in a DAG, without the number of its tries."""
    given = re.findall(rf"^VARS {node} (.*)$", dag.read_text(), re.MULTILINE)
    values = dict(re.findall(r'(\w+)="([^"]*)"', " ".join(given)))
    return {name: value for name, value in values.items() if name != "retry"}


def tries(retries: int, commands) -> int:
    """Return how often a node's job is tried, in each submission and by new ones."""
    inside = commands.get("max_retries", "0")
    return sum(at_try(number, inside) + 1 for number in range(retries + 1)) - 1


def submit_commands(path: Path, values) -> dict[str, str]:
    text = path.read_text()
    for name, value in values.items():
        text = text.replace(f"$({name})", value)
    text = text.replace("$(retry)", "DAGNodeRetry")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in pairs}


def as_condor_reads(environment: str) -> dict[str, str]:
    """Return the variables of a submit file's quoted environment."""
    inside = environment[1:-1].replace('""', '"')
    inside = inside.replace("$(DOLLAR)", "$")
    pairs = re.findall(r"(\w+)=((?:'(?:[^']|'')*'|[^' ])*)", inside)
    return {name: re.sub(r"'((?:[^']|'')*)'", _unquoted, value) for name, value in pairs}


def _unquoted(match: re.Match[str]) -> str:
    return match[1].replace("''", "'")


def pegasus_jobs(folder, scan, batches) -> dict[str, Job]:
    pegasus = PegasusFolder(folder.path)
    round_graph(folder, scan, 0, batches, 0).write(folder.path / "round_000.yml")
    for batch in batches:
        do_batch(folder, 0, batch.number)
    merge_graph(folder, scan).write(folder.path / "round_001.yml")
    programs = {it["name"]: it for it in read(pegasus.transformations)["transformations"]}
    places = replicas(folder, read(pegasus.replicas))
    jobs = {}
    for path in (
        pegasus.workflow,
        folder.path / "round_000.yml",
        folder.path / "round_001.yml",
    ):
        workflow = read(path)
        places |= replicas(folder, workflow.get("replicaCatalog", {"replicas": []}))
        for job in workflow["jobs"]:
            if job["type"] == "job" and job["name"] != "next_round":
                name = f"{job['name']}_{job['id']}".removesuffix("_scan")
                jobs[name] = _pegasus_job(job, programs[job["name"]], places)
    return jobs


def replicas(folder, catalog) -> dict[str, str]:
    return {
        it["lfn"]: str(Path(it["pfns"][0]["pfn"]).relative_to(folder.path))
        for it in catalog["replicas"]
    }


def _pegasus_job(job, program, places) -> Job:
    made = Job(job["profiles"]["dagman"]["RETRY"], set(), set())
    if job["name"] == "merge":
        return made
    for use in job["uses"]:
        place = places.get(use["lfn"], use["lfn"]).removeprefix("pegasus/").removesuffix(".tar")
        if use["type"] in ("input", "checkpoint"):
            made.inputs.add(place)
        if use["type"] == "checkpoint" or (use["type"] == "output" and job["name"] == "prep"):
            made.outputs.add(place)
    made.inputs -= {"workflow/job.sh"}  # for DAGMan it is the executable
    requests = {**program["profiles"]["condor"], **job["profiles"].get("condor", {})}
    made.requests = {key: value for key, value in requests.items() if key not in OWN}
    made.environment = program["profiles"]["env"]
    # Pegasus' file names are translated to those that the step itself uses.
    words = [re.sub(r"^r000_", "", word) for word in job["arguments"]]
    made.step = words[words.index("--") + 1 :]
    return made


def test_both_have_the_same_steps_and_retries(engines):
    dagman, pegasus = engines["dagman"], engines["pegasus"]
    assert set(dagman) - {"report"} == set(pegasus)
    assert {f"reco_{n:05d}" for n in range(5)} < set(pegasus)
    retries = {name: job.retries for name, job in pegasus.items() if name != "merge"}
    assert retries == {name: dagman[name].retries for name in retries}
    assert (retries["prep"], retries["reco_00003"]) == (2, 2)
    # DAGMan's merge runs on the access point, where HTCondor repeats one that was killed.
    assert (dagman["merge"].retries, pegasus["merge"].retries) == (2, 0)


def test_both_read_and_write_the_same_files(engines):
    for name, job in engines["pegasus"].items():
        same = engines["dagman"][name]
        assert (job.inputs, job.outputs) == (same.inputs, same.outputs), name
    reco = engines["pegasus"]["reco_00003"]
    assert reco.outputs == {"rounds/000/results/00003/00003.rec"}
    assert "rounds/000/batches/00003.npz" in reco.inputs


def test_both_call_the_step_with_the_same_arguments(engines):
    for name, job in engines["pegasus"].items():
        assert job.step == engines["dagman"][name].step, name


def test_both_request_the_same_resources_at_each_try(engines):
    for name, job in engines["pegasus"].items():
        same = engines["dagman"][name].requests
        assert set(job.requests) == set(same), name
        for key, value in job.requests.items():
            if key in ("+RequestMemory", "+RequestDisk"):
                assert at_try(0, value) == at_try(0, same[key]), (name, key)
                assert at_try(0, value) < at_try(1, value) < at_try(2, value), (name, key)
            elif "NumJobCompletions" not in same[key]:  # counts checkpoints in Pegasus' jobs
                assert value == same[key], (name, key)


def at_try(number: int, expression: str) -> int:
    expression = classad2.ExprTree(expression)
    ad = classad2.ClassAd({"DAGNodeRetry": number, "NumJobCompletions": 0, "it": expression})
    return int(ad.eval("it"))


def test_both_give_their_jobs_the_same_environment(engines):
    for name, job in engines["pegasus"].items():
        assert job.environment == engines["dagman"][name].environment, name
    assert engines["pegasus"]["prep"].environment["SKYSCAN_WORDS"].startswith("it's")
