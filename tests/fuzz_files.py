"""Mutated input for the readers of files that `tests/fuzz.py` does not make from events.

They are tables of pulses, truth and geometry, ice models, levels, catalogues, maps,
`campaign.json`, lists of events, and the state of a watch.
"""

from __future__ import annotations

import io
import json
import random  # noqa: TC003  (other modules have it anyway)
import shutil
import sys
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
for folder in ("skyscan", "workflows"):
    if str(HERE / folder) not in sys.path:
        sys.path.append(str(HERE / folder))

import numpy as np  # noqa: E402
import tables_support as tables  # noqa: E402
from answer_support import gaussian_map  # noqa: E402
from astropy.table import Table  # noqa: E402
from plans_support import options  # noqa: E402

from skyscan.answer.answer import make_answer  # noqa: E402
from skyscan.answer.catalogue import read_catalogue  # noqa: E402
from skyscan.answer.files.fits import multiorder_bytes  # noqa: E402
from skyscan.answer.levels import WILKS, read_levels  # noqa: E402
from skyscan.answer.read import read_map  # noqa: E402
from skyscan.events.choice import Choice  # noqa: E402
from skyscan.events.files import find_events  # noqa: E402
from skyscan.light.ice_files import read_ice_model  # noqa: E402
from skyscan.skymap import json_parts, npz_of  # noqa: E402
from skyscan.storage import SEAL  # noqa: E402
from skyscan.tables.files import read_geometry, read_truth  # noqa: E402
from workflows.answers import answer_of  # noqa: E402
from workflows.campaigns.campaign import (  # noqa: E402
    Campaign,
    read_campaign,
    read_list,
    write_campaign,
)
from workflows.campaigns.entry import Entry  # noqa: E402
from workflows.campaigns.folder import CampaignFolder  # noqa: E402
from workflows.inbox import STATE, Inbox, Taken  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[random.Random], Any]
    Read = Callable[[Any], object]

LEVELS = b"# containment, 2 delta llh\n0.5 1.39\n0.9 4.61\n"
CATALOGUE = b"name,ra,dec\nTXS 0506+056,77.36,5.69\nNGC 1068,40.67,-0.01\n"
ICE = {
    "icemodel.dat": b"1400 0.04 0.009 -30\n1900 0.05 0.01 -20\n2400 0.03 0.008 -10\n",
    "icemodel.par": b"0.9 0.03\n1.08 0.01\n6954.09 900\n6617.75 70\n",
    "cfg.txt": b"5\n1\n0.35\n0.9\n",
    "as.dat": b"0.3\n0.1\n0.5\n0.2\n",
}


