"""Importing icecube.simclasses makes its modules and services known to trays."""
