"""The reco job and its worker, in real processes: failing fits and kills."""

import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scans_support import MJD, SCAN_ID, a_startup, fitted, pixel_rows

from skyscan.batches import Batch, batch_bytes, read_batch
from skyscan.errors import BadInput, ExitCode, TryAgain
from skyscan.job import worker_process
from skyscan.job.progress import read_progress
from skyscan.job.reco_job import run_batch
from skyscan.job.supervisor import failed_records
from skyscan.job.worker import TALLY_VARIABLE, reconstruct
from skyscan.job.worker_process import Chunk
from skyscan.records import FIT_DTYPE, IDS, RECORD_DTYPE
from skyscan.recos.crash_dummy import failure_of
from skyscan.recos.dummy import Dummy
from skyscan.results import read_results, write_results

REPOSITORY = Path(__file__).parents[3]
PATIENCE = 300.0  # seconds; a limit, not a measurement
PIXELS = pixel_rows(8, range(100, 160))


REASONS = {
    "raise": "MeantToFail: nside 8 pixel",
    "hang": "no result within 2 s",
    "stick": "no result within 2 s",
    "signal": "the process was killed by signal 9 (SIGKILL)",
}
#: Attempts of good and bad pixels in turn.
ALTERNATING = [1, *([2, 1] * len(REASONS))]


class Job:
    """One batch in a folder, as the job gets it."""

    def __init__(self, folder, pixels, reco="dummy", **startup: object) -> None:
        self.startup = folder / "startup"
        self.batch_path, self.result = folder / "00000.npz", folder / "00000.rec"
        self.tally = folder / "tally"
        a_startup(reco=reco, **startup).write(self.startup)
        self.batch_path.write_bytes(batch_bytes(Batch(SCAN_ID, 0, 0, pixels)))
        self.result.write_bytes(b"")
        self.batch = read_batch(self.batch_path)

    def run(self, max_pixel_time=PATIENCE):
        """Supervise the batch in this process; its workers are separate processes."""
        run_batch(self.startup, self.batch_path, self.result, max_pixel_time)
        return self.records()

    def start(self, *arguments: str, **environment: str):
        """Start the complete job as a separate process."""
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "skyscan", "reco", "--startup", self.startup),
                *("--batch", self.batch_path, "--result", self.result),
                *("--max-pixel-time", str(PATIENCE)),
                *arguments,
            ],
            env={**os.environ, **environment},
            cwd=self.startup,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def records(self):
        found = read_results(self.result, self.batch)
        assert found.complaints == ()
        return found.records

    def starts_of_fits(self):
        """Return how often the fit of each pixel was started."""
        lines = self.tally.read_text().splitlines() if self.tally.exists() else []
        return Counter(int(line.split()[1]) for line in lines)

    def wait_for_results(self, n, process):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and process.poll() is None:
            if self.result.exists() and len(self.records()) >= n:
                return
            time.sleep(0.02)
        pytest.fail(f"no {n} results: {process.communicate(timeout=PATIENCE)}")


