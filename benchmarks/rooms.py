"""Count the rooms of each package, and the arrows between them.

A room is a module or a folder directly in a package; an arrow is a pair of rooms of which one
imports the other. A branch is a comparison with an engine's name outside the engines' folder.
"""

from __future__ import annotations

import ast
from pathlib import Path

import grimp

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("skyscan", "workflows", "condor")
ENGINES = {"dagman", "pegasus", "DAGMAN", "PEGASUS"}


def main() -> None:
    """Print a line for each package, and the branches on an engine's name."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    for package in PACKAGES:
        rooms = graph.find_children(package)
        of_room = {module: _room(module) for module in graph.modules}
        arrows = {
            (of_room[module], of_room[imported])
            for module in graph.modules
            for imported in graph.find_modules_directly_imported_by(module)
            if of_room[module] != of_room[imported]
            if of_room[module] in rooms
            if of_room[imported] in rooms
        }
        files = list((REPOSITORY / package).rglob("*.py"))
        lines = sum(len(path.read_text().splitlines()) for path in files)
        print(
            f"{package}: {len(rooms)} rooms, {len(arrows)} arrows; "
            f"{len(files)} modules, {lines} lines"
        )
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for path in sorted((REPOSITORY / "workflows").rglob("*.py"))
        if "engine" not in str(path.relative_to(REPOSITORY / "workflows").parts[0])
        and "pegasus" not in path.parts
        for line in _branches(path)
    ]
    print(f"branches on an engine's name: {len(found)} {' '.join(found)}")


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def _branches(path: Path) -> list[int]:
    """Return the lines of a module that compare something with an engine's name."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        and any(
            getattr(it, "value", None) in ENGINES or getattr(it, "attr", None) in ENGINES
            for it in node.comparators
            if isinstance(it, ast.Constant | ast.Attribute)
        )
    ]


if __name__ == "__main__":
    main()