def file_parsers(  # noqa: C901, PLR0915  (a table)
    place: Path,
    mutated: Callable[[random.Random, bytes], bytes],
    changed: Callable[[random.Random, Any], Any],
) -> dict[str, tuple[Make, Read]]:
    """Return what makes a case of each parser, and what reads it."""
    place.mkdir()
    file = place / "input"
    known = _tables(place)
    choice = Choice(run_id=1, mjd=59_000.0)

    def damaged(*names: str) -> Make:
        return lambda rng: mutated(rng, known[rng.choice(names)])

    def of_bytes(read: Callable[[Path], object], path: Path = file) -> Read:
        def read_bytes(data: bytes) -> object:
            path.write_bytes(data)
            return read(path)

        return read_bytes

    def taken(path: Path) -> None:
        for number, found in enumerate(find_events(path, choice)):
            found.take()
            if number > 2:
                break

    def ice(rng: random.Random) -> dict[str, bytes]:
        which = rng.choice(sorted(ICE))
        return {**ICE, which: mutated(rng, ICE[which])}

    def ice_model(files: dict[str, bytes]) -> object:
        folder = place / "ice"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return read_ice_model(folder)

    campaign = CampaignFolder(place)
    entry = Entry(0, "/event.json", "run1.evt1.neutrino", (0.1, 0.2), "scans/000/run1")
    write_campaign(campaign, Campaign(options(), 10, (entry,)))
    campaign_json = json.loads(campaign.json.read_text())
    del campaign_json[SEAL]  # as of earlier versions: the digest would refuse every change

    def of_json(value: Any) -> Make:  # noqa: ANN401  (JSON)
        def make(rng: random.Random) -> bytes:
            new = changed(rng, value) if rng.random() < 0.7 else value
            text = json.dumps(new).encode()
            return mutated(rng, text) if new is value or rng.random() < 0.2 else text

        return make

    def read_of_campaign(data: bytes) -> object:
        campaign.json.write_bytes(data)
        return read_campaign(campaign)

    state = asdict(Taken("a.i3", 10, 20, "0" * 64, "submitted", "scans/x", 1.5))

    def inbox(data: bytes) -> object:
        folder = place / "watched" / STATE
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "one.json").write_bytes(data)
        watched = Inbox(place, place / "watched")
        watched.whole()
        return watched

    skymap = gaussian_map(sigma=20.0, nsides=(1, 2), reach=1.0)
    maps = {
        "npz": npz_of(skymap),
        "json": b"".join(json_parts(skymap)),
        "fits": multiorder_bytes(skymap, make_answer(skymap, WILKS)),
    }
    map_json = json.loads(maps["json"])

    def map_npz(rng: random.Random) -> bytes:
        if rng.random() < 0.3:
            return mutated(rng, maps["npz"])
        with np.load(io.BytesIO(maps["npz"])) as archive:
            arrays = dict(archive)
        name = rng.choice(sorted(arrays))
        if rng.random() < 0.3:
            arrays[name] = rng.choice(
                (arrays[name][:0], np.zeros(2), np.array(5), arrays[name][:, None])
            )
        else:
            arrays[name] = np.frombuffer(
                mutated(rng, arrays[name].tobytes()).ljust(arrays[name].nbytes, b"\0")[
                    : arrays[name].nbytes
                ],
                arrays[name].dtype,
            )
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    def map_fits(rng: random.Random) -> bytes:
        return mutated(rng, maps["fits"])

    def answer(path: Path) -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of times for which astropy has no tables
            return answer_of(path, None)

    catalogues = _catalogues(place)

    def catalogue_file(data: tuple[str, bytes]) -> object:
        suffix, content = data
        path = place / f"sources.{suffix}"
        path.write_bytes(content)
        return read_catalogue(path)

    def a_catalogue(rng: random.Random) -> tuple[str, bytes]:
        suffix = rng.choice(sorted(catalogues))
        return suffix, mutated(rng, catalogues[suffix])

    listed = b"# events\na.i3\n/b/c.json\n"
    return {
        "CSV": (damaged("plain.csv"), of_bytes(taken)),
        "Parquet": (damaged("plain.parquet", "photons.parquet"), of_bytes(taken)),
        "SQLite": (damaged("graphnet.db"), of_bytes(taken)),
        "truth": (damaged("truth.csv", "truth.parquet", "graphnet.db"), of_bytes(read_truth)),
        "geometry": (damaged("geometry.csv"), of_bytes(read_geometry)),
        "ice model": (ice, ice_model),
        "levels": (lambda rng: mutated(rng, LEVELS), of_bytes(read_levels)),
        "catalogue": (
            lambda rng: mutated(rng, CATALOGUE),
            of_bytes(read_catalogue, place / "catalogue.csv"),
        ),
        "catalogue of astropy": (a_catalogue, catalogue_file),
        "map npz": (map_npz, of_bytes(answer)),
        "map JSON": (of_json(map_json), of_bytes(answer)),
        "map FITS": (map_fits, of_bytes(answer)),
        "map npz, read only": (map_npz, of_bytes(read_map)),
        "map JSON, read only": (of_json(map_json), of_bytes(read_map)),
        "map FITS, read only": (map_fits, of_bytes(read_map)),
        "campaign.json": (of_json(campaign_json), read_of_campaign),
        "list of events": (lambda rng: mutated(rng, listed), of_bytes(read_list)),
        "state of a watch": (of_json(state), inbox),
    }


def _catalogues(place: Path) -> dict[str, bytes]:
    """Return a catalogue in each format that astropy writes, by the ending of its name."""
    sources = Table(
        {"name": ["TXS 0506+056", "NGC 1068"], "ra": [77.36, 40.67], "dec": [5.69, 0]}
    )
    for suffix, name in (("fits", "fits"), ("vot", "votable"), ("ecsv", "ascii.ecsv")):
        sources.write(place / f"written.{suffix}", format=name)
    return {path.suffix[1:]: path.read_bytes() for path in place.glob("written.*")}


def _tables(place: Path) -> dict[str, bytes]:
    """Return small tables of every kind by name."""
    pulse_map, truth = tables.graphnet()
    geometry = {
        "string": [1, 1],
        "om": [1, 2],
        "x": [0.0, 0.0],
        "y": [1.0, 1.0],
        "z": [2.0, -15.0],
    }
    of_event = {"event": truth["event_no"]}
    of_event |= {name: truth[name] for name in ("zenith", "azimuth")}
    written = (
        tables.write_csv(place / "plain.csv", tables.plain()),
        tables.write_parquet(place / "plain.parquet", tables.plain()),
        tables.write_sqlite(place / "graphnet.db", pulses=pulse_map, truth=truth),
        tables.write_prometheus(place / "photons.parquet"),
        tables.write_csv(place / "truth.csv", of_event),
        tables.write_parquet(place / "truth.parquet", of_event),
        tables.write_csv(place / "geometry.csv", geometry),
    )
    return {path.name: path.read_bytes() for path in written}
