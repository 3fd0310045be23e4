"""The files of an answer, beside the map that they are made from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from skyscan.answer.files.outlines import csv_lines, ds9_lines
from skyscan.storage import write_bytes, write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap


class File(NamedTuple):
    """One file: the end of its name, and what is in it."""

    ending: str
    content: str


FILES = (
    File("multiorder.fits", "probability and 2 delta llh by HEALPix pixels of several orders"),
    File("moc50.fits", "50 % region as a multi-order coverage map; moc50.json is the same"),
    File("moc90.fits", "90 % region as a multi-order coverage map; moc90.json is the same"),
    File("contours.reg", "contours and best fit, for DS9"),
    File("contours.csv", "contours as a table"),
    File("summary.json", "the answer: best fit, regions, checks"),
)


def write_files(skymap: SkyMap, answer: Answer, folder: Path) -> list[Path]:
    """Write the files of an answer; return their paths.

    A local map has no coverage maps and no regions for DS9, which are of the sky.
    """
    paths = []
    for ending, content in _contents(skymap, answer):
        path = folder / f"{skymap.name}.{ending}"
        if isinstance(content, bytes):
            write_bytes(path, content)
        elif isinstance(content, str):
            write_text(path, content)
        else:
            write_json(path, content)
        paths.append(path)
    return paths


def _contents(
    skymap: SkyMap, answer: Answer
) -> Iterator[tuple[str, bytes | str | dict[str, object]]]:
    from skyscan.answer.files.fits import multiorder_bytes  # astropy, which FILES does not need
    from skyscan.answer.files.moc import region_moc

    yield "multiorder.fits", multiorder_bytes(skymap, answer)
    yield "contours.csv", "\n".join(csv_lines(skymap, answer.levels)) + "\n"
    yield "summary.json", answer.as_dict()
    if skymap.is_local:
        return  # the others are of the sky by their definition
    for it in answer.regions:
        moc = region_moc(skymap, it.two_delta_llh)
        yield f"moc{it.percent}.fits", moc.fits()
        yield f"moc{it.percent}.json", json.dumps(moc.as_dict()) + "\n"
    yield "contours.reg", "\n".join(ds9_lines(skymap, answer)) + "\n"
