"""IceCube events: read from i3live files without icetray, and written."""
