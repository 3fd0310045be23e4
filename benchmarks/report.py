"""CPU time of the last step of a scan: until its page is there, and in all.

    .venv/bin/python benchmarks/report.py FOLDER [ZIP...]

FOLDER is that of a complete scan, which is copied. The step runs from the zip of a scan's code,
as DAGMan's script does: that of this code, and each ZIP in turn, such as the
``workflow/skyscan.zip`` of a scan that another version planned.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from skyscan.layout import ScanFolder
from workflows.planning.code import code_zip

TRIES = 3
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Copy a scan, and time its last step with each code."""
    scan, *zips = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        own = Path(place) / "skyscan.zip"
        own.write_bytes(code_zip())
        folder = ScanFolder(Path(place) / scan.resolve().name)
        shutil.copytree(scan, folder.path)
        for _ in range(TRIES):
            for code in (*map(Path.resolve, zips), own):
                print(f"{code}: {timed(folder, code)}", flush=True)


def timed(folder: ScanFolder, code: Path) -> str:
    """Write the report; return the CPU seconds until there is a page, and in all."""
    folder.page.unlink(missing_ok=True)
    for path in folder.path.glob("*.multiorder.fits"):
        path.unlink()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        [sys.executable, "-m", "workflows", "report", str(folder.path), "0"],
        env={**os.environ, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=code.parent,  # Python looks for modules in the current folder first
        stdout=subprocess.DEVNULL,
    )
    page = None
    while process.poll() is None:
        if page is None and folder.page.exists():
            words = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            page = (int(words[11]) + int(words[12])) / TICKS
        time.sleep(0.005)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"page after {page or seconds:.2f}, all {seconds:.2f} s CPU"


if __name__ == "__main__":
    main()
