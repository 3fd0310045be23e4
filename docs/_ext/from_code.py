"""Fill pages from the code: commands, variables, exit codes, reconstructions, sites.

A line ``<!-- from the code: commands -->`` of a page is replaced by the text of the function of
that name here, as Markdown, before the page is parsed.
"""

from __future__ import annotations

import argparse
import ast
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sphinx.pycode import ModuleAnalyzer

import skyscan.errors
from condor.sites import REQUIRED, SCALARS, site_names
from skyscan.errors import ExitCode
from skyscan.recos import available_recos, reco_class
from workflows import cli
from workflows.model.causes import CAUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sphinx.application import Sphinx

REPOSITORY = Path(__file__).parents[2]
PACKAGES = ("skyscan", "condor", "workflows")
MARK = re.compile(r"^<!-- from the code: ([a-z-]+) -->$", re.MULTILINE)
USAGE_WIDTH = 88
#: Keys of a site whose values are too long for a table, or the same in all profiles.
IN_TEXT = ("runtime", "staging")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension: Sphinx calls it for every page that it reads."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _fill(app: Sphinx, name: str, source: list[str]) -> None:  # noqa: ARG001
    source[0] = MARK.sub(lambda mark: PARTS[mark[1]](), source[0])


# ---- Commands


def commands() -> str:
    """Return a section for each command of `skyscan`, with its usage and options."""
    (action,) = _subcommands(cli._parser([]))
    helps = {choice.dest: choice.help for choice in action._choices_actions}
    return "\n".join(
        _command(name, parser, helps[name] or "") for name, parser in action.choices.items()
    )


