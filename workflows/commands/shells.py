"""`skyscan completion` and `man`: what shells and `man` need, made from the parser."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from condor.sites import site_names
from skyscan import __version__
from skyscan.errors import ExitCode
from skyscan.recos import available_recos

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.commands.plan import Commands
    from workflows.parser import Parser

SHELLS = ("bash", "zsh", "tcsh")
_FOLDERS = ("FOLDER", "DIR")


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    completion = commands.add_parser(
        "completion", help="print a script that completes commands and options in a shell"
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell that is to read it")
    completion.set_defaults(
        run=lambda options: _completion(options.make_parser(), options.shell)
    )

    man = commands.add_parser("man", help="print the manual page (roff)")
    man.set_defaults(run=lambda asked: _man(asked.make_parser()))


def _completion(parser: Parser, shell: str) -> ExitCode:
    import shtab

    names = {"reco": list(available_recos()), "site": site_names()}
    for action in _actions(parser):
        if action.dest in names and action.choices is None:
            action.choices = names[action.dest]
        elif action.type is Path:
            kind = shtab.DIRECTORY if action.metavar in _FOLDERS else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]
    print(shtab.complete(parser, shell))
    return ExitCode.DONE


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:  # noqa: SLF001  (no public name)
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)


def _man(parser: Parser) -> ExitCode:
    from argparse_manpage.manpage import Manpage

    page = Manpage(parser, format="single-commands-section")
    page.description = "scan the sky for the origin of an IceCube event"
    page.manual, page.source = "Commands", f"skyscan {__version__}"
    print(page, end="")
    return ExitCode.DONE
