"""An example of each command, for its `--help`, the man page and the reference."""

from __future__ import annotations

EXAMPLES = {
    "demo": ("skyscan demo --output-dir scans",),
    "scan": (
        "skyscan scan event.json --real-event --output-dir alert",
        "skyscan scan level2.i3.zst --event 136662:35405932 --real-event",
        "skyscan scan event.i3.zst --simulated-event --nsides 8:0 64:12 --output-dir test",
    ),
    "campaign": (
        "skyscan campaign --list events.txt --simulated-event --output-dir many",
        "skyscan campaign level2.i3.zst --simulated-event --output-dir many",
        "skyscan campaign a.json b.json --real-event --max-scans 4 --no-watch",
    ),
    "watch": (
        "skyscan watch incoming --real-event --output-dir alerts --notify page-me",
        "skyscan watch incoming --real-event --output-dir alerts --condor",
    ),
    "plan": (
        "skyscan plan event.json --real-event --output-dir planned",
        "skyscan plan event.json --real-event --site ospool --set attributes.ProjectName=Mine",
    ),
    "estimate": (
        "skyscan estimate event.json --site icecube --reco-algo millipede_wilks --slots 1000",
        "skyscan estimate planned --seconds-per-fit 30s",
    ),
    "pilot": (
        "skyscan pilot event.json --real-event --reco-algo millipede_wilks --site icecube",
        "skyscan pilot planned -n 48 --slots 100 1000",
    ),
    "events": ("skyscan events level2.i3.zst", "skyscan events --json *.i3.gz"),
    "submit": ("skyscan submit planned",),
    "resume": ("skyscan resume alert",),
    "status": ("skyscan status alert",),
    "why": ("skyscan why alert",),
    "logs": ("skyscan logs alert --failed",),
    "result": ("skyscan result alert --json",),
    "plot": ("skyscan plot alert", "skyscan plot map.npz --catalogue sources.csv"),
    "alert": ("skyscan alert scans --event-name IceCube-220524A --pipeline gold",),
    "calibrate": ("skyscan calibrate alert -n 100",),
    "compare": ("skyscan compare alert reference.npz",),
    "list": ("skyscan list", "skyscan list ~/scans --json"),
    "abort": ("skyscan abort alert",),
    "retry": (
        "skyscan retry alert --failed",
        "skyscan retry alert --pixels 64:17 512:100-120",
    ),
    "extend": (
        "skyscan extend alert --nsides 8:0 64:12 512:24 1024:24",
        "skyscan extend alert --max-failed-pixels 5%",
    ),
    "pool": (
        "skyscan pool start",
        'eval "$(skyscan pool env)"',
        "skyscan pool remove --yes",
    ),
    "image": ("skyscan image job-image.sif",),
    "simulate": (
        "skyscan simulate --kind shower --energy 5000 --seed 7 --output shower.json",
        "skyscan simulate --kind muon --energy 1000 100000 --number 10 --output muons",
    ),
    "recos": ("skyscan recos",),
    "doctor": ("skyscan doctor", "skyscan doctor planned"),
    "completion": ('eval "$(skyscan completion bash)"',),
    "man": ("skyscan man > ~/.local/share/man/man1/skyscan.1",),
}


def text(command: str) -> str:
    """Return the examples of a command as they end its help; empty without any."""
    examples = EXAMPLES.get(command, ())
    if not examples:
        return ""
    title = "examples:" if len(examples) > 1 else "example:"
    return "\n  ".join((title, *examples))
