"""Importing icecube.recclasses makes its modules and services available to trays."""
