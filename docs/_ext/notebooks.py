"""Notebooks as pages of the site, executed when it is built.

Cells run in this process, one namespace for a notebook, in a folder with the files that the
notebook names in its metadata (``skyscan.files``: name in the folder, path in the repository).
An error in a cell is an error of the build.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from myst_parser.sphinx_ import Parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from docutils.nodes import document
    from sphinx.application import Sphinx

REPOSITORY = Path(__file__).parents[2]
#: Not below /tmp, where DAGMan refuses to run scans.
SCRATCH = Path("/var/tmp")  # noqa: S108
ALT = "Picture that the cell above draws"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.add_source_suffix(".ipynb", "notebook")
    app.add_source_parser(NotebookParser)
    return {"parallel_read_safe": True}


class NotebookParser(Parser):
    """Parse a notebook as the Markdown of its cells and of what they print."""

    supported = ("notebook",)

    def parse(self, inputstring: str, document: document) -> None:
        """Execute a notebook, and parse it with its outputs."""
        super().parse("\n".join(page_lines(json.loads(inputstring))), document)


def page_lines(notebook: Mapping[str, Any]) -> Iterator[str]:
    """Yield a notebook as Markdown, with what its cells print when they run now."""
    names: dict[str, Any] = {"__name__": "__main__"}
    with in_folder(notebook):
        for cell in notebook["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code":
                yield from ["", "```python", source, "```", ""]
                yield from _outputs(*run(source, names))
            else:
                yield from ["", source, ""]


@contextlib.contextmanager
def in_folder(notebook: Mapping[str, Any]) -> Iterator[None]:
    """Work in a new folder that holds the files of a notebook."""
    files = notebook["metadata"].get("skyscan", {}).get("files", {})
    root = SCRATCH if SCRATCH.is_dir() else None
    with TemporaryDirectory(prefix="skyscan-docs-", dir=root) as folder:
        for name, path in files.items():
            shutil.copy(REPOSITORY / path, Path(folder, name))
        with contextlib.chdir(folder):
            yield


def run(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Run a cell; return what it prints, and the value of its last line."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body else None
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, "<cell>", "exec"), names)  # noqa: S102  (this repository's own)
        if isinstance(last, ast.Expr):
            code = compile(ast.Expression(last.value), "<cell>", "eval")
            value = eval(code, names)  # noqa: S307
        elif last is not None:
            exec(compile(ast.Module([last], []), "<cell>", "exec"), names)  # noqa: S102
    return printed.getvalue(), value


def _outputs(printed: str, value: object) -> Iterator[str]:
    """Yield what a notebook shows below a cell."""
    if printed:
        yield from ["```text", printed.rstrip("\n"), "```", ""]
    if value is None:
        return
    html = getattr(value, "_repr_html_", None)
    figure = getattr(value, "figure", None)
    if figure is not None:
        yield from _raw(f'<img alt="{ALT}" src="data:image/png;base64,{_png(figure)}">')
    elif html is not None:
        yield from _raw(html())
    else:
        yield from ["```text", repr(value), "```", ""]


def _png(figure: Any) -> str:  # noqa: ANN401  (matplotlib's)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    return base64.b64encode(buffer.getvalue()).decode()


def _raw(html: str) -> Iterator[str]:
    yield from ["```{raw} html", html, "```", ""]
