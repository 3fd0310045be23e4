"""Pickles: the content of envelopes is read, and nothing of a hostile one is executed."""

import codecs
import json
import os
import pickle
import sys
import types
import zlib

import pytest
from events_support import blob_of, message, packed
from hypothesis import given
from hypothesis import strategies as st

from skyscan.errors import BadInput
from skyscan.events.packing import envelope
from skyscan.events.packing.envelope import pack_frame, unpack_frame
from skyscan.events.packing.unpickling import PickledFrame, unpickle
from skyscan.events.place import MalformedError
from skyscan.events.reader import read_event


class Call:
    """An object that is pickled as the call of a function."""

    def __init__(self, function, *arguments: object) -> None:
        self.parts = (function, arguments)

    def __reduce__(self) -> tuple:
        return self.parts


def hostile_objects(witness):
    """Return objects whose unpickling would create a witness file."""
    touch = f"open({str(witness)!r}, 'w').close()"
    return {
        "os.system": Call(os.system, f"touch {witness}"),
        "eval": Call(eval, touch),
        "exec": Call(exec, touch),
        "import": Call(__import__, "os"),
        "open": Call(open, str(witness), "w"),
        "getattr": Call(getattr, Call(__import__, "os"), "system"),
        "nested": [{"deep": (1, Call(os.system, f"touch {witness}"))}],
        "as a key": {"value": {"data": Call(eval, touch)}},
        "in arguments": Call(codecs.encode, Call(eval, repr("latin1")), "latin1"),
        "partial": Call(__import__("functools").partial, os.system, f"touch {witness}"),
        "codec": Call(codecs.encode, b"x", "zlib_codec"),
        "a class": Call(type, "Name", (), {}),
        "bytes": Call(bytes, 10**12),
    }


@pytest.mark.parametrize("name", hostile_objects("w"))
@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_runs_nothing(tmp_path, name, protocol):
    witness = tmp_path / "witness"
    pickled = pickle.dumps(hostile_objects(witness)[name], protocol)
    path = tmp_path / "event.pkl"
    path.write_bytes(pickled)
    with pytest.raises(BadInput):
        read_event(path)
    path.write_bytes(message(["G", blob_of(pickled)]))
    with pytest.raises(BadInput):
        read_event(path)
    assert not witness.exists()
    # this proves something only if the pickle does harm when it is trusted
    if name in {"os.system", "eval", "exec", "nested"} and protocol == 2:
        pickle.loads(pickled)  # noqa: S301 - the code must never do this
        assert witness.exists()


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02cos\nsystem\n(S'true'\ntR.",
        b"\x80\x02cicecube.icetray\nI3Frame\nX\x04\x00\x00\x00evil\x85R.",  # with arguments
        b"\x80\x02cicecube.icetray\nI3Frame\n)R}b}b}b0.",
        b"\x80\x02cicecube.icetray\nI3Frame.__init__\n)R.",
        b"\x80\x02c__builtin__\nbytes\n)R.",
        b"\x80\x02}(K\x01K\x02ub.",  # a state for a dictionary
        b"\x80\x02ibuiltins\neval\n.",
        b"\x80\x02(ios\nsystem\n.",
        b"\x80\x02U\x01xQ.",  # persistent id
        b"\x80\x04\x82\x01.",  # extension registry
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02K\x01K\x02R.",
        b"\x80\x02N)\x81.",
    ],
)
def test_other_instructions_are_refused(pickled):
    with pytest.raises(MalformedError):
        unpickle(pickled, text=True)


def test_the_refusal_names_the_object_in_the_pickle(tmp_path):
    path = tmp_path / "event.pkl"
    path.write_bytes(pickle.dumps(Call(os.system, "true"), 2))
    with pytest.raises(BadInput, match=r"event.pkl: it is a pickle that names posix.system"):
        read_event(path)


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02r\xff\xff\xff\x7f.",  # a memo with 2**31 entries
        b"\x80\x02X\xff\xff\xff\xff.",
        b"\x80\x02T\xff\xff\xff\xff.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x80\x02" + b"N" * 2_000_000 + b".",
        b"\x80\x02" + b"(" * 1_000_000 + b"t" * 1_000_000 + b".",
        b"\x80\x02c_codecs\nencode\nq\x00X\xa0\x86\x01\x00"
        + b"x" * 100_000
        + b"X\x06\x00\x00\x00latin1\x86q\x01"
        + b"h\x00h\x01R" * 100_000
        + b".",
    ],
    ids=["memo", "text", "python 2", "bytes", "endless", "deep", "encoding"],
)
def test_a_small_pickle_cannot_allocate_much_memory(pickled):
    with pytest.raises(MalformedError):
        unpickle(pickled, text=True)


