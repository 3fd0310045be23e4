"""Objects of closed-source projects that are only made, configured and passed on."""

from __future__ import annotations

from ._record import notify


class Service:
    """Record how it was made and which of its methods were called."""

    def __init__(self, *arguments, **parameters):
        self._arguments, self._parameters, self._calls = arguments, parameters, []
        notify(self)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)

        def call(*arguments, **parameters):
            self._calls.append((name, arguments, parameters))

        return call

    def _plain(self):
        project = type(self).__module__.removeprefix("icecube.")
        plain = {"made": f"{project}.{type(self).__name__}", "arguments": list(self._arguments)}
        plain["parameters"] = self._parameters
        for name, arguments, parameters in self._calls:
            plain.setdefault("then", []).append({name: list(arguments), **parameters})
        return plain
