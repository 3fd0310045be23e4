"""Results of a round without a reconstruction: the llh follows from the pixel."""

import numpy as np

from skyscan.batches import read_batch
from skyscan.records import FIT_DTYPE, IDS, RECORD_DTYPE, sign
from skyscan.results import write_results


def do(folder, *batches: int):
    """Write results of batches of round 0; a pixel with a higher number has a better llh."""
    for number in batches:
        batch = read_batch(folder.round(0).batch(number))
        records = sign(as_records(batch.pixels))
        write_results(folder.round(0).result(number), batch, records)


def as_records(pixels):
    records = np.zeros(len(pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = pixels[name]
    for name in FIT_DTYPE.names:
        records[name] = 100.0
    records["llh"] -= pixels["pixel"]
    return records
