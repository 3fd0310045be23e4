"""Trays that record their modules and can run them."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

from . import _modules
from ._frame import I3Frame
from ._record import notify


def traysegment(function):
    """Mark a function that adds several modules to a tray."""
    if len(inspect.getfullargspec(function).args) < 2:
        raise ValueError("I3Tray segments must have at least two arguments (tray and name)")
    function.__i3traysegment__ = True
    return function


def closed_segment(function):
    """Mark a segment of a closed-source project: a tray records the call itself."""
    function.closed = True
    return traysegment(function)


@dataclass
class Call:
    """One call of a tray.

    ``kind`` is module, service, segment (of a closed-source project) or context. ``what`` is
    the name of its type, a function, a Python module class or the object of the context.
    """

    kind: str
    what: Any
    name: str | None
    parameters: dict = field(default_factory=dict)

    @property
    def condition(self):
        return self.parameters.get("If")


class Context(dict):
    """The services by name, recorded in the tray's order."""

    def __init__(self, tray):
        super().__init__()
        self._tray = tray

    def __setitem__(self, name, thing):
        if name in self:
            raise RuntimeError(f"context already holds {name}")
        super().__setitem__(name, thing)
        self._tray.calls.append(Call("context", thing, name))


class I3Module:
    """A module written in Python."""

    def __init__(self, context):
        self.context = context
        self._parameters, self._inbox, self._outbox, self._suspended = {}, None, [], False

    def AddParameter(self, name, _description, default=None):
        self._parameters[name.lower()] = default

    def GetParameter(self, name):
        return self._parameters[name.lower()]

    def AddOutBox(self, name):
        pass

    def PopFrame(self):
        frame, self._inbox = self._inbox, None
        return frame

    def PushFrame(self, frame, _box="OutBox"):
        self._outbox.append(frame)

    def RequestSuspension(self):
        self._suspended = True

    def Configure(self):
        pass

    def Finish(self):
        pass

    def Process(self):
        frame = self.PopFrame()
        handler = getattr(self, str(frame.Stop), None)
        handler(frame) if handler else self.PushFrame(frame)


class I3ConditionalModule(I3Module):
    def __init__(self, context):
        super().__init__(context)
        self.AddParameter("If", "", None)


class I3Tray:
    """A tray that records its modules, in order, in ``calls``; `Execute` runs it."""

    def __init__(self):
        self.calls, self.context = [], Context(self)
        self._conditions, self._names = [], []
        notify(self)

    def Add(self, _type, _name=None, **parameters):
        if isinstance(_type, str):
            if _modules.is_module(_type):
                return self.AddModule(_type, _name, **parameters)
            return self.AddService(_type, _name, **parameters)
        if hasattr(_type, "__i3traysegment__"):
            return self.AddSegment(_type, _name, **parameters)
        return self.AddModule(_type, _name, **parameters)

    def AddModule(self, _type, _name=None, *, If=None, **parameters):
        if hasattr(_type, "__i3traysegment__"):
            raise RuntimeError(f"{_type} is a tray segment: use AddSegment")
        if isinstance(_type, str):
            if not _modules.is_module(_type):
                raise RuntimeError(f"no module {_type}, or its project is not imported")
        elif inspect.isclass(_type):
            if not issubclass(_type, I3Module):
                raise RuntimeError(f"{_type} doesn't inherit from I3Module")  # noqa: TRY004
        else:
            check_function(_type, parameters)
        if If is None and self._conditions:
            If = self._conditions[-1]
        if If is not None:
            parameters["If"] = If
        self._take(_name)
        self.calls.append(Call("module", _type, _name, parameters))
        return self

    def AddService(self, _type, _name=None, /, **parameters):
        if not _modules.is_service(_type):
            raise ValueError(f"no service {_type}, or its project is not imported")
        self._take(_name)
        self.calls.append(Call("service", _type, _name, parameters))
        return self

    def AddSegment(self, _segment, _name=None, *, If=None, **parameters):
        """Add the modules of a segment; its ``If`` applies to them unless it is a parameter."""
        names = inspect.getfullargspec(_segment)
        arguments = {one.lower(): one for one in [*names.args, *names.kwonlyargs]}
        parameters = {arguments.get(key.lower(), key): v for key, v in parameters.items()}
        own = "If" in arguments.values()
        if own and If is not None:
            parameters["If"] = If
        self._conditions.append(None if own else If)
        try:
            if hasattr(_segment, "closed"):
                kept = parameters if If is None else {**parameters, "If": If}
                self.calls.append(Call("segment", _segment, _name, kept))
            return _segment(self, _name or f"{_segment.__name__}_0000", **parameters)
        finally:
            self._conditions.pop()

    def SetParameter(self, name, parameter, value):
        next(call for call in self.calls if call.name == name).parameters[parameter] = value
        return self

    def _take(self, name):
        if name is not None and name in self._names:
            raise RuntimeError(f"there is a module or service {name} already")
        self._names.append(name)

    def Execute(self, *limit):
        """Run the modules: the first one makes frames, which pass through all the others."""
        kinds = ("module", "segment")
        stages = [Stage(call, self.context) for call in self.calls if call.kind in kinds]
        driver, *others = stages
        deliver([I3Frame("I")], others)
        calls = 0
        while not driver.module._suspended and (not limit or calls < limit[0]):
            driver.module.Process()
            calls += 1
            deliver(driver.pushed(), others)
        for stage in stages:
            if stage.module is not None:
                stage.module.Finish()

    def Finish(self):
        pass


