"""Mutated input for every parser: 0, 64 or 65, and nothing else, in little time and memory.

`tests/workflows/test_parsers.py` runs a few cases of each parser. As a program it runs many::

    python tests/fuzz.py --cases 100000 --seconds 300 followup scan.json

Files are written below ``--place``; in memory (``/dev/shm``) that is several times as fast.
A case is a function of its number, so a failure can be repeated (``--first N --cases 1``).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import gzip
import hashlib
import io
import json
import os
import pickle
import random
import resource
import shutil
import sys
import tarfile
import tempfile
import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
for folder in ("skyscan", "workflows"):
    if str(HERE / folder) not in sys.path:
        sys.path.append(str(HERE / folder))

import numpy as np  # noqa: E402
from events_support import raw_frames, simulated_frames  # noqa: E402
from fuzz_files import file_parsers  # noqa: E402
from plans_support import EVENT, options  # noqa: E402

from condor.sites import read_site  # noqa: E402
from skyscan.batches import Batch, batch_bytes, read_batch  # noqa: E402
from skyscan.errors import DamagedFile, ExitCode, SkyscanError  # noqa: E402
from skyscan.events.assembly import parsed_followup  # noqa: E402
from skyscan.events.files import find_events  # noqa: E402
from skyscan.events.i3.frame import (  # noqa: E402
    FrameObject,
    parse_frame,
    write_frame,
)
from skyscan.events.i3.superdst import read_superdst  # noqa: E402
from skyscan.events.packing.envelope import pack_frame  # noqa: E402
from skyscan.events.place import MalformedError  # noqa: E402
from skyscan.events.reader import read_event  # noqa: E402
from skyscan.layout import RoundFolder  # noqa: E402
from skyscan.records import PIXEL_DTYPE, RECORD_DTYPE, sign  # noqa: E402
from skyscan.results import header, read_results  # noqa: E402
from skyscan.rounds.description import read_description  # noqa: E402
from skyscan.startup import Startup, Vertex, check_files, read_startup  # noqa: E402
from skyscan.storage import SEAL, digest  # noqa: E402
from workflows import cli  # noqa: E402
from workflows.cli import main as skyscan  # noqa: E402
from workflows.options import arguments  # noqa: E402
from workflows.plan import plan  # noqa: E402
from workflows.planned import read_planned  # noqa: E402

PLACE = "/var/tmp"  # noqa: S108  (scans are not planned in /tmp)
CPU_SECONDS = 2.0  # of one case
MEGABYTES = 400  # more than at the beginning

#: What damages or attacks: each is put in the place of something.
TOKENS: tuple[bytes, ...] = (
    *(
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        b"-1",
        b"0",
        b"1e999",
        b"NaN",
        b"-Infinity",
        b"nan",
    ),
    *(b"9" * 5000, b"1e400", b"4294967296", b"18446744073709551616", b"null", b"true", b"{}"),
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"=", b".", b"\n", b"\\", b"'", b"#", b"$(x)"),
    *(b"[" * 2000, b'{"a":' * 2000, b"{a=" * 2000, b"[[]]," * 2000, b"../../x", b"a" * 5000),
    *(b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b")) || ((true"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, 10**50, 0.5, 1e300, 1e308, -0.0),
    *(float("nan"), float("inf"), "", "x", "\0", "\ud800", "../../etc", "9" * 200, [], {}),
    *([[]] * 50, [0, 1], {"a": 1}, [{"a": None}], "a" * 10_000, [[[[[[[[]]]]]]]], [1e400]),
)


class Parser(NamedTuple):
    """A parser: makes a case from random numbers, and reads it."""

    make: Callable[[random.Random], Any]
    read: Callable[[Any], object]


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Return data with a few damages."""
    buffer = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        at = rng.randrange(len(buffer) + 1)
        how = rng.randrange(6)
        if how == 0 and buffer:
            buffer[at % len(buffer)] ^= 1 << rng.randrange(8)
        elif how == 1:
            del buffer[at:]
        elif how == 2:
            buffer[at : at + rng.choice((0, 1, 4))] = rng.choice(TOKENS)
        elif how == 3:
            end = min(len(buffer), at + rng.randrange(40))
            buffer[at:at] = bytes(buffer[at:end]) * rng.choice((1, 2, 50))
        elif how == 4:
            del buffer[at : at + rng.randrange(1, 9)]
        else:
            buffer[at : at + 4] = rng.randbytes(4)
    return bytes(buffer)


