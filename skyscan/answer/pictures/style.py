"""What all pictures share: colours, lines, and new axes where none are given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage, in_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = "viridis_r"  # of 2 delta llh: the best fit is bright
UNKNOWN = "0.85"
ORANGE, BLUE, VERMILION = "#E69F00", "#0072B2", "#D55E00"
LINES = {0.5: "-", 0.9: "--"}
LABEL = "2 Δllh to the best fit"


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, inches, that needs no display.

    Raises
    ------
    WrongUsage
        matplotlib is not installed.
    """
    _check_matplotlib()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


@contextmanager
def usual_style() -> Iterator[None]:
    """Let pictures be those of matplotlib's defaults, whatever a file matplotlibrc says.

    There may be one in the current folder, of whoever wrote there.

    Raises
    ------
    WrongUsage
        matplotlib is not installed, or cannot be used.
    """
    _check_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        yield


def _check_matplotlib() -> None:
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise WrongUsage(
            "Pictures need matplotlib; install it with `pip install 'skyscan[plots]'`."
        ) from error
    except Exception as error:
        raise WrongUsage(
            f"matplotlib cannot be used ({in_words(error)}); check the variable MPLBACKEND and "
            f"the file matplotlibrc in this folder or among your settings."
        ) from error


def axes_or_new(axes: Axes | None, width: float, height: float) -> Axes:
    """Return the axes that were given, or those of a new figure."""
    return new_figure(width, height).add_subplot() if axes is None else axes


def figure_of(axes: Axes) -> Figure:
    """Return the figure that axes are in."""
    return axes.get_figure(root=True)  # type: ignore[return-value,call-overload,no-any-return,unused-ignore]
