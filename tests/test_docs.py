"""The reference pages are generated from the code and complete."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from datetime import date
from pathlib import Path

import from_code
import notebooks
import pytest

from skyscan import __version__
from skyscan.recos import available_recos, reco_class
from workflows.planning.variables import OF_STEPS, job_environment

REPOSITORY = Path(__file__).parents[1]
SOURCES = sorted(
    path
    for name in from_code.PACKAGES
    for path in (REPOSITORY / name).rglob("*")
    if path.suffix in (".py", ".sh", ".toml")
)
VARIABLES = from_code.variables()
NAMES = {variable.name for variable in VARIABLES}
NO_VARIABLES = {"SKYSCAN_POOL"}  # a setting of HTCondor
EVERYBODYS = {"HOME", "OMP_NUM_THREADS", "PATH", "TERM"}


def test_every_skyscan_variable_in_the_code_is_in_the_reference():
    for path in SOURCES:
        named = set(re.findall(r"\bSKYSCAN_[A-Z0-9_]*[A-Z0-9]\b", path.read_text()))
        assert named <= NAMES | NO_VARIABLES, path


def test_every_variable_that_is_read_by_its_name_is_in_the_reference():
    for path in SOURCES:
        if path.suffix == ".py":
            assert set(read_by_name(path.read_text())) <= NAMES | EVERYBODYS, path


def read_by_name(code: str) -> list[str]:
    """Return the literals in ``environ["X"]``, ``environment.get("X")`` and ``getenv("X")``."""
    names = []
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Subscript(value=mapping, slice=ast.Constant(str(name))):
                pass
            case ast.Call(
                func=ast.Attribute(value=mapping, attr="get" | "pop" | "setdefault"),
                args=[ast.Constant(str(name)), *_],
            ):
                pass
            case ast.Call(func=mapping, args=[ast.Constant(str(name)), *_]):
                pass
            case _:
                continue
        if re.search(r"(environ|environment|getenv)$", ast.unparse(mapping)):
            names.append(name)
    return names


def test_variables_that_jobs_read_reach_them():
    names = {it.name for it in VARIABLES if it.scope == "Jobs"} & skyscans()
    of_jobs = dict.fromkeys(names, "http://mirror.example")
    declared = {*OF_STEPS, *(v for name in available_recos() for v in variables_of(name))}
    assert job_environment(of_jobs, declared) == of_jobs


def variables_of(reco: str) -> tuple[str, ...]:
    try:
        return reco_class(reco).variables
    except ImportError:  # of a plug-in
        return ()


def skyscans() -> set[str]:
    return {name for name in NAMES if name.startswith("SKYSCAN_")}


@pytest.mark.parametrize("comment", ["", "#: what it does\n", "# Jobs: what it does\n"])
def test_a_variable_without_a_comment_is_an_error(tmp_path, comment):
    (tmp_path / "skyscan").mkdir()
    module = tmp_path / "skyscan" / "new.py"
    module.write_text(f'{comment}NEW_VARIABLE = "SKYSCAN_NEW"\n')
    with pytest.raises(ValueError, match=r"skyscan\.new\.NEW_VARIABLE \(SKYSCAN_NEW\)"):
        from_code.variables(tmp_path)
    module.write_text('#: Jobs: what it does.\nNEW_VARIABLE = "SKYSCAN_NEW"\n')
    (found,) = from_code.variables(tmp_path)
    assert found == ("SKYSCAN_NEW", "Jobs", "what it does.", "skyscan.new.NEW_VARIABLE")


def test_the_design_says_what_is_in_each_folder():
    design = (REPOSITORY / "docs/design.md").read_text()
    folders = {path.parent.relative_to(REPOSITORY).parts[:2] for path in SOURCES}
    for folder in sorted(it for it in folders if len(it) > 1):
        assert f"| `{'/'.join(folder)}` |" in design


def test_pages_name_only_existing_sections():
    pages = sorted((REPOSITORY / "docs").rglob("*.md"))
    marked = {part for page in pages for part in from_code.MARK.findall(page.read_text())}
    assert marked == set(from_code.PARTS)


def test_the_versions_in_code_citation_and_changelog_agree():
    citation = (REPOSITORY / "CITATION.cff").read_text()
    (version,) = re.findall(r"^version: (.*)$", citation, re.MULTILINE)
    (day,) = re.findall(r"^date-released: (.*)$", citation, re.MULTILINE)
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    unreleased, released, *_ = re.findall(r"^## (.*)$", changes, re.MULTILINE)
    assert version == __version__
    assert unreleased == "[Unreleased]"
    assert released == f"[{version}] - {date.fromisoformat(day)}"


def test_citation_and_package_give_the_same_repository():
    citation = (REPOSITORY / "CITATION.cff").read_text()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    addresses = re.findall(r'^repository-code: "?(.*?)"?$', citation, re.MULTILINE)
    assert addresses == [url for name, url in project["urls"].items() if name == "Source"]


NOTEBOOK = REPOSITORY / "docs" / "notebook.ipynb"


def test_the_notebook_runs_and_shows_what_its_cells_print(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("SKYSCAN_POOL_DIR", "/nonexistent")
    page = "\n".join(notebooks.page_lines(json.loads(NOTEBOOK.read_text())))
    assert "<caption>run00000001.evt000000000001.neutrino</caption>" in page
    assert '<img alt="' in page
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "run00000001.evt000000000001.neutrino planned" in page


def test_the_notebook_is_kept_without_outputs_and_jupyter_can_open_it():
    notebook = json.loads(NOTEBOOK.read_text())
    assert notebook["nbformat"] == 4
    for cell in notebook["cells"]:
        assert cell["id"]
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_an_error_in_a_cell_is_an_error_of_the_build():
    cell = {"cell_type": "code", "source": ["1 / 0"]}
    with pytest.raises(ZeroDivisionError):
        list(notebooks.page_lines({"cells": [cell], "metadata": {}}))
