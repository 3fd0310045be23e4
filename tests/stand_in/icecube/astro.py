"""Coordinates: those of skyscan, which other tests compare with icetray's."""

from skyscan.coordinates import equatorial_to_local as _equatorial_to_local
from skyscan.coordinates import local_to_equatorial as _local_to_equatorial


def dir_to_equa(zenith, azimuth, mjd):
    ra, dec = _local_to_equatorial(zenith, azimuth, mjd)
    return ra[()], dec[()]


def equa_to_dir(ra, dec, mjd):
    zenith, azimuth = _equatorial_to_local(ra, dec, mjd)
    return zenith[()], azimuth[()]
