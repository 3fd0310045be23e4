"""Compute the next pixels with upstream's own code, and store them.

Usage: make_upstream_next_pixels.py CLONE_OF_SKYMAP_SCANNER BRONZE_NPZ
"""

import json
import math
import subprocess
import sys
import types
from pathlib import Path

import numpy as np

OUTPUT = Path(__file__).with_name("upstream_next_pixels.json")
DEFAULT = [(8, 0), (64, 12), (512, 24)]


class Progression(dict):
    """The part of NSideProgression that upstream's rule uses."""

    max_nside = property(lambda self: list(self)[-1])
    min_nside = property(lambda self: next(iter(self)))

    def get_at_index(self, index):
        return list(self.items())[index]


def upstream_module(clone, commit):
    """Return upstream's server/pixels.py, without icetray and upstream's other modules."""
    command = ["git", "-C", clone, "show", f"{commit}:skymap_scanner/server/pixels.py"]
    source = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    source = source.replace("from ..utils.pixel_classes import NSidesDict", "NSidesDict = dict")
    source = source.replace("from .utils import NSideProgression", "NSideProgression = dict")
    icetray = types.SimpleNamespace(I3Int=int)
    sys.modules["icecube"] = types.ModuleType("icecube")
    sys.modules["icecube"].icetray = icetray
    module = types.ModuleType("upstream_pixels")
    exec(source, module.__dict__)  # noqa: S102
    return module


def answer(upstream, finished, progression, pointing=None):
    """Return the pixels that upstream adds, up to the level after the finished ones."""
    order = [nside for nside, _ in progression]
    done = [order.index(nside) for nside in finished]
    known = Progression(progression[: max(done, default=-1) + 2])
    pixels = {
        nside: {pixel: types.SimpleNamespace(llh=llh) for pixel, llh in llhs.items()}
        for nside, llhs in finished.items()
    }
    where = {}
    if pointing is not None:
        where = {"ang_dist": math.degrees(pointing[2]), "coord_ra_dec": tuple(pointing[:2])}
    chosen = upstream.choose_pixels_to_reconstruct(pixels, known, **where)
    return sorted((n, int(p)) for n, p in chosen if p not in finished.get(n, {}))


def synthetic_cases(upstream):
    """Yield scans with made-up llhs, where upstream chose each finished level."""
    shapes = [
        # name, progression, pointing, scale of llh, NaN, fraction that is kept, rounds
        ("smooth", [(2, 0), (8, 4), (32, 6)], None, 1e3, 0.0, 1.0, 4),
        ("steep", [(2, 0), (8, 4), (32, 6)], None, 7e4, 0.0, 1.0, 3),
        ("very steep", [(1, 0), (4, 3)], None, 1e6, 0.0, 1.0, 2),
        ("nan", [(2, 0), (8, 4), (32, 6)], None, 7e4, 0.15, 1.0, 3),
        ("partly finished", [(2, 0), (8, 4), (32, 6)], None, 7e4, 0.05, 0.6, 4),
        ("pointed", [(8, 0), (32, 12)], [1.2, -0.4, 0.35], 1e3, 0.05, 1.0, 3),
        ("pointed at the pole", [(4, 0), (16, 5)], [0.3, 1.55, 0.5], 1e5, 0.0, 1.0, 3),
        ("pointed at a fine level", [(16, 0)], [6.2, 0.1, 0.15], 1e3, 0.0, 1.0, 2),
        ("many levels", [(1, 0), (2, 3), (4, 7), (8, 12)], None, 1e3, 0.03, 1.0, 5),
        ("level left out", [(1, 0), (2, 3), (4, 7), (8, 12)], None, 1e5, 0.0, 1.0, 4),
    ]
    for seed, (name, progression, pointing, scale, nan, kept, rounds) in enumerate(shapes):
        rng = np.random.default_rng(seed)
        finished = {}
        for number in range(rounds):
            chosen = answer(upstream, finished, progression, pointing)
            yield {
                "name": f"{name}, round {number}",
                "progression": progression,
                "pointing": pointing,
                "finished": {
                    str(nside): [[p, None if math.isnan(v) else v] for p, v in llhs.items()]
                    for nside, llhs in finished.items()
                },
                "next": chosen,
            }
            for nside, pixel in chosen:
                llh = round(float(scale * abs(rng.normal())), 3)
                # A NaN that upstream sees first wins for ever, but not in skyscan.
                may_fail = nside != progression[0][0] or len(finished.get(nside, {})) > 0
                if rng.random() < nan and may_fail:
                    llh = math.nan
                if rng.random() < kept or not may_fail:
                    finished.setdefault(nside, {})[pixel] = llh
            if name == "level left out" and number == 2:
                del finished[2]


def bronze_cases(upstream, path):
    """Yield upstream's choice for the finished levels of a real map, without its llhs."""
    with np.load(path) as levels:
        llhs = {
            nside: dict(
                zip(
                    levels[f"nside-{nside}"]["index"].tolist(),
                    levels[f"nside-{nside}"]["llh"].tolist(),
                    strict=True,
                )
            )
            for nside, _ in DEFAULT
        }
    for finished in ([8], [8, 64], [8, 64, 512]):
        chosen = answer(upstream, {nside: llhs[nside] for nside in finished}, DEFAULT)
        yield {"finished": finished, "next": chosen}


def main():
    clone, bronze = sys.argv[1:]
    command = ["git", "-C", clone, "rev-parse", "HEAD"]
    commit = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    upstream = upstream_module(clone, commit)
    answers = {
        "upstream_commit": commit,
        "progression": DEFAULT,
        "bronze": list(bronze_cases(upstream, bronze)),
        "synthetic": list(synthetic_cases(upstream)),
    }
    OUTPUT.write_text(json.dumps(answers, separators=(",", ":")) + "\n")
    for case in answers["bronze"] + answers["synthetic"]:
        print(case.get("name", case["finished"]), len(case["next"]))


if __name__ == "__main__":
    main()
