"""The options of a scan: the content of ``scan.json``."""

from __future__ import annotations

from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, get_type_hints

from skyscan.errors import BadInput, WrongUsage, in_words
from skyscan.frames import KEEP_VARIABLE
from skyscan.json_text import is_of
from skyscan.progression import Progression, check_progression  # types need it
from skyscan.storage import digest, read_json, read_sealed, write_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 1
#: The advice about a damaged file that planning wrote.
PLAN_AGAIN = (
    "Run `skyscan plan` with the same event, options and --output-dir to write it again and "
    "keep the results; then run `skyscan resume`."
)
#: Variables that do not change results: folders of data files (`skyscan.staging`), and the log
#: of fits (`skyscan.job.worker`).
NOT_IN_RESULTS = frozenset(
    {
        *("SKYSCAN_DATA_CACHE", "SKYSCAN_DATA_DIRS", "SKYSCAN_DATA_URL"),
        *("SKYSCAN_TALLY", KEEP_VARIABLE),
    }
)

MAX_ROUNDS = 1000  #: the folders of rounds have three digits
MAX_HALVINGS = 20  #: of batches; the last ones have a millionth of the pixels
MOST = 2**31 - 1  #: a number of pixels or jobs
MAX_SECONDS = 1e9  #: 30 years; select() and timers take no more than 2**63 ns


@dataclass(frozen=True, kw_only=True)
class Scan:
    """The options that determine the science of a scan: event, fits and choice of pixels.

    `workflows.planned` has those of the pool and the engine.

    Attributes
    ----------
    name : str
        Name of the event (run….evt….TYPE), also the name of the scan folder.
    event_file, event_sha256 : str
        The scan's own copy of the event (a file name in ``event/``) and its content.
    run_id, event_id, mjd, event_type, is_real_event
        The event's metadata; ``mjd`` in days, UTC, None if the event has no time: its map is
        in IceCube's local frame then.
    reco : str
        Name of the reconstruction.
    runtime : str
        The interpreter, env-shell or image in which jobs run (`condor.runtimes`).
    environment : dict of str to str
        The environment variables that the jobs get (`workflows.variables`).
    progression : tuple of (nside, extension)
        Coarse to fine.
    batch_size, jobs_per_round : int or None
        Pixels per job, or jobs per round; one of the two is set.
    halvings : int
        How often the size of batches is halved towards the end of a round.
    max_rounds : int
        Rounds after which a scan that has not converged is stopped.
    predictive_scanning_threshold : float
        Fraction of the distributed fits that must have results before finer pixels are
        chosen; 1 means all.
    time_budget : float
        Seconds that a batch may take; its remaining fits go to another round. 0 means no limit.
    max_failed_pixels : float
        Fraction of pixels without a fit above which the scan is an error.
    pulses : str or None
        Frame key of the pulse series that the user chose; None means that of the format.
    gcd_sha256 : str or None
        Content of the file of the detector's frames in ``event/``; None if there is none.
    ice_sha256 : str or None
        Digest of the numbers of the ice model that the user chose, which is in ``event/``
        (`skyscan.light.ice_model.IceModel.digest`); None means the reconstruction's own.
    kernel : str or None
        What computes the likelihoods, ``compiled`` or ``numpy``; None if the reconstruction
        has one way only.
    kernel_sha256 : str or None
        Content of the compiled kernel, which is in ``event/`` (`skyscan.compiled`).
    levels : str or None
        Levels of the regions (`skyscan.answer.levels.Levels.text`); None: the reconstruction's.
    """

    name: str
    event_file: str
    event_sha256: str
    run_id: int
    event_id: int
    mjd: float | None
    event_type: str | None
    is_real_event: bool
    reco: str
    runtime: str
    environment: dict[str, str]
    progression: Progression
    batch_size: int | None
    jobs_per_round: int | None
    halvings: int
    max_rounds: int
    predictive_scanning_threshold: float
    time_budget: float
    max_failed_pixels: float
    pulses: str | None = None
    gcd_sha256: str | None = None
    levels: str | None = None
    ice_sha256: str | None = None
    kernel: str | None = None
    kernel_sha256: str | None = None

    #: The smallest and the largest value that a scan can have.
    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        "batch_size": (1, MOST),
        "jobs_per_round": (1, MOST),
        "halvings": (0, MAX_HALVINGS),
        "max_rounds": (1, MAX_ROUNDS),
        "predictive_scanning_threshold": (0, 1),
        "time_budget": (0, MAX_SECONDS),
        "max_failed_pixels": (0, 1),
    }

    @property
    def id(self) -> str:
        """Digest of all that determines a pixel's result; results carry it, 32 hex digits."""
        environment = {k: v for k, v in self.environment.items() if k not in NOT_IN_RESULTS}
        # The runtime is included, because other code may give other results. gcd_dir is not:
        # prep finds a baseline GCD by the name in the event, in any folder, and records its
        # digest. Neither is the progression, which decides the pixels and their seeds: a result
        # file has a checksum of its batch, which includes both.
        determining = [self.event_sha256, self.is_real_event, self.reco]
        given = {
            "pulses": self.pulses,
            "gcd": self.gcd_sha256,
            "ice": self.ice_sha256,
            "kernel": self.kernel_sha256,
        }
        chosen = [[name, value] for name, value in given.items() if value is not None]
        environment_items = sorted(environment.items())
        return digest([*determining, self.runtime, environment_items, *chosen])[:32]

    def write(self, path: Path) -> None:
        """Write ``scan.json``."""
        write_sealed(path, {"format": FORMAT, "id": self.id, **asdict(self)})


