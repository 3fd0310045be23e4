"""Importing icecube.phys_services makes its modules and services available to trays."""
