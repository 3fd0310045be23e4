"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""
