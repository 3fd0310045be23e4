import json
import os
from dataclasses import replace

import numpy as np
import pytest

from skyscan.errors import BadInput
from skyscan.geometry import dom_positions
from skyscan.light.ice_files import H2_50CM, read_ice_model
from skyscan.light.ice_model import (
    CENTRE_DEPTH_M,
    acceptance_at,
    from_numbers,
    shipped_ice,
    to_numbers,
)

ROWS = "1000 0.10 0.02 -10\n1010 0.05 0.01 -9\n1020 0.02 0.005 -8\n1030 0.02 500 -7\n"
FOUR = "0.9 0.03\n1.08 0.01\n6954.09 900\n6617.75 70\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "icemodel.dat").write_text(ROWS)
    (tmp_path / "icemodel.par").write_text(FOUR)
    return tmp_path


def layer_at(ice, z):
    """Return the index of the layer at each z; beyond the ends, of the last one."""
    below = np.searchsorted(-ice.top, -z, side="right") - 1
    return np.clip(below, 0, len(ice.top) - 1)


def test_the_shipped_ice_has_the_means_of_the_published_table():
    ice = shipped_ice()
    top, bottom = CENTRE_DEPTH_M - 1450, CENTRE_DEPTH_M - 2450
    scattering, absorption = ice.mean_lengths(np.array(top), np.array(bottom))
    assert (float(scattering), float(absorption)) == pytest.approx((24.2, 86.3), rel=5e-3)
    dust = ice.mean_lengths(*(CENTRE_DEPTH_M - np.array([[2033.47], [2053.47]])))
    assert np.concatenate(dust) == pytest.approx([6.7, 29], rel=0.01)


def test_the_shipped_ice_is_that_of_its_files(shared_events):
    published = read_ice_model(shared_events.parent / "ice")
    ice = shipped_ice()
    assert ice.scattering == pytest.approx(published.scattering, abs=5e-4)
    assert ice.absorption == pytest.approx(published.absorption, abs=5e-4)
    places = np.random.default_rng(1).uniform(-600, 600, (3, 500))
    assert ice.untilted(*places) == pytest.approx(published.untilted(*places), abs=0.01)
    cosines = np.linspace(-1, 1, 21)
    assert acceptance_at(ice.acceptance, cosines) == pytest.approx(
        acceptance_at(published.acceptance, cosines)
    )


def test_a_mean_is_the_mean_of_the_rates_of_the_layers_that_a_path_crosses():
    ice, random = shipped_ice(), np.random.default_rng(2)
    for low, high in np.sort(random.uniform(-900, 900, (20, 2)), axis=1):
        steps = np.linspace(low, high, 200_001)
        layer = layer_at(ice, 0.5 * (steps[1:] + steps[:-1]))
        rates = 1 / np.stack([ice.scattering[layer], ice.absorption[layer]])
        found = np.stack(ice.mean_lengths(np.array(low), np.array(high)))
        assert found == pytest.approx(1 / rates.mean(axis=1), rel=1e-3)


def test_a_row_describes_the_layer_around_its_depth(folder):
    ice = read_ice_model(folder)
    z = CENTRE_DEPTH_M - np.array([100.0, 1004.0, 1006.0, 1016.0, 5000.0])
    assert ice.scattering[layer_at(ice, z)] == pytest.approx([10, 10, 20, 50, 50])


def test_rock_below_the_ice_is_left_out(folder):
    assert len(read_ice_model(folder).top) == 3


def test_absorption_is_that_of_dust_and_of_ice_by_temperature(folder):
    pure = 6954.09 * np.exp(-6617.75 / 400) * np.array([0.90, 0.91, 0.92])
    found = read_ice_model(folder).absorption
    assert found == pytest.approx(1 / (np.array([0.02, 0.01, 0.005]) + pure))
    (folder / "icemodel.par").write_text(FOUR + "300 1\n2 1\n")
    dust = (300 * np.array([0.02, 0.01, 0.005]) + 2) * 400**-1.08
    assert read_ice_model(folder).absorption == pytest.approx(1 / (dust + pure))


def test_averaged_ice_has_the_mean_lengths_everywhere():
    ice = shipped_ice()
    mean = ice.averaged(-500.0, 500.0)
    expected = ice.mean_lengths(np.array(-500.0), np.array(500.0))
    assert mean.mean_lengths(np.array(-40.0), np.array(7000.0)) == pytest.approx(expected)
    assert mean.untilted(400.0, 300.0, -200.0) == -200.0