_AnyScan = TypeVar("_AnyScan", bound=Scan)


def read_scan(path: Path) -> Scan:
    """Read the options of the science from ``scan.json``.

    Raises
    ------
    BadInput
        The file is missing, is damaged, or has another format version.
    """
    return read_scan_as(Scan, path)


def read_scan_as(kind: type[_AnyScan], path: Path) -> _AnyScan:
    """Read ``scan.json`` as a `Scan` or a subclass of it.

    Raises
    ------
    BadInput
        As `read_scan`.
    """
    try:
        written = read_json(path).get("format")
        if written == FORMAT:
            value = read_sealed(path)
    except BadInput as error:
        raise BadInput(f"{error} {PLAN_AGAIN}") from error
    if written != FORMAT:
        raise BadInput(
            f"{path} has format {written!r}, this skyscan reads {FORMAT}; "
            f"use the skyscan.zip of the scan, which wrote it."
        )
    try:
        known = {
            field.name: value[field.name]
            for field in fields(kind)
            if field.name in value
            or (field.default, field.default_factory) == (MISSING, MISSING)
        }
        check_values(kind, known)
        known["progression"] = check_progression(known["progression"])
        scan = kind(**known)
    except (KeyError, TypeError, ValueError, AttributeError, WrongUsage) as error:
        raise BadInput(f"{path} is damaged ({in_words(error)}). {PLAN_AGAIN}") from error
    if value.get("id") != scan.id:
        raise BadInput(f"{path} was changed (its id does not match). {PLAN_AGAIN}")
    return scan


def check_values(kind: type[Scan], known: Mapping[str, Any]) -> None:
    """Check that values have the types of their fields, and that a scan can have them.

    Raises
    ------
    ValueError
        A value cannot be.
    """
    types = get_type_hints(kind)
    wrong = [name for name, value in known.items() if not is_of(value, types[name])]
    if not wrong:
        wrong = [
            name
            for name, (least, most) in kind.RANGES.items()
            if known[name] is not None and not least <= known[name] <= most
        ]
    if wrong:
        raise ValueError(f"out of range or of another type: {', '.join(wrong)}")