def changed(rng: random.Random, value: Any) -> Any:  # noqa: ANN401  (JSON)
    """Return a JSON value with one part replaced, removed or added."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if rng.random() < 0.1:
            return {**value, rng.choice(("", "x", key + "x", "\0")): rng.choice(VALUES)}
        return {**value, key: changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return [*value[:at], changed(rng, value[at]), *value[at + 1 :]]
    return rng.choice(VALUES)


def sealed(rng: random.Random, value: dict[str, Any]) -> bytes:
    """Return a changed JSON object, mostly with the right digest."""
    for _ in range(rng.choice((1, 1, 2))):
        new = changed(rng, value)
        value = new if isinstance(new, dict) else value
    text = json.dumps({**value, SEAL: digest(value)}).encode()
    return mutated(rng, text) if rng.random() < 0.3 else text


def parsers(place: Path) -> dict[str, Parser]:  # noqa: C901, PLR0915  (a table)
    """Return all parsers, with what they need in a folder."""
    file = place / "input"
    frames = simulated_frames(place)
    objects = {stop: dict(parse_frame(raw).objects) for stop, raw in frames.items()}
    event = (place / "simulated.json").read_bytes()
    message = json.loads(event)
    folder = plan(EVENT, place / "scans", options())
    scan_json = json.loads(folder.scan_json.read_text())
    del scan_json[SEAL]
    pixels = np.zeros(3, PIXEL_DTYPE)
    pixels["nside"], pixels["pixel"] = 1, range(3)
    batch = Batch(scan_json["id"], 0, 0, pixels)
    records = np.zeros(3, RECORD_DTYPE)
    for name in ("nside", "pixel"):
        records[name] = pixels[name]
    superdst = real_superdst()
    seed = Vertex(1.0, 2.0, 3.0, 4.0)
    startup = Startup("x" * 32, "dummy", "2021a", 59_000.0, seed, 1, (0.1, 0.2, 0.3), {})
    startup = replace(startup, files={"prepared.npz": "0" * 64})
    startup.write(place / "startup")
    startup_json = json.loads((place / "startup" / "startup.json").read_text())
    del startup_json[SEAL]
    entry = {"number": 0, "pixels": 3, "sha256": "0" * 64}
    round_json = {"scan_id": "x", "batches": [entry, {**entry, "number": 1}], "leftover": 1}
    sites = [path.read_bytes() for path in (HERE.parent / "condor" / "sites").glob("*.toml")]

    def of_file(read: Callable[[Path], object], path: Path = file) -> Callable[[bytes], object]:
        def read_bytes(data: bytes) -> object:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            return read(path)

        return read_bytes

    def damaged_frames(rng: random.Random) -> dict[str, bytes]:
        stop = rng.choice(("Q", "P"))
        key = rng.choice(sorted(objects[stop]))
        held = objects[stop][key]
        buffer = mutated(rng, held.buffer)
        new = {**objects[stop], key: FrameObject(held.type_name, buffer)}
        return {
            **frames,
            stop: resealed(write_frame(replace(parse_frame(frames[stop]), objects=new))),
        }

    def event_json(rng: random.Random) -> bytes:
        if rng.random() < 0.4:
            return mutated(rng, event)
        if rng.random() < 0.5:
            return json.dumps(changed(rng, message)).encode()
        listed = [[stop, pack_frame(raw)] for stop, raw in damaged_frames(rng).items()]
        return json.dumps({"value": {"data": {"frames": listed}, "version": "2021a"}}).encode()

    def event_pickle(rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            return mutated(rng, pickle.dumps(message, protocol=rng.choice((2, 3, 4, 5))))
        inner = zlib.decompress(base64.b64decode(pack_frame(frames["P"])))
        blob = base64.b64encode(zlib.compress(mutated(rng, inner))).decode()
        listed = [["Q", pack_frame(frames["Q"])], ["P", blob]]
        return json.dumps({"value": {"data": {"frames": listed}, "version": "2021a"}}).encode()

    def i3(rng: random.Random) -> bytes:
        content = b"".join((damaged_frames(rng) if rng.random() < 0.5 else frames).values())
        if rng.random() < 0.6:
            content = mutated(rng, content)
        if rng.random() < 0.3:
            content = mutated(rng, gzip.compress(content, 1))
        return content

    def many_events(rng: random.Random) -> bytes:
        content = b"".join(i3(rng) for _ in range(rng.randrange(1, 4)))
        if rng.random() < 0.5:
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w") as tar:
                for name in ("a.i3", "b/b.json"):
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
            content = archive.getvalue()
            content = mutated(rng, content) if rng.random() < 0.8 else content
        return content

    def taken(path: Path) -> None:
        for found in find_events(path):
            found.take()

    def planned(data: bytes) -> object:
        file.write_bytes(data)
        scan = read_planned(file)
        return scan.id, scan.progression

    def scan_file(rng: random.Random) -> bytes:
        value = dict(scan_json)
        key = rng.choice(sorted(value))
        value[key] = changed(rng, value[key])
        with contextlib.suppress(Exception):  # the id of what it has become, where it has one
            known = {name: it for name, it in value.items() if name not in ("format", "id")}
            from workflows.planned import Planned

            value["id"] = Planned(**known).id
        text = json.dumps({**value, SEAL: digest(value)}).encode()
        return mutated(rng, text) if rng.random() < 0.3 else text

    def startup_of(path: Path) -> None:
        check_files(path.parent, read_startup(path.parent))

    def results(data: bytes) -> object:
        file.write_bytes(data)
        return read_results(file, batch)

    def result_file(rng: random.Random) -> bytes:
        signed = records.copy()
        one = rng.randrange(3)
        name = rng.choice(("nside", "pixel", "variation", "llh", "x", "attempt"))
        signed[name][one] = rng.choice((0, -1, 2**31 - 1))
        content = header(batch) + sign(signed).tobytes() * rng.choice((1, 1, 3))
        return mutated(rng, content) if rng.random() < 0.7 else content

    def batch_file(rng: random.Random) -> bytes:
        content = batch_bytes(batch)
        if rng.random() < 0.5:
            return mutated(rng, content)
        arrays = {
            "scan_id": np.frombuffer(b"x" * 32, np.uint8),
            "header": np.zeros(2, np.int64),
            "pixels": pixels,
        }
        odd = (np.zeros(0), np.zeros((2, 2)), np.array(5), np.array(["x"]), np.array([True]))
        arrays[rng.choice(sorted(arrays))] = rng.choice(
            (*odd, pixels[:, None], -arrays["header"] - 1)
        )
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    def change_of_site(rng: random.Random) -> list[str]:
        words = (
            "submit.",
            "attributes.",
            "dagman.",
            "priority",
            "requirements",
            "rank",
            "Owner",
        )
        words += ("DAGMAN_VERBOSITY", "max_idle", "urgent_halvings", "runtime", "staging", "=")
        texts = [token.decode("utf-8", "surrogateescape") for token in TOKENS]
        parts = [rng.choice((*words, *words, *texts)) for _ in range(rng.randrange(1, 5))]
        return ["".join(parts[:2]) + "=" + "".join(parts[2:])]

    flags = list(arguments().values())

    def words_of_plan(rng: random.Random) -> list[str]:
        texts = [token.decode("utf-8", "surrogateescape") for token in TOKENS]
        good: tuple[str, ...] = (
            "1:0",
            "2:1",
            "3",
            "10%",
            "0.5",
            "2GB",
            "1h",
            "a.b=c",
            "icecube",
            "host:/x",
        )
        good += (
            "0x10",
            "1_0",
            "\u0663",
            " 7 ",
            "-0",
            "1e400",
            "inf",
            "track",
            "numpy",
            "/dev/null",
        )
        given: list[str] = []
        for _ in range(rng.randrange(1, 4)):
            it = rng.choice(flags)
            given.append(it.flag)
            if it.keywords.get("action") != "store_true":
                given.append(
                    rng.choice((*texts, *good, *good)) + rng.choice(("", "", "x", "9"))
                )
        return ["plan", str(EVENT), "--simulated-event", *given]

    def plan_with(words: list[str]) -> None:
        output = place / "planned" / str(hashlib.sha256(repr(words).encode()).hexdigest()[:8])
        silence = io.StringIO()
        with contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
            try:
                with configuration_checked_once():
                    code = skyscan([*words, "--output-dir", str(output)])
            except SystemExit as ended:
                code = int(ended.code or 0)
        shutil.rmtree(output, ignore_errors=True)
        if code not in ALLOWED:
            raise AssertionError(f"exit {code}: {silence.getvalue()[-2000:]}")

    site = place / "mine.toml"
    here = RoundFolder(place / "round")
    more = file_parsers(place / "files", mutated, changed)
    return {
        "event JSON": Parser(event_json, of_file(read_event)),
        "event pickle": Parser(event_pickle, of_file(read_event)),
        "i3": Parser(i3, of_file(read_event)),
        "many events": Parser(many_events, of_file(taken)),
        "SuperDST": Parser(lambda rng: mutated(rng, superdst), read_superdst),
        "frames": Parser(
            lambda rng: resealed(mutated(rng, frames[rng.choice(("Q", "P"))])), parse_frame
        ),
        "followup": Parser(
            lambda rng: mutated(rng, FOLLOWUP).decode("utf-8", "replace"), parsed_followup
        ),
        "site TOML": Parser(
            lambda rng: mutated(rng, rng.choice(sites)),
            of_file(lambda path: read_site(str(path)), site),
        ),
        "scan.json": Parser(scan_file, planned),
        "startup.json": Parser(
            lambda rng: sealed(rng, startup_json),
            of_file(startup_of, place / "startup" / "startup.json"),
        ),
        "round.json": Parser(
            lambda rng: sealed(rng, round_json),
            of_file(lambda _: read_description(here), here.description),
        ),
        "batch": Parser(batch_file, of_file(read_batch)),
        "records": Parser(result_file, results),
        "site options": Parser(change_of_site, lambda it: read_site("personal", it)),
        "options of plan": Parser(words_of_plan, plan_with),
        **{name: Parser(*it) for name, it in more.items()},
    }


ALLOWED = (ExitCode.DONE, ExitCode.WRONG_USAGE, ExitCode.BAD_INPUT)
FOLLOWUP = json.dumps(
    {"hese": {"a": [1, 2.5, None]}, "unique_id": "x", "reco": {"llh": -1e-3, "on": True}}
).encode()


def resealed(raw: bytes) -> bytes:
    """Return a frame with the checksum of its content."""
    from skyscan.events.i3.checksum import crc32c
    from skyscan.events.i3.frame import CHECKSUM_BYTES, HEAD

    body = raw[len(HEAD) : -CHECKSUM_BYTES]
    return raw[: len(HEAD)] + body + crc32c(body).to_bytes(4, "little")


def real_superdst() -> bytes:
    """Return an I3SuperDST of a recorded event."""
    for path in sorted((HERE / "data" / "events").glob("*.json")):
        for raw in raw_frames(path).values():
            for item in parse_frame(raw).objects.values():
                if item.type_name == "I3SuperDST":
                    return item.buffer
    raise LookupError("no recorded event has an I3SuperDST")


@contextlib.contextmanager
def configuration_checked_once() -> Iterator[None]:
    """Check HTCondor's configuration once: a program does, whatever the options are."""
    check = cli._check_configuration
    if not _CHECKED:
        check()
        _CHECKED.append(check)
    cli._check_configuration = lambda: None
    try:
        yield
    finally:
        cli._check_configuration = check


