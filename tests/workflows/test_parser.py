"""The parser: help with examples, no abbreviations, errors that say what may be meant."""

import argparse
import re
import shlex
import shutil
import subprocess

import pytest

from skyscan.errors import ExitCode
from skyscan.recos import available_recos
from skyscan.suggestions import did_you_mean
from workflows.cli import main, user_parser
from workflows.commands.examples import EXAMPLES
from workflows.options import OF_ONE_EVENT, SECTIONS, arguments


def commands():
    (action,) = (
        it for it in user_parser()._actions if isinstance(it, argparse._SubParsersAction)
    )
    return action.choices


def refused(arguments, capsys):
    """Return the usage and the error of a wrong command line."""
    with pytest.raises(SystemExit) as end:
        main(shlex.split(arguments))
    assert end.value.code == ExitCode.WRONG_USAGE
    *usage, error = capsys.readouterr().err.splitlines()
    return "\n".join(usage), error


@pytest.mark.parametrize("name", commands())
def test_each_command_has_an_example_in_its_help_that_is_right(name):
    command = commands()[name]
    shown = command.format_help().partition("example")[2]
    examples = [line.strip() for line in shown.splitlines()[1:]]
    assert examples == list(EXAMPLES[name])
    for example in examples:
        (inner,) = re.fullmatch(
            r'(?:eval "\$\()?skyscan (.*?)(?:\)"| > \S+)?', example
        ).groups()
        assert user_parser().parse_args(shlex.split(inner)).run
        assert inner.split()[0] == name


@pytest.mark.parametrize("name", ["plan", "scan", "campaign"])
def test_the_options_of_a_scan_are_in_sections(name):
    text = commands()[name].format_help()
    titles = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert [it for it in titles if it in SECTIONS] == list(SECTIONS)
    shown = re.findall(r"^  (--[a-z-]+)", text, re.MULTILINE)
    left_out = OF_ONE_EVENT if name == "campaign" else ()
    flags = [it.flag for option, it in arguments().items() if option not in left_out]
    assert sorted(flag for flag in shown if flag in flags) == sorted(flags)


@pytest.mark.parametrize(
    ("arguments", "command", "meant"),
    [
        ("plan x --real", "plan", "--real-event?"),
        ("plan x --simulated", "plan", "--simulated-event?"),
        ("scan x --real-event --reco-alg dummy", "scan", "--reco-algo?"),
        ("scan x --reel-event", "scan", "--real-event"),
        ("campaign x --real-event --max-scan 3", "campaign", "--max-scans?"),
        ("retry alert --fail", "retry", "--failed?"),
        ("extend alert --nside 8:0", "extend", "--nsides?"),
        ("result alert --jso", "result", "--json?"),
        ("demo --output=there", "demo", "--output-dir?"),
        ("pool remove --yess", "pool", "--yes?"),
        ("--verson", "", "--version?"),
        ("statuz alert", "", "status?"),
        ("camp x", "", "campaign?"),
        ("plan x --real-event --engine pegasuss", "plan", "pegasus?"),
        ("pool strt", "pool", "start"),
        ("completion zhs", "completion", "zsh?"),
    ],
)
def test_what_is_unknown_is_refused_with_what_may_be_meant(arguments, command, meant, capsys):
    usage, error = refused(arguments, capsys)
    assert usage.startswith(f"usage: skyscan {command}")
    assert re.search(rf"Did you mean .*{re.escape(meant)}", error)
    assert f"`skyscan {command} --help`".replace("  ", " ") in error


def test_what_resembles_nothing_gets_no_suggestion(capsys):
    usage, error = refused("status alert --xyz", capsys)
    assert usage == "usage: skyscan status [-h] FOLDER" or "skyscan status" in usage
    assert error.startswith("skyscan: error: skyscan status has no option --xyz. `")


