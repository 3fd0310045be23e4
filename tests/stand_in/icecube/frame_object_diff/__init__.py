"""Differences to a baseline GCD."""

from icecube._frame import I3FrameObject as _I3FrameObject


class _Diff(_I3FrameObject):
    __slots__ = ("base_filename",)

    def __init__(self, base_filename=""):
        self.base_filename = base_filename

    def _plain(self):
        return self.base_filename


class I3GeometryDiff(_Diff):
    pass


class I3CalibrationDiff(_Diff):
    pass


class I3DetectorStatusDiff(_Diff):
    pass
