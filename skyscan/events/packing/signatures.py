"""What a file looks like that is not an event file, for a message."""

from __future__ import annotations

#: The first bytes of files that people take for event files, and what they are.
SIGNATURES = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"root\0", "a ROOT file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"ARROW1", "a Feather file"),
    (b"PK\x03\x04", "a ZIP archive, or an .npz file such as a map"),
    (b"\x93NUMPY", "an .npy file"),
    (b"SIMPLE  =", "a FITS file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x7fELF", "a program"),
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a picture"),
    (b"[i3]", "an .i3 file"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
)
MARKUP = (b"<!doctype", b"<html", b"<?xml")
LOOKED_AT = 512  #: bytes


def kind_of(data: bytes) -> str:
    """Return what the content of a file looks like; empty if nothing is known of it."""
    for begin, kind in SIGNATURES:
        if data.startswith(begin):
            return kind
    head = data[:LOOKED_AT].lstrip().lower()
    if head.startswith(MARKUP):
        return "a page of a web server, perhaps an error message"
    if head.startswith((b"{", b"[")):
        return "JSON that is damaged or not an alert"
    return "text" if _is_text(data[:LOOKED_AT]) else ""


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 4:  # otherwise a character was cut
            return False
        text = data[: error.start].decode("utf-8")
    return text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable()
