"""External text stays data, secrets stay where they are, and files belong to their user.

Hostile text in events, options, paths and variables is refused, or is one value in the files.
`tests/condor/test_submit.py` reads such values back with HTCondor's own parser;
`tests/skyscan/events/test_unpickling.py` has hostile pickles.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from plans_support import EVENT, options
from scans import environment, simulated_event, wait_until

from skyscan.errors import ExitCode, SkyscanError, WrongUsage
from skyscan.layout import ScanFolder
from workflows.engines.engine import Failure
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report
from workflows.reports.writing import write_report
from workflows.submission import submit_line
from workflows.watch import is_over

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.options import Options

#: Text that would create a file of this name in shells, submit files, DAGs or macros.
GOT_IN = "got-in"
HOSTILE = (
    f"x\nexecutable = /usr/bin/touch\narguments = {GOT_IN}\nqueue",
    f"x\r\nqueue touch {GOT_IN}",
    f'x"; touch {GOT_IN}; "',
    f"x'; touch {GOT_IN}; '",
    f"x`touch {GOT_IN}`",
    f"x$(touch {GOT_IN})",
    f"x; touch {GOT_IN} #",
    f"x && touch {GOT_IN}",
    f"x | touch {GOT_IN}",
    f"x\0touch {GOT_IN}",
    f"../../{GOT_IN}",
    "$ENV(HOME)",
    "$(executable)",
    "$$(OpSys)",
    "$$([1+1])",
    "x\nSCRIPT PRE prep /bin/false",
    "--set=x",
    "\x1b]0;x\x07",
    "\u2028queue",
    "%s%n{0}{x}",
)


def skeleton(folder: ScanFolder) -> dict[str, list[str]]:
    """Return the part of each file for HTCondor or a shell that no value may change.

    These are the commands of submit files in order, the first two words of DAG lines, and
    complete scripts.
    """
    found = {}
    for path in sorted(folder.workflow.iterdir()):
        lines = path.read_text().splitlines() if path.suffix in SHAPES else []
        found[path.name] = [SHAPES[path.suffix](line) for line in lines]
    return found


REFUSED = (ExitCode.WRONG_USAGE, ExitCode.BAD_INPUT)
SHAPES = {
    ".sub": lambda line: line.partition(" = ")[0],
    ".dag": lambda line: " ".join(line.split()[:2]),
    ".config": lambda line: line.partition(" = ")[0],
    ".sh": lambda line: line,
}


def planned(place: Path, chosen: Options, event: Path = EVENT) -> ScanFolder | SkyscanError:
    """Plan; return the folder, or the error that a user would see."""
    try:
        return plan(event, place, chosen)
    except SkyscanError as error:
        return error


@pytest.fixture(scope="module")
def harmless(tmp_path_factory) -> dict[str, dict[str, list[str]]]:
    """Return the files for the same options with harmless values."""
    place = tmp_path_factory.mktemp("harmless")
    every = {
        "attribute": options(site_changes=("attributes.Purpose=x",)),
        "submit": options(site_changes=("submit.accounting_group=x",)),
        "dagman": options(site_changes=("dagman.DAGMAN_VERBOSITY=3",)),
        "runtime": options(runtime="host:/opt/x/python"),
        "gcd_dir": options(gcd_dir=place),
        "variable": options(variables=("SKYSCAN_WORDS",)),
    }
    with environment(SKYSCAN_WORDS="x"):
        return {
            name: skeleton(plan(EVENT, place / name, chosen)) for name, chosen in every.items()
        }


WAYS = {
    "attribute": lambda text: options(site_changes=(f"attributes.Purpose={text}",)),
    "submit": lambda text: options(site_changes=(f"submit.accounting_group={text}",)),
    "dagman": lambda text: options(site_changes=(f"dagman.DAGMAN_VERBOSITY={text}",)),
    "runtime": lambda text: options(runtime=f"host:/opt/{text}/python"),
}


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("way", WAYS)
def test_an_option_is_refused_or_stays_one_value(tmp_path, harmless, way, text):
    with environment(SKYSCAN_WORDS="x"):
        made = planned(tmp_path, WAYS[way](text))
    if isinstance(made, SkyscanError):
        assert made.exit_code == ExitCode.WRONG_USAGE
        assert not list(tmp_path.rglob("*.sub"))
    else:
        assert skeleton(made) == harmless[way]


@pytest.mark.parametrize("text", [it for it in HOSTILE if "\0" not in it], ids=ascii)
def test_a_folder_of_gcd_files_is_refused_or_stays_one_value(tmp_path, harmless, text):
    gcd_dir = tmp_path / "gcd" / text.strip("/.")
    gcd_dir.mkdir(parents=True)
    with environment(SKYSCAN_WORDS="x"):
        made = planned(tmp_path / "scans", options(gcd_dir=gcd_dir))
    if isinstance(made, SkyscanError):
        assert made.exit_code == ExitCode.WRONG_USAGE
        assert "--gcd-dir" in str(made)
    else:
        assert skeleton(made) == harmless["gcd_dir"]


@pytest.mark.parametrize("text", [it for it in HOSTILE if "\0" not in it], ids=ascii)
def test_a_variable_is_refused_or_stays_one_value(tmp_path, harmless, monkeypatch, text):
    monkeypatch.setenv("SKYSCAN_WORDS", text)
    made = planned(tmp_path, options(variables=("SKYSCAN_WORDS",)))
    if isinstance(made, SkyscanError):
        assert made.exit_code == ExitCode.WRONG_USAGE
        assert "SKYSCAN_WORDS" in str(made)
    else:
        assert skeleton(made) == harmless["variable"]
        assert read_planned(made.scan_json).environment["SKYSCAN_WORDS"] == text


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("key", ["attributes", "submit", "dagman"])
def test_a_key_of_a_site_is_a_name_or_refused(tmp_path, key, text):
    with pytest.raises(WrongUsage):
        plan(EVENT, tmp_path, options(site_changes=(f"{key}.{text}=x",)))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("what", ["reco", "site", "runtime"])
def test_a_name_that_is_not_a_user_is_refused(tmp_path, what, text):
    made = planned(tmp_path, options(**{what: text}))
    assert isinstance(made, SkyscanError)
    assert made.exit_code in REFUSED


@pytest.mark.parametrize("text", [*HOSTILE, 10**30, -1, None, 1.5, [], {}], ids=ascii)
@pytest.mark.parametrize("key", ["run_id", "event_id"])
def test_the_folder_of_an_event_is_named_by_numbers(tmp_path, key, text):
    message = json.loads(EVENT.read_text())
    message["value"]["data"][key] = text
    (tmp_path / "event.json").write_text(json.dumps(message))
    made = planned(tmp_path / "scans", options(), tmp_path / "event.json")
    if isinstance(made, SkyscanError):
        assert made.exit_code in REFUSED
    else:
        assert re.fullmatch(r"run\d{8}\.evt\d{12}\.\w+", made.path.name)
        assert [path.name for path in (tmp_path / "scans").iterdir()] == [made.path.name]


@pytest.mark.parametrize("text", [it for it in HOSTILE if "\0" not in it], ids=ascii)
def test_a_submit_line_is_one_command_with_any_folder_name(tmp_path, text):
    # As the shell sees it: a program of that name, and the words that it gets.
    place = tmp_path / text.replace("/", "_").replace("..", "__")
    folder = plan(EVENT, place, options())
    program = tmp_path / "bin" / "condor_submit_dag"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\0" "$word"; done\n')
    program.chmod(0o755)
    line = submit_line(folder, None)
    path = {"PATH": f"{program.parent}:{os.defpath}"}
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=tmp_path, env=path, capture_output=True, check=True
    )
    assert done.stdout.split(b"\0")[-2].decode() == str(folder.workflow / "scan.dag")
    assert not list(tmp_path.rglob(GOT_IN))


def test_the_output_of_jobs_reaches_a_terminal_as_text_only(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    output = "no luck \x1b]0;owned\x07\x9b2J"
    report = write_report(folder, 1, [Failure("reco_00000", 75, output)])
    for text in (report.text, read_report(folder).failures[0].text):
        assert "no luck \\x1b]0;owned\\x07\\x9b2J" in text
        assert "\x1b" not in text


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o002])
def test_planned_files_follow_the_umask_of_the_user(tmp_path, mask):
    before = os.umask(mask)
    try:
        folder = plan(EVENT, tmp_path / "scans", options())
    finally:
        os.umask(before)
    for path in [folder.path.parent, folder.path, *folder.path.rglob("*")]:
        runs = path.is_dir() or path.suffix == ".sh"
        assert mode_of(path) == (0o777 if runs else 0o666) & ~mask, path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


#: How credentials get into a shell on a submit host.
SECRET = "hush-hush-1234"  # noqa: S105  (fake)
SECRETS = {
    "BEARER_TOKEN": SECRET,
    "SKYSCAN_BROKER_AUTH": SECRET,
    "SKYSCAN_PASSPHRASE": SECRET,
    "SKYSCAN_MY_PWD": SECRET,
    "SKYSCAN_WHATEVER": SECRET,
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "PGPASSWORD": SECRET,
    "GITHUB_TOKEN": SECRET,
}


@pytest.fixture(scope="module")
def guarded(pool, session_folder) -> tuple[ScanFolder, str]:
    """Scan in a hostile folder with secrets and a umask of 077; return the output."""
    place = session_folder / "guarded" / f"it's \"; touch {GOT_IN}; `touch {GOT_IN}` & #1 %s"
    place.mkdir(parents=True)
    event = place / f"-x; touch {GOT_IN}.json"
    shutil.copyfile(simulated_event(), event)
    hostile = [text for text in HOSTILE if text.isprintable() and "$$" not in text]
    words = {f"SKYSCAN_WORDS_{n}": text for n, text in enumerate(hostile)}
    variables = {**os.environ, **SECRETS, **words}
    assert pool.answers()
    command = [
        *("scan", "--simulated-event", "--reco-algo", "dummy", "--nsides", "1:0", "2:1"),
        *("--jobs-per-round", "2", "--output-dir", "scans", f"./{event.name}"),
        *(word for name in words for word in ("--env", name)),
    ]
    program = (
        f"import os, sys; os.umask(0o077); from workflows.cli import main; "
        f"sys.exit(main({command!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (place / "scans").iterdir()
    scan = ScanFolder(folder)
    wait_until(lambda: is_over(scan), "the scan to end")
    return scan, done.stdout + done.stderr


@pytest.mark.pool
def test_a_scan_in_a_hostile_folder_runs_nothing_else(guarded, session_folder):
    folder, _ = guarded
    report = read_report(folder)
    assert report is not None
    assert report.outcome == "complete", report.text
    assert not [path for path in session_folder.rglob(GOT_IN) if path.name == GOT_IN]


@pytest.mark.pool
def test_no_secret_is_in_the_scan_folder_or_in_the_output(guarded):
    folder, output = guarded
    assert SECRET not in output
    files = [path for path in folder.path.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.mark.pool
def test_other_users_cannot_read_a_scan_with_a_strict_umask(guarded):
    folder, _ = guarded
    assert mode_of(folder.path) == 0o700
    # HTCondor's own logs have its daemons' umask; they are in that folder.
    open_to_others = [
        str(path.relative_to(folder.path))
        for path in folder.path.rglob("*")
        if mode_of(path) & 0o077 and not is_of_htcondor(path)
    ]
    assert open_to_others == []


def is_of_htcondor(path: Path) -> bool:
    of_dagman = re.search(r"\.dag\.|\.dag$|^dagman\.config$", path.name)
    return bool(of_dagman) or path.parent.name == "logs"
