"""Scans of the least and the most of everything that options allow."""

import pytest
from scans_support import a_scan, do_scan, prepared

from skyscan.merge import merge
from skyscan.progression import MAX_NSIDE

LEVELS = tuple(1 << power for power in range(MAX_NSIDE.bit_length()))


@pytest.mark.parametrize(
    ("options", "nsides", "jobs"),
    [
        ({"progression": ((1, 0),), "batch_size": 1, "jobs_per_round": None}, [1], 12),
        ({"progression": ((1, 0),), "batch_size": 10**9, "jobs_per_round": None}, [1], 1),
        ({"progression": ((1, 0),), "jobs_per_round": 10**6}, [1], 12),
        ({"progression": ((1, 0), (2, 1), (4, 1))}, [1, 2, 4], 3),
        (
            {"progression": ((1, 0), *((nside, 12) for nside in LEVELS[1:])), "max_rounds": 60},
            list(LEVELS),
            3,
        ),
    ],
)
def test_a_scan_of_few_pixels_many_levels_or_odd_batches_ends_with_its_map(
    tmp_path, options, nsides, jobs
):
    scan = a_scan(**options)
    folder = prepared(tmp_path, scan)
    do_scan(folder, scan)
    assert len(list(folder.round(0).path.glob("batches/*.npz"))) == jobs
    skymap = merge(folder, scan)
    assert sorted(skymap.fitted()) == nsides
