"""The data that prep passes to the jobs of a scan in icetray besides the frames."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, in_words
from skyscan.events.event import Vertex
from skyscan.icetray import keys
from skyscan.icetray.gcd import Baseline, stage_baseline
from skyscan.storage import read_json, write_json

if TYPE_CHECKING:
    from skyscan.events.source import Source
    from skyscan.icetray.frames import Frame

PREPARED_FILE = "icetray.json"


@dataclass(frozen=True)
class Prepared:
    """The data that prep passes to jobs besides the frames.

    Attributes
    ----------
    baseline : Baseline or None
        The file that the GCD frames are differences to; None if they are complete.
    gcd_dir : str or None
        The folder in which to look for the baseline first.
    seed : tuple of float
        The event's own seed vertex: x, y, z (m), time (ns).
    """

    baseline: Baseline | None
    gcd_dir: str | None
    seed: tuple[float, float, float, float]

    @property
    def vertex(self) -> Vertex:
        """The event's own seed vertex."""
        return Vertex(*self.seed)

    @property
    def folder(self) -> Path | None:
        """The folder in which to look for the baseline first."""
        return Path(self.gcd_dir) if self.gcd_dir else None

    def stage_baseline(self) -> Path | None:
        """Return the path of the baseline; download it if this machine does not have it."""
        if self.baseline is None:
            return None
        return stage_baseline(self.baseline.name, self.folder, self.baseline.sha256)

    def write(self, folder: Path) -> None:
        """Write the file that `read_prepared` reads."""
        write_json(folder / PREPARED_FILE, asdict(self))


def read_prepared(folder: Path) -> Prepared:
    """Read the file that prep wrote for the jobs.

    Raises
    ------
    BadInput
        The file is missing or damaged.
    """
    value = read_json(folder / PREPARED_FILE)
    try:
        baseline = value["baseline"]
        return Prepared(
            baseline=Baseline(**baseline) if baseline else None,
            gcd_dir=value["gcd_dir"],
            seed=tuple(value["seed"]),
        )
    except (KeyError, TypeError) as error:
        raise BadInput(f"{folder / PREPARED_FILE} is damaged ({in_words(error)}).") from error


def seed_in(frame: Frame, source: Source) -> tuple[float, float, float, float]:
    """Return the seed vertex (m, ns) that the preparation put into the physics frame.

    Raises
    ------
    BadInput
        The preparation found no seed vertex.
    """
    for key in (keys.SEED_POSITION, keys.SEED_TIME):
        if key not in frame:
            raise BadInput(
                f"{source.path}: the preparation found no seed vertex (no {key} in the physics "
                f"frame); choose a reconstruction that needs no seed vertex (skyscan recos)."
            )
    position, time = frame[keys.SEED_POSITION], frame[keys.SEED_TIME].value
    return float(position.x), float(position.y), float(position.z), float(time)
