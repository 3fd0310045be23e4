"""Importing icecube.DomTools makes its modules and services known to trays."""
