"""The requirements for pip and for conda are the same."""

import re
import tomllib
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
CONDA_NAMES = {"pegasus-wms.api": "pegasus-wms"}
ONLY_CONDA = {"pip"}  # an environment without it cannot install the project


def split(requirement: str) -> tuple[str, str]:
    name, version = re.fullmatch(r"([\w.-]+?)\s*([<>=!~].*)?", requirement).groups()
    return name, version or ""


def pip_requirements() -> dict[str, str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    required = dict(map(split, project["dependencies"]))
    named = {CONDA_NAMES.get(name, name): version for name, version in required.items()}
    return {**named, "python": project["requires-python"]}


def conda_requirements() -> dict[str, str]:
    text = (REPOSITORY / "environment.yml").read_text()
    _, dependencies = text.split("\ndependencies:\n")
    listed = re.findall(r"^ +- ([^#\n]+?) *(?:#.*)?$", dependencies, flags=re.MULTILINE)
    return {name: version for name, version in map(split, listed) if name not in ONLY_CONDA}


def test_pip_and_conda_install_the_same():
    assert conda_requirements() == pip_requirements()
