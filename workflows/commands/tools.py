"""`skyscan pool`, `image`, `recos` and `doctor`: the tools and resources of scans."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.personal.removal import removable
from condor.software.apptainer import find_apptainer
from condor.software.image import make_image
from skyscan.errors import ExitCode, WrongUsage

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    pool = commands.add_parser(
        "pool",
        help="start, stop, show or remove the personal pool",
        description="""Start, stop, show or remove the personal pool.

  start   start it, or repair it
  stop    stop it; the jobs in its queue continue at the next start
  status  print whether it runs, and where
  env     print lines for a shell that put condor_q and other tools on PATH
  remove  remove its folder, and HTCondor, Apptainer and images from the cache""",
    )
    pool.add_argument(
        "action",
        choices=["start", "stop", "status", "env", "remove"],
        help="what to do, see above",
    )
    pool.add_argument("--yes", action="store_true", help="do not ask before removing")
    pool.set_defaults(run=_pool)

    image = commands.add_parser(
        "image", help="make an image for jobs: Debian 12 with Python, numpy, scipy and healpy"
    )
    image.add_argument(
        "path",
        type=Path,
        metavar="PATH",
        help="a new folder, or a new .sif file",
    )
    image.set_defaults(run=_image)

    recos = commands.add_parser("recos", help="list the reconstructions")
    recos.set_defaults(run=_recos)

    doctor = commands.add_parser(
        "doctor", help="check what is installed, what is missing, and how to fix it"
    )
    doctor.add_argument(
        "folder",
        type=Path,
        nargs="?",
        metavar="FOLDER",
        help="also check whether this planned scan or campaign can be submitted",
    )
    doctor.set_defaults(run=_doctor)


def _pool(options: argparse.Namespace) -> ExitCode:
    if options.action == "start":
        pools.start()
    elif options.action == "stop":
        print("stopped" if pools.stop() else "no personal pool was running")
        return ExitCode.DONE
    elif options.action == "remove":
        return _remove(is_sure=options.yes)
    elif options.action == "env":
        print("\n".join(pools.start().exports()))
        return ExitCode.DONE
    found = pools.status()
    print(found.text)
    return ExitCode.DONE if found.is_running else ExitCode.TRY_AGAIN


def _remove(*, is_sure: bool) -> ExitCode:
    found = removable(pools.pool_folder())
    if not found.paths:
        print("Nothing to remove: there is no personal pool, and nothing in the cache.")
        return ExitCode.DONE
    for path in found.paths:
        print(f"  {path}", flush=True)
    if not is_sure:
        if not sys.stdin.isatty():
            raise WrongUsage("Add --yes to remove these folders and files, without a question.")
        if input("Remove these folders and files? [y/N] ").strip().lower() not in ("y", "yes"):
            print("Nothing was removed.")
            return ExitCode.DONE
    pools.remove()
    print("Removed. The next scan sets all of it up again.")
    return ExitCode.DONE


def _image(options: argparse.Namespace) -> ExitCode:
    had_apptainer = find_apptainer() is not None
    image = make_image(options.path)
    print(f"Use it with --runtime container:{image}")
    if not had_apptainer and pools.status().is_running:
        print("Restart the running personal pool: it finds Apptainer when it starts.")
    return ExitCode.DONE


def _recos(_options: argparse.Namespace) -> ExitCode:
    from skyscan.recos import available_recos, reco_class

    for name, origin in available_recos().items():
        try:
            summary = reco_class(name).summary
        except Exception as error:  # noqa: BLE001  someone else's package may raise anything
            summary = f"({origin} cannot be used: {error!r})"
        print(f"{name:20s} {summary}")
    return ExitCode.DONE


def _doctor(options: argparse.Namespace) -> ExitCode:
    from workflows.doctor import diagnose, diagnose_folder, exit_code, lines

    findings = diagnose()
    if options.folder is not None:
        findings += diagnose_folder(options.folder)
    print("\n".join(lines(findings)))
    return exit_code(findings)
