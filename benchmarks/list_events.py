"""Time the listing of files of many events, and its memory.

Usage: python benchmarks/list_events.py [EVENTS [PULSES]]

Files of EVENTS and of a tenth as many events are written in a temporary folder, each event with
a Q frame, a NullSplit frame and an InIceSplit frame of PULSES pulses. Each is listed, and its
last event is taken, in a process of its own, whose CPU time (without start-up) and largest
memory are printed.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

SUPPORT = Path(__file__).parents[1] / "tests" / "skyscan"
STEPS = ("list", "take")


def make(path: Path, n_events: int, n_pulses: int) -> None:
    """Write a file of events."""
    sys.path.insert(0, str(SUPPORT))
    from events_support import simulated_pulses
    from level2_support import frames_of, null_split

    with path.open("wb") as file:
        for event_id in range(n_events):
            pulses = simulated_pulses(n_pulses, event_id)
            daq, split = frames_of(path.parent, event_id, pulses=pulses)
            file.write(daq + null_split(split) + split)


def step(name: str, path: Path, last: int) -> None:
    """Do one step, and print what it used."""
    from skyscan.events.choice import Choice, EventId
    from skyscan.events.files import list_events, take_event

    began = _cpu()
    if name == "list":
        found = sum(entry.can_be_scanned(Choice()) for entry in list_events(path))
    else:
        found = len(take_event(path, Choice(EventId(last))).content)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu": _cpu() - began, "rss": memory, "found": found}))


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(n_events: int = 1000, n_pulses: int = 763) -> None:
    """Print the CPU time and the memory of the steps."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        for n in (n_events // 10, n_events):
            path = Path(place, f"{n}.i3")
            make(path, n, n_pulses)
            print(f"{n} events of {n_pulses} pulses, {path.stat().st_size / 1e6:.1f} MB")
            for name in STEPS:
                command = [sys.executable, __file__, name, str(path), str(n - 1)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                used = json.loads(done.stdout)
                pace = n / used["cpu"]
                print(
                    f"{name:5} {used['cpu']:6.2f} CPU-s, {pace:6.0f} events per CPU-s, "
                    f"{used['rss']:4.0f} MB"
                )


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        step(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
