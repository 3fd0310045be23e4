"""Commands start fast: each imports its own module, and no more than it needs."""

import argparse
import os
import subprocess
import sys

import pytest
from plans_support import EVENT, options

from skyscan.errors import ExitCode
from workflows.cli import user_parser
from workflows.commands import HIDDEN, MODULES
from workflows.plan import plan

#: What `skyscan status` may import, besides all modules of some packages.
WHOLE = ("condor", "workflows.model", "workflows.engines", "workflows.checks", "skyscan.rounds")
OF_STATUS = {
    *("skyscan", "skyscan.answer", "skyscan.answer.levels", "skyscan.answer.sky"),
    "skyscan.answer.sky.frame",
    *("skyscan.batches", "skyscan.ending"),
    *("skyscan.errors", "skyscan.events", "skyscan.events.event", "skyscan.finite"),
    "skyscan.forks",
    *("skyscan.frames", "skyscan.healpix", "skyscan.job", "skyscan.job.progress"),
    *("skyscan.json_text", "skyscan.layout", "skyscan.locks", "skyscan.merge"),
    *("skyscan.pixels", "skyscan.plain", "skyscan.program", "skyscan.progression"),
    *(
        "skyscan.records",
        "skyscan.regular",
        "skyscan.results",
        "workflows.catalogue",
        "workflows.history",
    ),
    *("skyscan.scan", "skyscan.skymap", "skyscan.startup", "skyscan.storage"),
    *("skyscan.suggestions", "workflows", "workflows.answers", "workflows.campaigns"),
    *("workflows.campaigns.folder", "workflows.cli", "workflows.commands"),
    *("workflows.commands.examples", "workflows.commands.interrupts"),
    *("workflows.commands.status", "workflows.obstacles"),
    *("workflows.parser", "workflows.planned", "workflows.reports", "workflows.reports.stored"),
    *("workflows.reports.text", "workflows.reports.value", "workflows.reports.writing"),
    *("workflows.steps",),
    *("workflows.submission", "workflows.watch"),
}
#: Packages that take long to import.
SLOW = {"scipy", "healpy", "astropy", "matplotlib", "htcondor2", "Pegasus", "rich", "jinja2"}


def imported(*words: str) -> set[str]:
    """Return the modules that a command imports."""
    code = (
        "import sys; sys.stdout = open('/dev/null', 'w')\n"
        "from workflows.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.__stdout__)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        env=os.environ | {"CONDOR_CONFIG": "/dev/null"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def ours(modules):
    return {it for it in modules if it.split(".")[0] in ("skyscan", "condor", "workflows")}


def slow(modules):
    return {it.split(".")[0] for it in modules} & SLOW


def test_each_module_adds_the_commands_by_which_it_is_found():
    (action,) = (
        it for it in user_parser()._actions if isinstance(it, argparse._SubParsersAction)
    )
    assert list(action.choices) == [name for names in MODULES.values() for name in names]
    for module, names in MODULES.items():
        (action,) = (
            it
            for it in user_parser([module])._actions
            if isinstance(it, argparse._SubParsersAction)
        )
        assert tuple(action.choices) == names


@pytest.mark.parametrize("name", [name for names in HIDDEN.values() for name in names])
def test_dagman_finds_its_commands(name, tmp_path):
    command = [sys.executable, "-m", "workflows", name, "--help"]
    # In another folder, because the commands keep their stderr in `logs/` of where they run.
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.DONE
    assert f"skyscan {name}" in done.stdout


def test_status_imports_nothing_that_it_does_not_need(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    found = imported("status", str(folder.path))
    more = {it for it in ours(found) if it not in OF_STATUS and not it.startswith(WHOLE)}
    assert more == set()
    assert not slow(found)


@pytest.mark.parametrize(
    ("words", "not_these"),
    [
        (["--version"], ["numpy", "workflows.plan", "workflows.engines"]),
        (["list"], ["workflows.plan", "workflows.campaigns.plan", "skyscan.events.reader"]),
        (["why", "."], ["workflows.plan", "workflows.campaigns.plan", "skyscan.events.reader"]),
        (["logs", "."], ["workflows.plan", "workflows.campaigns.plan"]),
        (["pool", "status"], ["numpy", "workflows.plan", "workflows.engines"]),
        (["open-scan", "."], ["workflows.plan", "workflows.commands.status"]),
        (["next-round", ".", "0"], ["condor.configuration", "condor.sites", "condor.find"]),
    ],
)
def test_light_commands_do_not_import_what_plans_scans(words, not_these):
    found = imported(*words)
    assert not found & set(not_these)
    assert not slow(found)


def test_the_list_of_reconstructions_needs_no_astropy():
    assert not {"healpy", "astropy", "matplotlib"} & imported("recos")
