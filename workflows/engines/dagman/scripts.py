"""The scripts of DAGMan's nodes on the access point."""

from __future__ import annotations

from skyscan.errors import ExitCode
from workflows.steps import ACCESS_POINT_SH

DEADLINE_SH = "before-deadline.sh"
MERGE_HERE_SH = "merge-here.sh"
OPEN_BATCH_SH = "open-batch.sh"
OPEN_GATE_SH = "open-gate.sh"
OPEN_ROUND_SH = "open-round.sh"
#: Exit code of the DAGMan of a round that failed.
ROUND_FAILED = 1


def open_round_lines(place: str = "..") -> list[str]:
    """Return the PRE script of a round; its arguments are the round and the retry, from 0.

    It skips a round after one without pixels. The third argument is the node's DAG, if it is
    not the round's own.
    """
    return [
        "#!/bin/sh",
        "# Skips quickly, without Python: most scans converge long before the last round.",
        f'before="{place}/rounds/$(printf %03d $(($1 - 1)))/round.json"',
        f'[ "$1" -eq 0 ] || [ -e "$before" ] || exit {ExitCode.NOTHING_TO_DO:d}',
        "# DAGMan runs this again if it was killed, and if the round failed or was removed.",
        "# Then there is an event in the log of its DAGMan since the first try of this script.",
        'round=${3:-round_$(printf %03d "$1").dag}',
        'if [ "${2:-0}" -eq 0 ]; then',
        '    : >"$round.tried"',
        'elif [ -n "$(find "$round.dagman.log" -newer "$round.tried" 2>/dev/null)" ]; then',
        f"    exit {ROUND_FAILED}",
        "fi",
        f'exec ./{ACCESS_POINT_SH} workflows next-round {place} "$1"',
    ]


def open_batch_lines(place: str = "..") -> list[str]:
    """Return the PRE script of a job whose round has no DAG.

    Its arguments are the name of the node, and how often its job may be submitted: DAGMan also
    tries again if this script was killed. The first one of a round opens it, while the others
    wait. It skips a batch that is complete, or that the round does not have.
    """
    return [
        "#!/bin/sh",
        "number=${1#reco_} batch=${1##*_}",
        "number=${number%_*}",
        "# Skips quickly, without Python: most scans converge long before the last round.",
        f'before="{place}/rounds/$(printf %03d $((1$number - 1001)))/round.json"',
        f'[ "$number" = 000 ] || [ -e "$before" ] || exit {ExitCode.NOTHING_TO_DO:d}',
        "round=round_$number.dag",
        "# Opened once in each submission, also if DAGMan is started again.",
        'exec 9>"$round.opening" || exit $?',
        "flock 9 || exit $?",
        'opened=$(head -n 1 "$round.opened" 2>/dev/null)',
        'if [ -z "$CONDOR_ID" ] || [ "$opened" != "$CONDOR_ID" ]; then',
        "    for _ in 0 1 2; do",
        f'        ./{ACCESS_POINT_SH} workflows next-round {place} "$number"',
        "        code=$?",
        '        [ "$code" -gt 128 ] || break # it was killed',
        "    done",
        "    case $code in",
        "    0) ;;",
        f'    {ExitCode.NOTHING_TO_DO:d}) rm -f "$round" ;;',
        '    *) exit "$code" ;;',
        "    esac",
        '    echo "$CONDOR_ID" >"$round.opened"',
        "fi",
        "# The round's DAG is the list of its jobs; complete ones are marked there.",
        'grep -qx "JOB reco_$batch reco.sub" "$round" 2>/dev/null ||',
        f"    exit {ExitCode.NOTHING_TO_DO:d}",
        f'[ "$(grep -cx "$batch" "$round.opened")" -lt "$2" ] || exit {ExitCode.BAD_INPUT:d}',
        'echo "$batch" >>"$round.opened"',
    ]


def merge_here_lines(place: str = "..") -> list[str]:
    """Return the PRE script of merge, which merges without a job."""
    return [
        "#!/bin/sh",
        "# A job takes DAGMan and the schedd two seconds more. Results are read here for each",
        "# round anyway. If this fails or is killed, the job tries, and says why it fails.",
        f'rm -f "{place}/logs/merge.out" "{place}/logs/merge.err" # of an earlier submission',
        f"./{ACCESS_POINT_SH} skyscan merge {place} && exit {ExitCode.NOTHING_TO_DO:d}",
        "exit 0",
    ]


def open_gate_lines(place: str = "..") -> list[str]:
    """Return the PRE script of a gate; its arguments are the round and the failed nodes."""
    return [
        "#!/bin/sh",
        "# If a gate stays shut, all later ones do; after a failed node, none opens.",
        f'before="{place}/rounds/$(printf %03d $(($1 - 1)))/round.json"',
        f'[ "$1" -eq 0 ] || [ -e "$before" ] || exit {ExitCode.NOTHING_TO_DO:d}',
        f'[ "$2" -eq 0 ] || exit {ExitCode.TRY_AGAIN:d}',
        f'exec ./{ACCESS_POINT_SH} workflows open-gate {place} "$1"',
    ]


def deadline_lines() -> list[str]:
    """Return the script that prevents the submission of a job after the deadline."""
    return ["#!/bin/sh", f'[ "$(date +%s)" -lt "$1" ] || exit {int(ExitCode.BAD_INPUT)}']
