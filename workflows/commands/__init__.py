"""The commands of `skyscan`; each module has a function ``add_to(commands)``, and what it runs.

`skyscan` imports the module of the command that is called, and no other.
"""

#: The modules, in the order of `skyscan --help`, and the commands that each one adds.
MODULES = {
    "demo": ("demo",),
    "scan": ("scan", "submit", "resume"),
    "campaign": ("campaign",),
    "watch": ("watch",),
    "plan": ("plan",),
    "estimate": ("estimate",),
    "pilot": ("pilot",),
    "events": ("events",),
    "status": ("status", "result"),
    "why": ("why", "logs"),
    "listing": ("list",),
    "plot": ("plot",),
    "alert": ("alert",),
    "compare": ("compare",),
    "calibrate": ("calibrate",),
    "abort": ("abort",),
    "rerun": ("retry", "extend"),
    "simulate": ("simulate",),
    "tools": ("pool", "image", "recos", "doctor"),
    "shells": ("completion", "man"),
}
#: Those of the commands that DAGMan calls, which ``add_to_hidden(commands)`` adds.
HIDDEN = {
    "inner": (
        "open-scan",
        "next-round",
        "open-gate",
        "merge",
        "report",
        "notify-end",
    ),
    "campaign": ("campaign-report",),
}
