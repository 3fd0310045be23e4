"""The progress lines of a job are read back."""

import pytest

from skyscan.job.progress import progress_line, read_progress


@pytest.mark.parametrize(
    ("text", "done"),
    [
        ("", None),
        ("pixels done: ", None),
        (progress_line(3, 9), 3),
        (f"{progress_line(3, 9)}\nnoise\n{progress_line(4, 9)}\n", 4),
        (f"{progress_line(3, 9)}\npixels done: x of 9", None),
    ],
)
def test_the_last_progress_line_gives_the_progress(text, done):
    assert read_progress(text) == done
