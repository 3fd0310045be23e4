"""Importing icecube.recclasses makes its modules and services known to trays."""
