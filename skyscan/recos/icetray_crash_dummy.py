"""The dummy inside icetray, with fits that fail on request (see ``crash_dummy``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from skyscan.recos import ATTEMPT_VARIABLE
from skyscan.recos.crash_dummy import FAILURE_VARIABLES, fail, failure_of
from skyscan.recos.dummy import number_from
from skyscan.recos.icetray_dummy import IceTrayDummy, pixel_in

if TYPE_CHECKING:
    from skyscan.icetray.frames import Frame, Tray
    from skyscan.icetray.reco import Fit


class IceTrayCrashDummy(IceTrayDummy):
    """The dummy's tray, with a module that raises, hangs, or dies by a signal."""

    summary: ClassVar[str] = "icetray: for tests, the dummy's tray with fits failing"
    variables: ClassVar[tuple[str, ...]] = (*IceTrayDummy.variables, *FAILURE_VARIABLES)

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add the dummy's module, and one that fails for some pixels."""
        super().add_fit(tray, fit)
        tray.AddModule(fail_if_meant_to, "crash")


def fail_if_meant_to(frame: Frame) -> None:
    """Fail if the environment variables of the crash dummies choose this pixel."""
    pixel = pixel_in(frame)
    attempt = int(number_from(ATTEMPT_VARIABLE, 1, least=1))
    mode = failure_of(pixel, attempt)
    if mode is not None:
        fail(mode, pixel)


RECO_CLASS = IceTrayCrashDummy
