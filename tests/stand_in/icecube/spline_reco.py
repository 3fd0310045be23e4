"""Importing icecube.spline_reco makes its modules and services available to trays."""
