"""A stand-in for IceCube's icetray, for tests only: see ../README.md."""
