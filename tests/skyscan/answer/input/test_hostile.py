"""Small maps and catalogues that would take hours or gigabytes are refused at once."""

from __future__ import annotations

import gzip
import io
import struct
import time
import zipfile

import numpy as np
import pytest
from answer_support import gaussian_map

from skyscan.answer.answer import make_answer
from skyscan.answer.catalogue import read_catalogue
from skyscan.answer.files.fits import multiorder_bytes
from skyscan.answer.input.fits_check import check_structure
from skyscan.answer.levels import WILKS
from skyscan.answer.read import read_map
from skyscan.errors import BadInput

CPU_SECONDS = 2.0
MAP_COLUMNS = (("UNIQ", "K"), ("PROBDENSITY", "D"))
SOURCES = (("ra", "D"), ("dec", "D"))
ROW = struct.pack(">qd", 4, 1.0).ljust(2880, b"\0")


def header(*cards: tuple[str, object]) -> bytes:
    """Return a header with its end."""
    text = "".join(f"{name:<8}= {value!s:>20}".ljust(80) for name, value in cards)
    text += "END".ljust(80)
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


PRIMARY = header(("SIMPLE", "T"), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", "T"))


def table(width: int, rows: int, columns: tuple[tuple[str, str], ...], **more: object) -> bytes:
    """Return a file with the header of a table."""
    cards: dict[str, object] = {
        "XTENSION": "'BINTABLE'",
        "BITPIX": 8,
        "NAXIS": 2,
        "NAXIS1": width,
        "NAXIS2": rows,
        "PCOUNT": 0,
        "GCOUNT": 1,
        "TFIELDS": len(columns),
    }
    for number, (name, form) in enumerate(columns, 1):
        cards |= {f"TTYPE{number}": f"'{name}'", f"TFORM{number}": f"'{form}'"}
    return PRIMARY + header(*(cards | more).items())


def with_cards(n: int) -> bytes:
    return PRIMARY + b"COMMENT x".ljust(80) * n


HOSTILE_FITS = {
    "more rows than the file has": table(16, 10**15, MAP_COLUMNS) + ROW,
    "a negative number of rows": table(16, -5, MAP_COLUMNS) + ROW,
    "rows without content": table(0, 10**9, (("UNIQ", "0K"), ("PROBDENSITY", "0D"))),
    "a billion columns": table(16, 1, MAP_COLUMNS, TFIELDS=10**9) + ROW,
    "a billion dimensions": PRIMARY + header(("XTENSION", "'IMAGE'"), ("NAXIS", 10**9)),
    "an image of a petabyte": PRIMARY
    + header(("XTENSION", "'IMAGE'"), ("BITPIX", 8), ("NAXIS", 1), ("NAXIS1", 10**15)),
    "cards without an end": with_cards(700_000),
    "20,000 parts": PRIMARY + header(("XTENSION", "'IMAGE'"), ("NAXIS", 0)) * 20_000,
    "columns of a gigabyte": table(10**9, 0, (("UNIQ", "1000000000K"), ("PROBDENSITY", "D"))),
    "a heap that it does not have": table(32, 90, MAP_COLUMNS, PCOUNT=10**12) + ROW,
    "a factor of a column that astropy trips over": table(
        16, 1, MAP_COLUMNS, TZERO1="'x'", TSCAL1=1e308
    )
    + ROW,
    "100,000 empty gzip members": gzip.compress(b"") * 100_000,
    "200 MB of zeros in gzip": gzip.compress(PRIMARY + bytes(200_000_000), 1),
}
HOSTILE_CATALOGUES = {
    "fits": table(0, 10**9, (("ra", "0D"), ("dec", "0D"))),
    "fit": table(16, 1, SOURCES, TFIELDS=10**9) + ROW,
    "vot": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    b'<VOTABLE version="1.4">&b;</VOTABLE>',
    "xml": b'<?xml version="1.0"?><VOTABLE version="1.4">' + b"<RESOURCE>" * 100_000,
    "votable": b'<?xml version="1.0"?><VOTABLE version="1.4"><RESOURCE><TABLE>'
    + b"".join(b'<FIELD name="c%d" datatype="double"/>' % i for i in range(30_000))
    + b"</TABLE></RESOURCE></VOTABLE>",
    "rows.vot": b'<VOTABLE version="1.4"><RESOURCE><TABLE nrows="1_000_000_000">'
    b'<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/>'
    b"</TABLE></RESOURCE></VOTABLE>",
    "cells.vot": b'<VOTABLE version="1.4"><RESOURCE><TABLE>'
    b'<FIELD name="ra" datatype="double" arraysize="100000x100"/>'
    b'<FIELD name="dec" datatype="double"/><DATA><TABLEDATA>'
    + b"<TR><TD>1</TD><TD>2</TD></TR>" * 50
    + b"</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>",
    "tsv": b"ra,dec," + b"x," * 200_000 + b"\n",
    "ecsv": b"# %ECSV 1.0\n# ---\n# meta:\n"
    + b"".join(b"#  k%d: 1\n" % i for i in range(100_000))
    + b"ra dec\n1 2\n",
    "csv.gz": gzip.compress(b"ra,dec\n" + b"1,2\n" * 20_000_000, 1),
    "csv": b"x y z\n" * 1_500_000,
}


def npz(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def array_head(shape: str, descr: str) -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}".encode()
    return b"\x93NUMPY\x02\0" + struct.pack("<I", len(text) + 1) + text + b"\n"


HOSTILE_ARRAYS = {
    "200 MB of zeros": npz("nside-1", array_head("(25000000,)", "<f8") + bytes(200_000_000)),
    "elements without content": npz("nside-1", array_head("(10000000000,)", "|V0")),
    "an exabyte": npz("nside-1", array_head("(1000000000000000000,)", "<f8")),
}
#: Lists that take thirty times their size in memory.
HOSTILE_JSON = {
    "short lists": b'{"nside-1": {"columns": ["index", "llh"], "data": ['
    + b"[[]]," * 2_000_000
    + b"[]]}}",
    "nested lists": b"[" * 5_000_000,
}


def refused(read, path, content: bytes) -> str:
    path.write_bytes(content)
    begin = time.process_time()
    with pytest.raises(BadInput) as error:
        read(path)
    assert time.process_time() - begin < CPU_SECONDS
    assert len(str(error.value)) < 1000
    return str(error.value)


@pytest.mark.parametrize("name", HOSTILE_FITS)
def test_a_hostile_fits_file_is_no_map(tmp_path, name):
    text = refused(read_map, tmp_path / "map.fits", HOSTILE_FITS[name])
    assert "is not a multi-order sky map" in text


@pytest.mark.parametrize("name", [*HOSTILE_ARRAYS, *HOSTILE_JSON])
def test_hostile_arrays_and_json_are_no_map(tmp_path, name):
    content = (HOSTILE_ARRAYS | HOSTILE_JSON)[name]
    assert str(tmp_path / "map") in refused(read_map, tmp_path / "map", content)


@pytest.mark.parametrize("suffix", HOSTILE_CATALOGUES)
def test_a_hostile_catalogue_is_none(tmp_path, suffix):
    path = tmp_path / f"sources.{suffix}"
    assert str(path) in refused(read_catalogue, path, HOSTILE_CATALOGUES[suffix])


def test_an_error_does_not_repeat_the_content_of_a_file(tmp_path):
    path = tmp_path / "map.json"
    text = refused(read_map, path, b"\xff" * 10_000_000)
    assert text == (
        f"{path} is not a sky map (UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in "
        f"position 0: invalid start byte)."
    )


@pytest.mark.parametrize("more", ["", 'actuate="onRequest" x=">" '])
def test_a_votable_reads_nothing_but_itself(tmp_path, more):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" + struct.pack(">dd", 12.5, -7.25))
    text = f"""<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE><TABLE>
<FIELD name="ra" datatype="double"/><FIELD name="dec" datatype="double"/>
<DATA><BINARY2><STREAM {more}href="file://{secret}"/></BINARY2></DATA>
</TABLE></RESOURCE></VOTABLE>"""
    for encoding in ("utf-8", "utf-16"):
        found = refused(read_catalogue, tmp_path / "sources.vot", text.encode(encoding))
        assert "12.5" not in found
    assert "elsewhere" in refused(read_catalogue, tmp_path / "sources.xml", text.encode())


def test_our_own_maps_are_whole():
    skymap = gaussian_map(sigma=20.0, nsides=(1, 2), reach=1.0)
    check_structure(multiorder_bytes(skymap, make_answer(skymap, WILKS)))


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "txt", "dat"])
def test_a_catalogue_may_be_compressed_and_have_any_name(tmp_path, suffix):
    path = tmp_path / f"sources.{suffix}"
    content = b"\xef\xbb\xbfname,ra,dec\r\nTXS,77.36,5.69\r\n"
    path.write_bytes(gzip.compress(content) if suffix.endswith("gz") else content)
    assert read_catalogue(path) == [("TXS", 77.36, 5.69)]


def test_a_long_catalogue_is_read_to_its_end(tmp_path):
    path = tmp_path / "sources.csv"
    path.write_text("name,ra,dec\n" + "".join(f"s{i},{i % 360},1\n" for i in range(5000)))
    found = read_catalogue(path)
    assert len(found) == 5000
    assert found[-1] == ("s4999", 4999 % 360, 1.0)


def test_numbers_that_are_all_zero_are_read_again(tmp_path):
    from skyscan.storage import npz_bytes, read_npz

    path = tmp_path / "zeros.npz"
    path.write_bytes(npz_bytes({"zeros": np.zeros(1_000_000)}))
    assert not read_npz(path)["zeros"].any()