_CHECKED: list[object] = []


def try_case(parser: Parser, name: str, number: int) -> str:
    """Read one case; return what was wrong with the reading, or nothing."""
    case = parser.make(random.Random(f"{name} {number}"))
    begin = time.process_time()
    try:
        parser.read(case)
    except (MalformedError, DamagedFile):
        pass  # readers turn the first into 65; `resume` repairs the second
    except SkyscanError as error:
        if error.exit_code not in ALLOWED:
            return f"exit {error.exit_code}: {error}"
    except Exception as error:  # noqa: BLE001  (which is what is looked for)
        return f"{type(error).__name__}: {error}"[:2000]
    took = time.process_time() - begin
    return f"{took:.1f} s of CPU time" if took > CPU_SECONDS else ""


def main() -> int:
    """Run many cases of some or all parsers, and print what was found."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--cases", type=int, default=100_000)
    words.add_argument("--first", type=int, default=0)
    words.add_argument("--seconds", type=float, default=300.0, help="of each parser, at most")
    words.add_argument("--place", default=PLACE, help="folder for files (default: %(default)s)")
    words.add_argument("names", nargs="*")
    given = words.parse_args()
    n_wrong = 0
    for name in [it for it in os.environ if it.startswith("SKYSCAN_")]:
        del os.environ[name]
    with tempfile.TemporaryDirectory(dir=given.place) as place:
        known = parsers(Path(place))
        for name in given.names or known:  # libraries are imported, and their threads started
            try_case(known[name], name, 0)
        # The limit counts what threads and libraries reserve, too.
        lines = Path("/proc/self/status").read_text().splitlines()
        used = next(int(it.split()[1]) * 1024 for it in lines if it.startswith("VmData:"))
        resource.setrlimit(resource.RLIMIT_DATA, (used + MEGABYTES * 2**20,) * 2)
        for name in given.names or known:
            begin, number = time.monotonic(), given.first
            wrong: dict[str, int] = {}
            while (
                number < given.first + given.cases and time.monotonic() < begin + given.seconds
            ):
                found = try_case(known[name], name, number)
                if found:
                    wrong.setdefault(found[:160], number)
                number += 1
            n, took = number - given.first, time.monotonic() - begin
            print(
                f"{name:16s} {n:8d} cases, {n / took:7.0f} per second, {len(wrong)} wrong",
                flush=True,
            )
            for text, first in wrong.items():
                print(f"    case {first}: {text}", flush=True)
            n_wrong += len(wrong)
    return int(n_wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
