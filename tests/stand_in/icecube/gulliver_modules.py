"""Importing icecube.gulliver_modules makes its modules and services available to trays."""
