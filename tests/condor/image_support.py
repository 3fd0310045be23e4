"""The image for jobs, in the user's cache: built once for all tests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from condor.software.image import SUITE, make_image
from condor.software.relocate import cache_folder
from skyscan.locks import locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

RECIPE = 2  # raise it when the image changes: a cached image is then built again


def cached_image(extra: Sequence[str] = ()) -> Path:
    """Return the image in the user's cache; build it if it is missing.

    Parameters
    ----------
    extra : sequence of str
        Names of further Debian packages.

    Returns
    -------
    Path
        A sandbox folder.

    Raises
    ------
    NoImage, NoApptainer
        It cannot be built here; the message says why.
    """
    name = "-".join(("image", SUITE, *sorted(extra)))
    image = cache_folder().resolve() / f"{name}.{RECIPE}"
    image.parent.mkdir(parents=True, exist_ok=True)
    with locked(image.with_name(f"{name}.lock")):
        if image.is_dir():
            return image
        for left in image.parent.glob(f".{image.name}-*"):  # of a build that was killed
            shutil.rmtree(left)
        return make_image(image, extra)
