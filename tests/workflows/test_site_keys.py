"""Sites cannot set what a scan writes into submit files."""

import re

import pytest
from plans_support import EVENT, options

from condor.sites.keys import check_key
from skyscan.errors import WrongUsage
from workflows.plan import plan

#: What a site can change: docs/sites.md.
BOTH = {"keep_claim_idle", "request_cpus", "requirements"}


@pytest.mark.parametrize(
    "changes",
    [
        {"site": "ospool", "site_changes": ("attributes.ProjectName=x",), "deadline": 3600.0},
        {"site": "chtc", "runtime": "container:docker://debian:12"},
        {"site": "chtc", "runtime": "cvmfs:/cvmfs/icecube.opensciencegrid.org/env-shell.sh"},
        {"runtime": "container:/opt/x.sif", "time_budget": 60.0},
    ],
)
def test_sites_cannot_set_commands_and_macros_that_a_scan_writes(tmp_path, changes):
    folder = plan(EVENT, tmp_path, options(**changes))
    text = "\n".join(file.read_text() for file in folder.path.rglob("*.sub"))
    of_sites = re.findall(r"(?m)^(want_\w+) = ", text)
    commands = set(re.findall(r"(?m)^(\w+) = ", text)) - BOTH - set(of_sites)
    macros = set(re.findall(r"(?<!\$)\$\((\w+)\)", text))
    assert {"executable", "periodic_remove"} < commands
    assert {"retry", "batch", "round"} <= macros
    for key in {*commands, *map(str.lower, macros), "queue"}:
        with pytest.raises(WrongUsage, match="a scan sets"):
            check_key("mine", "submit", key)
    for key in BOTH:
        check_key("mine", "submit", key)
