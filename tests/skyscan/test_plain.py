"""Numbers in files and variables are plain ones."""

import pytest

pytest.importorskip("pyarrow")  # for `fuzz_files`
from fuzz_files import ICE

from skyscan.answer.levels import read_levels
from skyscan.errors import BadInput, WrongUsage
from skyscan.light.ice_files import read_ice_model
from skyscan.plain import plain_number
from skyscan.recos.dummy import number_from

ODD = ("1_0", "\u0663", "\uff11", "0x10", "")


@pytest.mark.parametrize(("text", "value"), [("10", 10.0), ("-1e3", -1000.0), (" .5 ", 0.5)])
def test_a_number_is_what_float_takes_in_ascii(text, value):
    assert plain_number(text) == value


@pytest.mark.parametrize("text", ODD)
def test_what_only_python_takes_for_one_is_none(text):
    with pytest.raises(ValueError, match=r"number|float"):
        plain_number(text)


def test_so_it_is_in_levels_ice_models_and_variables(tmp_path, monkeypatch):
    levels = tmp_path / "levels.txt"
    levels.write_text("0.5 1.39\n0.9 4_0.61\n")
    with pytest.raises(BadInput, match="4_0"):
        read_levels(levels)
    for name, data in ICE.items():
        (tmp_path / name).write_bytes(data)
    assert len(read_ice_model(tmp_path).top) == 3
    (tmp_path / "icemodel.dat").write_bytes(ICE["icemodel.dat"].replace(b"1400", b"1_400"))
    with pytest.raises(BadInput, match="1_400"):
        read_ice_model(tmp_path)
    monkeypatch.setenv("SKYSCAN_X", "1_0")
    with pytest.raises(WrongUsage, match="must be a number"):
        number_from("SKYSCAN_X", 1.0, least=0.0, most=100.0)
