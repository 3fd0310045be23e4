"""How light travels from a charged particle through the ice to the DOMs."""