def test_a_large_memo_index_costs_nothing():
    assert unpickle(b"\x80\x02Nr\xff\xff\xff\xff.", text=True) is None


def test_a_frame_that_unpacks_to_too_many_bytes_is_refused(tmp_path):
    bomb = zlib.compressobj(1)
    chunk = bytes(1024**2)
    n_chunks = envelope.MAX_FRAME_BYTES // len(chunk) + 2
    packed_bomb = b"".join(bomb.compress(chunk) for _ in range(n_chunks)) + bomb.flush()
    path = tmp_path / "event.json"
    path.write_bytes(message(["G", envelope.base64.b64encode(packed_bomb).decode()]))
    with pytest.raises(BadInput, match=r"'?G'? frame \(1 of 1\) unpacks to more than 64 MB"):
        read_event(path)


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)


@given(plain, st.integers(2, 5))
def test_plain_data_are_those_of_python(data, protocol):
    assert unpickle(pickle.dumps(data, protocol), text=True) == data


@given(st.binary(min_size=1), st.integers(2, 5))
def test_a_frame_is_read_in_every_pickle_protocol(state, protocol):
    pickled = pickle.dumps(FrameToPickle(state), protocol)
    pickled = pickled.replace(__name__.encode(), b"icecube.icetray").replace(
        b"FrameToPickle", b"I3Frame"
    )
    if protocol >= 4:  # the lengths of the names precede them
        pickled = pickled.replace(bytes([len(__name__)]) + b"icecube", b"\x0ficecube")
        pickled = pickled.replace(b"\x0dI3Frame", b"\x07I3Frame")
    assert unpickle(pickled, text=False) == PickledFrame(({}, state))


class FrameToPickle:
    """An object that is pickled like icetray's frame."""

    def __init__(self, raw) -> None:
        self.raw = raw

    def __reduce__(self) -> tuple:
        return (FrameToPickle, (), ({}, self.raw))


@given(st.binary(min_size=1))
def test_a_packed_frame_is_that_of_the_unpickler_of_python(raw):
    made = []

    class I3Frame:
        def __setstate__(self, state) -> None:
            made.append(state)

    modules = {
        "icecube": types.ModuleType("icecube"),
        "icecube.icetray": types.ModuleType("it"),
    }
    modules["icecube.icetray"].I3Frame = I3Frame
    sys.modules.update(modules)
    try:
        blob = envelope.base64.b64decode(pack_frame(raw))
        pickle.loads(zlib.decompress(blob), encoding="bytes")  # noqa: S301 - from this test
    finally:
        for name in modules:
            del sys.modules[name]
    assert made == [({}, raw)]
    assert unpack_frame(pack_frame(raw)) == raw


def test_both_envelopes_and_the_pickle_of_each_are_read():
    frames = [packed(stop, {}) for stop in "GCDQP"]
    for data in (frames, {"frames": frames, "run_id": 1}):
        content = {"value": {"data": data, "version": "2023a"}}
        for raw in (json.dumps(content).encode(), pickle.dumps(content, 2)):
            found = envelope.open_envelope(raw)
            assert [frame.stop for frame in found.frames] == list("GCDQP")
            assert found.format_version == "2023a"


def test_a_pickle_written_by_python_2_is_read():
    def text(string) -> bytes:
        return b"U" + bytes([len(string)]) + string

    frame = b"](" + text(b"P") + text(b"abc") + b"e"
    content = b"}" + text(b"value") + b"}" + text(b"data") + b"](" + frame + b"ess."
    found = envelope.open_envelope(b"\x80\x02" + content)
    assert found.frames == (envelope.PackedFrame("P", "abc"),)
    assert found.format_version == ""
