"""Importing icecube.mue makes its modules and services available to trays."""
