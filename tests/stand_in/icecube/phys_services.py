"""Importing icecube.phys_services makes its modules and services known to trays."""