def deliver(frames, stages):
    for frame in frames:
        if stages:
            deliver(stages[0].process(frame), stages[1:])


def check_function(function, parameters):
    """Raise if icetray could not make a module of a function: it reads the argument names."""
    code = getattr(function, "__code__", None)
    skipped = 1  # the frame
    if code is None:
        bound = getattr(function, "__func__", None) or type(function).__call__
        code, skipped = getattr(bound, "__code__", None), 2
    if code is None:
        raise RuntimeError(f"{function!r} is no Python function")
    if inspect.ismethod(function):
        raise RuntimeError(f"{function!r}: icetray would take self for the frame")
    known = code.co_varnames[skipped : code.co_argcount]
    unknown = set(parameters) - {*known, "Streams", "IcePickServiceKey"}
    if unknown:
        raise RuntimeError(f"{function!r} has no parameter {sorted(unknown)}")


def condition_holds(call, frame):
    """Return whether ``If`` lets a module see a frame; only events are tested."""
    if call.condition is None or frame.Stop.id not in "QP":
        return True
    return bool(call.condition(frame))


def apply(call, frame):
    """Run a function or an opaque module on a frame; return whether the frame is passed on."""
    if isinstance(call.what, str) or hasattr(call.what, "closed"):
        if frame.Stop == I3Frame.Physics and condition_holds(call, frame):
            _modules.run(call.what, frame, call.parameters)
        return True
    if frame.Stop not in call.parameters.get("Streams", [I3Frame.Physics]):
        return True
    if not condition_holds(call, frame):
        return True
    own = ("If", "Streams", "IcePickServiceKey")
    result = call.what(frame, **{k: v for k, v in call.parameters.items() if k not in own})
    return result is None or bool(result)


class Stage:
    """A module of a running tray."""

    def __init__(self, call, context):
        self.call, self.module, self._seen = call, None, {}
        if inspect.isclass(call.what):
            self.module = call.what(context)
            for name, value in call.parameters.items():
                if name.lower() not in self.module._parameters:
                    raise RuntimeError(f"{call.what} has no parameter {name}")
                self.module._parameters[name.lower()] = value
            self.module.Configure()

    def process(self, frame):
        """Return the frames that a module makes of one frame."""
        self._mix(frame)
        if self.module is None:
            return [frame] if apply(self.call, frame) else []
        if not condition_holds(self.call, frame):
            return [frame]
        self.module._inbox = frame
        self.module.Process()
        return self.pushed()

    def pushed(self):
        frames, self.module._outbox = self.module._outbox, []
        return frames

    def _mix(self, frame):
        """Add the objects of the latest frames of other streams, except events, to a frame."""
        frame.purge()
        stop = frame.Stop.id
        if stop not in "PI":
            self._seen[stop] = I3Frame(frame)
        for other, seen in self._seen.items():
            if other != stop:
                frame.merge(seen)