def test_blurred_ice_has_a_layer_of_dust_in_its_neighbours():
    clear = shipped_ice().averaged(-500.0, 500.0)
    scattering = clear.scattering.copy()
    scattering[60] /= 5
    dusty = replace(clear, scattering=scattering)
    blurred = dusty.blurred(10.0)
    more = 1 / blurred.scattering - 1 / clear.scattering
    assert more.sum() == pytest.approx(4 / clear.scattering[60])
    assert more[[59, 61]] == pytest.approx(more[60] * 0.2417 / 0.3829, rel=1e-3)
    assert blurred.absorption == pytest.approx(clear.absorption)
    assert blurred.name.endswith("blurred by 10 m")
    z = -300.0, 100.0
    assert blurred.mean_lengths(*map(np.array, z)) == pytest.approx(
        dusty.mean_lengths(*map(np.array, z)), rel=1e-6
    )


def test_layers_follow_the_tilt(folder):
    (folder / "tilt.par").write_text("86 0\n2 100\n")
    (folder / "tilt.dat").write_text("900 0 20\n1100 0 20\n")
    ice = read_ice_model(folder)
    x, y = dom_positions()[85, 0, :2]
    step = 50 * np.cos(np.radians(225)), 50 * np.sin(np.radians(225))
    z = CENTRE_DEPTH_M - 1000
    assert ice.untilted(x, y, z) == pytest.approx(z)
    assert ice.untilted(x + step[0], y + step[1], z) == pytest.approx(z - 10)
    assert ice.without_tilt().untilted(x + step[0], y + step[1], z) == z


def test_the_acceptance_belongs_to_the_ice(folder):
    assert read_ice_model(folder).acceptance == H2_50CM
    (folder / "as.dat").write_text("0.7\n0.34\n0.2\n")
    assert read_ice_model(folder).acceptance == (0.34, 0.2)
    (folder / "as.dat").write_text("1\n")
    assert read_ice_model(folder).acceptance == (1.0,)


def test_other_numbers_are_another_ice(folder):
    before = read_ice_model(folder)
    assert from_numbers(json.loads(json.dumps(to_numbers(before)))).digest == before.digest
    (folder / "icemodel.dat").write_text(ROWS.replace("0.02 0.005", "0.02 0.006"))
    assert read_ice_model(folder).digest != before.digest


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("icemodel.par", FOUR + "1 1\n", "5 numbers"),
        ("icemodel.par", None, "cannot be read"),
        ("icemodel.dat", "1000 0.1 0.02 -10\n1010 0.1 0.02 -10\n1030 0.1 0.02 -10\n", "equal"),
        ("icemodel.dat", "1000 0.1 0.02\n", "4 or more"),
        ("icemodel.dat", "depth\n", "not a table of numbers"),
        ("icemodel.dat", ROWS.replace("0.05", "-0.05"), "scattering length is not from"),
        ("icemodel.dat", ROWS.replace("0.05", "0"), "scattering length is not from"),
        ("icemodel.dat", ROWS.replace("0.05", "nan"), "numbers a row, finite"),
        ("icemodel.par", FOUR.replace("6617.75", "-9e8"), "no absorption length"),
        ("as.dat", "-1\n0.3\n", "polynomial"),
        ("cfg.txt", "5\n1\n2\n0.9\n", "second to fourth"),
        ("cfg.txt", "5\n0\n0.35\n0.9\n", "efficiency"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(folder, name, text, message):
    (folder / name).unlink(missing_ok=True)
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(BadInput, match=message) as caught:
        read_ice_model(folder)
    assert name in str(caught.value)


def test_a_fifo_in_the_folder_does_not_block(folder):
    os.mkfifo(folder / "cfg.txt")
    with pytest.raises(BadInput, match="it is a FIFO or a device, not a file"):
        read_ice_model(folder)


@pytest.mark.parametrize("name", ["as.dat", "cfg.txt", "tilt.dat"])
def test_a_link_that_leads_nowhere_is_not_taken_for_an_absent_file(folder, name):
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(folder / "missing")
    if name == "tilt.dat" and not (folder / "tilt.par").exists():
        (folder / "tilt.par").write_text("1 0\n2 1\n")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        read_ice_model(folder)


def test_a_file_of_the_folder_has_no_more_than_a_megabyte(folder):
    (folder / "cfg.txt").write_text("5\n" * 600_000)
    with pytest.raises(BadInput, match="more than 1000000 bytes"):
        read_ice_model(folder)
