"""Importing icecube.simclasses makes its modules and services available to trays."""
