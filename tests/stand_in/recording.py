"""The calls of a tray as readable data: names, values, and effects of functions on frames.

    with recorded() as made:
        ...  # code that makes trays and services
    calls = record_of(made.trays[0], scenarios)

A record is a list, in the tray's order, of

- ``{"module": TYPE, "name": NAME, "parameters": {…}}``, and the same for a service or a segment
  of a closed-source project. The content of segments written in Python is recorded.
  ``skipped`` names the scenarios in which the module's ``If`` is false. Without a name, icetray
  chose one.
- ``{"context": NAME, "object": {"made": TYPE, "arguments": […], "parameters": {…}}}``,
  with ``then``: the methods called on it since.
- ``{"function": NAME, "effects": [EFFECT, …]}``: the effects of a Python function, with its
  ``If`` and parameters, on the frames of the scenarios, which pass through the whole tray.
  Functions and scenarios without an effect are omitted.

An effect has ``in`` (scenarios), ``set`` (frame objects by key), ``removed`` (keys),
``dropped`` (the frame is not passed on) or ``raises`` (a type of error). The last two end the
scenario. I3Module classes in Python, which feed and collect frames, are omitted.
"""

from __future__ import annotations

import copy
import functools
import inspect
import math
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from icecube import _record, _tray
from icecube._frame import I3Frame, I3FrameObject, Stream
from icecube._services import Service


@dataclass
class Made:
    """Trays and services, in the order of their creation."""

    trays: list = field(default_factory=list)
    services: list = field(default_factory=list)

    def take(self, thing):
        (self.trays if isinstance(thing, _tray.I3Tray) else self.services).append(thing)


@dataclass
class Scenario:
    """A frame that passes through a tray.

    ``missing`` are keys that C++ modules do not write in this scenario.
    """

    frame: I3Frame
    missing: frozenset[str] = frozenset()


@contextmanager
def recorded():
    """Collect the trays and services that are made in this context."""
    made = Made()
    _record.LISTENERS.append(made.take)
    try:
        yield made
    finally:
        _record.LISTENERS.remove(made.take)


def plain(value):
    """Return a value as JSON represents it; frame objects have their type."""
    if isinstance(value, I3FrameObject):
        return {type(value).__name__: bare(value)}
    return bare(value)