@pytest.fixture
def job(tmp_path, monkeypatch):
    """Return a function that makes a job; signal handlers are restored afterwards."""
    monkeypatch.setattr(worker_process, "SETUP_TIME", PATIENCE)
    monkeypatch.setenv(TALLY_VARIABLE, str(tmp_path / "tally"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    monkeypatch.chdir(tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield lambda *args, **options: Job(tmp_path, *args, **options)
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def crash(monkeypatch):
    """Let fits fail; return pixels of which every second one fails, in different ways."""

    def set_up(when) -> np.ndarray:
        monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "0.5")
        monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_MODE", ",".join(REASONS))
        monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_WHEN", when)
        modes = np.array([str(failure_of(pixel, 1)) for pixel in PIXELS])
        good = PIXELS[modes == "None"]
        bad = [PIXELS[modes == mode][0] for mode in REASONS]
        pairs = [pixel for pair in zip(good, bad) for pixel in pair]  # noqa: B905
        return np.array([*pairs, good[len(bad)]])

    return set_up


def without_times(records):
    """Return the fields of records that must not depend on when and how they were made."""
    return [
        tuple(record[name].tobytes() for name in (*IDS, *FIT_DTYPE.names)) for record in records
    ]


def test_every_pixel_of_a_batch_is_fitted_once(job):
    one = job(PIXELS[:4])
    records = one.run()
    assert without_times(records) == without_times(fitted(PIXELS[:4]))
    assert set(records["attempt"]) == {1}
    assert one.starts_of_fits() == dict.fromkeys(range(100, 104), 1)


def test_each_record_has_the_time_of_its_fit(job, monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.05")
    began = time.monotonic()
    records = job(PIXELS[:4]).run()
    assert records["run_time"].min() >= 0.05
    assert records["run_time"].sum() <= time.monotonic() - began


def test_the_time_of_a_chunk_is_divided_among_its_pixels(monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.05")
    began = time.monotonic()
    records = reconstruct(PIXELS[:4], 1, Dummy(), a_startup())
    assert 4 * 0.05 <= records["run_time"].sum() <= time.monotonic() - began
    assert len(set(records["run_time"])) == 1


def test_a_fit_that_fails_once_is_repeated_in_another_process(job, crash):
    pixels = crash("first")
    one = job(pixels, reco="crash_dummy")
    records = one.run(max_pixel_time=2.0)
    assert without_times(records) == without_times(fitted(pixels))
    assert records["attempt"].tolist() == ALTERNATING
    assert not any(records["reason"])
    starts_of_fits = one.starts_of_fits()
    assert [starts_of_fits[int(pixel)] for pixel in pixels["pixel"]] == ALTERNATING


def test_a_fit_that_fails_twice_is_nan_with_its_reason_and_the_batch_continues(job, crash):
    pixels = crash("always")
    one = job(pixels, reco="crash_dummy")
    records = one.run(max_pixel_time=2.0)
    for record, reason in zip(records[1::2], REASONS.values(), strict=True):
        assert all(np.isnan(record[name]) for name in FIT_DTYPE.names)
        assert record["reason"].decode().startswith(reason)
        assert record["run_time"] > (2.0 if reason.startswith("no result") else 0.0)
    assert without_times(records[::2]) == without_times(fitted(pixels[::2]))
    assert records[list(IDS)].tolist() == pixels[list(IDS)].tolist()
    assert records["attempt"].tolist() == ALTERNATING
    assert one.starts_of_fits().total() == sum(ALTERNATING)


def test_a_restarted_job_fits_only_missing_pixels(job):
    one = job(PIXELS[:6])
    done = fitted(PIXELS[:6])
    write_results(one.result, one.batch, done[[1, 2, 4]])
    one.result.write_bytes(one.result.read_bytes() + done[5:].tobytes()[:-1])  # truncated
    assert sorted(without_times(one.run())) == sorted(without_times(done))
    assert one.starts_of_fits() == {100: 1, 103: 1, 105: 1}


def test_a_batch_that_is_done_starts_no_worker(job, monkeypatch):
    one = job(PIXELS[:3])
    write_results(one.result, one.batch, fitted(PIXELS[:3]))
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert len(one.run()) == 3
    assert one.starts_of_fits() == {}


def test_a_missing_result_file_is_created(job):
    one = job(PIXELS[:2])
    one.result.unlink()
    assert len(one.run()) == 2


def test_a_vacated_job_keeps_its_results_and_continues_from_them(job):
    one = job(PIXELS[:12])
    process = one.start(SKYSCAN_DUMMY_COST="0.1")
    one.wait_for_results(3, process)
    process.terminate()
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == ExitCode.CHECKPOINT, errors
    assert "SIGTERM" in errors
    assert "Traceback" not in errors
    kept = len(one.records())
    assert 3 <= kept < 12
    assert read_progress(output) is not None
    records = one.run()
    assert without_times(records) == without_times(fitted(PIXELS[:12]))
    assert one.starts_of_fits().total() <= 12 + 1  # only the fit that was running


def test_progress_is_visible_at_the_final_path_of_the_output(job, tmp_path, monkeypatch):
    ad, output = tmp_path / "ad", tmp_path / "00000.out"
    attributes = [f'OrigIwd = "{tmp_path}"', f'OriginalOut = "{output.name}"']
    ad.write_text("\n".join([*attributes, "SkyscanOutputIsHere = true", ""]))
    monkeypatch.setenv("_CONDOR_JOB_AD", str(ad))
    job(PIXELS[:3]).run()
    assert read_progress(output.read_text()) == 3
    output.unlink()
    output.mkdir()  # the output cannot be written there
    one = job(PIXELS[:4])
    assert len(one.run()) == 4


def starts(job, *arguments: str, **environment: str):
    """Start a job until it is done, as HTCondor does; return the results after each start."""
    left = []
    while True:
        process = job.start(*arguments, **environment)
        _, errors = process.communicate(timeout=PATIENCE)
        left.append(len(job.records()))
        if process.returncode != ExitCode.CHECKPOINT:
            assert process.returncode == 0, errors
            return left
        assert "checkpoint after" in errors
        assert "Traceback" not in errors


def test_a_job_checkpoints_at_each_interval(job):
    one = job(PIXELS[:6])
    left = starts(one, "--checkpoint-interval", "0.5", SKYSCAN_DUMMY_COST="0.2")
    assert len(left) > 1
    assert left == sorted(set(left))  # each start makes progress
    assert left[-1] == 6
    assert set(one.starts_of_fits().values()) == {1}
    assert without_times(one.records()) == without_times(fitted(PIXELS[:6]))


def test_an_interval_shorter_than_any_fit_costs_restarts_and_no_fit(job):
    one = job(PIXELS[:3])
    assert starts(one, "--checkpoint-interval", "0.001") == [1, 2, 3]
    assert set(one.starts_of_fits().values()) == {1}


def test_a_job_whose_worker_died_checkpoints_when_its_pixel_is_settled(job, crash):
    pixels = crash("always")
    one = job(pixels, reco="crash_dummy")
    arguments = ("--checkpoint-interval", "1000", "--max-pixel-time", "2")
    # The eighth fit kills its process; those before raise or hang, which causes no checkpoint.
    assert starts(one, *arguments) == [8, 9]
    assert one.starts_of_fits().total() == sum(ALTERNATING)


def test_a_job_whose_worker_always_dies_checkpoints_a_limited_number_of_times(job, monkeypatch):
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_PROBABILITY", "1")
    monkeypatch.setenv("SKYSCAN_CRASH_DUMMY_MODE", "signal")
    one = job(PIXELS[:8], reco="crash_dummy")
    left = starts(one, "--checkpoint-interval", "1000")
    assert left == [1, 2, 3, 8]
    assert set(one.starts_of_fits().values()) == {2}
    assert without_times(one.records()) == without_times(fitted(PIXELS[:8]))


def test_results_of_an_earlier_start_and_of_the_last_checkpoint_are_joined(job, tmp_path):
    one = job(PIXELS[:6])
    done, earlier = fitted(PIXELS[:6]), tmp_path / "earlier.rec"
    write_results(one.result, one.batch, done[:2])
    write_results(earlier, one.batch, done[[0, 1, 2, 4]])
    assert starts(one, "--earlier", str(earlier)) == [6]
    assert one.starts_of_fits() == {103: 1, 105: 1}
    assert sorted(without_times(one.records())) == sorted(without_times(done))


def children(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_worker_that_is_killed_costs_one_fit(job):
    one = job(PIXELS[:8])
    process = one.start(SKYSCAN_DUMMY_COST="0.1")
    one.wait_for_results(2, process)
    (worker,) = children(process.pid)
    os.kill(worker, signal.SIGKILL)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert "SIGKILL" in errors
    records = one.records()
    assert without_times(records) == without_times(fitted(PIXELS[:8]))
    assert sorted(records["attempt"])[-2:] in ([1, 2], [1, 1])  # [1, 1]: between two fits
    assert one.starts_of_fits().total() <= 9


def test_a_killed_job_leaves_complete_records(job):
    one = job(PIXELS[:8])
    process = one.start(SKYSCAN_DUMMY_COST="0.1")
    one.wait_for_results(2, process)
    (worker,) = children(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert len(one.records()) >= 2
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{worker}").exists():  # it notices that its supervisor is gone
        assert time.monotonic() < deadline, "the worker outlives its supervisor"
        time.sleep(0.05)
    assert without_times(one.run()) == without_times(fitted(PIXELS[:8]))


PROBE = """
import os, sys, time
import numpy as np
from skyscan.errors import BadInput, WrongUsage
from skyscan.records import empty_fits
from skyscan.recos import Reco


class Probe(Reco):
    summary = "for one test"
    chunk_size = 3

    def prepare(self, event, folder):
        raise NotImplementedError

    def setup(self, folder):
        print("a banner")
        how = os.environ.get("PROBE", "")
        if how == "bad input":
            raise BadInput("the table is damaged")
        if how == "wrong usage":
            raise WrongUsage("a variable means nothing")
        if how == "no table":
            raise OSError("no such table here")
        if how == "kill":
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        if how == "slow":
            open("started", "w").close()
            time.sleep(300)

    def reconstruct(self, pixels, zenith, azimuth):
        print("fitting", flush=True)
        os.write(1, b"x" * 100)
        os.system("echo from another process; cat")
        if os.environ.get("PROBE") == "exit":
            sys.exit(3)
        if os.environ.get("PROBE") == "shape":
            return np.zeros(1)
        if os.environ.get("PROBE") == "one of three" and 100 in pixels["pixel"]:
            raise RuntimeError("\\u00fc" * 100)
        fits = empty_fits(len(pixels))
        fits["llh"] = pixels["pixel"]
        return fits


RECO_CLASS = Probe
"""


@pytest.fixture
def probe(job, tmp_path, monkeypatch):
    """Return a job of a reconstruction from an installed package."""
    place = tmp_path / "site"
    metadata = place / "probe-1.0.dist-info"
    metadata.mkdir(parents=True)
    (place / "probe_reco.py").write_text(PROBE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[skyscan.recos]\nprobe = probe_reco\n")
    monkeypatch.syspath_prepend(str(place))
    monkeypatch.setenv("PYTHONPATH", f"{place}:{REPOSITORY}")
    yield lambda n=1: job(PIXELS[:n], reco="probe")
    sys.modules.pop("probe_reco", None)


def test_input_and_output_of_a_reconstruction_do_not_mix_with_the_protocol(probe, capfd):
    records = probe(4).run(max_pixel_time=5.0)
    assert records["llh"].tolist() == [100, 101, 102, 103]
    output, errors = capfd.readouterr()
    assert errors.count("fitting") == 2  # chunks of three and one
    assert errors.count("from another process") == 2
    assert "fitting" not in output


@pytest.mark.parametrize(
    ("how", "error", "why"),
    [
        ("bad input", BadInput, "exit code 65"),
        ("wrong usage", BadInput, "exit code 65"),  # no further try helps either
        ("no table", TryAgain, "exit code 75"),
        ("kill", TryAgain, "signal 40"),  # a signal without a name
    ],
)
def test_a_failed_set_up_is_fatal_only_if_it_would_always_fail(
    probe, monkeypatch, how, error, why
):
    monkeypatch.setenv("PROBE", how)
    monkeypatch.setenv("SIGNAL", str(signal.SIGRTMIN + 6))
    with pytest.raises(error, match=f"cannot be set up: .*{why}"):
        probe().run()


def test_a_job_that_is_vacated_during_set_up_ends_its_worker(probe, tmp_path):
    process = probe().start(PROBE="slow")
    started = tmp_path / "startup" / "started"
    deadline = time.monotonic() + PATIENCE
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    (worker,) = children(process.pid)
    process.terminate()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == ExitCode.CHECKPOINT, errors
    assert not Path(f"/proc/{worker}").exists()


@pytest.mark.parametrize(
    ("how", "reason"),
    [("exit", "the process ended with exit code 3"), ("shape", "TypeError: Probe.reconstruct")],
)
def test_invalid_answers_are_recorded_as_failures(probe, monkeypatch, how, reason):
    monkeypatch.setenv("PROBE", how)
    (record,) = probe().run()
    assert np.isnan(record["llh"])
    assert record["reason"].decode().startswith(reason)


def test_one_bad_pixel_does_not_cost_the_others_of_its_chunk(probe, monkeypatch):
    monkeypatch.setenv("PROBE", "one of three")
    one = probe(4)
    records = one.run()
    assert sorted(records["pixel"]) == [100, 101, 102, 103]
    by_pixel = {int(r["pixel"]): r for r in records}
    assert math.isnan(by_pixel[100]["llh"])
    assert (
        by_pixel[100]["reason"].decode(errors="ignore").startswith("RuntimeError: \u00fc\u00fc")
    )
    assert [float(by_pixel[p]["llh"]) for p in (101, 102, 103)] == [101, 102, 103]
    assert one.starts_of_fits() == {100: 2, 101: 2, 102: 2, 103: 1}


def test_files_of_two_scans_are_bad_input(job):
    one = job(PIXELS[:1])
    a_startup("f" * 32).write(one.startup)
    with pytest.raises(BadInput, match="belong to different scans"):
        one.run()


def test_the_record_of_a_failed_pixel_is_complete():
    records = failed_records(Chunk(PIXELS[:2], 2), "x" * 500, 1.5)
    assert records.dtype == RECORD_DTYPE
    assert records[list(IDS)].tolist() == PIXELS[:2][list(IDS)].tolist()
    assert records["reason"].tolist() == [b"x" * 120] * 2
    assert records["run_time"].tolist() == [1.5, 1.5]


def test_the_same_pixel_is_the_same_bytes_in_any_batch_and_order(job):
    both = []
    for pixels in (PIXELS[:6], PIXELS[:10][::-1]):
        one = job(pixels)
        both.append({int(r["pixel"]): r for r in one.run()})
    assert len(both[0]) == 6
    for pixel, record in both[0].items():
        assert without_times([record]) == without_times([both[1][pixel]])


def test_local_directions_depend_on_the_time_of_the_event(monkeypatch):
    # The dummy does not use it, but the worker must pass the event's own time.
    times = []
    monkeypatch.setattr(
        Dummy,
        "local_directions",
        lambda _, ra, dec, mjd: times.append(mjd) or (0 * ra, 0 * dec),
    )
    reconstruct(PIXELS[:1], 1, Dummy(), a_startup())
    assert times == [MJD]
