"""`skyscan simulate`: make simulated events with their truth."""

from __future__ import annotations

import argparse
from math import radians
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode, WrongUsage
from workflows.commands.interrupts import at_interrupt
from workflows.quantities import not_negative, number

if TYPE_CHECKING:
    from skyscan.events.event import Event
    from workflows.commands.plan import Commands

#: Those of skyscan.simulation, which imports scipy, and the energies that they have by default.
KINDS = {
    "muon": 10_000.0,
    "shower": 10_000.0,
    "starting": 10_000.0,
    "stopping": 300.0,
    "coincident": 10_000.0,
}
MAX_SEED = 2**31 - 1
MAX_NUMBER = 100_000
ENERGIES_GEV = (10.0, 1e7)
MOST_STOPPING_GEV = 1000.0
OVERSIZES = (1.0, 30.0)
JSON_SUFFIX = ".json"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    simulate = commands.add_parser(
        "simulate",
        help="simulate muons or showers, with their truth, as events that can be scanned",
        description="""Simulate muons or showers as events that can be scanned.

Each photon is followed through the layered ice. The files are like those of alerts
and contain the truth; the same options and seed give the same bytes.""",
    )
    simulate.add_argument(
        "--kind",
        choices=KINDS,
        required=True,
        help="a muon through the detector, an electromagnetic shower in it, a muon that starts "
        "with a shower, a muon that stops, or two muons, one of them from above",
    )
    simulate.add_argument(
        "--energy",
        type=_energy,
        nargs="+",
        metavar="GEV",
        help="energy in GeV, or the smallest and the largest, between which its logarithm is "
        "drawn uniformly (default: 10000; of a muon that stops 300, and at most 1000)",
    )
    simulate.add_argument(
        "--direction",
        type=number,
        nargs=2,
        metavar=("RA", "DEC"),
        help="where the particle comes from, degrees, J2000 (default: anywhere in the sky)",
    )
    simulate.add_argument(
        "--number", type=not_negative, default=1, help="number of events (default: %(default)s)"
    )
    simulate.add_argument(
        "--seed",
        type=not_negative,
        default=1,
        help="seed of the first event, and its id; the others follow (default: %(default)s)",
    )
    simulate.add_argument(
        "--output",
        type=Path,
        default=Path("simulated"),
        metavar="PATH",
        help="folder for the events, or a file whose name ends with .json for one event "
        "(default: %(default)s)",
    )
    simulate.add_argument(
        "--ice-model",
        type=Path,
        metavar="FOLDER",
        help="folder with an ice model in ppc's format (default: SPICE BFR v2)",
    )
    simulate.add_argument(
        "--oversize",
        type=number,
        default=10.0,
        metavar="FACTOR",
        help="factor of the DOMs' radius; the number of photons is divided by its square "
        "(default: 10)",
    )
    simulate.set_defaults(run=_simulate)


def _energy(text: str) -> float:
    value = number(text)
    if not ENERGIES_GEV[0] <= value <= ENERGIES_GEV[1]:
        low, high = ENERGIES_GEV
        raise argparse.ArgumentTypeError(f"must be from {low:g} to {high:g} GeV, not {text}")
    return value


def _simulate(options: argparse.Namespace) -> ExitCode:
    _check(options)
    # these import scipy, which is slow
    from skyscan.events.writer import write_event
    from skyscan.light.ice_files import read_ice_model
    from skyscan.light.ice_model import shipped_ice
    from skyscan.simulation.events import Wanted, simulate_event
    from workflows.planning.ice import check_cover

    ice = shipped_ice()
    if options.ice_model is not None:
        ice = read_ice_model(options.ice_model)
        check_cover(ice)
    direction = options.direction and (
        radians(options.direction[0]),
        radians(options.direction[1]),
    )
    given = options.energy or [KINDS[options.kind]]
    energies = min(given), max(given)
    wanted = Wanted(options.kind, energies, direction, options.oversize)
    for seed in range(options.seed, options.seed + options.number):
        with at_interrupt(_left(options, seed)):
            event = simulate_event(wanted, ice, seed)
            path = _path(options.output, event)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_event(path, event)
            print(f"{path}  {_about(event)}", flush=True)
    return ExitCode.DONE


def _left(options: argparse.Namespace, seed: int) -> str:
    """Return what to say after Ctrl-C in the simulation of a seed's event."""
    if seed == options.seed:
        return "No event was written."
    rest = options.seed + options.number - seed
    return f"The events above are complete; --seed {seed} --number {rest} simulates the others."


def _check(options: argparse.Namespace) -> None:
    if len(options.energy or ()) > 2:  # noqa: PLR2004  (the smallest and the largest)
        raise WrongUsage("--energy takes one energy, or the smallest and the largest.")
    if options.kind == "stopping" and max(options.energy or [0.0]) > MOST_STOPPING_GEV:
        raise WrongUsage(
            f"--kind stopping --energy {max(options.energy):g}: a muon that stops in the "
            f"detector can have at most {MOST_STOPPING_GEV:.0f} GeV."
        )
    if not 1 <= options.number <= MAX_NUMBER:
        raise WrongUsage(f"--number must be from 1 to {MAX_NUMBER}, not {options.number}.")
    if not 0 <= options.seed <= MAX_SEED - options.number:
        raise WrongUsage(f"--seed must be at least 0 and less than 2^31, not {options.seed}.")
    if not OVERSIZES[0] <= options.oversize <= OVERSIZES[1]:
        raise WrongUsage(f"--oversize must be from 1 to 30, not {options.oversize:g}.")
    _, dec = options.direction or (0.0, 0.0)
    if not -90 <= dec <= 90:  # noqa: PLR2004  (degrees)
        raise WrongUsage("--direction takes RA and Dec in degrees, Dec from -90 to 90.")
    if options.output.suffix == JSON_SUFFIX and options.number > 1:
        raise WrongUsage(
            f"--output {options.output} is one file; name a folder for {options.number} events."
        )
    _check_place(options.output)


def _check_place(output: Path) -> None:
    """Refuse a file that is a folder, and a folder that is a file or would be in one."""
    if output.suffix == JSON_SUFFIX and output.is_dir():
        raise WrongUsage(
            f"--output {output} is a folder, but a name that ends with {JSON_SUFFIX} is "
            f"for a file; name another one."
        )
    folder = output.parent if output.suffix == JSON_SUFFIX else output
    for place in (folder, *folder.parents):
        if place.is_file():
            raise WrongUsage(f"--output {output}: {place} is a file; name a folder.")


def _path(output: Path, event: Event) -> Path:
    return output if output.suffix == JSON_SUFFIX else output / f"{event.name}{JSON_SUFFIX}"


def _about(event: Event) -> str:
    """Return one line about the truth and the pulses of an event."""
    import numpy as np

    from skyscan.events.truth import TRUTH_KEY
    from skyscan.track.simulation import truth_of

    ra, dec = np.degrees(truth_of(event) or (np.nan, np.nan))
    n_doms = len(np.unique(event.pulses[["string", "om"]]))
    energy = event.fits[TRUTH_KEY].energy
    return (
        f"{energy:.4g} GeV, RA {ra:.2f} deg, Dec {dec:+.2f} deg; "
        f"{n_doms} DOMs, {event.pulses['charge'].sum():.0f} PE"
    )
