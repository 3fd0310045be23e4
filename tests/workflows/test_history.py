"""The commands of a scan, as its page shows them."""

from skyscan.layout import ScanFolder
from workflows import history
from workflows.history import MAX_BYTES, MAX_LINES, commands_of, record


def test_only_the_end_of_a_file_of_any_size_is_read(tmp_path):
    folder = ScanFolder(tmp_path)
    with folder.commands.open("wb") as file:
        file.truncate(1 << 33)  # without blocks on the disk
        file.seek(0, 2)
        file.write(b"\n" + b"2026-01-01T00:00:00Z skyscan resume .\n" * (MAX_LINES + 9))
    assert folder.commands.stat().st_size > MAX_BYTES
    assert commands_of(folder) == ["2026-01-01T00:00:00Z skyscan resume ."] * MAX_LINES


def test_a_command_is_not_recorded_through_a_link(tmp_path, monkeypatch):
    folder, mine = ScanFolder(tmp_path), tmp_path / "thesis.tex"
    mine.write_text("my thesis")
    folder.commands.symlink_to(mine)
    monkeypatch.setattr(history, "_running", ["resume", "."])
    record(folder)
    assert mine.read_text() == "my thesis"
    assert commands_of(folder)[0].endswith(" skyscan resume .")
