"""The frames of icetray: their bytes, and the objects in them."""
