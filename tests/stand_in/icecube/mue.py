"""Importing icecube.mue makes its modules and services known to trays."""
