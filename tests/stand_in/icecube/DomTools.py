"""Importing icecube.DomTools makes its modules and services available to trays."""
