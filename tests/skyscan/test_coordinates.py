"""Local to equatorial coordinates, compared with icetray's astro and other libraries."""

import json

import erfa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skyscan.coordinates import equatorial_to_local, local_to_equatorial

ARCSEC = np.pi / 180 / 3600
MJD = 57517.64354153215

zeniths = st.floats(0, np.pi)
azimuths = st.floats(0, 2 * np.pi, exclude_max=True)
mjds = st.floats(53000, 65000)  # 2004 to 2036


def separation(lon_a, lat_a, lon_b, lat_b):
    """Return the angle between directions in arcsec, accurate for small angles."""
    across = np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_a - lon_b) / 2) ** 2
    return 2 * np.arcsin(np.sqrt(np.sin((lat_a - lat_b) / 2) ** 2 + across)) / ARCSEC


def some_directions(n, seed=1):
    rng = np.random.default_rng(seed)
    zenith = np.arccos(rng.uniform(-1, 1, n))
    return zenith, rng.uniform(0, 2 * np.pi, n), rng.uniform(53000, 65000, n)


def test_fits_of_real_alerts_are_within_a_tenth_of_an_arcsec_of_icetray(shared_events):
    compared = 0
    for path in sorted(shared_events.glob("*.meta.json")):
        meta = json.loads(path.read_text())
        for key, (ra, dec) in meta["particle_ra_dec_rad"].items():
            zenith, azimuth = meta["particles"][key][4:6]
            there = local_to_equatorial(zenith, azimuth, meta["mjd"])
            assert separation(*there, ra, dec) < 0.1, key
            assert abs(there[1] - dec) < 0.001 * ARCSEC, key  # the pole has no sidereal time
            zenith_back, azimuth_back = equatorial_to_local(ra, dec, meta["mjd"])
            back = azimuth_back, np.pi / 2 - zenith_back
            assert separation(*back, azimuth, np.pi / 2 - zenith) < 0.1, key
            compared += 1
    assert compared == 10


@given(zeniths, azimuths, mjds)
def test_conversion_there_and_back_gives_the_same_direction(zenith, azimuth, mjd):
    ra, dec = local_to_equatorial(zenith, azimuth, mjd)
    assert 0 <= ra < 2 * np.pi
    assert -np.pi / 2 <= dec <= np.pi / 2
    zenith_back, azimuth_back = equatorial_to_local(ra, dec, mjd)
    assert 0 <= azimuth_back < 2 * np.pi
    moved = separation(azimuth_back, np.pi / 2 - zenith_back, azimuth, np.pi / 2 - zenith)
    assert moved < 1e-6


def test_a_direction_has_the_same_bytes_in_any_array():
    zenith, azimuth, mjd = some_directions(1000)
    for turn in (local_to_equatorial, equatorial_to_local):
        first = zenith if turn is local_to_equatorial else azimuth
        second = azimuth if turn is local_to_equatorial else zenith - np.pi / 2
        for time in (mjd, np.full(1000, MJD)):
            whole = np.array(turn(first, second, time))
            alone = np.array([turn(*each) for each in zip(first, second, time, strict=True)]).T
            assert whole.tobytes() == alone.tobytes()
            strided = np.array(turn(first[::7], second[::7], time[::7]))
            assert strided.tobytes() == whole[:, ::7].tobytes()
            odd = np.array(turn(first[3:16], second[3:16], time[3:16]))
            assert odd.tobytes() == whole[:, 3:16].tobytes()
        one_time = np.array(turn(first, second, MJD))
        assert one_time.tobytes() == np.array(turn(first, second, np.full(1000, MJD))).tobytes()


def test_shapes_broadcast():
    ra, dec = local_to_equatorial(np.zeros((4, 1)), np.zeros(3), MJD)
    assert ra.shape == dec.shape == (4, 3)
    ra, dec = local_to_equatorial(0.1, 0.2, MJD)
    assert ra.shape == dec.shape == ()


def test_zenith_at_the_pole_is_minus_the_dec_within_precession():
    zenith, azimuth, _ = some_directions(100)
    _, dec = local_to_equatorial(zenith, azimuth, MJD)
    assert np.abs(dec - (zenith - np.pi / 2)).max() < np.deg2rad(0.15)


# Old versions of astropy consider their own table of leap seconds out of date.
@pytest.mark.filterwarnings("ignore:leap-second auto-update failed")
def test_equatorial_coordinates_agree_with_astropy_in_any_year():
    # UT1 = UTC as in astro; the measured UT1 - UTC moves the sky by up to 13.5 arcsec
    coordinates = pytest.importorskip("astropy.coordinates")
    time = pytest.importorskip("astropy.time")
    units = pytest.importorskip("astropy.units")
    iers = pytest.importorskip("astropy.utils.iers")
    place = coordinates.EarthLocation.from_geodetic(lon=-62.6081, lat=-89.9944, height=0)
    zenith, azimuth, mjd = some_directions(40)
    mjd = 53000 + (mjd - 53000) / 3  # 2004 to 2014, which is within the tables of astropy
    when = time.Time(mjd, format="mjd", scale="utc", location=place)
    when.delta_ut1_utc = 0.0
    frame = coordinates.AltAz(
        alt=(np.pi / 2 - zenith) * units.rad,
        az=(np.pi / 2 - azimuth - np.deg2rad(-62.6081)) * units.rad,
        obstime=when,
        location=place,
    )
    with iers.conf.set_temp("auto_download", False):  # noqa: FBT003 - no network in tests
        sky = frame.transform_to(coordinates.ICRS())
    ra, dec = local_to_equatorial(zenith, azimuth, mjd)
    assert separation(ra, dec, sky.ra.rad, sky.dec.rad).max() < 0.6  # polar motion


def test_the_steps_agree_with_those_of_pal_with_equinox_and_sidereal_time():
    zenith, azimuth, mjd = some_directions(500)
    ra, dec = local_to_equatorial(zenith, azimuth, mjd)
    epoch, tt = 2400000.5, mjd + 69.184 / 86400
    sun_to_earth, velocity = erfa.epv00(epoch, tt)
    distance = np.sqrt((sun_to_earth["p"] ** 2).sum(-1))
    earth = sun_to_earth["p"] / distance[:, None]
    mean = erfa.s2c(ra, dec)
    bent = erfa.ld(1.0, mean, mean, earth, distance, 1e-5)
    speed = velocity["v"] * 499.004783836 / 86400
    seen = erfa.ab(bent, speed, distance, np.sqrt(1 - (speed**2).sum(-1)))
    nutation, precession = erfa.pn06a(epoch, tt)[6], erfa.bp06(epoch, tt)[2]  # and bias
    alpha, delta = erfa.c2s(erfa.rxp(nutation, erfa.rxp(precession, seen)))
    sidereal = erfa.gmst06(epoch, mjd, epoch, mjd) + erfa.ee06a(epoch, tt)
    hour_angle = sidereal + np.deg2rad(-62.6081) - alpha
    bearing, elevation = erfa.hd2ae(hour_angle, delta, np.deg2rad(-89.9944))
    local = np.pi / 2 - bearing - np.deg2rad(-62.6081), elevation
    assert separation(*local, azimuth, np.pi / 2 - zenith).max() < 0.001
