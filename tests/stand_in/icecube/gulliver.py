"""The result of a fit."""

from ._frame import I3FrameObject as _I3FrameObject


class I3LogLikelihoodFitParams(_I3FrameObject):
    __slots__ = ("logl", "ndof", "nmini", "rlogl")

    def __init__(self, logl=float("nan"), rlogl=float("nan"), ndof=-1, nmini=-1):
        self.logl, self.rlogl, self.ndof, self.nmini = logl, rlogl, ndof, nmini

    def _plain(self):
        return self.logl