def bare(value):  # noqa: PLR0911
    if isinstance(value, Service) or hasattr(value, "_plain"):
        return bare(value._plain())
    if isinstance(value, Stream):
        return str(value)
    if isinstance(value, dict):
        return {str(key): bare(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [bare(one) for one in value]
    if isinstance(value, np.ndarray | np.generic):
        return bare(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return f"<{type(value).__name__}>"


def record_of(tray, scenarios):
    """Return the record of a tray.

    Parameters
    ----------
    tray : I3Tray
    scenarios : dict of str to Scenario
        Scenarios, whose frames are copied.
    """
    frames = {name: copy.deepcopy(scenario.frame) for name, scenario in scenarios.items()}
    record = []
    for call in tray.calls:
        if call.kind == "context":
            record.append({"context": call.name, "object": plain(call.what)})
        elif call.kind == "service":
            record.append(_described(call))
        elif isinstance(call.what, str) or hasattr(call.what, "closed"):
            record.append(_described(call) | _skipped(call, frames))
            _run_closed(call, frames, scenarios)
        elif not inspect.isclass(call.what):
            record += _function(call, frames)
    return record


def effects(function, scenarios, **parameters):
    """Return the effects of one function on the frames of scenarios."""
    frames = {name: copy.deepcopy(scenario.frame) for name, scenario in scenarios.items()}
    return _grouped(_effects(_tray.Call("module", function, None, parameters), frames))


def outcome(function, *arguments):
    """Return the result of a function, or the type of error that it raises."""
    try:
        return {"returns": plain(function(*arguments))}
    except Exception as error:  # noqa: BLE001  (any error is recorded)
        return {"raises": type(error).__name__}


def contents(frame):
    """Return all objects of a frame as JSON represents them."""
    return {key: plain(frame[key]) for key in frame.keys()}  # noqa: SIM118


def _described(call):
    if isinstance(call.what, str):
        described = {call.kind: call.what}
    else:
        project = call.what.__module__.removeprefix("icecube.")
        described = {call.kind: f"{project}.{call.what.__name__}"}
    if call.name is not None:
        described["name"] = call.name
    parameters = {key: value for key, value in call.parameters.items() if key != "If"}
    return described | {"parameters": bare(parameters)}


def _skipped(call, frames):
    skipped = []
    for name, frame in list(frames.items()):
        try:
            if not _tray.condition_holds(call, frame):
                skipped.append(name)
        except Exception as error:  # noqa: BLE001
            skipped.append(f"{name}: {type(error).__name__}")
            del frames[name]
    return {"skipped": skipped} if skipped else {}


def _run_closed(call, frames, scenarios):
    for name, frame in frames.items():
        before = set(frame.keys())
        _tray.apply(call, frame)
        for key in (set(frame.keys()) - before) & scenarios[name].missing:
            frame.Delete(key)


def _function(call, frames):
    found = _effects(call, frames)
    if not found:
        return []
    function = call.what.func if isinstance(call.what, functools.partial) else call.what
    name = call.name or getattr(function, "__name__", type(function).__name__)
    return [{"function": name, "effects": _grouped(found)}]


def _grouped(found):
    """Return effects by scenario as a list of different effects with their scenarios."""
    grouped = []
    for name, effect in found.items():
        for one in grouped:
            if {**one, "in": None} == {"in": None, **effect}:
                one["in"].append(name)
                break
        else:
            grouped.append({"in": [name], **effect})
    return grouped


def _by_scenario(grouped):
    return {
        name: {key: value for key, value in one.items() if key != "in"}
        for one in grouped
        for name in one["in"]
    }


def _effects(call, frames):
    """Run a function on frames; drop the frames in which it ends the scenario."""
    found = {}
    for name, frame in list(frames.items()):
        before = contents(frame)
        effect = {}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # numpy warns about medians of empty arrays
                if not _tray.apply(call, frame):
                    effect["dropped"] = True
        except Exception as error:  # noqa: BLE001
            effect["raises"] = type(error).__name__
        after = contents(frame)
        changed = {key: v for key, v in after.items() if key not in before or before[key] != v}
        if changed and "raises" not in effect:
            effect["set"] = changed
        if before.keys() - after.keys() and "raises" not in effect:
            effect["removed"] = sorted(before.keys() - after.keys())
        if "raises" in effect or "dropped" in effect:
            del frames[name]
        if effect:
            found[name] = effect
    return found


def comparable(record):
    """Return a record as two lists with only the relevant data.

    One list has services and objects of the context, which trays set up before any module. In
    the other, that of modules, neighbouring functions are joined, because neither their names
    nor the division of work among them matter. Parameters are not case-sensitive.
    """
    services, modules = [], []
    for entry in record:
        if "context" in entry or "service" in entry:
            services.append(_lower(entry))
        elif "function" not in entry:
            modules.append(_lower(entry))
        elif modules and "function" in modules[-1]:
            modules[-1] = _joined(modules[-1]["effects"], _by_scenario(entry["effects"]))
        else:
            modules.append(_joined({}, _by_scenario(entry["effects"])))
    return {"services": services, "modules": modules}


def _lower(entry):
    entry = dict(entry)
    if "parameters" in entry:
        entry["parameters"] = {key.lower(): v for key, v in entry["parameters"].items()}
    return entry


def _joined(first, second):
    joined = {}
    for name in sorted({*first, *second}):
        a, b = first.get(name, {}), second.get(name, {})
        values = {**a.get("set", {}), **b.get("set", {})}
        removed = {*a.get("removed", ()), *b.get("removed", ())} - {*b.get("set", {})}
        effect = {"set": {k: v for k, v in values.items() if k not in b.get("removed", ())}}
        effect["removed"] = sorted(removed)
        for end in ("dropped", "raises"):
            if end in a or end in b:
                effect = {end: True}  # neither the type of error nor earlier effects matter
        joined[name] = effect
    return {"function": "", "effects": joined}