def _subcommands(
    parser: argparse.ArgumentParser,
) -> Iterator[argparse._SubParsersAction[argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield action


def _command(name: str, parser: argparse.ArgumentParser, about: str) -> str:
    formatter = argparse.HelpFormatter(parser.prog, width=USAGE_WIDTH)
    formatter.add_usage(parser.usage, parser._actions, parser._mutually_exclusive_groups, "")
    usage = formatter.format_help().strip()
    options = [_option(it, formatter) for it in parser._actions if it.dest != "help"]
    more = (parser.description or "").partition("\n\n")[2]
    lines = [
        f"## skyscan {name}",
        _sentence(about),
        *([f"```text\n{more}\n```"] if more else []),
        f"```text\n{usage}\n```",
        f"```text\n{parser.epilog}\n```",
        f"```{{program}} skyscan {name}\n```",
        *options,
    ]
    return "\n\n".join(lines) + "\n"


def _option(action: argparse.Action, formatter: argparse.HelpFormatter) -> str:
    default = formatter._get_default_metavar_for_positional(action)
    if action.option_strings:
        default = formatter._get_default_metavar_for_optional(action)
    values = formatter._format_args(action, default) if action.nargs != 0 else ""
    names = action.option_strings or [""]
    signature = ", ".join(f"{name} {values}".strip() for name in names)
    return f"```{{option}} {signature}\n{_sentence(formatter._expand_help(action))}\n```"


def _sentence(text: str) -> str:
    text = " ".join(text.split()).replace("``", "`")
    text = "".join(
        part if part.startswith("`") else re.sub(r"([*_<>\[\]\\])", r"\\\1", part)
        for part in re.split(r"(`[^`]*`)", text)
    )
    capital = text if text.startswith(("skyscan", "i3live")) else text[:1].upper() + text[1:]
    return capital + ("" if not capital or capital.endswith((".", ":")) else ".")


# ---- Environment variables


class Variable(NamedTuple):
    """An environment variable that the code reads or sets, and the constant that names it."""

    name: str
    scope: str
    text: str
    constant: str


SCOPES = ("Commands", "Jobs", "Internal")


def variables(root: Path = REPOSITORY) -> list[Variable]:
    """Return the variables of all constants ``…VARIABLE``, with the ``#:`` comments above them.

    Raises
    ------
    ValueError
        A constant has no such comment, or one that does not begin with a scope.
    """
    found = []
    for path in _modules(root):
        parts = path.relative_to(root).with_suffix("").parts
        module = ".".join(parts).removesuffix(".__init__")
        analyzer = ModuleAnalyzer.for_string(path.read_text("utf-8"), module)
        comments = analyzer.find_attr_docs()
        for constant, value in _string_constants(analyzer.code):
            if not constant.endswith("VARIABLE"):
                continue
            comment = " ".join(comments.get(("", constant), [])).strip()
            scope, _, text = comment.partition(": ")
            if scope not in SCOPES:
                raise ValueError(
                    f"{module}.{constant} ({value}) has no comment of the form "
                    f"`#: {'|'.join(SCOPES)}: what it does`."
                )
            found.append(Variable(value, scope, text, f"{module}.{constant}"))
    return sorted(found)


def _modules(root: Path) -> list[Path]:
    return sorted(path for name in PACKAGES for path in (root / name).rglob("*.py"))


def _string_constants(code: str) -> Iterator[tuple[str, str]]:
    for node in ast.parse(code).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(str(value))):
                yield name, value


def read_by_commands() -> str:
    """Return an entry for each variable that commands read."""
    return _variables_of("Commands")


def read_by_jobs() -> str:
    """Return an entry for each variable that jobs read."""
    return _variables_of("Jobs")


def not_for_people() -> str:
    """Return an entry for each variable that only skyscan and HTCondor set."""
    return _variables_of("Internal")


def _variables_of(scope: str) -> str:
    found = variables()
    first = {it.name: it for it in reversed(found)}  # a link to the name leads there
    chosen = [it for it in found if it.scope == scope]
    return "\n".join(_entry(it, is_target=it is first[it.name]) for it in chosen)


def _entry(variable: Variable, *, is_target: bool) -> str:
    option = "" if is_target else ":no-index:\n\n"
    text = f"{_sentence(variable.text)}\n\n`{variable.constant}`"
    return f"```{{envvar}} {variable.name}\n{option}{text}\n```\n"


# ---- Names and numbers


def exit_codes() -> str:
    """Return a table of the exit codes, with the comments above them."""
    analyzer = ModuleAnalyzer.for_file(skyscan.errors.__file__, skyscan.errors.__name__)
    comments = analyzer.find_attr_docs()
    rows = [
        (str(int(code)), f"`{code.name}`", " ".join(comments["ExitCode", code.name]).strip())
        for code in ExitCode
    ]
    return _table(("code", "name", "means"), rows)


def reconstructions() -> str:
    """Return a table of the reconstructions that come with the package."""
    rows = [
        (f"`{name}`", reco_class(name).summary)
        for name, place in available_recos().items()
        if place.startswith("skyscan.recos.")  # no plug-in of this machine
    ]
    return _table(("`--reco-algo`", "what"), rows)


def sites() -> str:
    """Return a table of the profiles that come with the package, key by key."""
    folder = resources.files("condor").joinpath("sites")
    profiles = {
        name: tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8"))
        for name in site_names()
    }
    about = [_site(name, profile) for name, profile in profiles.items()]
    rows = [
        (f"`{key}`", *(_value(it.get(key, default)) for it in profiles.values()))
        for key, default in SCALARS.items()
        if key not in IN_TEXT
    ]
    table = _table(("key", *(f"`{name}`" for name in profiles)), rows)
    return "\n".join(about) + f"\n\n{table}"


def _site(name: str, profile: dict[str, Any]) -> str:
    given = [f"`{key}`, {what}" for key, what in profile.get(REQUIRED, {}).items()]
    you_give = f" You give {'; '.join(given)}." if given else ""
    runtime = f" Jobs run in `{profile['runtime']}`." if profile.get("runtime") else ""
    return f"- `{name}`: {profile['summary']}.{runtime}{you_give}"


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    cells = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells) + "\n"


def causes() -> str:
    """Return the table of the causes of failures."""
    helps = {True: "may help", False: "cannot help", None: "may help elsewhere"}
    rows = [
        (f"`{name}`", it.about, helps[it.can_pass], str(int(it.exit_code)), it.advice)
        for name, it in CAUSES.items()
    ]
    return _table(("cause", "what happened", "another try", "exit code", "what to do"), rows)


PARTS: dict[str, Callable[[], str]] = {
    "causes": causes,
    "commands": commands,
    "exit-codes": exit_codes,
    "not-for-people": not_for_people,
    "read-by-commands": read_by_commands,
    "read-by-jobs": read_by_jobs,
    "reconstructions": reconstructions,
    "sites": sites,
}