def test_a_word_too_many_and_one_too_few_are_named(capsys):
    assert "takes no further argument: b." in refused("submit a b", capsys)[1]
    error = refused("plan a.json b.json --real-event", capsys)[1]
    assert "takes no further argument: b.json; `skyscan campaign` takes several" in error
    assert "FOLDER is missing." in refused("submit", capsys)[1]
    # --nsides has taken the event.
    error = refused("plan --real-event --nsides 8:0 x.json", capsys)[1]
    assert "EVENT is missing; it comes before the options" in error


@pytest.mark.parametrize(
    ("word", "option"),
    [("--env=--", "--env"), ("--nsides=--", "--nsides"), ("--event=--", "--event")],
)
def test_two_dashes_are_not_a_value(word, option, capsys):
    assert f"{option}: '--' is not a value" in refused(f"plan x --real-event {word}", capsys)[1]
    assert "-n: '--' is not a value" in refused("calibrate x -n--", capsys)[1]


def test_values_that_begin_with_a_dash_are_no_options(capsys):
    assert "--max-rounds" in refused("extend alert --max-rounds -3", capsys)[1]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ("status ''", "FOLDER"),
        ("abort ''", "FOLDER"),
        ("plan '' --real-event", "EVENT"),
        ("plan x.json --real-event --output-dir ''", "--output-dir"),
        ("plan x.json --real-event --gcd=", "--gcd"),
        ("campaign x.json --real-event --list=", "--list"),
        ("plot x --catalogue=", "--catalogue"),
    ],
)
def test_an_empty_path_is_not_the_current_folder(arguments, what, capsys):
    _, error = refused(arguments, capsys)
    assert f"{what}: '' is not a path" in error


def test_control_characters_do_not_reach_the_terminal(capsys):
    assert "\x1b" not in refused("stat\x1b[31mus", capsys)[1]


def test_a_campaign_does_not_offer_an_engine_that_cannot_run_it(capsys):
    assert "pegasus" not in commands()["campaign"].format_help()
    assert "dagman" in refused("campaign x --real-event --engine pegasus", capsys)[1]
    assert "pegasus" in commands()["plan"].format_help()


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("splin", " Did you mean splinempe or splinempe_pointed?"),
        ("tracks", " Did you mean track or track_bulk?"),
        ("Millipede-Wilk", " Did you mean millipede_wilks?"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_a_name_that_is_meant_is_found(word, meant):
    assert did_you_mean(word, available_recos()) == meant


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_a_shell_reads_its_completion(shell, capsys):
    assert main(["completion", shell]) == ExitCode.DONE
    script = capsys.readouterr().out
    for name in ("campaign", "simulated-event", "splinempe", "icecube"):
        assert name in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes_commands_options_and_reconstructions(capsys):
    main(["completion", "bash"])
    script = capsys.readouterr().out

    def completed(*words: str) -> list[str]:
        line = shlex.join(words)
        typed = (
            f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'\n"
            "COMP_POINT=${#COMP_LINE}; _shtab_skyscan skyscan\n"
            'printf "%s\\n" "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", typed], capture_output=True, text=True, check=True)
        return [line.strip() for line in done.stdout.splitlines()]

    assert completed("skyscan", "camp") == ["campaign"]
    assert completed("skyscan", "plan", "--real") == ["--real-event"]
    assert completed("skyscan", "plan", "--reco-algo", "mill") == [
        "millipede_original",
        "millipede_wilks",
    ]


def test_the_manual_page_has_each_command_and_its_options(capsys):
    assert main(["man"]) == ExitCode.DONE
    page = capsys.readouterr().out
    assert page.startswith('.TH SKYSCAN "1"')
    for name, command in commands().items():
        assert f"skyscan {name}" in page
        for option in command._option_string_actions:
            assert option in ("-h", "--help") or option.replace("-", r"\-") in page
    if shutil.which("groff"):
        groff = ["groff", "-ww", "-man", "-Tascii"]
        done = subprocess.run(groff, input=page, capture_output=True, text=True, check=True)
        assert not done.stderr
