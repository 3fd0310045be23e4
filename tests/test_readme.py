"""README and docs agree with the code: commands run; links, options and tables are right."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import skyscan.__main__
from condor.sites import read_site
from skyscan.errors import ExitCode
from skyscan.progression import DEFAULT_PROGRESSION
from skyscan.recos import available_recos
from workflows import cli
from workflows.planning.values import usual_rounds

if TYPE_CHECKING:
    from condor.contact import Pool

REPOSITORY = Path(__file__).parents[1]
README = REPOSITORY / "README.md"
DOCS = REPOSITORY / "docs"
INDEX = DOCS / "index.md"  # of the site
SCAN = DOCS / "scan.md"
PAGES = [
    *(README, REPOSITORY / "CHANGELOG.md", REPOSITORY / "CONTRIBUTING.md"),
    *(page for page in sorted(DOCS.glob("*.md")) if page != INDEX),
]
REAL_EVENT = REPOSITORY.parent / "shared" / "events" / "hese_event_01.json"
PATIENCE = 900  # seconds for all commands; a machine may be busy, so this is a limit
END = "@@ exit "
# skyreader's own plotting, which the block only imports, overrides what matplotlib renames.
READER_WARNING = "ignore:Overriding `Axes.cla`:PendingDeprecationWarning"


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE
    )


#: Pages whose shell commands run, in this order, in one shell.
GUIDES = (README, SCAN, DOCS / "install.md")
COMMANDS = list(
    dict.fromkeys(
        line for page in GUIDES for block in blocks(page, "sh") for line in block.splitlines()
    )
)


@pytest.fixture(scope="module")
def folder(session_folder: Path) -> Path:
    """Return the folder in which a reader of the guides works."""
    here = session_folder / "readme"
    here.mkdir()
    (here / ".venv").symlink_to(sys.prefix)
    return here


@pytest.fixture(scope="module")
def outputs(pool: Pool, folder: Path) -> dict[str, tuple[int, str]]:  # noqa: ARG001
    """Run the commands of the guides in one shell: {command: (exit code, output)}."""
    script = []
    for command in [*COMMANDS, WAIT]:
        script += [as_run(command, folder), f'printf "\\n{END}%d\\n" $?']
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    ends = re.findall(rf"(.*?)\n{END}(\d+)\n", done.stdout, re.DOTALL)
    outputs = [(int(code), text) for text, code in ends]
    return dict(zip([*COMMANDS, WAIT], outputs, strict=True))


#: The guides submit one scan without waiting for it; the pool must not stop before it ends.
WAIT = "until skyscan result planned; do sleep 1; done 2>/dev/null"


def as_run(command: str, folder: Path) -> str:
    """Return what to run for a command: shorter, with an event, without these tests."""
    words = command.split()
    if words[0] == "make":
        shown = f"make --dry-run --directory {shlex.quote(str(REPOSITORY))} {words[1]}"
        # Set-up has run, or nothing would work here.
        scan = f" && {shlex.quote(sys.prefix)}/bin/skyscan demo"
        return shown + (scan if words[1] == "demo" else "")
    if command == ". .venv/bin/activate" and not (folder / command.split()[1]).exists():
        return f"PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH"  # conda
    if words[:2] == ["skyscan", "pool"]:
        # Not the pool of the other tests, because this one is stopped.
        return f"SKYSCAN_POOL_DIR={shlex.quote(str(folder / 'pool'))} {command}"
    if REAL_EVENT.exists():
        event = REAL_EVENT
    else:
        event = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))
        command = command.replace("--real-event", "--simulated-event")
    if words[:2] == ["skyscan", "scan"] and "--nsides" not in words:
        command += " --nsides 1:0 2:4"
    return command.replace(" EVENT ", f" {shlex.quote(str(event))} ")


@pytest.mark.pool
@pytest.mark.long
@pytest.mark.parametrize("command", [*COMMANDS, WAIT])
def test_a_command_of_the_guides_runs(outputs, command):
    code, output = outputs[command]
    assert code == 0, output


@pytest.mark.pool
def test_the_output_of_the_demo_is_that_in_the_readme(outputs):
    (shown,) = blocks(README, "text")
    printed = outputs["make demo"][1]
    report = printed[printed.index(shown.split()[0].rstrip(":") + ": ") :]
    assert without_numbers(report) == without_numbers(shown)
    for what in ("best fit", "truth"):
        ours, theirs = (
            re.search(rf"{what} +RA (\S+) deg, Dec (\S+) deg", text).groups()
            for text in (report, shown)
        )
        # Another CPU may choose a neighbouring pixel, 0.11 deg away.
        assert [float(n) for n in ours] == pytest.approx([float(n) for n in theirs], abs=0.15)


def without_numbers(report: str) -> list[str]:
    """Return the lines of a report, without what may differ between machines."""
    text = re.sub(r"(?<= )\S*/(?=run)", "", re.sub(r"\S+/(?=run\S+npz)", "", report))
    text = re.sub(r"\S+h\S+m\S+s \S+d\S+m\S+s", "#", text)  # RA and Dec, sexagesimal
    text = re.sub(r"(?<=kernel    )\w+", "#", text)  # numpy where there is no C compiler
    return re.sub(r"(?<= )[-+]?\d+(\.\d+)?", "#", text).strip().splitlines()


@pytest.mark.pool
def test_the_map_opens_as_the_docs_show(outputs, folder):
    assert outputs["make demo"][0] == 0
    (block,) = blocks(SCAN, "python")
    warnings = ["-W", "error", "-W", READER_WARNING]
    done = subprocess.run(
        [sys.executable, *warnings, "-c", block],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[8, 64, 512] run00000001.evt000000000004.neutrino" in done.stdout
    assert "pixels of nside 512" in done.stdout


def test_the_example_reconstruction_scans_as_a_plug_in(tmp_path):
    page = DOCS / "recos.md"
    (code,), (project,), (steps,) = (blocks(page, it) for it in ("python", "toml", "text"))
    group, entry = re.fullmatch(
        r'\[project\.entry-points\."(.*)"\]\n(.*)\n', project, re.DOTALL
    ).groups()
    installed = tmp_path / "plugins"
    about = installed / "plane_wave-1.0.dist-info"
    about.mkdir(parents=True)
    (installed / "plane_wave.py").write_text(code)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: plane-wave\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{group}]\n{entry.replace(chr(34), '')}\n")

    event = str(resources.files("skyscan").joinpath("data", "simulated_track.json"))
    options = ["--reco-algo", "plane-wave", "--nsides", "1:0", "--jobs-per-round", "1"]
    command = [sys.executable, "-m", "workflows", "plan", event, "--simulated-event", *options]
    subprocess.run(
        [*command, "--output-dir", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
    )
    (scan,) = tmp_path.glob("run*/scan.json")
    (scan_id,) = re.findall(r'"id": "(\w+)"', scan.read_text())
    script = steps.replace("python -m", f"{shlex.quote(sys.executable)} -m")
    script = re.sub(r"\bID\b", scan_id, script)
    done = subprocess.run(["bash", "-c", script], cwd=scan.parent, check=False)
    assert done.returncode == ExitCode.NOTHING_TO_DO
    merge = (
        f"PYTHONPATH=$PWD/workflow/skyscan.zip {shlex.quote(sys.executable)} -m skyscan merge ."
    )
    subprocess.run(["bash", "-c", merge], cwd=scan.parent, check=True)
    assert list(scan.parent.glob("run*_1.npz"))


def test_the_table_of_exit_codes_lists_them_all():
    table = (DOCS / "exit-codes.md").read_text()
    named = re.findall(r"^\| (\d+) \| `(\w+)` \|", table, re.MULTILINE)
    assert [(int(code), name) for code, name in named] == [(int(c), c.name) for c in ExitCode]


def test_the_page_on_reconstructions_lists_them_all():
    introduction = (DOCS / "recos.md").read_text().partition("\n## ")[0]
    assert shipped_recos() <= set(re.findall(r"`(\w+)`", introduction))


def shipped_recos() -> set[str]:
    recos = available_recos().items()
    return {name for name, place in recos if place.startswith("skyscan.recos.")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_valid(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), link
        assert not anchor or anchor in anchors(there), link


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", it.lower()).replace(" ", "-") for it in headings}


def test_every_page_of_the_docs_is_linked_from_the_readme():
    links = set(re.findall(r"\]\(([^)\s#]+)", README.read_text()))
    assert {str(page.relative_to(REPOSITORY)) for page in PAGES[1:]} <= links


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_options_and_commands_in_the_docs_exist(page):
    commands = subcommands(cli._parser([]))
    steps = subcommands(skyscan.__main__._parser())
    known = {
        option
        for parser in [*commands.values(), *steps.values()]
        for option in parser._option_string_actions
    }
    # Programs for developers have parsers of their own.
    text = re.sub(r"python (tests/|benchmarks/|-m skyscan\.)[^`\n]*", "", page.read_text())
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) <= known
    outputs = re.findall(r"(?:`|^|\()skyscan ([a-z][a-z-]*)", text, re.MULTILINE)
    assert set(outputs) <= set(commands)
    assert set(re.findall(r"python -m skyscan ([a-z-]+)", text)) <= set(steps)


def test_the_default_values_in_the_docs_are_the_real_ones():
    actions = subcommands(cli._parser([]))["scan"]._option_string_actions
    rows = re.findall(r"^\| `(--[a-z-]+)` \| `([^`]+)` \|", SCAN.read_text(), re.MULTILINE)
    assert rows
    for option, shown in rows:
        (default,) = re.findall(r"default: ([^,)]+)", actions[option].help)
        assert shown == default


def test_the_limits_on_rounds_in_the_docs_are_the_real_ones():
    rows = re.findall(
        r"^\| threshold .*? \| (\d+) \| (\d+) \|$", SCAN.read_text(), re.MULTILINE
    )
    budgets = [read_site(site).time_budget for site in ("personal", "icecube")]
    assert [[int(cell) for cell in row] for row in rows] == [
        [usual_rounds(DEFAULT_PROGRESSION, budget, threshold) for budget in budgets]
        for threshold in (1.0, 0.5)
    ]


def subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (action,) = (it for it in parser._actions if isinstance(it, argparse._SubParsersAction))
    return dict(action.choices)
