"""The `skyscan` program: it runs the command line of this project's `workflows`.

Other distributions may also install packages named ``condor`` or ``workflows``.
"""

from __future__ import annotations

import os
import sys

from skyscan.ending import EndingInOrder

TYPE_CHECKING = False  # as typing's, which would have to be imported
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIBLINGS = ("condor", "workflows")


#: ``ExitCode.WRONG_USAGE``, ``TRY_AGAIN`` and ``INTERRUPTED``, needed when nothing can be
#: imported.
WRONG_USAGE = 64
TRY_AGAIN = 75
INTERRUPTED = 130
OUT_OF_MEMORY = "out of memory: free some, or raise the limit of this shell (ulimit -v)."
#: Commands: folders in which Python looks for modules first. Error messages name it if a module
#: cannot be imported.
PYTHON_PATH_VARIABLE = "PYTHONPATH"


def main() -> int:
    """Run the command line, or report that another project's package would be used.

    The modules of the command are imported here, so that a broken module on PYTHONPATH, too,
    gives one of the documented exit codes.
    """
    ending = EndingInOrder()
    with ending:
        code = _run(ending)
    if ending.arrived and code != INTERRUPTED:  # by Ctrl-C, which some import has swallowed
        return _interrupted()
    return code


def _run(ending: EndingInOrder) -> int:
    """Run the command line; return its exit code."""
    # BLAS on several threads gains nothing with small matrices, and on a busy machine its
    # threads wait for each other for seconds.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _only_warn()
    try:
        command_line = _command_line()
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:  # noqa: BLE001  a module may raise anything when it is imported
        if ending.arrived:
            return WRONG_USAGE  # nobody will see it: the signal ends the program
        if is_of_memory(error):
            print(f"skyscan: error: {OUT_OF_MEMORY} (exit {TRY_AGAIN})", file=sys.stderr)
            return TRY_AGAIN
        print(cannot_import(error), file=sys.stderr)
        return WRONG_USAGE
    return WRONG_USAGE if command_line is None else int(command_line())


def _interrupted() -> int:
    print("\nskyscan: interrupted.", file=sys.stderr)
    return INTERRUPTED


def _only_warn() -> None:
    """Let a warning of a library be no error of a command (PYTHONWARNINGS=error)."""
    actions = [option.partition(":")[0] for option in sys.warnoptions]
    if any(action and "error".startswith(action) for action in actions):
        import warnings

        warnings.simplefilter("default")


def is_of_memory(error: BaseException) -> bool:
    """Return whether there was too little memory, also for the library of a module."""
    words = ("failed to map segment", "Cannot allocate memory")  # of the dynamic linker
    is_import = isinstance(error, ImportError)
    return isinstance(error, MemoryError) or (is_import and any(w in str(error) for w in words))


def cannot_import(error: Exception) -> str:
    """Return the line that reports a module that cannot be imported."""
    where = os.environ.get(PYTHON_PATH_VARIABLE)
    of = f"PYTHONPATH is {where}: unset it" if where else "Install skyscan again"
    return (
        f"skyscan: error: Python cannot import what skyscan needs "
        f"({type(error).__name__}: {' '.join(str(error).split())}). {of}. (exit {WRONG_USAGE})"
    )


def is_of_an_import(error: Exception) -> bool:
    """Return whether a module of another package could not be imported by ours."""
    if isinstance(error, SyntaxError):
        return not _is_ours(error.filename or "")
    if isinstance(error, ImportError):
        return (error.name or "").split(".")[0] not in ("skyscan", *SIBLINGS)
    frame, files = error.__traceback__, list[tuple[str, bool]]()
    while frame is not None:
        code = frame.tb_frame.f_code
        files.append((code.co_filename, code.co_name == "<module>"))
        frame = frame.tb_next
    modules = [n for n, (_, is_module) in enumerate(files) if is_module]
    if not modules or not any(_is_ours(path) for path, _ in files[: modules[-1]]):
        return False  # only the program itself
    return not _is_ours(files[modules[-1]][0])


def _is_ours(path: str) -> bool:
    place = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120  without pathlib
    return path.startswith(tuple(os.path.join(place, it, "") for it in ("skyscan", *SIBLINGS)))  # noqa: PTH118


def _command_line() -> Callable[[], int] | None:
    """Return the main function of `workflows`; None if another project's would be used."""
    from importlib import import_module

    from skyscan.errors import ExitCode, error_line

    if message := foreign_package():
        print(error_line(message, ExitCode.WRONG_USAGE), file=sys.stderr)
        return None
    # Not an import statement, because skyscan does not depend on workflows.
    cli = import_module("workflows.cli")
    cli.load(sys.argv[1:])
    found_main: Callable[[], int] = cli.main
    return found_main


def foreign_package() -> str | None:
    """Return a message if another project's package would be imported; None if none would."""
    from pathlib import Path

    place = Path(__file__).parents[1]
    for name in SIBLINGS:
        found = _folders(name)
        if (place / name).resolve() not in (it.resolve() for it in found):
            where = f"is {found[0]}" if found else "is missing"
            return (
                f"the package {name!r} {where}, not {place / name}, which belongs to "
                f"skyscan. Install skyscan in a virtual environment of its own, or take "
                f"the other one off PYTHONPATH."
            )
    return None


def _folders(package: str) -> list[Path]:
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(package)
    if spec is None:
        return []
    if spec.submodule_search_locations is not None:
        return [Path(place) for place in spec.submodule_search_locations]
    return [Path(spec.origin or package)]  # a module, not a package
