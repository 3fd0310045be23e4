"""The dummy inside icetray, with fits that fail on request (see ``crash_dummy``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from skyscan.recos.crash_dummy import (
    FAILURE_VARIABLES,
    attempt_from_environment,
    fail,
    failure_of,
    failures,
)
from skyscan.recos.icetray_dummy import IceTrayDummy, pixel_in

if TYPE_CHECKING:
    from skyscan.icetray.frames import Frame, Tray
    from skyscan.icetray.reco import Fit


class IceTrayCrashDummy(IceTrayDummy):
    """The dummy's tray, with a module that raises, hangs, or dies by a signal."""

    summary: ClassVar[str] = "icetray: for tests, the dummy's tray with fits failing"
    variables: ClassVar[tuple[str, ...]] = (*IceTrayDummy.variables, *FAILURE_VARIABLES)

    @classmethod
    def check_variables(cls) -> None:
        """Refuse other failures than there are, too."""
        super().check_variables()
        failures()

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add the dummy's module, and one that fails for some pixels."""
        super().add_fit(tray, fit)
        tray.AddModule(fail_if_meant_to, "crash")


def fail_if_meant_to(frame: Frame) -> None:
    """Fail if the environment variables of the crash dummies choose this pixel."""
    pixel = pixel_in(frame)
    mode = failure_of(pixel, attempt_from_environment())
    if mode is not None:
        fail(mode, pixel)


RECO_CLASS = IceTrayCrashDummy
