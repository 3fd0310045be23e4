"""What the pages say that commands print is what they print.

Every block of a terminal in README and docs has a comment above it that says how it is kept
true. ``<!-- output with CASE -->``: the command of its first line is run here, in a folder that
`CASES` prepares. ``<!-- output in tests/... -->`` names the test that compares it. ``…`` stands
for any text, and on a line of its own for any lines.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from level2_support import level2

from workflows.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).parents[1]
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:^<!-- output (.*?) -->\n+)?^```(console|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
(MAP,) = (REPOSITORY / "tests" / "data" / "maps").glob("run*.npz")


class Block(NamedTuple):
    """A block of a page: how it is kept true, and its text."""

    page: Path
    how: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.name}: {self.text.splitlines()[0]}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for how, language, text in BLOCK.findall(page.read_text("utf-8")):
            if language == "console" or how:
                yield Block(page, how, language, text)


BLOCKS = list(blocks())


def a_map(folder: Path) -> None:
    shutil.copy(MAP, folder / "map.npz")


def level2_file(folder: Path) -> None:
    level2(folder).rename(folder / "Level2.i3")


CASES: dict[str, Callable[[Path], None]] = {"a map": a_map, "a file of events": level2_file}


def is_like(shown: str, printed: str) -> bool:
    """Return whether a text is what a page shows, where ``…`` may be anything."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "…" else ".*?".join(map(re.escape, line.split("…"))) + r"\n"
        for line in shown.rstrip("\n").splitlines()
    )
    return re.fullmatch(pattern, printed.rstrip("\n") + "\n") is not None


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_output_in_the_docs_is_kept_true(block):
    kind, _, name = block.how.partition(" ")
    assert kind in ("with", "in"), "has no comment that says how it is kept true"
    if kind == "with":
        assert name in CASES
    else:
        assert block.page.name in (REPOSITORY / name).read_text("utf-8")


RUN = [it for it in BLOCKS if it.how.startswith("with")]


@pytest.mark.parametrize("block", RUN, ids=str)
def test_a_command_prints_what_the_page_shows(block, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    monkeypatch.chdir(tmp_path)
    CASES[block.how.removeprefix("with ")](tmp_path)
    first, _, shown = block.text.partition("\n")
    capsys.readouterr()
    assert main(first.removeprefix("$ skyscan ").split()) == 0
    printed = capsys.readouterr().out
    assert is_like(shown, printed), printed


def test_dots_stand_for_text_and_for_lines():
    assert is_like("a … c\n…\nz\n", "a b c\nd\ne\nz\n")
    assert is_like("a\n…\n", "a\nb\nc\n")
    assert not is_like("a\n", "a\nb\n")
    assert not is_like("a … c\n", "a b\nc\n")
    assert not is_like("a 1\n…\nz\n", "a 2\nz\n")
