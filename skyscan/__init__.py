"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""

from skyscan.coordinates import equatorial_to_local, local_to_equatorial

__all__ = ["equatorial_to_local", "local_to_equatorial"]
