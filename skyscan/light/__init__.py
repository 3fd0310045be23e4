"""Propagation of light from a charged particle through the ice to the DOMs."""
