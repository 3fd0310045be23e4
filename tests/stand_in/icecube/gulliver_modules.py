"""Importing icecube.gulliver_modules makes its modules and services known to trays."""
